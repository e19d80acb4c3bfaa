"""check.toml as dataclasses. A key without a field is an error, with its line."""

import re
import types
import typing
from dataclasses import MISSING, fields, is_dataclass

from ..errors import ExerciseError

CHECK = "check.toml"
_EXPECTED = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def json_schema(wanted: type) -> dict[str, typing.Any]:
    """The JSON Schema of the tables that `Table.take` accepts as `wanted`, for editors of check.toml."""
    hints = typing.get_type_hints(wanted)
    own = [each for each in fields(wanted) if not each.metadata.get("own")]
    return {"type": "object", "additionalProperties": False,
            "properties": {each.name: _schema_of(hints[each.name]) for each in own},
            "required": [each.name for each in own if each.default is MISSING and each.default_factory is MISSING]}


def _schema_of(hint: typing.Any) -> dict[str, typing.Any]:
    hint = _present(hint)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint):
        return json_schema(typing.cast(type, hint))
    if origin is tuple:
        return {"type": "array", "items": _schema_of(inner[0])}
    if origin is not None:
        return {"type": "object", "additionalProperties": _schema_of(inner[1])}
    return {"type": _JSON_TYPES[hint]}


def _present(hint: typing.Any) -> typing.Any:
    """A type without `| None`."""
    if isinstance(hint, types.UnionType):
        return next(each for each in typing.get_args(hint) if each is not type(None))
    return hint


class Table:
    """The tables of one file, in the folder `name`."""

    def __init__(self, name: str, text: str):
        self.name, self.lines = name, text.splitlines()

    def take(self, wanted: type, table: object, where: tuple[str, ...]) -> typing.Any:
        """A table as an instance of `wanted`. `where` are the keys that lead to it. Raises ExerciseError."""
        if not isinstance(table, dict):
            raise self.error(where, "expected a table")
        hints = typing.get_type_hints(wanted)
        known = {each.name: each for each in fields(wanted) if not each.metadata.get("own")}
        for key in table:
            if key not in known:
                raise self.error((*where, key), f"there is no key {key!r} here; the keys are {', '.join(known)}")
        for name, each in known.items():
            if name not in table and each.default is MISSING and each.default_factory is MISSING:
                raise self.error(where, f"{name!r} is missing")
        return wanted(**{key: self._value(hints[key], value, (*where, key)) for key, value in table.items()})

    def _value(self, hint: typing.Any, value: object, where: tuple[str, ...]) -> typing.Any:
        hint = _present(hint)
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if is_dataclass(hint):
            return self.take(typing.cast(type, hint), value, where)
        if origin is tuple and isinstance(value, list):
            return tuple(self._value(inner[0], each, where) for each in value)
        if origin not in (tuple, None) and isinstance(value, dict):
            return {key: self._value(inner[1], each, (*where, key)) for key, each in value.items()}
        if hint is float and type(value) is int:
            return float(value)
        if origin is None and type(value) is hint:
            return value
        expected = _EXPECTED.get(hint, "a list" if origin is tuple else "a table")
        raise self.error(where, f"expected {expected}, not {value!r}")

    def error(self, where: tuple[str, ...], why: str) -> ExerciseError:
        """The error to raise for a key. `where` are the keys that lead to it."""
        line = self._line(where)
        at = f"Line {line} of {self.name}/{CHECK}" if line else f"{self.name}/{CHECK}"
        shown = f"{line} | {self.lines[line - 1]}" if line else ""
        return ExerciseError(f"{at}: {'.'.join(where) + ': ' if where else ''}{why}.", line=line, evidence=shown)

    def _line(self, where: tuple[str, ...]) -> int | None:
        """The line of a key, or of the innermost table around it."""
        section: tuple[str, ...] = ()
        depth, best = 0, None
        for number, line in enumerate(self.lines, 1):
            if head := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
                path = section = tuple(part.strip("\"' ") for part in head[1].split("."))
            elif key := re.match(r"\s*([\w.-]+)\s*=", line):
                path = (*section, *key[1].split("."))
            else:
                continue
            if path == where[:len(path)] and len(path) > depth:
                depth, best = len(path), number
        return best
