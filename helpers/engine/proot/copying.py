"""COPY and ADD: from a context or another file system into one.

Where a source may be a pattern, several names, a folder (its content is copied) or a
link (followed inside its own file system), the rules are those of the Dockerfile
reference, "COPY".
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import os
import posixpath
import shutil
import stat
import tarfile
from collections.abc import Iterator, MutableMapping, Sequence

from . import layers
from .paths import clean, inside
from .settings import Refused

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")


def sources(root: str, patterns: Sequence[str], ignored: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(name, place) of what the patterns mean in the file system at `root`. Raises Refused
    where one means nothing, in the words of Docker's."""
    found = []
    for pattern in patterns:
        path = clean(pattern)
        names = [each for each in _matching(root, path) if each not in ignored]
        if not names:
            raise Refused(f"COPY failed: file not found in build context or excluded by .dockerignore: "
                          f"stat {pattern}: file does not exist")
        found += [(each, inside(root, each)) for each in names]
    return found


def _matching(root: str, pattern: str) -> list[str]:
    """The paths that a pattern means, sorted. Links are followed inside the file system alone.
    As in Go's path.Match, which Docker uses, no sign stands for a slash, and `[^` for all others."""
    found = [""]
    for part in pattern.split("/"):
        if any(sign in part for sign in "*?["):
            found = [posixpath.join(above, name) for above in found for name in _names(inside(root, above))
                     if fnmatch.fnmatchcase(name, part.replace("[^", "[!"))]
        else:
            found = [posixpath.join(above, part) for above in found]
    return sorted(path for path in found if os.path.lexists(inside(root, path)))


def _names(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


def digest(found: Sequence[tuple[str, str]], ignored: Sequence[str] = ()) -> str:
    """SHA-256 of names, kinds, permissions and contents; not of times, as in Docker."""
    total = hashlib.sha256()
    for name, place in found:
        for path, status in _below(place, ignored if not name else ()):
            total.update(f"{posixpath.join(name, path)}\0{status.st_mode:o}\0".encode("utf-8", "surrogateescape"))
            full = os.path.join(place, path) if path else place
            if stat.S_ISLNK(status.st_mode):
                total.update(os.fsencode(os.readlink(full)))
            elif stat.S_ISREG(status.st_mode):
                with layers.opened(full) as file:
                    total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def copy(found: Sequence[tuple[str, str]], root: str, target: str, folder: str, owner: layers.Owner,
         owners: MutableMapping[str, layers.Owner], *, mode: int | None = None, unpack: bool = False,
         ignored: Sequence[str] = ()) -> None:
    """Copy what `sources` found to `target` (relative to `folder`) in the file system at `root`.
    `unpack` lays archives open, as ADD does."""
    many = len(found) > 1 or target.endswith("/") or posixpath.basename(target) in ("", ".", "..")
    if len(found) > 1 and not target.endswith("/") and posixpath.basename(target) not in (".", ".."):
        raise Refused("When using COPY with more than one source file, the destination must be a directory and end with a /")
    path = posixpath.join(folder, target)
    for name, place in found:
        into = inside(root, path)
        if os.path.isdir(place):
            _folders(root, into, owner, owners)
            for below, _ in _below(place, ignored if not name else ()):
                if below:
                    _one(os.path.join(place, below), os.path.join(into, below), root, owner, owners, mode)
        elif unpack and place.endswith(_ARCHIVES) and tarfile.is_tarfile(place):
            _folders(root, into, owner, owners)
            with tarfile.open(place) as archive:
                layers.lay(archive, into, {}, whiteouts=False)
        else:
            if many or os.path.isdir(into):
                into = os.path.join(into, posixpath.basename(name))
            _folders(root, os.path.dirname(into), owner, owners)
            _one(place, into, root, owner, owners, mode)


def _one(place: str, into: str, root: str, owner, owners, mode) -> None:
    status = os.lstat(place)
    kind = stat.S_IFMT(status.st_mode)
    path = os.path.relpath(into, root)
    if kind == stat.S_IFDIR:
        if os.path.islink(into) or not os.path.isdir(into):
            layers.remove(into)
            os.mkdir(into)
        elif os.path.isdir(into):
            pass
        os.chmod(into, stat.S_IMODE(status.st_mode) | 0o700)
    elif kind == stat.S_IFLNK:
        layers.remove(into)
        os.symlink(os.readlink(place), into)
    elif kind == stat.S_IFREG:
        layers.remove(into)
        with layers.opened(place) as source, open(into, "xb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        os.chmod(into, stat.S_IMODE(status.st_mode) if mode is None else mode)
    elif kind == stat.S_IFIFO:
        layers.remove(into)
        os.mkfifo(into, stat.S_IMODE(status.st_mode))
    owners.pop(path, None)
    if owner != (0, 0):
        owners[path] = owner
    with contextlib.suppress(OSError):
        os.utime(into, ns=(status.st_mtime_ns, status.st_mtime_ns), follow_symlinks=False)


def make_folder(root: str, path: str, owner: layers.Owner, owners: MutableMapping[str, layers.Owner]) -> None:
    """As WORKDIR does, with all above."""
    _folders(root, inside(root, path), owner, owners)


def _folders(root: str, place: str, owner, owners) -> None:
    missing = []
    while place != root and not os.path.isdir(place):
        missing.append(place)
        place = os.path.dirname(place)
    for each in reversed(missing):
        os.mkdir(each)
        os.chmod(each, 0o755)
        if owner != (0, 0):
            owners[os.path.relpath(each, root)] = owner


def _below(place: str, ignored: Sequence[str] = ()) -> Iterator[tuple[str, os.stat_result]]:
    """(path relative to `place`, status) of it ('') and all below, parents first, sorted."""
    waiting = [""]
    while waiting:
        path = waiting.pop()
        status = os.lstat(os.path.join(place, path) if path else place)
        yield path, status
        if stat.S_ISDIR(status.st_mode):
            names = sorted(os.listdir(os.path.join(place, path)), reverse=True)
            waiting += [each for name in names if (each := f"{path}/{name}" if path else name) not in ignored]
