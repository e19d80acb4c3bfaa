"""Layers: tar archives of what changed between two looks at a file system, and what is laid over one."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ...paths import remove
from .paths import clean, inside

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
Owner = tuple[int, int]


class Seen(NamedTuple):
    """What differs between a changed thing and an unchanged one."""

    mode: int      # as in st_mode: kind and permissions
    size: int      # 0 for a directory: its size says nothing of its content
    mtime: int     # ns
    inode: int
    target: str = ""   # of a link


class Change(NamedTuple):
    """One difference; `gone` if the path is no longer there."""

    path: str
    gone: bool = False


def scan(root: str) -> dict[str, Seen]:
    """{path relative to root: Seen} of all below `root`, without sockets and devices."""
    found: dict[str, Seen] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with _readable(os.path.join(root, folder)) as children:
            for child in children:
                path = f"{folder}/{child.name}" if folder else child.name
                status = child.stat(follow_symlinks=False)
                kind = stat.S_IFMT(status.st_mode)
                if kind == stat.S_IFDIR:
                    waiting.append(path)
                elif kind not in (stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO):
                    continue
                found[path] = Seen(status.st_mode, 0 if kind == stat.S_IFDIR else status.st_size,
                                   status.st_mtime_ns, status.st_ino,
                                   os.readlink(child.path) if kind == stat.S_IFLNK else "")
    return found


def _readable(folder: str) -> Any:
    try:
        return os.scandir(folder)
    except PermissionError:   # its owner may look all the same, once it is allowed to
        mode = stat.S_IMODE(os.stat(folder).st_mode)
        os.chmod(folder, mode | 0o700)
        try:
            return os.scandir(folder)
        finally:
            os.chmod(folder, mode)


def changes(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> list[Change]:
    """The entries of a layer that turns `before` into `after`, parents first.

    A changed path brings the directories above it, as an overlay does. Of a tree that
    is gone only its top is named.
    """
    changed = {path for path, seen in after.items() if before.get(path) != seen}
    gone = set()
    for path in before.keys() - after.keys():
        above = path.rpartition("/")[0]
        # Gone with its directory, or with the directory that became something else.
        if above in after and stat.S_ISDIR(after[above].mode) or not above:
            gone.add(path)
    for path in [*changed, *gone]:
        while (path := path.rpartition("/")[0]) and path not in changed:
            changed.add(path)
    found = [Change(path) for path in changed] + [Change(path, True) for path in gone]
    return sorted(found, key=lambda change: change.path.split("/"))


# -- writing ------------------------------------------------------------------------

class Digested(io.RawIOBase):
    """A file that is written to, and the SHA-256 of what was."""

    def __init__(self, file: BinaryIO):
        self._file, self._digest, self.count = file, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._digest.update(data)
        self.count += len(data)
        return self._file.write(data)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def write(place: Path, root: str, changes: Iterable[Change], seen: Mapping[str, Seen],
          owners: Mapping[str, Owner]) -> tuple[str, int]:
    """Write the layer of `changes` to the file `place`: (SHA-256, bytes of its files).

    `owners` are those that are not root's.
    """
    content, links = 0, dict[int, str]()
    with open(place, "wb") as file:
        out = Digested(file)
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for change in changes:
                if change.gone:
                    archive.addfile(_whiteout(change.path))
                    continue
                entry = _entry(change.path, seen[change.path], owners.get(change.path, (0, 0)))
                first = links.setdefault(seen[change.path].inode, change.path)
                if entry.isreg() and first != change.path:
                    entry.type, entry.linkname, entry.size = tarfile.LNKTYPE, first, 0
                if not entry.isreg():
                    archive.addfile(entry)
                    continue
                with opened(os.path.join(root, change.path)) as source:
                    archive.addfile(entry, source)
                content += entry.size
    return out.hexdigest(), content


@contextlib.contextmanager
def opened(place: str) -> Iterator[BufferedReader]:
    """A file open for reading, though its mode may not let even its owner read."""
    try:
        file = open(place, "rb")  # noqa: SIM115
    except PermissionError:
        mode = stat.S_IMODE(os.stat(place).st_mode)
        os.chmod(place, mode | 0o400)
        file = open(place, "rb")  # noqa: SIM115
        os.chmod(place, mode)
    with file:
        yield file


def _whiteout(path: str) -> tarfile.TarInfo:
    folder, _, name = path.rpartition("/")
    entry = tarfile.TarInfo(f"{folder}/{WHITEOUT}{name}" if folder else WHITEOUT + name)
    entry.mode = 0o600   # as Docker writes it
    return entry


def _entry(path: str, seen: Seen, owner: Owner) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.mode, entry.mtime = stat.S_IMODE(seen.mode), seen.mtime // 10**9
    entry.uid, entry.gid = owner
    kinds = {stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFLNK: tarfile.SYMTYPE, stat.S_IFIFO: tarfile.FIFOTYPE}
    entry.type = kinds.get(stat.S_IFMT(seen.mode), tarfile.REGTYPE)
    entry.linkname = seen.target
    entry.size = seen.size if entry.isreg() else 0
    return entry


# -- laying over ---------------------------------------------------------------------

def lay(archive: tarfile.TarFile, root: str, owners: MutableMapping[str, Owner], *, whiteouts: bool = True) -> None:
    """Lay a layer over the file system at `root`. Nothing is written outside of it.

    Every file becomes this user's; owners that are not root's go into `owners`. Device
    nodes cannot be made without privileges and are left out. `whiteouts` is False for an
    archive that is no layer: in it `.wh.x` is a file's name as any other.
    """
    folders: list[tuple[str, tarfile.TarInfo]] = []
    known, above = None, ""   # the folder of the entry before: most have the same
    for entry in archive:
        path = clean(entry.name)
        if not path:
            continue
        folder, _, name = path.rpartition("/")
        if folder != known:
            above = inside(root, folder)
            os.makedirs(above, exist_ok=True)
            known = folder
        if whiteouts and name.startswith(WHITEOUT):
            gone = os.listdir(above) if name == OPAQUE else [name.removeprefix(WHITEOUT)]
            for child in {*gone} - {"", ".", ".."}:   # no layer of an engine says that
                remove(os.path.join(above, child))
            known = None
            continue
        place = os.path.join(above, name)
        if _made(archive, entry, place, root):
            owners.pop(path, None)
            if (entry.uid, entry.gid) != (0, 0):
                owners[path] = (entry.uid, entry.gid)
        if not entry.isreg():
            known = None   # a link may lead elsewhere from now on
        if entry.isdir():
            folders.append((place, entry))
    for place, entry in reversed(folders):   # last: a directory may be closed to its owner
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.chmod(place, entry.mode & 0o7777)
            os.utime(place, (entry.mtime, entry.mtime))


def _made(archive: tarfile.TarFile, entry: tarfile.TarInfo, place: str, root: str) -> bool:
    if entry.isdir():
        if os.path.islink(place) or not os.path.isdir(place):
            remove(place)
            os.mkdir(place)
        os.chmod(place, (entry.mode | 0o700) & 0o7777)
        return True
    remove(place)
    if entry.issym():
        os.symlink(entry.linkname, place)
        os.utime(place, (entry.mtime, entry.mtime), follow_symlinks=False)
    elif entry.islnk():
        os.link(inside(root, clean(entry.linkname), follow=False), place, follow_symlinks=False)
    elif entry.isfifo():
        os.mkfifo(place)
        os.chmod(place, entry.mode & 0o7777)
    elif entry.isreg():
        with open(place, "xb") as file:
            content = archive.extractfile(entry)
            assert content
            shutil.copyfileobj(content, file, 1 << 20)
        os.chmod(place, entry.mode & 0o7777)
        os.utime(place, (entry.mtime, entry.mtime))
    else:
        return False
    return True
