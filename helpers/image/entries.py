"""What is in one layer: a column for each property, a row for each entry.

Columns and not objects, since an image has tens of thousands of entries and a
hostile one has millions. What only few entries have (where a link leads, what a
program is) is kept by row number beside them.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from ..formats import Elf, Package
from .byte_stream import Pieces

_FORMAT = "layer entries 6"     # raise the number when readers of content find more than before
_SEAL = 32        # bytes of a SHA-256
_BLOCK = 8192     # paths that are packed together
_NUMBERS = (("modes", "H"), ("uids", "I"), ("gids", "I"), ("sizes", "Q"))


class Unsound(ValueError):
    """Bytes that `to_bytes` did not write, or that were damaged since."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a file that can be run is.

    elf          its ELF header's story, None for a script
    interpreter  that a script names on its first line, with arguments
    marks        what the bytes of the program say that it is: 'busybox', 'bash'
    applets      names that a program of many tools answers to
    """

    elf: Elf | None = None
    interpreter: str = ""
    marks: tuple[str, ...] = ()
    applets: tuple[str, ...] = ()


@dataclass
class Entries:
    """The entries of a layer in the archive's order, whiteouts apart.

    paths        absolute
    kinds        a letter each, those of `archive.Entry`
    modes, uids, gids, sizes   numbers; sizes in bytes
    links        {row: where a symbolic or hard link leads}
    capabilities {row: file capabilities in hexadecimal}
    programs     {row: Program}
    packages     {row: the packages that this file tells of}
    texts        {row: a small file that says something of the whole system}; of
                 /etc/ld.so.cache the paths in it, one a line
    hidden       paths of lower layers that this layer takes away
    emptied      directories whose content in lower layers it takes away
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
        return chr(self.kinds[row])

    def to_bytes(self) -> bytes:
        """The whole as bytes, sealed with a hash."""
        few = json.dumps({
            "links": self.links, "capabilities": self.capabilities, "texts": self.texts,
            "hidden": self.hidden, "emptied": self.emptied,
            "programs": {row: _program_facts(each) for row, each in self.programs.items()},
            "packages": {row: [(p.type, p.name, p.version) for p in found]
                         for row, found in self.packages.items()},
        }, separators=(",", ":")).encode()
        columns = [few, bytes(self.kinds), *(getattr(self, name).tobytes() for name, _ in _NUMBERS)]
        head = [_FORMAT, len(self.paths), *map(len, columns)]
        # A piece at a time: a million paths are a hundred megabytes.
        packer, body = zlib.compressobj(1), bytearray()
        for part in (_framed(json.dumps(head).encode()), *columns):
            body += packer.compress(part)
        for at in range(0, len(self.paths), _BLOCK):
            block = "\0".join(self.paths[at:at + _BLOCK]).encode("utf-8", "surrogateescape")
            body += packer.compress(_framed(block))
        body += packer.flush()
        return hashlib.sha256(body).digest() + body

    @staticmethod
    def from_bytes(data: bytes) -> Entries:
        """What `to_bytes` made. Raises Unsound for anything else."""
        seal, body = data[:_SEAL], memoryview(data)[_SEAL:]
        if hashlib.sha256(body).digest() != seal:
            raise Unsound("the hash does not agree")
        try:
            return _read(Pieces(_unpacked(body)))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, zlib.error) as error:
            raise Unsound(str(error)) from error   # sealed by another version of the course


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(8, "big") + part


def _unpacked(body: memoryview) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    for at in range(0, len(body), 1 << 16):
        yield unpacker.decompress(body[at:at + (1 << 16)])


def _read(pieces: Pieces) -> Entries:
    def framed() -> bytes:
        return pieces.take(int.from_bytes(pieces.take(8), "big"))

    version, rows, *lengths = json.loads(framed())
    if version != _FORMAT:
        raise Unsound(f"it is {version!r}")
    few, kinds, *numbers = (pieces.take(length) for length in lengths)
    facts = json.loads(few)
    entries = Entries(
        kinds=bytearray(kinds), links=_rows(facts["links"]),
        capabilities=_rows(facts["capabilities"]), texts=_rows(facts["texts"]),
        programs={int(row): _program(each) for row, each in facts["programs"].items()},
        packages={int(row): tuple(Package(*each) for each in found)
                  for row, found in facts["packages"].items()},
        hidden=facts["hidden"], emptied=facts["emptied"])
    for (name, _), column in zip(_NUMBERS, numbers, strict=True):
        getattr(entries, name).frombytes(column)
    while len(entries.paths) < rows:
        entries.paths += framed().decode("utf-8", "surrogateescape").split("\0")
    if {len(entries.paths), *(len(getattr(entries, name)) for name, _ in _NUMBERS),
            len(entries.kinds)} != {rows}:
        raise Unsound("columns differ in length")
    return entries


def _rows(facts: dict[str, str]) -> dict[int, str]:
    return {int(row): value for row, value in facts.items()}


def _program_facts(program: Program) -> list:
    return [_elf_facts(program.elf) if program.elf else None, program.interpreter, program.marks,
            program.applets]


def _program(facts: list) -> Program:
    elf, interpreter, marks, applets = facts
    return Program(_elf(elf) if elf else None, interpreter, tuple(marks), tuple(applets))


_PLAIN = [each.name for each in fields(Elf) if each.name != "packages"]


def _elf_facts(elf: Elf) -> list:
    return [[getattr(elf, name) for name in _PLAIN],
            [(p.type, p.name, p.version) for p in elf.packages]]


def _elf(facts: list) -> Elf:
    plain, packages = facts
    values = (tuple(value) if isinstance(value, list) else value for value in plain)
    return Elf(**dict(zip(_PLAIN, values, strict=True)),
               packages=tuple(Package(*each) for each in packages))
