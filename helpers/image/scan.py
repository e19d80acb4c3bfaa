"""Read one layer: its entries, and facts from the content of some files."""

from ..formats import applets, elf, interpreter, libraries, marks, packages, wanted
from .archive import Archive, Member
from .byte_stream import ByteStream, Damaged
from .entries import Entries, Program

# Limits far above real images, to protect memory from hostile ones.
ENTRIES_LIMIT = 5_000_000
TEXT_LIMIT = 256 << 20    # characters kept: paths, links, facts of programs and packages

_HIDES, _OPAQUE = ".wh.", ".wh..wh..opq"
_AUFS = ("/.wh..wh.plnk/", "/.wh..wh.aufs/", "/.wh..wh.orph/")   # AUFS's own directories
_LINE = 256               # bytes of a script's first line that Linux reads (execve(2))
_WHOLE = 128 << 20        # of a larger ELF file only the beginning is read
_BEGINNING = 4 << 20
_TEXTS = ("/etc/os-release", "/usr/lib/os-release")
_TEXT_BYTES = 16_384
_CACHE, _CACHE_BYTES = "/etc/ld.so.cache", 4 << 20


def scan(stream: ByteStream) -> Entries:
    """The entries of a layer's archive. Raises Damaged."""
    entries = Entries()
    archive = Archive(stream)
    members = text = 0
    for member in archive:
        members += 1
        text += len(member.path) + len(member.link)
        if members > ENTRIES_LIMIT:
            raise Damaged(f"it has more than {ENTRIES_LIMIT:,} entries")
        if text > TEXT_LIMIT:
            raise Damaged(f"the names and facts of its files have more than {TEXT_LIMIT:,} characters")
        name = member.path.rpartition("/")[2]
        if name.startswith(_HIDES):
            _whiteout(entries, member.path, name)
            continue
        if member.path.startswith(_AUFS):
            continue
        row = len(entries.paths)
        entries.paths.append(member.path)
        entries.kinds.append(ord(member.kind))
        entries.modes.append(member.mode)
        entries.uids.append(member.uid & 0xFFFFFFFF)
        entries.gids.append(member.gid & 0xFFFFFFFF)
        entries.sizes.append(member.size & 0xFFFFFFFFFFFFFFFF)
        if member.link:
            entries.links[row] = member.link
        if member.capability:
            entries.capabilities[row] = member.capability.hex()
        if member.size and archive.whole and _read_file(entries, row, member, archive):
            text += _characters(entries, row)
    return entries


def _whiteout(entries: Entries, path: str, name: str) -> None:
    """Source: OCI image specification, "Image Layer Filesystem Changeset", Whiteouts."""
    folder = path[:-len(name) - 1] or "/"
    if name == _OPAQUE:
        entries.emptied.append(folder)
    elif not name.startswith(_HIDES * 2):   # AUFS's metadata (.wh..wh.plnk) hides nothing
        hidden = name[len(_HIDES):]
        if hidden in ("", ".", ".."):
            raise Damaged(f"a whiteout names nothing: {path}")
        entries.hidden.append(f"/{hidden}" if folder == "/" else f"{folder}/{hidden}")


def _read_file(entries: Entries, row: int, member: Member, archive: Archive) -> bool:
    """Keep the facts in a file's content; False if there are none."""
    asked = wanted(member.path)
    start = archive.peek(4)
    if start == b"\x7fELF":
        _read_program(entries, row, member, archive, asked)
    elif asked:
        if found := packages(member.path, archive.head(asked)):
            entries.packages[row] = found
    elif start[:2] == b"#!":
        entries.programs[row] = Program(interpreter=interpreter(archive.head(_LINE)))
    elif member.path in _TEXTS:
        entries.texts[row] = archive.head(_TEXT_BYTES).decode("utf-8", "replace")
    elif member.path == _CACHE:
        entries.texts[row] = "\n".join(libraries(archive.head(_CACHE_BYTES)))
    else:
        return False
    return True


def _characters(entries: Entries, row: int) -> int:
    """Characters of the facts kept of a file."""
    program, found = entries.programs.get(row, Program()), entries.packages.get(row, ())
    kept = [entries.texts.get(row, ""), program.interpreter, *program.applets]
    if program.elf:
        kept += [*program.elf.needed, *program.elf.runpath]
        found = (*found, *program.elf.packages)
    return sum(map(len, kept)) + sum(len(each.name) + len(each.version) for each in found)


def _read_program(entries: Entries, row: int, member: Member, archive: Archive, asked: int) -> None:
    """`asked`: bytes that the reader of packages needs, if the program is one."""
    data = archive.head(member.size if member.size <= _WHOLE else max(_BEGINNING, asked))
    if asked and (found := packages(member.path, data)):
        entries.packages[row] = found
    facts = elf(data, member.size)
    if facts is not None:
        said = marks(data) if facts.kind in ("executable", "pie") else ()
        entries.programs[row] = Program(facts, marks=said, applets=applets(data) if "busybox" in said else ())
