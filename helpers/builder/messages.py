"""Protobuf messages, declared at run time.

Only the fields that the course reads or writes are declared, so that no
generated code has to be kept in step with the installed protobuf. An enum is
declared as int32 and a string that may hold any bytes as bytes: both look the
same on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# {field: (number, type, repeated)}; a type with a capital letter is another message.
Fields = Mapping[str, tuple[int, str, bool]]


def classes(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """The message classes of `messages`, {name: class}."""
    from google.protobuf import (
        descriptor_pb2,
        descriptor_pool,
        message_factory,
        timestamp_pb2,
    )

    kinds = descriptor_pb2.FieldDescriptorProto
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name=f"multistage/{package}.proto", package=package, syntax="proto3",
        dependency=[timestamp_pb2.DESCRIPTOR.name],
    )
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            added = message.field.add(name=field, number=number)
            added.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            if kind[0].isupper():
                home = "google.protobuf" if kind == "Timestamp" else package
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".{home}.{kind}"
            else:
                added.type = getattr(kinds, f"TYPE_{kind.upper()}")
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
            for name in messages}
