"""COPY and ADD, by the rules of the Dockerfile reference, "COPY"."""

import contextlib
import fnmatch
import hashlib
import os
import posixpath
import shutil
import stat
import tarfile
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...extraction import Owner, clean, extract, inside
from ...paths import remove
from . import layers
from .file_systems import FileSystem
from .programs import user_ids
from .refused import RequestRefused

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")


def sources(root: str, patterns: Sequence[str], ignored: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(name, path) of what the patterns match in the file system at `root`. Raises RequestRefused, in Docker's words,
    for one without a match."""
    found = []
    for pattern in patterns:
        path = clean(pattern)
        names = [each for each in _matching(root, path) if each not in ignored]
        if not names:
            raise RequestRefused("COPY failed: file not found in build context or excluded by .dockerignore: "
                                 f"stat {pattern}: file does not exist")
        found += [(each, inside(root, each)) for each in names]
    return found


def _matching(root: str, pattern: str) -> list[str]:
    """The paths that a pattern matches, sorted, by the rules of Go's path.Match, which Docker uses: no wildcard matches
    a slash, and `[^` negates a class. Links are resolved inside the file system."""
    found = [""]
    for part in pattern.split("/"):
        if any(sign in part for sign in "*?["):
            folders = [above for above in found if os.path.isdir(inside(root, above))]
            found = [posixpath.join(above, name) for above in folders for name in os.listdir(inside(root, above))
                     if fnmatch.fnmatchcase(name, part.replace("[^", "[!"))]
        else:
            found = [posixpath.join(above, part) for above in found]
    return sorted(path for path in found if os.path.lexists(inside(root, path)))


def digest(found: Sequence[tuple[str, str]], ignored: Sequence[str] = ()) -> str:
    """SHA-256 of names, kinds, permissions and contents but, as in Docker, not of times."""
    total = hashlib.sha256()
    for name, place in found:
        for path, mode in _below(place, ignored if not name else ()):
            total.update(f"{posixpath.join(name, path)}\0{mode:o}\0".encode("utf-8", "surrogateescape"))
            full = os.path.join(place, path) if path else place
            if stat.S_ISLNK(mode):
                total.update(os.fsencode(os.readlink(full)))
            elif stat.S_ISREG(mode):
                with layers.opened(full) as file:
                    total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


@dataclass(frozen=True)
class Copy:
    """A COPY or ADD."""

    found: Sequence[tuple[str, str]]    # from `sources`
    target: str                         # relative to `folder`
    folder: str = "/"
    owner: str = ""                     # 'user' or 'user:group', names or numbers; '' for root
    mode: int | None = None             # of the files; None keeps theirs
    unpack: bool = False                # extract archives, as ADD does
    ignored: Sequence[str] = ()         # names to leave out

    def into(self, tree: FileSystem) -> None:
        """Copy into a file system. Raises RequestRefused."""
        root, many = tree.root, len(self.found) > 1
        is_folder = self.target.endswith("/") or posixpath.basename(self.target) in (".", "..")
        if many and not is_folder:
            raise RequestRefused(
                "When using COPY with more than one source file, the destination must be a directory and end with a /")
        owner = user_ids(root, self.owner)
        for name, place in self.found:
            into = inside(root, posixpath.join(self.folder, self.target))
            if os.path.isdir(place):
                _folders(root, into, owner, tree.owners)
                for below, _ in _below(place, self.ignored if not name else ()):
                    if below:
                        self._one(os.path.join(place, below), os.path.join(into, below), tree, owner)
            elif self.unpack and place.endswith(_ARCHIVES) and tarfile.is_tarfile(place):
                _folders(root, into, owner, tree.owners)
                with tarfile.open(place) as archive:
                    extract(archive, into)
            else:
                if many or is_folder or os.path.isdir(into):
                    into = os.path.join(into, posixpath.basename(name))
                _folders(root, os.path.dirname(into), owner, tree.owners)
                self._one(place, into, tree, owner)

    def _one(self, place: str, into: str, tree: FileSystem, owner: Owner) -> None:
        status = os.lstat(place)
        kind, mode, path = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), os.path.relpath(into, tree.root)
        if kind != stat.S_IFDIR or os.path.islink(into) or not os.path.isdir(into):
            remove(into)
        if kind == stat.S_IFDIR:
            os.makedirs(into, exist_ok=True)
            os.chmod(into, mode | 0o700)
        elif kind == stat.S_IFLNK:
            os.symlink(os.readlink(place), into)
        elif kind == stat.S_IFREG:
            with layers.opened(place) as source, open(into, "xb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            os.chmod(into, mode if self.mode is None else self.mode)
        elif kind == stat.S_IFIFO:
            os.mkfifo(into, mode)
        tree.owners.pop(path, None)
        if owner != (0, 0):
            tree.owners[path] = owner
        with contextlib.suppress(OSError):
            os.utime(into, ns=(status.st_mtime_ns, status.st_mtime_ns), follow_symlinks=False)


def make_folder(root: str, path: str, owner: Owner, owners: MutableMapping[str, Owner]) -> None:
    """Make a folder and its parents, as WORKDIR does."""
    _folders(root, inside(root, path), owner, owners)


def _folders(root: str, place: str, owner: Any, owners: Any) -> None:
    missing = []
    while place != root and not os.path.isdir(place):
        missing.append(place)
        place = os.path.dirname(place)
    for each in reversed(missing):
        os.mkdir(each)
        os.chmod(each, 0o755)
        if owner != (0, 0):
            owners[os.path.relpath(each, root)] = owner


def _below(place: str, ignored: Sequence[str] = ()) -> list[tuple[str, int]]:
    """(path relative to `place`, st_mode) of it ('') and everything below, parents first, sorted."""
    mode = os.lstat(place).st_mode
    below = layers.scan(place) if stat.S_ISDIR(mode) else {}
    paths = sorted(below.keys() - set(ignored), key=lambda path: path.split("/"))
    return [("", mode), *((path, below[path].mode) for path in paths)]
