"""What a Dockerfile added to an image: programs, texts, and data. Pure: it is handed the bytes.

A compiler that is packed, cut into pieces or hung behind a program is found by no inventory of
tools, since it can be started by nobody. It is shipped all the same.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..formats import surplus
from ..inventory import printable
from ..units import size
from . import packed
from .exercise import Content
from .globs import matches
from .verdict import Fail

ALLOWED = 64_000      # bytes of data that need no word: icons, lists of users, certificates
_ELF = b"\x7fELF"


@dataclass(frozen=True)
class Look:
    """What a file holds.

    program  whether a program is packed in it
    data     bytes that are neither program nor text, counted as they are once unpacked
    """

    program: bool = False
    data: int = 0

    def __add__(self, other: Look) -> Look:
        return Look(self.program or other.program, self.data + other.data)


def look(content: bytes) -> Look:
    """What is in a file, and in what is packed in it."""
    try:
        return _look(content, packed.Budget(), packed.DEPTH)
    except packed.TooMuch:
        return Look(data=max(len(content), packed.LARGEST))


def _look(content: bytes, budget: packed.Budget, depth: int) -> Look:
    if content.startswith(_ELF):
        return Look(depth < packed.DEPTH, sum(map(len, surplus(content))))
    inner = packed.inside(content, budget) if depth else None
    if inner is not None:
        return sum((_look(each, budget, depth - 1) for each in inner), Look())
    return Look() if _is_text(content) else Look(data=len(content))


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def data(asked: Content, own: Mapping[str, bytes], source: Mapping[str, bytes], line: Callable[[str], int | None]) -> Iterator[Fail]:
    """Rule `data`: what was added is programs, texts, files of the exercise, and the data that is asked for.

    own     {path in the image: content} of what was added to the base
    source  {path: content} of the exercise's files; line: of the Dockerfile, that brought a path
    """
    brought = set(source.values())
    looked = {path: look(content) for path, content in own.items() if content not in brought}
    for path in sorted(path for path, each in looked.items() if each.program):
        yield Fail("data", f"A program is packed in {printable(path)}. Nobody can start it there, and it is shipped all "
                   "the same. Copy only what the program needs to run.", line(path))
        return
    spare = {path: each.data for path, each in looked.items()
             if each.data and not any(matches(path, pattern) for pattern in asked.data or ())}
    if sum(spare.values()) > ALLOWED:
        largest = max(spare, key=spare.__getitem__)
        yield Fail("data", f"There are {size(sum(spare.values()))} in the image that are no program and no text, and of which this "
                   f"exercise knows nothing; the most in {printable(largest)}. Copy only what the program needs to run.",
                   line(largest))


def source(asked: Content, own: Mapping[str, bytes], source: Mapping[str, bytes], line: Callable[[str], int | None]) -> Iterator[Fail]:
    """Rule `source`: no file that must not be in the image is in it by another name. Arguments as those of `data`."""
    names = {content: path for path, content in source.items()
             if content and any(matches(path, pattern) or matches(f"/{path}", pattern) for pattern in asked.no_files)}
    for path in sorted(own):
        for content in (own[path], *packed.walk(own[path])):
            if content in names:
                yield Fail("source", f"{printable(path)} is {names[content]}, under another name"
                           f"{'' if content is own[path] else ' and packed'}. Copy only what the program needs to run.", line(path))
                return


def secrets(values: Mapping[str, str], own: Mapping[str, bytes], line: Callable[[str], int | None]) -> Iterator[Fail]:
    """Rule `secret`, where a search of the image as it is finds nothing: packed, or in other digits.
    `values`: {name of a secret: the secret}; the others as in `data`."""
    needles = {needle: name for name, value in values.items() for needle in _spelled(value.encode())}
    for path in sorted(own):
        for content in (own[path], *packed.walk(own[path])):
            name = next((name for needle, name in needles.items() if needle in content), None)
            if name:
                yield Fail("secret", f"The secret {name} is in the file {printable(path)}, packed or in other digits. Whoever has "
                           "the image can read it there.", line(path))
                return


def _spelled(value: bytes) -> Iterator[bytes]:
    """A value as it may stand in a file: plain, in hexadecimal, backwards, and in base64 wherever it begins
    in what was encoded (`user:secret`): without the digits that depend on its neighbours."""
    yield from (value, value.hex().encode(), value[::-1])
    for before in range(3):
        digits = base64.b64encode(bytes(before) + value)
        yield digits[-(-before * 8 // 6):(before + len(value)) * 8 // 6]
