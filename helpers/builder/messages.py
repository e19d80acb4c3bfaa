"""Protobuf messages, declared at run time in protobuf's own language.

Only the fields in use are declared, and no generated code has to match the installed protobuf. An enum is declared as
int32, a map as a repeated pair, and a string of any bytes as bytes: they are the same on the wire.
"""

import re
from functools import cached_property
from typing import Any

_MESSAGE = re.compile(r"message (\w+) \{(.*?)\}", re.DOTALL)
_FIELD = re.compile(r"(repeated\s+)?(\w+)\s+(\w+)\s+=\s+(\d+);")


class Messages:
    """The message classes of a text, as attributes, made on first use.

    >>> Messages("example", "message Pair { string key = 1; repeated bytes values = 2; }").Pair(key="a").key
    'a'
    """

    def __init__(self, package: str, text: str):
        self._package, self._text = package, text

    def __getattr__(self, name: str) -> Any:
        try:
            return self._classes[name]
        except KeyError:
            raise AttributeError(f"{self._package} declares no message {name}") from None

    @cached_property
    def _classes(self) -> dict[str, Any]:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
        file = descriptor_pb2.FileDescriptorProto(name=f"multistage/{self._package}.proto", package=self._package,
                                                  syntax="proto3", dependency=[timestamp_pb2.DESCRIPTOR.name])
        for name, fields in _MESSAGE.findall(self._text):
            message = file.message_type.add(name=name)
            for repeated, kind, field, number in _FIELD.findall(fields):
                self._declare(message.field.add(name=field, number=int(number)), kind, bool(repeated))
        pool.Add(file)
        return {message.name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{self._package}.{message.name}")) for message in file.message_type}

    def _declare(self, field: Any, kind: str, repeated: bool) -> None:
        field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
        if kind[0].isupper():    # another message
            home = "google.protobuf" if kind == "Timestamp" else self._package
            field.type, field.type_name = field.TYPE_MESSAGE, f".{home}.{kind}"
        else:
            field.type = getattr(field, f"TYPE_{kind.upper()}")
