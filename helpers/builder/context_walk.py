"""What lies in a build context: one walk through the folder, nothing read."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass

from ..errors import ContextError
from ..text import printable
from .dockerignore import Ignore, Inherited

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the context.

    path    posix, relative to the root; bytes that are not UTF-8 are surrogates
    kind    "file", "dir", "symlink" or "fifo"
    size    bytes of content; 0 for all but files
    mode    permission bits, with setuid, setgid and sticky
    mtime   whole seconds
    target  of a symlink
    """

    path: str
    kind: str
    size: int
    mode: int
    mtime: int
    target: str = ""


def walk(root: str | os.PathLike, ignore: Ignore) -> tuple[list[Entry], list[str]]:
    """All entries that are to be sent, and the paths of sockets and device nodes.

    Both in no order. Raises ContextError for what this user cannot read.
    """
    return _Walk(os.fspath(root), ignore).run()


class _Walk:
    def __init__(self, root: str, ignore: Ignore):
        self.root = root
        self.ignore = ignore
        self.found: list[Entry] = []
        self.skipped: list[str] = []
        self.held: dict[str, Entry] = {}  # ignored directories that may be needed after all
        self.waiting: list[tuple[str, Inherited, bool]] = [("", (), False)]

    def run(self) -> tuple[list[Entry], list[str]]:
        while self.waiting:
            self._directory(*self.waiting.pop())
        return self.found, self.skipped

    def _directory(self, path: str, inherited: Inherited, ignored: bool) -> None:
        try:
            with os.scandir(os.path.join(self.root, path) if path else self.root) as children:
                for child in children:
                    self._child(child, f"{path}/{child.name}" if path else child.name, inherited)
        except FileNotFoundError:
            return  # gone since its parent was read
        except PermissionError:
            # What is ignored need not be readable: that is the remedy we give.
            if not ignored:
                raise _unreadable(path or ".") from None

    def _child(self, child: os.DirEntry, path: str, inherited: Inherited) -> None:
        ignored, inherited = self.ignore.step(path, inherited)
        ignored = ignored and path != ".dockerignore"
        directory = child.is_dir(follow_symlinks=False)
        if ignored and not (directory and self.ignore.may_return(path)):
            return
        try:
            entry = self._entry(child, path)
        except FileNotFoundError:
            return
        if entry is None:
            self.skipped.append(path)
            return
        if directory:
            self.waiting.append((path, inherited, ignored))
        if ignored:
            self.held[path] = entry
        else:
            self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        # A file that an exception brings back brings its folders with it, so
        # that they keep their permissions.
        parent = posixpath.dirname(entry.path)
        while parent in self.held:
            self.found.append(self.held.pop(parent))
            parent = posixpath.dirname(parent)
        self.found.append(entry)

    def _entry(self, child: os.DirEntry, path: str) -> Entry | None:
        status = child.stat(follow_symlinks=False)
        kind = _KINDS.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return None
        if kind == "file" and not _readable(child.path):
            raise _unreadable(path)
        return Entry(
            path=path, kind=kind, size=status.st_size if kind == "file" else 0,
            mode=stat.S_IMODE(status.st_mode), mtime=int(status.st_mtime),
            target=os.readlink(child.path) if kind == "symlink" else "",
        )


def _readable(path: str) -> bool:
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)


def _unreadable(path: str) -> ContextError:
    return ContextError(
        f"{printable(path)} in the build context cannot be read.",
        why="Everything in the context is sent to the engine, and this user may not read it.",
        remedy=f"Add the line {printable(path)} to .dockerignore if the build does not need it, "
               f"or make it readable: chmod -R u+rX {printable(path)}",
    )
