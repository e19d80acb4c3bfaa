"""Programs and libraries: the Executable and Linkable Format.

Read as a loader reads it, through the program headers, since a file may have lost its
section headers and run as well. Sources: the System V gABI, chapters 4 and 5; for
RUNPATH and $ORIGIN ld.so(8).

    header -> program headers -> PT_INTERP
                              -> PT_DYNAMIC -> strings in DT_STRTAB, through PT_LOAD

Nothing in the file is believed: each offset and count is held against what is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct

from . import gobuild
from .model import Elf, text

_MACHINES = {
    2: "sparc", 3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390", 40: "arm", 42: "sh",
    43: "sparc64", 50: "ia64", 62: "x86-64", 183: "aarch64", 243: "riscv", 247: "bpf",
    258: "loongarch",
}
_KINDS = {1: "object", 2: "executable", 3: "shared", 4: "core"}

_LOAD, _DYNAMIC, _INTERP, _NOTE = 1, 2, 3, 4
_EXECUTE, _WRITE = 1, 2
_NEEDED, _STRTAB, _SONAME, _RPATH, _RUNPATH, _FLAGS_1 = 1, 5, 14, 15, 29, 0x6FFFFFFB
_PIE = 0x08000000   # DF_1_PIE

# (name, kind) of the notes that hold a build id: cmd/link's own, and GNU's (elf.h).
_GO_SIGNS, _GNU_SIGNS = (b"Go\0\0", 4), (b"GNU\0", 3)

# Sections (gABI, chapter 4): a table of symbols, by its type; what a debugger reads, by its name.
_SYMTAB = 2
_DEBUG = re.compile(rb"\.z?debug_\w+|\.gdb_index|\.stab(?:str)?|\.line")

_IDENT = 16         # bytes of e_ident, before the rest of the header

_DATA = 16 << 20    # bytes of a segment in which Go's record is looked for

# Far above what linkers write, low enough to be read in a moment.
_MOST_SEGMENTS, _MOST_ENTRIES, _MOST_SECTIONS, _MOST_NOTES = 512, 4096, 4096, 64
_MOST_NAMES, _LONGEST_NAME, _LONGEST_NAMES = 1024, 4096, 1 << 20


@dataclass(frozen=True, slots=True)
class _Form:
    """How the tables are laid out, for one width and byte order.

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
    note: Struct


def _form(bits: int, mark: str) -> _Form:
    if bits == 32:
        return _Form(32, Struct(mark + "HHIIIIIHHHHHH"), Struct(mark + "IIIIIIII"), (0, 6, 1, 2, 4),
                     Struct(mark + "iI"), Struct(mark + "IIIIIIIIII"), Struct(mark + "III"))
    return _Form(64, Struct(mark + "HHIQQQIHHHHHH"), Struct(mark + "IIQQQQQQ"), (0, 1, 2, 3, 5),
                 Struct(mark + "qQ"), Struct(mark + "IIQQQQIIQQ"), Struct(mark + "III"))


_FORMS = {b"\x01\x01": _form(32, "<"), b"\x02\x01": _form(64, "<"),
          b"\x01\x02": _form(32, ">"), b"\x02\x02": _form(64, ">")}


# A part of the file in memory: (flags, offset, address, bytes in the file).
_Load = tuple[int, int, int, int]


def elf(data: bytes | memoryview, size: int) -> Elf | None:
    """What an ELF file says of itself; None if it is none, or its header is cut off.

    `data` is the beginning of the file, at best all of its `size` bytes. What lies
    beyond it, or points nowhere, counts as not there; `static` is said only of a
    program whose tables could all be read. Of a program by Go whose data is cut off
    (some 60 % into the file), the modules may be told and the version not.
    """
    if len(data) > size:
        data = memoryview(data)[:size]
    form, header = _header(data)
    if form is None:
        return None
    kind, machine = _KINDS.get(header[0], "other"), _MACHINES.get(header[1], str(header[1]))
    if kind in ("object", "core"):
        return Elf(machine, form.bits, kind, False, "", (), (), "", "", "", ())
    segments, whole = _segments(form, data, header)
    loads = [rest for type, *rest in segments if type == _LOAD]
    first = {segment[0]: segment for segment in reversed(segments)}
    loader, dynamic = "", _Dynamic()
    if _INTERP in first:
        _, _, offset, _, length = first[_INTERP]
        loader = _string(data, offset, offset + length)
    if _DYNAMIC in first:
        dynamic = _dynamic(form, data, loads, first[_DYNAMIC])
    if kind == "shared" and (dynamic.pie or loader and not dynamic.soname):
        kind = "pie"   # older linkers did not mark it; a library that can be run has a name
    code = any(flags & _EXECUTE and length for flags, _, _, length in loads)   # else debug data
    static = (kind in ("executable", "pie") and whole and dynamic.whole and code
              and _INTERP not in first and not dynamic.needed)
    version, listed = _go(form, data, loads, header)
    if not version and len(data) < size:
        listed = gobuild.constant(data)
    return Elf(machine, form.bits, kind, static, loader, dynamic.needed, dynamic.runpath,
               dynamic.soname, version, gobuild.main(listed),
               gobuild.modules(version, listed))


def further(head: bytes | memoryview, size: int) -> list[tuple[int, int]]:
    """Which parts of a file of `size` bytes `elf` looks at beyond the `head` of it that
    is at hand: (offset, length) in order. For a reader that cannot keep all of it."""
    form, header = _header(head)
    if form is None:
        return []
    segments, _ = _segments(form, head, header)
    wanted = [(offset, length) for type, _, offset, _, length in segments if type == _DYNAMIC]
    # Go's record lies at the beginning of the data.
    wanted += [(offset, min(length, _DATA)) for type, flags, offset, _, length in segments
               if type == _LOAD and flags & _WRITE and not flags & _EXECUTE]
    wanted += [(0, _tables(segments))]
    if _by_go(form, head, segments):
        wanted += [(offset, min(length, _DATA)) for type, flags, offset, _, length in segments
                   if type == _LOAD and not flags & (_EXECUTE | _WRITE)]
    return [(offset, min(length, size - offset)) for offset, length in sorted(wanted)
            if len(head) < offset + length and offset < size]


def texts(data: bytes | memoryview) -> list[tuple[int, int]]:
    """Where a program's texts are: (begin, end) of the parts that are loaded and hold no
    instructions, nor the linker's tables alone. Older linkers put constants between the
    instructions: then all of it."""
    form, header = _header(data)
    segments = _segments(form, data, header)[0] if form else []
    loads = [(flags, offset, length) for type, flags, offset, _, length in segments if type == _LOAD]
    if all(flags & (_EXECUTE | _WRITE) for flags, _, _ in loads):
        return [(0, len(data))]
    apart = sum(not flags & (_EXECUTE | _WRITE) for flags, _, _ in loads) > 1   # tables from constants
    return [(offset, offset + length) for flags, offset, length in loads
            if not flags & _EXECUTE and (offset or not apart)]


def symbols(data: bytes) -> bool:
    """Whether a whole ELF file has a table of symbols, or what a debugger reads. The table that
    a loader needs (.dynsym) is of another type."""
    form, header = _header(data)
    sections = _sections(form, data, header) if form else []
    return any(type == _SYMTAB or _DEBUG.fullmatch(name) for name, type in sections)


def _sections(form: _Form, data: bytes, header: tuple[int, ...]) -> list[tuple[bytes, int]]:
    """(name, type) of each section."""
    start, width, count, names = header[5], header[10], header[11], header[12]
    stop = start + count * width
    if not start or width != form.section.size or not 0 < count <= _MOST_SECTIONS or names >= count or stop > len(data):
        return []
    rows = list(form.section.iter_unpack(data[start:stop]))
    strings = data[rows[names][4]:rows[names][4] + min(rows[names][5], _LONGEST_NAMES)]
    return [(strings[row[0]:].split(b"\0", 1)[0][:_LONGEST_NAME], row[1]) for row in rows]


def tables(data: bytes | memoryview) -> int:
    """How many bytes from a program's beginning hold the linker's tables, with the names
    of functions among them; 0 for a program that no loader has to link."""
    form, header = _header(data)
    return _tables(_segments(form, data, header)[0]) if form else 0


def _tables(segments: list[tuple[int, ...]]) -> int:
    """What is loaded from the beginning of the file."""
    if all(type != _DYNAMIC for type, *_ in segments):
        return 0
    return min(_DATA, max((length for type, _, offset, _, length in segments if type == _LOAD and not offset), default=0))


def go(data: bytes | memoryview) -> tuple[str, str]:
    """(version of Go, path of the main package) of a program that Go built, else ''."""
    form, header = _header(data)
    if form is None:
        return "", ""
    segments, _ = _segments(form, data, header)
    version, listed = _go(form, data, [rest for type, *rest in segments if type == _LOAD], header)
    return version, gobuild.main(listed)


def _header(data: bytes | memoryview) -> tuple[_Form | None, tuple[int, ...]]:
    form = _FORMS.get(bytes(data[4:6])) if data[:4] == b"\x7fELF" else None
    if form is None or len(data) < _IDENT + form.header.size:
        return None, ()
    return form, form.header.unpack_from(data, _IDENT)


def _segments(form: _Form, data: bytes | memoryview, header: tuple[int, ...],
              ) -> tuple[list[tuple[int, ...]], bool]:
    """(type, flags, offset, address, size in the file) of each, and whether that is all."""
    start, width, count = header[4], header[8], header[9]
    if width != form.segment.size or not count:
        return [], False
    whole = count <= _MOST_SEGMENTS and start + count * width <= len(data)
    count = max(0, min(count, _MOST_SEGMENTS, (len(data) - start) // width))
    a, b, c, d, e = form.order
    table = form.segment.iter_unpack(data[start:start + count * width])
    return [(row[a], row[b], row[c], row[d], row[e]) for row in table], whole


def _by_go(form: _Form, head: bytes | memoryview, segments: list[tuple[int, ...]]) -> bool:
    """Whether Go's linker may have made it. It signs with a note of its own, unless it was
    told not to (-buildid=); other linkers sign with GNU's alone. Before Go 1.18 the
    record points at constants: they are looked at where the notes do not exclude Go."""
    notes = [(offset, min(offset + length, len(head))) for type, _, offset, _, length in segments if type == _NOTE]
    signed, left = set(), _MOST_NOTES
    for at, stop in notes:
        while left and at + form.note.size <= stop:
            name, content, kind = form.note.unpack_from(head, at)
            at += form.note.size
            signed.add((bytes(head[at:at + min(name, _LONGEST_NAME)]), kind))
            at += -(-name // 4) * 4 + -(-content // 4) * 4   # both are padded to words
            left -= 1
    return _GO_SIGNS in signed or _GNU_SIGNS not in signed


def _located(loads: list[_Load], address: int) -> int | None:
    """Where in the file that address is."""
    for _, offset, begin, length in loads:
        if begin <= address < begin + length:
            return offset + address - begin
    return None


def _string(data: bytes | memoryview, start: int, stop: int) -> str:
    """The text from `start` to the first NUL before `stop`; '' if there is none."""
    raw, nul, _ = bytes(data[start:min(stop, start + _LONGEST_NAME)]).partition(b"\0")
    return text(raw) if nul else ""


# -- the dynamic section -------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class _Dynamic:
    needed: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    soname: str = ""
    pie: bool = False
    whole: bool = True


def _dynamic(form: _Form, data: bytes | memoryview, loads: list[_Load],
             segment: tuple[int, ...]) -> _Dynamic:
    _, _, offset, address, length = segment
    start = _located(loads, address)   # what a loader goes by
    start = offset if start is None else start
    width = form.entry.size
    count = max(0, min(length, len(data) - start) // width)
    needed, single = [], {}
    for tag, value in form.entry.iter_unpack(data[start:start + min(count, _MOST_ENTRIES) * width]):
        if tag == _NEEDED:
            needed.append(value)
        elif tag == 0:
            break
        else:
            single[tag] = value
    else:
        return _Dynamic(whole=False)
    strings = _located(loads, single.get(_STRTAB, -1))
    stop = len(data)

    def named(at: int | None) -> str:
        return "" if at is None or strings is None else _string(data, strings + at, stop)

    names = tuple(filter(None, map(named, needed[:_MOST_NAMES])))
    paths = named(single.get(_RUNPATH, single.get(_RPATH)))
    return _Dynamic(names, tuple(paths.split(":")) if paths else (), named(single.get(_SONAME)),
                    bool(single.get(_FLAGS_1, 0) & _PIE), len(names) == len(needed))


# -- Go's own record -----------------------------------------------------------------

def _go(form: _Form, data: bytes | memoryview, loads: list[_Load], header: tuple[int, ...],
        ) -> tuple[str, str]:
    """(version, list of modules). A section's name says where; without section headers
    the record is somewhere in the data."""
    places = _section(form, data, header)
    if places is None:
        places = [(offset, offset + length) for flags, offset, _, length in loads
                  if not flags & _EXECUTE]
    return gobuild.read(data, places, lambda address: _located(loads, address))


def _section(form: _Form, data: bytes | memoryview, header: tuple[int, ...],
             ) -> list[tuple[int, int]] | None:
    """The place of the section .go.buildinfo, if there is one; None if that cannot be told."""
    start, width, count, names = header[5], header[10], header[11], header[12]
    if (not start or not 0 < count <= _MOST_SECTIONS or names >= count
            or width != form.section.size or start + count * width > len(data)):
        return None
    row = form.section.unpack_from(data, start + names * width)
    strings = bytes(data[row[4]:row[4] + min(row[5], _LONGEST_NAMES)])
    if not any(strings):   # blank: a reader that could not keep all has left them out
        return None
    named = strings.find(b".go.buildinfo\0")
    if named < 0:
        return []
    table = form.section.iter_unpack(data[start:start + count * width])
    return [(row[4], row[4] + row[5]) for row in table if row[0] == named][:1]
