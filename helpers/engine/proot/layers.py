"""Layers: tar archives of the changes between two scans of a file system."""

import contextlib
import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ...extraction import WHITEOUT, Owner


class Seen(NamedTuple):
    """What a scan compares of a path."""

    mode: int          # st_mode: kind and permissions
    size: int          # bytes; 0 for a directory, whose size depends on the file system
    mtime: int         # ns
    inode: int
    target: str = ""   # of a symbolic link


class Change(NamedTuple):
    """One difference; `gone` if the path is no longer there."""

    path: str
    gone: bool = False


def scan(root: str) -> dict[str, Seen]:
    """{path relative to `root`: Seen} of everything below it except sockets and devices."""
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
                found[path] = Seen(status.st_mode, 0 if kind == stat.S_IFDIR else status.st_size, status.st_mtime_ns,
                                   status.st_ino, os.readlink(child.path) if kind == stat.S_IFLNK else "")
    return found


def _readable(folder: str) -> Any:
    try:
        return os.scandir(folder)
    except PermissionError:   # the owner may change the mode
        mode = stat.S_IMODE(os.stat(folder).st_mode)
        os.chmod(folder, mode | 0o700)
        try:
            return os.scandir(folder)
        finally:
            os.chmod(folder, mode)


def changes(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> list[Change]:
    """The entries of a layer that turns `before` into `after`, parents first. As in an overlay, it includes the parent
    directories of each change, and only the top of a deleted tree."""
    changed = {path for path, seen in after.items() if before.get(path) != seen}
    gone = set()
    for path in before.keys() - after.keys():
        above = path.rpartition("/")[0]
        # Else it went with its directory, even if that is a file now.
        if above in after and stat.S_ISDIR(after[above].mode) or not above:
            gone.add(path)
    for path in [*changed, *gone]:
        while (path := path.rpartition("/")[0]) and path not in changed:
            changed.add(path)
    found = [Change(path) for path in changed] + [Change(path, True) for path in gone]
    return sorted(found, key=lambda change: change.path.split("/"))


class Digested(io.RawIOBase):
    """Writes to a file; `hexdigest` is the SHA-256 of what was written."""

    def __init__(self, file: BinaryIO):
        self._file, self._digest = file, hashlib.sha256()
        self.hexdigest = self._digest.hexdigest

    def write(self, data: Any) -> int:
        """Write bytes and hash them."""
        self._digest.update(data)
        return self._file.write(data)


def write(place: Path, root: str, changes: Iterable[Change], seen: Mapping[str, Seen],
          owners: Mapping[str, Owner]) -> tuple[str, int]:
    """Write the layer of `changes` to the file `place`. Returns (SHA-256, bytes of its files). Paths not in `owners`
    are root's."""
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
    """Open a file for reading, even if its mode forbids it to the owner."""
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
    entry.mode = 0o600   # as in Docker's layers
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
