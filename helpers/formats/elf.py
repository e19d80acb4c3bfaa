"""Programs and libraries: the Executable and Linkable Format.

Read as a loader reads it, through the program headers, since a file may have lost its section
headers and run as well. For RUNPATH and $ORIGIN see ld.so(8).

    header -> program headers -> PT_INTERP
                              -> PT_DYNAMIC -> strings in DT_STRTAB, through PT_LOAD
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import gobuild
from .elf_file import DYNAMIC, EXECUTE, INTERP, WRITE, ElfFile, Segment
from .model import Elf

_MACHINES = {
    2: "sparc", 3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390", 40: "arm", 42: "sh",
    43: "sparc64", 50: "ia64", 62: "x86-64", 183: "aarch64", 243: "riscv", 247: "bpf",
    258: "loongarch",
}
_KINDS = {1: "object", 2: "executable", 3: "shared", 4: "core"}
_NEEDED, _STRTAB, _SONAME, _RPATH, _RUNPATH, _FLAGS_1 = 1, 5, 14, 15, 29, 0x6FFFFFFB
_PIE = 0x08000000   # DF_1_PIE
_NEEDED_LIMIT = 1024

# Sections (gABI, chapter 4): a table of symbols, by its type; what a debugger reads, by its name.
_SYMTAB = 2
_DEBUG = re.compile(rb"\.z?debug_\w+|\.gdb_index|\.stab(?:str)?|\.line")
_DATA = 16 << 20    # bytes of the linker's tables that are searched


def elf(data: bytes | memoryview, size: int) -> Elf | None:
    """What an ELF file says of itself; None if it is not one, or its header is cut off.

    `data` is the beginning of the file, at best all of its `size` bytes. What is beyond it, or
    points nowhere, counts as absent; `static` is True only for a program whose tables could all
    be read.
    """
    file = _opened(memoryview(data)[:size] if len(data) > size else data)
    if file is None:
        return None
    kind, machine = _KINDS.get(file.type, "other"), _MACHINES.get(file.machine, str(file.machine))
    if kind in ("object", "core"):
        return Elf(machine, file.bits, kind, False, "", (), (), "", "", "", ())
    interpreter, dynamic = file.first(INTERP), _dynamic(file)
    loader = file.string(interpreter.offset, interpreter.offset + interpreter.length) if interpreter else ""
    if kind == "shared" and (dynamic.pie or loader and not dynamic.soname):
        kind = "pie"   # older linkers did not mark it; a library that can be run has a name
    code = any(load.flags & EXECUTE and load.length for load in file.loads)   # else it is debug data
    static = (kind in ("executable", "pie") and file.complete and dynamic.complete and code
              and interpreter is None and not dynamic.needed)
    version, modules = _go(file)
    return Elf(machine, file.bits, kind, static, loader, dynamic.needed, dynamic.runpath, dynamic.soname,
               version, gobuild.main(modules), gobuild.modules(version, modules))


def texts(data: bytes | memoryview) -> list[tuple[int, int]]:
    """Where a program's texts are: (begin, end) of the loaded parts that hold more than
    instructions and the linker's tables. Older linkers put constants between the instructions:
    then all of it."""
    file = _opened(data)
    loads = file.loads if file else []
    constants = sum(not load.flags & (EXECUTE | WRITE) for load in loads)
    if not constants:
        return [(0, len(data))]
    return [(load.offset, load.offset + load.length) for load in loads
            if not load.flags & EXECUTE and (load.offset or constants == 1)]   # else the first has tables only


def symbols(data: bytes) -> bool:
    """Whether a whole ELF file has a table of symbols, or what a debugger reads. The table that
    a loader needs (.dynsym) is of another type."""
    file = _opened(data)
    return file is not None and any(type == _SYMTAB or _DEBUG.fullmatch(name) for name, type in file.sections())


def tables(data: bytes | memoryview) -> int:
    """How many bytes from a program's beginning hold the linker's tables, with the names of
    functions among them; 0 for a program that no loader has to link."""
    file = _opened(data)
    return _tables(file) if file else 0


def go(data: bytes | memoryview) -> tuple[str, str]:
    """(version of Go, path of the main package) of a program that Go built, else ''."""
    file = _opened(data)
    version, modules = _go(file) if file else ("", "")
    return version, gobuild.main(modules)


def _opened(data: bytes | memoryview) -> ElfFile | None:
    try:
        return ElfFile(data)
    except ValueError:
        return None


def _tables(file: ElfFile) -> int:
    if file.first(DYNAMIC) is None:
        return 0
    return min(_DATA, max((load.length for load in file.loads if not load.offset), default=0))


class _Dynamic(NamedTuple):
    """What the dynamic section says; `complete` if all of it could be read."""

    needed: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    soname: str = ""
    pie: bool = False
    complete: bool = True


def _dynamic(file: ElfFile) -> _Dynamic:
    segment: Segment | None = file.first(DYNAMIC)
    if segment is None:
        return _Dynamic()
    entries = file.dynamic_entries(segment)
    if entries is None:
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
    """(version, list of modules) of Go's own record. A section's name says where it is; without
    section headers it is somewhere in the data."""
    places = file.section(b".go.buildinfo")
    if places is None:
        places = [(load.offset, load.offset + load.length) for load in file.loads if not load.flags & EXECUTE]
    return gobuild.read(file.data, places, file.offset_of)
