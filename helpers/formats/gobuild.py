"""The build information that Go writes into every program: its version and the modules, after a magic text. Since Go
1.18 they are two strings with lengths, before two addresses of strings. Source: Go's packages debug/buildinfo and
runtime/debug (ParseBuildInfo); `go version -m FILE` shows the same."""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Literal

from .model import Package, package, text

_MAGIC = re.compile(rb"\xff Go buildinf:")
_ALIGNED, _HEAD = 16, 32
_INLINE, _BIG = 2, 1             # flags: strings follow; addresses are big-endian
_LONGEST = 1 << 20               # of the list of modules: large ones have 100 kB
_PLACES, _TRIES = 8, 32          # a hostile file has the magic text everywhere
_LONGEST_VERSION = 200
_FRAME = 16                      # bytes around the list of modules (cmd/go, modload/build.go)


def read(data: bytes | memoryview, places: Sequence[tuple[int, int]],
         located: Callable[[int], int | None]) -> tuple[str, str]:
    """(version, list of modules) from the first record in `places` [(begin, end)] of `data`; both '' if there is none.
    `located` returns the offset of an address."""
    end = len(data)   # offsets in a damaged file may be huge
    for start, stop in places[:_PLACES]:
        for found in islice(_MAGIC.finditer(data, min(start, end), min(stop, end)), _TRIES):
            if found.start() % _ALIGNED == 0:
                version, listed = _record(data, found.start(), located)
                if 0 < len(version) <= _LONGEST_VERSION:
                    return version, listed
    return "", ""


def modules(version: str, listed: str) -> tuple[Package, ...]:
    """The modules of a record: the main one, its dependencies (or their replacements), and the standard library. A
    program without a module, such as Go's own tools, has the path of its main package and, as for scanners, the version
    (devel)."""
    found: list[tuple[str, str]] = []
    own = main(listed)
    for line in listed.split("\n"):
        word, *columns = line.split("\t")
        if len(columns) >= 2:
            if word in ("mod", "dep"):
                found.append((columns[0], columns[1]))
                own = "" if word == "mod" else own
            elif word == "=>" and found:
                found[-1] = (columns[0], columns[1])
    if own:
        found.insert(0, (own, "(devel)"))
    if version:
        found.append(("stdlib", version.partition(" ")[0]))   # as scanners call it; experiments follow the version
    made = (package("go-module", name, number) for name, number in found)
    return tuple(dict.fromkeys(each for each in made if each))


def main(listed: str) -> str:
    """The path of the main package, as 'cmd/go'; '' if unknown."""
    first = listed.split("\n", 1)[0]
    return first.removeprefix("path\t") if first.startswith("path\t") else ""


def _record(data: bytes | memoryview, start: int, located: Callable[[int], int | None]) -> tuple[str, str]:
    head = bytes(data[start:start + _HEAD])
    if len(head) < _HEAD:
        return "", ""
    width, flags = head[14], head[15]
    if flags & _INLINE:
        version, after = _counted(data, start + _HEAD)
        listed, _ = _counted(data, after)
    elif width in (4, 8):
        order: Literal["big", "little"] = "big" if flags & _BIG else "little"
        version, listed = (_pointed(data, int.from_bytes(head[at:at + width], order), width, order, located)
                           for at in (16, 16 + width))
    else:
        return "", ""
    framed = len(listed) > 2 * _FRAME and listed[-_FRAME - 1:-_FRAME] == b"\n"
    return text(version), text(listed[_FRAME:-_FRAME]) if framed else ""


def _counted(data: bytes | memoryview, start: int) -> tuple[bytes, int]:
    """A string after its length (a varint, 7 bits a byte, lowest first), and its end."""
    length = shift = 0
    for byte in bytes(data[start:start + 5]):
        length |= (byte & 0x7F) << shift
        shift += 7
        start += 1
        if byte < 0x80:
            stop = start + length
            whole = stop <= len(data) and length <= _LONGEST
            return (bytes(data[start:stop]), stop) if whole else (b"", len(data))
    return b"", len(data)


def _pointed(data: bytes | memoryview, address: int, width: int, order: Literal["big", "little"],
             located: Callable[[int], int | None]) -> bytes:
    """A string by the address of its header, which is an address and a length."""
    head = located(address)
    if head is None:
        return b""
    start = located(int.from_bytes(data[head:head + width], order))
    length = int.from_bytes(data[head + width:head + 2 * width], order)
    if start is None or length > _LONGEST or start + length > len(data):
        return b""
    return bytes(data[start:start + length])
