"""What is in a build context: one walk through the folder, without reading any file."""

import contextlib
import os
import posixpath
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import ContextError
from ..text import printable
from .dockerignore import Ignore, Inherited

# Never follow a link, and never wait for the other end of a FIFO.
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo"}


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """One thing in the context."""

    path: str         # posix, relative to the root; bytes that are not UTF-8 are surrogates
    kind: str         # "file", "dir", "symlink" or "fifo"
    size: int         # bytes of content; 0 for all but files
    mode: int         # permission bits, with setuid, setgid and sticky
    mtime: int        # whole seconds
    target: str = ""  # of a symlink


def walk(root: str | os.PathLike[str], ignore: Ignore) -> list[ContextEntry]:
    """All entries to be sent, in no order, without sockets and device nodes. Raises ContextError for what this user
    cannot read."""
    found: list[ContextEntry] = []
    held: dict[str, ContextEntry] = {}  # ignored directories that an exception may still bring back
    waiting: list[tuple[str, Inherited, bool]] = [("", (), False)]
    while waiting:
        folder, above, passed_over = waiting.pop()
        for child in _children(root, folder, passed_over):
            path = f"{folder}/{child.name}" if folder else child.name
            ignored, inherited = ignore.step(path, above)
            ignored = ignored and path != ".dockerignore"
            directory = child.is_dir(follow_symlinks=False)
            if ignored and not (directory and ignore.may_return(path)):
                continue
            if not (entry := _entry(child, path, passed_over)):
                continue
            if directory:
                waiting.append((path, inherited, ignored))
            if ignored:
                held[path] = entry
                continue
            # An exception brings back the folders above it too, with their permissions.
            while (path := posixpath.dirname(path)) in held:
                found.append(held.pop(path))
            found.append(entry)
    return found


def _children(root: str | os.PathLike[str], folder: str, ignored: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(os.path.join(root, folder)) as children:
            return list(children)
    except FileNotFoundError:    # deleted since its parent was read
        return []
    except PermissionError:
        if ignored:    # our remedy for what cannot be read is to ignore it
            return []
        raise _unreadable(folder or ".") from None


def _entry(child: os.DirEntry[str], path: str, ignored: bool) -> ContextEntry | None:
    """An entry; None for what is not sent, was deleted, or cannot be read in an ignored folder."""
    try:
        status = child.stat(follow_symlinks=False)
        if (kind := _KINDS.get(stat.S_IFMT(status.st_mode))) is None:
            return None
        if kind == "file" and not os.access(child.path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            raise _unreadable(path)
        return ContextEntry(path, kind, status.st_size if kind == "file" else 0, stat.S_IMODE(status.st_mode),
                     int(status.st_mtime), os.readlink(child.path) if kind == "symlink" else "")
    except FileNotFoundError:
        return None
    except PermissionError:
        if ignored:
            return None
        raise _unreadable(path) from None


@contextlib.contextmanager
def opened(root: str | os.PathLike[str], path: str) -> Iterator[tuple[int, Callable[[int], Iterator[bytes]]]]:
    """(size of a file, a function that reads it in pieces of the given size). A file that grows meanwhile is cut.
    Raises ContextError for one that vanished, became something else, or shrinks."""
    try:
        handle = os.open(os.path.join(root, path), _OPEN_FLAGS)
        try:
            now = os.fstat(handle)
            if not stat.S_ISREG(now.st_mode):
                raise changed(path, "It is no longer a plain file")
            yield now.st_size, lambda chunk: _pieces(handle, path, now.st_size, chunk)
        finally:
            os.close(handle)
    except OSError as error:
        raise changed(path, error.strerror) from None


def _pieces(handle: int, path: str, left: int, chunk: int) -> Iterator[bytes]:
    while left:
        piece = os.read(handle, min(chunk, left))
        if not piece:
            raise changed(path, "It became shorter while it was read")
        left -= len(piece)
        yield piece


def changed(path: str, why: str | None) -> ContextError:
    """The error for what has changed since the context was scanned."""
    return ContextError(f"{printable(path)} changed while the build context was being sent.",
                        why=f"{why or 'It can no longer be read'}.",
                        remedy="Build again when nothing writes to it, or add it to .dockerignore.")


def _unreadable(path: str) -> ContextError:
    return ContextError(
        f"{printable(path)} in the build context cannot be read.",
        why="Everything in the context is sent to the engine, and this user may not read it.",
        remedy=f"Add the line {printable(path)} to .dockerignore if the build does not need it, "
               f"or make it readable: chmod -R u+rX {printable(path)}")
