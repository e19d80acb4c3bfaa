"""What is in one layer: a column for each property, a row for each entry.

Columns instead of objects, since an image has tens of thousands of entries and a hostile one
has millions. What only few entries have (a link's target, what a program is) is kept beside
the columns, by row number.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..formats import Elf, Package
from .byte_stream import ByteStream

_FORMAT = "layer entries 8"     # raise the number when readers of content find more than before
_SEAL = 32        # bytes of a SHA-256
_BLOCK = 8192     # paths that are packed together
_NUMBERS = ("modes", "uids", "gids", "sizes")


class Unsound(ValueError):
    """Bytes that `to_bytes` did not write, or that were damaged since."""


@dataclass(frozen=True, slots=True)
class Program:
    """What an executable file is.

    elf          what its ELF headers say, None for a script
    interpreter  named on the first line of a script, with its arguments
    marks        the programs that its bytes say it is: 'busybox', 'bash'
    applets      names that a program of many tools answers to
    """

    elf: Elf | None = None
    interpreter: str = ""
    marks: tuple[str, ...] = ()
    applets: tuple[str, ...] = ()


@dataclass
class Entries:
    """The entries of a layer in the archive's order, without the whiteouts.

    paths        absolute
    kinds        a letter each, those of `archive.Member`
    modes, uids, gids, sizes   numbers; sizes in bytes
    links        {row: target of a symbolic or hard link}
    capabilities {row: file capabilities in hexadecimal}
    programs     {row: Program}
    packages     {row: the packages that this file records}
    texts        {row: a small file that describes the whole system}; for /etc/ld.so.cache
                 the paths in it, one a line
    hidden       paths of lower layers that this layer removes
    emptied      directories whose content in lower layers it removes
    """

    paths: list[str] = field(default_factory=list)
    kinds: bytearray = field(default_factory=bytearray)
    modes: array = field(default_factory=lambda: array("H"))
    uids: array = field(default_factory=lambda: array("I"))
    gids: array = field(default_factory=lambda: array("I"))
    sizes: array = field(default_factory=lambda: array("Q"))
    links: dict[int, str] = field(default_factory=dict)
    capabilities: dict[int, str] = field(default_factory=dict)
    programs: dict[int, Program] = field(default_factory=dict)
    packages: dict[int, tuple[Package, ...]] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.paths)

    def kind(self, row: int) -> str:
        """The letter of an entry's kind."""
        return chr(self.kinds[row])

    def to_bytes(self) -> bytes:
        """All of it as bytes, compressed and sealed with a hash."""
        few = json.dumps([self.hidden, self.emptied, *(getattr(self, name) for name in _FEW)],
                         default=_values, separators=(",", ":")).encode()
        columns = [few, bytes(self.kinds), *(getattr(self, name).tobytes() for name in _NUMBERS)]
        head = json.dumps([_FORMAT, len(self.paths), *map(len, columns)]).encode()
        # A piece at a time: a million paths are a hundred megabytes.
        packer, body = zlib.compressobj(1), bytearray()
        for part in (_framed(head), *columns):
            body += packer.compress(part)
        for at in range(0, len(self.paths), _BLOCK):
            block = "\0".join(self.paths[at:at + _BLOCK]).encode("utf-8", "surrogateescape")
            body += packer.compress(_framed(block))
        body += packer.flush()
        return hashlib.sha256(body).digest() + body

    @staticmethod
    def from_bytes(data: bytes) -> Entries:
        """What `to_bytes` wrote. Raises Unsound for anything else."""
        seal, body = data[:_SEAL], memoryview(data)[_SEAL:]
        if hashlib.sha256(body).digest() != seal:
            raise Unsound("the hash does not agree")
        try:
            return _read(ByteStream(_unpacked(body)))
        except (ValueError, TypeError, IndexError, AttributeError, zlib.error) as error:
            raise Unsound(str(error)) from error   # sealed by another version of the course


def _values(value: Program | Elf | Package) -> list:
    return [getattr(value, name) for name in value.__slots__]


def _program(values: list) -> Program:
    elf, interpreter, marks, applets = values
    return Program(_elf(elf) if elf else None, interpreter, tuple(marks), tuple(applets))


def _elf(values: list) -> Elf:
    fields: list[Any] = [tuple(each) if isinstance(each, list) else each for each in values[:-1]]
    return Elf(*fields, *[_packages(values[-1])])


def _packages(values: list) -> tuple[Package, ...]:
    return tuple(Package(*each) for each in values)


# What only few entries have, and how its values are made from JSON.
_FEW: dict[str, Callable] = {"links": str, "capabilities": str, "texts": str, "programs": _program,
                             "packages": _packages}


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(8, "big") + part


def _unpacked(body: memoryview) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    for at in range(0, len(body), 1 << 16):
        yield unpacker.decompress(body[at:at + (1 << 16)])


def _read(stream: ByteStream) -> Entries:
    def framed() -> bytes:
        return stream.take(int.from_bytes(stream.take(8), "big"))

    version, rows, *lengths = json.loads(framed())
    if version != _FORMAT:
        raise Unsound(f"it is {version!r}")
    few, kinds, *numbers = (stream.take(length) for length in lengths)
    hidden, emptied, *values = json.loads(few)
    entries = Entries(kinds=bytearray(kinds), hidden=hidden, emptied=emptied)
    for (name, make), by_row in zip(_FEW.items(), values, strict=True):
        setattr(entries, name, {int(row): make(each) for row, each in by_row.items()})
    for name, column in zip(_NUMBERS, numbers, strict=True):
        getattr(entries, name).frombytes(column)
    while len(entries.paths) < rows:
        entries.paths += framed().decode("utf-8", "surrogateescape").split("\0")
    if {rows} != {len(getattr(entries, name)) for name in ("paths", "kinds", *_NUMBERS)}:
        raise Unsound("columns differ in length")
    return entries
