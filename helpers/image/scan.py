"""Read one layer: its entries, and of some files what their bytes say.

Nothing of a file is kept but facts. Of a program or a package list as many bytes
are looked at as its reader asks for, one file at a time.
"""

from __future__ import annotations

import mmap

from ..formats import applets, elf, further, interpreter, marks, packages, wanted
from .archive import Archive, Damaged, Entry
from .entries import Entries, Program
from .ldcache import libraries
from .byte_stream import Pieces

# What a layer may hold at most. Docker's own images stay far below; what goes
# beyond was made to exhaust whoever reads it.
ENTRIES_LIMIT = 5_000_000
TEXT_LIMIT = 256 << 20    # characters of all that is kept: paths, links, facts of programs and packages

_HIDES, _OPAQUE = ".wh.", ".wh..wh..opq"
_NOTES = ("/.wh..wh.plnk/", "/.wh..wh.aufs/", "/.wh..wh.orph/")   # AUFS's own folders
_LINE = 256               # bytes of a script's first line, as much as Linux reads (execve(2))
_WHOLE = 4 << 20          # an ELF file is read whole up to this size; of a larger one so
                          # much of its beginning, and what its headers point at
_LARGEST = 2 << 30
_MOST_PARTS = 64 << 20    # bytes of those parts together
_TEXTS = ("/etc/os-release", "/usr/lib/os-release", "/etc/ld.so.conf")
_TEXT_FOLDERS = ("/etc/ld.so.conf.d/",)
_TEXT_LIMIT = 16_384
_CACHE, _CACHE_LIMIT = "/etc/ld.so.cache", 4 << 20


def scan(pieces: Pieces) -> Entries:
    """The entries of a layer's archive. Raises Damaged and Truncated."""
    entries = Entries()
    archive = Archive(pieces)
    members = text = 0
    for entry in archive:
        members += 1
        text += len(entry.path) + len(entry.link)
        if members > ENTRIES_LIMIT:
            raise Damaged(f"it has more than {ENTRIES_LIMIT:,} entries")
        if text > TEXT_LIMIT:
            raise Damaged(f"its names and what its files say have more than {TEXT_LIMIT:,} characters")
        name = entry.path.rpartition("/")[2]
        if name.startswith(_HIDES):
            _whiteout(entries, entry.path, name)
            continue
        if entry.path.startswith(_NOTES):
            continue
        row = len(entries.paths)
        entries.paths.append(entry.path)
        entries.kinds.append(ord(entry.kind))
        entries.modes.append(entry.mode)
        entries.uids.append(entry.uid & 0xFFFFFFFF)
        entries.gids.append(entry.gid & 0xFFFFFFFF)
        entries.sizes.append(entry.size & 0xFFFFFFFFFFFFFFFF)
        if entry.link:
            entries.links[row] = entry.link
        if entry.capability:
            entries.capabilities[row] = entry.capability.hex()
        if entry.size and archive.whole and _look(entries, row, entry, archive):
            text += _told(entries, row)
    return entries


def _whiteout(entries: Entries, path: str, name: str) -> None:
    """Source: OCI image specification, "Image Layer Filesystem Changeset", Whiteouts."""
    folder = path[:-len(name) - 1] or "/"
    if name == _OPAQUE:
        entries.emptied.append(folder)
    elif not name.startswith(_HIDES * 2):   # AUFS's own notes (.wh..wh.plnk) hide nothing
        hidden = name[len(_HIDES):]
        if hidden in ("", ".", ".."):
            raise Damaged(f"a whiteout names nothing: {path}")
        entries.hidden.append(f"/{hidden}" if folder == "/" else f"{folder}/{hidden}")


def _look(entries: Entries, row: int, entry: Entry, archive: Archive) -> bool:
    """What the bytes of a file say; False where they were not looked at."""
    asked = wanted(entry.path)
    start = archive.peek(4)
    if start == b"\x7fELF":
        _program(entries, row, entry, archive, asked)
    elif asked:
        found = packages(entry.path, archive.head(asked))
        if found:
            entries.packages[row] = found
    elif start[:2] == b"#!":
        entries.programs[row] = Program(interpreter=interpreter(archive.head(_LINE)))
    elif entry.path in _TEXTS or entry.path.startswith(_TEXT_FOLDERS):
        entries.texts[row] = archive.head(_TEXT_LIMIT).decode("utf-8", "replace")
    elif entry.path == _CACHE:
        entries.texts[row] = "\n".join(libraries(archive.head(_CACHE_LIMIT)))
    else:
        return False
    return True


def _told(entries: Entries, row: int) -> int:
    """Characters of what a file said."""
    program, told = entries.programs.get(row), entries.packages.get(row, ())
    count = len(entries.texts.get(row, ""))
    if program is not None:
        count += len(program.interpreter) + sum(map(len, program.applets))
        if program.elf is not None:
            count += sum(map(len, (*program.elf.needed, *program.elf.runpath)))
            told = (*told, *program.elf.packages)
    return count + sum(len(each.name) + len(each.version) for each in told)


def _program(entries: Entries, row: int, entry: Entry, archive: Archive, asked: int) -> None:
    """`asked`: how many bytes readers of packages want, since some programs are one."""
    whole = max(_WHOLE, asked)
    if entry.size <= whole:
        data = archive.head(whole)
    else:
        data = _parts(entry.size, whole, archive)
    if asked:
        found = packages(entry.path, data)
        if found:
            entries.packages[row] = found
    facts = elf(data, entry.size)
    if facts is not None:
        said = marks(data) if facts.kind in ("executable", "pie") else ()
        entries.programs[row] = Program(facts, marks=said,
                                        applets=applets(data) if "busybox" in said else ())


def _parts(size: int, beginning: int, archive: Archive) -> bytes | memoryview:
    """Of a large file the beginning and the parts that its headers point at, each in
    its place; between them nothing. Memory that is not written takes none."""
    if size > _LARGEST:
        return archive.head(beginning)
    try:
        file = mmap.mmap(-1, size)
    except OSError:   # a machine that promises no more memory than it has
        return archive.head(beginning)

    def fill(at: int, count: int) -> int:
        for piece in archive.content(count):
            file[at:at + len(piece)] = piece
            at += len(piece)
        return at

    at, left = fill(0, beginning), _MOST_PARTS
    whole = memoryview(file)
    for offset, length in further(whole[:at], size):
        stop = min(offset + length, max(offset, at) + left)
        if stop <= at:
            continue
        archive.skip(max(0, offset - at))
        begin = max(at, offset)
        at = fill(begin, stop - begin)
        left -= at - begin
    return whole
