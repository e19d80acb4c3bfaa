"""Programs and libraries: the Executable and Linkable Format.

Read as by a loader, through the program headers, since a program runs without section headers too. Every offset and
count is checked against the bytes that are there. Sources: the System V gABI, chapters 4 and 5; for RUNPATH and $ORIGIN
ld.so(8).

    header -> program headers -> PT_INTERP
                              -> PT_DYNAMIC -> strings in DT_STRTAB, through PT_LOAD
"""

import re
from functools import cached_property
from struct import Struct
from typing import NamedTuple

from . import gobuild
from .model import Elf, text

_MACHINES = {2: "sparc", 3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390", 40: "arm", 42: "sh", 43: "sparc64",
             50: "ia64", 62: "x86-64", 183: "aarch64", 243: "riscv", 247: "bpf", 258: "loongarch"}
_KINDS = {1: "object", 2: "executable", 3: "shared", 4: "core"}
_NEEDED, _STRTAB, _SONAME, _RPATH, _RUNPATH, _FLAGS_1 = 1, 5, 14, 15, 29, 0x6FFFFFFB
_PIE = 0x08000000   # DF_1_PIE
_NEEDED_LIMIT = 1024

# Sections (gABI, chapter 4): the type of a symbol table, and the names of debug data.
_SYMTAB = 2
_DEBUG = re.compile(rb"\.z?debug_\w+|\.gdb_index|\.stab(?:str)?|\.line")
_DATA = 16 << 20    # bytes of the linker's tables that are searched

LOAD, DYNAMIC, INTERP = 1, 2, 3   # types of segments
EXECUTE, WRITE = 1, 2                      # flags of segments
_IDENT = 16         # bytes of e_ident, before the rest of the header

# Far above what linkers write, but fast to read.
_SEGMENTS_LIMIT, _SECTIONS_LIMIT, _ENTRIES_LIMIT = 512, 4096, 4096
_NAME_LIMIT, _NAMES_LIMIT = 4096, 1 << 20


class _Layout(NamedTuple):
    """The structures for one width and byte order.

    header   after e_ident: type, machine, version, entry, phoff, shoff, flags, ehsize, phentsize, phnum, shentsize,
             shnum, shstrndx
    order    of a segment's type, flags, offset, address and size in the file"""

    bits: int
    order: tuple[int, ...]
    header: Struct
    segment: Struct
    entry: Struct
    section: Struct


_STRUCTURES = {32: ((0, 6, 1, 2, 4), ("HHIIIIIHHHHHH", "IIIIIIII", "iI", "IIIIIIIIII")),
               64: ((0, 1, 2, 3, 5), ("HHIQQQIHHHHHH", "IIQQQQQQ", "qQ", "IIQQQQIIQQ"))}
_LAYOUTS = {bytes((bits // 32, number)): _Layout(bits, order, *(Struct(mark + each) for each in structures))
            for bits, (order, structures) in _STRUCTURES.items() for number, mark in ((1, "<"), (2, ">"))}


class Segment(NamedTuple):
    """A part of the file, with its address in memory and its bytes in the file."""

    type: int
    flags: int
    offset: int
    address: int
    length: int


class ElfFile:
    """An ELF file by its headers. `data` may be truncated: `segments` is `complete` if all could be read. `type` and
    `machine` are numbers. Raises ValueError for anything without a whole ELF header."""

    def __init__(self, data: bytes | memoryview):
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
        """The first segment of a type, if any."""
        return next((segment for segment in self.segments if segment.type == type), None)

    def offset_of(self, address: int) -> int | None:
        """The offset of an address in the file, None if it is not there."""
        for _, _, offset, begin, length in self.loads:
            if begin <= address < begin + length:
                return offset + address - begin
        return None

    def string(self, start: int, stop: int | None = None) -> str:
        """The text from `start` to the first NUL before `stop`; '' without one."""
        stop = len(self.data) if stop is None else stop
        raw, nul, _ = bytes(self.data[start:min(stop, start + _NAME_LIMIT)]).partition(b"\0")
        return text(raw) if nul else ""

    def dynamic_entries(self, segment: Segment) -> list[tuple[int, int]] | None:
        """The (tag, value) pairs before the end mark of a dynamic segment; None without one."""
        start = self.offset_of(segment.address)   # as a loader does
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
        """The section headers, and the bytes of their names; ([], b'') if unreadable."""
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
        """[(begin, end)] of the section with that name, [] if there is none; None if the sections are unreadable."""
        rows, names = self._section_rows
        if not names:
            return None
        at = names.find(name + b"\0")
        return [(row[4], row[4] + row[5]) for row in rows if row[0] == at][:1] if at >= 0 else []


def elf(data: bytes | memoryview, size: int) -> Elf | None:
    """The headers of an ELF file; None if it is none, or its header is truncated. `data` is the beginning of the file,
    at best all of its `size` bytes. What is beyond it counts as absent; `static` is True only for a program whose
    tables could all be read."""
    file = _opened(memoryview(data)[:size] if len(data) > size else data)
    if file is None:
        return None
    kind, machine = _KINDS.get(file.type, "other"), _MACHINES.get(file.machine, str(file.machine))
    if kind in ("object", "core"):
        return Elf(machine, file.bits, kind, False, "", (), (), "", "", "", ())
    interpreter, dynamic = file.first(INTERP), _dynamic(file)
    loader = file.string(interpreter.offset, interpreter.offset + interpreter.length) if interpreter else ""
    if kind == "shared" and (dynamic.pie or loader and not dynamic.soname):
        kind = "pie"   # older linkers do not mark it; a runnable library has a soname
    code = any(load.flags & EXECUTE and load.length for load in file.loads)   # none in separate debug data
    static = (kind in ("executable", "pie") and file.complete and dynamic.complete and code
              and interpreter is None and not dynamic.needed)
    version, modules = _go(file)
    return Elf(machine, file.bits, kind, static, loader, dynamic.needed, dynamic.runpath, dynamic.soname,
               version, gobuild.main(modules), gobuild.modules(version, modules))


def texts(data: bytes | memoryview) -> list[tuple[int, int]]:
    """Where a program's texts are: (begin, end) of the loaded parts with more than instructions and the linker's
    tables. Older linkers put constants between the instructions: then everywhere."""
    file = _opened(data)
    loads = file.loads if file else []
    constants = sum(not load.flags & (EXECUTE | WRITE) for load in loads)
    if not constants:
        return [(0, len(data))]
    return [(load.offset, load.offset + load.length) for load in loads
            if not load.flags & EXECUTE and (load.offset or constants == 1)]   # of several, the first has only tables


def symbols(data: bytes) -> bool:
    """Whether a whole ELF file has a symbol table or debug data. A loader's symbols (.dynsym) are of another type."""
    file = _opened(data)
    return file is not None and any(type == _SYMTAB or _DEBUG.fullmatch(name) for name, type in file.sections())


def tables(data: bytes | memoryview) -> int:
    """Length of the beginning of a program with the linker's tables, including the names of functions; 0 for a static
    program."""
    file = _opened(data)
    if file is None or file.first(DYNAMIC) is None:
        return 0
    return min(_DATA, max((load.length for load in file.loads if not load.offset), default=0))


def go(data: bytes | memoryview) -> tuple[str, str]:
    """(version of Go, path of the main package) of a program; '' if Go did not build it."""
    file = _opened(data)
    version, modules = _go(file) if file else ("", "")
    return version, gobuild.main(modules)


def _opened(data: bytes | memoryview) -> ElfFile | None:
    try:
        return ElfFile(data)
    except ValueError:
        return None


class _Dynamic(NamedTuple):
    """The dynamic section; `complete` if all of it could be read."""

    needed: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    soname: str = ""
    pie: bool = False
    complete: bool = True


def _dynamic(file: ElfFile) -> _Dynamic:
    if (segment := file.first(DYNAMIC)) is None:
        return _Dynamic()
    if (entries := file.dynamic_entries(segment)) is None:
        return _Dynamic(complete=False)
    needed, single = [value for tag, value in entries if tag == _NEEDED], dict(entries)
    strings = file.offset_of(single.get(_STRTAB, -1))

    def named(at: int | None) -> str:
        return "" if at is None or strings is None else file.string(strings + at)

    names = tuple(filter(None, map(named, needed[:_NEEDED_LIMIT])))
    paths = named(single.get(_RUNPATH, single.get(_RPATH)))
    return _Dynamic(names, tuple(paths.split(":")) if paths else (), named(single.get(_SONAME)),
                    bool(single.get(_FLAGS_1, 0) & _PIE), len(names) == len(needed))


def _go(file: ElfFile) -> tuple[str, str]:
    """(version, list of modules) in Go's record: in its section, or without section headers anywhere in the data."""
    places = file.section(b".go.buildinfo")
    if places is None:
        places = [(load.offset, load.offset + load.length) for load in file.loads if not load.flags & EXECUTE]
    return gobuild.read(file.data, places, file.offset_of)
