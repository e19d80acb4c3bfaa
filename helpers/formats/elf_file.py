"""The tables of an ELF file: its header, segments, sections and strings.

Sources: the System V gABI, chapters 4 and 5. Nothing in the file is trusted: each offset and
count is checked against the bytes that are there.
"""

from __future__ import annotations

from functools import cached_property
from struct import Struct
from typing import NamedTuple

from .model import text

LOAD, DYNAMIC, INTERP = 1, 2, 3   # types of segments
EXECUTE, WRITE = 1, 2                      # flags of segments
_IDENT = 16         # bytes of e_ident, before the rest of the header

# Far above what linkers write, low enough to be read in a moment.
_SEGMENTS_LIMIT, _SECTIONS_LIMIT, _ENTRIES_LIMIT = 512, 4096, 4096
_NAME_LIMIT, _NAMES_LIMIT = 4096, 1 << 20


class _Layout(NamedTuple):
    """The structures for one width and byte order.

    header   after e_ident: type, machine, version, entry, phoff, shoff,
             flags, ehsize, phentsize, phnum, shentsize, shnum, shstrndx
    segment  (type, flags, offset, address, size in the file), after `order`
    """

    bits: int
    header: Struct
    segment: Struct
    order: tuple[int, ...]
    entry: Struct
    section: Struct


def _layout(bits: int, mark: str) -> _Layout:
    if bits == 32:
        return _Layout(32, Struct(mark + "HHIIIIIHHHHHH"), Struct(mark + "IIIIIIII"), (0, 6, 1, 2, 4),
                       Struct(mark + "iI"), Struct(mark + "IIIIIIIIII"))
    return _Layout(64, Struct(mark + "HHIQQQIHHHHHH"), Struct(mark + "IIQQQQQQ"), (0, 1, 2, 3, 5),
                   Struct(mark + "qQ"), Struct(mark + "IIQQQQIIQQ"))


_LAYOUTS = {b"\x01\x01": _layout(32, "<"), b"\x02\x01": _layout(64, "<"),
            b"\x01\x02": _layout(32, ">"), b"\x02\x02": _layout(64, ">")}


class Segment(NamedTuple):
    """A part of the file: its type and flags, offset, address in memory, bytes in the file."""

    type: int
    flags: int
    offset: int
    address: int
    length: int


class ElfFile:
    """An ELF file by its headers. `data` is its beginning, at best the whole of it.

    bits      32 or 64
    type, machine  as numbers
    segments  `complete` if all of them could be read
    """

    def __init__(self, data: bytes | memoryview):
        """Raises ValueError for what is no ELF file, or has no whole header."""
        layout = _LAYOUTS.get(bytes(data[4:6])) if data[:4] == b"\x7fELF" else None
        if layout is None or len(data) < _IDENT + layout.header.size:
            raise ValueError("not an ELF file")
        self.data = data
        self.bits = layout.bits
        self._layout = layout
        self._header = layout.header.unpack_from(data, _IDENT)
        self.type, self.machine = self._header[:2]
        self.segments, self.complete = self._read_segments()
        self.loads = [segment for segment in self.segments if segment.type == LOAD]

    def _read_segments(self) -> tuple[list[Segment], bool]:
        start, width, count = self._header[4], self._header[8], self._header[9]
        if width != self._layout.segment.size or not count:
            return [], False
        complete = count <= _SEGMENTS_LIMIT and start + count * width <= len(self.data)
        count = max(0, min(count, _SEGMENTS_LIMIT, (len(self.data) - start) // width))
        table = self._layout.segment.iter_unpack(self.data[start:start + count * width])
        return [Segment(*(row[at] for at in self._layout.order)) for row in table], complete

    def first(self, type: int) -> Segment | None:
        """The first segment of a type, None if there is none."""
        return next((segment for segment in self.segments if segment.type == type), None)

    def offset_of(self, address: int) -> int | None:
        """Where in the file an address is, None if it is not."""
        for _, _, offset, begin, length in self.loads:
            if begin <= address < begin + length:
                return offset + address - begin
        return None

    def string(self, start: int, stop: int | None = None) -> str:
        """The text from `start` to the first NUL before `stop`; '' if there is none."""
        stop = len(self.data) if stop is None else stop
        raw, nul, _ = bytes(self.data[start:min(stop, start + _NAME_LIMIT)]).partition(b"\0")
        return text(raw) if nul else ""

    def dynamic_entries(self, segment: Segment) -> list[tuple[int, int]] | None:
        """(tag, value) of a dynamic segment, up to its end mark; None if that is not there."""
        start = self.offset_of(segment.address)   # what a loader uses
        start = segment.offset if start is None else start
        width = self._layout.entry.size
        count = min(max(0, min(segment.length, len(self.data) - start) // width), _ENTRIES_LIMIT)
        found: list[tuple[int, int]] = []
        for tag, value in self._layout.entry.iter_unpack(self.data[start:start + count * width]):
            if tag == 0:
                return found
            found.append((tag, value))
        return None

    @cached_property
    def _section_rows(self) -> tuple[list[tuple[int, ...]], bytes]:
        """The section headers and the bytes of their names; ([], b'') if they cannot be read."""
        start, width, count, names = self._header[5], self._header[10], self._header[11], self._header[12]
        stop = start + count * width
        if (not start or width != self._layout.section.size or not 0 < count <= _SECTIONS_LIMIT
                or names >= count or stop > len(self.data)):
            return [], b""
        rows = list(self._layout.section.iter_unpack(self.data[start:stop]))
        at, length = rows[names][4], min(rows[names][5], _NAMES_LIMIT)
        return rows, bytes(self.data[at:at + length])

    def sections(self) -> list[tuple[bytes, int]]:
        """(name, type) of each section."""
        rows, names = self._section_rows
        return [(names[row[0]:].split(b"\0", 1)[0][:_NAME_LIMIT], row[1]) for row in rows]

    def section(self, name: bytes) -> list[tuple[int, int]] | None:
        """[(begin, end)] of the section of that name, [] if there is none; None if the sections
        cannot be read."""
        rows, names = self._section_rows
        if not names:
            return None
        at = names.find(name + b"\0")
        return [(row[4], row[4] + row[5]) for row in rows if row[0] == at][:1] if at >= 0 else []
