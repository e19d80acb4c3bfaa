"""The build context: which files go to the engine, and the tar that carries them.

    folder, .dockerignore -> scan (entries, sizes) -> check (too big?) -> stream (a tar)

The tar is in GNU format with whole-second times: BuildKit tells a tar from a bare Dockerfile by its first header, and
takes Python's default PAX header for a Dockerfile. Owner and group are 0, as with the Docker CLI: a rootless engine
cannot store the user's own ids.
"""

import hashlib
import os
import posixpath
import stat
import tarfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from .. import units
from ..dockerfile import read_file
from ..errors import ContextError
from ..text import plain, printable
from .context_walk import ContextEntry, opened, walk
from .dockerignore import Ignore

IGNORE = ".dockerignore"
_BLOCK = tarfile.BLOCKSIZE
_TYPES = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "fifo": tarfile.FIFOTYPE}
# Folders that a build does not need, or makes again
_KNOWN = frozenset({
    ".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".nox", ".cache",
    ".mypy_cache", ".pytest_cache", ".terraform", ".gradle", "target", "dist", "build", ".next"})
# Endings of files that seldom belong in an image
_ENDINGS = frozenset({
    ".iso", ".img", ".qcow2", ".vmdk", ".vdi", ".tar", ".tgz", ".gz", ".xz", ".zst", ".zip", ".7z",
    ".mp4", ".mov", ".mkv", ".avi", ".dump", ".bak", ".log"})
_NEARLY_ALL = 0.9
_WORTH_NAMING = 0.01


@dataclass(frozen=True)
class Context:
    """A build context that was scanned and not yet sent.

    root              the folder, resolved
    dockerfile        path of the Dockerfile inside the tar, posix
    dockerfile_text   its text, as it is sent
    entries           the Dockerfile first, then all others by path
    more_dockerfiles  {name: text} of other Dockerfiles that a build over a session may name
    """

    root: Path
    dockerfile: str
    dockerfile_text: str = field(repr=False)
    entries: tuple[ContextEntry, ...] = field(repr=False)
    ignore: Ignore = field(default_factory=Ignore, repr=False, compare=False)
    more_dockerfiles: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def scan(cls, root: str | Path, dockerfile: str | Path = "Dockerfile",
             dockerfile_text: str | None = None) -> Self:
        """Look at every file to be sent, but read only the Dockerfile.

        `dockerfile` is relative to `root`, or absolute. One outside of the context is sent as `.dockerfile.<hash>`, as
        with the Docker CLI. `dockerfile_text` replaces the file's text; the file need not exist then.

        Symlinks are sent as such and never followed, FIFOs as a header. Sockets are left out, as with the Docker CLI,
        and so are device nodes, which a rootless engine cannot create (the Docker CLI sends their headers).

        Raises ContextError for a missing folder, an unreadable file and a bad line in the ignore file; DockerfileError
        for an unreadable Dockerfile.
        """
        folder = _folder(Path(root))
        if dockerfile_text is None:
            dockerfile_text = read_file(folder / dockerfile)
        ignore = Ignore.read(folder, dockerfile)
        name = _name_in_tar(folder, dockerfile, dockerfile_text)
        try:
            status = os.stat(folder / name)
            mode, mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
        except OSError:
            mode, mtime = 0o644, 0  # constant, so that the same text makes the same tar
        first = ContextEntry(name, "file", len(_encoded(dockerfile_text)), mode, mtime)
        others = sorted((e for e in walk(folder, ignore) if e.path != name), key=lambda entry: entry.path)
        return cls(folder, name, dockerfile_text, (first, *others), ignore)

    def with_text(self, text: str) -> Self:
        """The same with another text of the Dockerfile, without a new scan."""
        first, *others = self.entries
        return replace(self, dockerfile_text=text, entries=(replace(first, size=len(_encoded(text))), *others))

    @cached_property
    def size(self) -> int:
        """Total bytes of all files."""
        return sum(entry.size for entry in self.entries)

    @cached_property
    def files(self) -> int:
        """Number of files."""
        return sum(entry.kind == "file" for entry in self.entries)

    def largest(self, n: int = 5) -> list[tuple[str, int]]:
        """The `n` largest parts as (path, bytes), largest first, without overlap.

        A part is a file or a directory (with a slash at its end): the deepest one with nearly all bytes of its parents,
        `web/node_modules/` rather than `web/`, or the first whose name says what it is.
        """
        weight: dict[str, int] = defaultdict(int)
        children: dict[str, set[str]] = defaultdict(set)
        for entry in self.entries:
            child = entry.path if entry.kind == "file" else ""
            while child:
                weight[child] += entry.size
                children[_parent(child)].add(child)
                child = _parent(child)
        parts = [_settled(top, weight, children) for top in children[""]]
        return sorted(((path, weight[path]) for path in parts), key=lambda part: (-part[1], part[0]))[:n]

    def check(self, limit_bytes: int | None) -> None:
        """Raises ContextError, with lines for .dockerignore, if there are more bytes than that; None is no limit."""
        if limit_bytes is None or self.size <= limit_bytes:
            return
        heavy = self.largest(5)
        lines = dict.fromkeys(_line(path) for path, count in heavy if count >= _WORTH_NAMING * self.size)
        table = "\n".join(f"  {units.size(count):>8}  {printable(path)}" for path, count in heavy)
        raise ContextError(
            f"The build context is {units.size(self.size)} in {self.files:,} files; "
            f"the limit is {units.size(limit_bytes)}.",
            why="All of it is sent to the engine before the first instruction runs.",
            remedy=f"If the build does not need them, add these lines to {self.root / IGNORE}: "
                   + ", ".join(map(printable, lines)),
            evidence=f"The largest parts:\n{table}")

    def stream(self, chunk: int = 1 << 20, progress: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
        """The context as a tar, in pieces of about `chunk` bytes.

        `progress` is called with the bytes of file content sent so far; the last call equals `size` unless a file has
        changed. A file is sent as it is when its turn comes; one that grows meanwhile is cut, to keep the tar whole.

        Raises ContextError for a file that vanished, shrank while it was read, or became something else since the scan.
        """
        buffer, sent = bytearray(), 0
        for entry in self.entries:
            for piece, content in self._pieces(entry, chunk):
                sent += content
                if len(piece) >= chunk and not buffer:
                    yield piece  # a large file's piece goes out without a copy
                else:
                    buffer += piece
                    if len(buffer) < chunk:
                        continue
                    yield bytes(buffer)
                    buffer.clear()
                progress(sent)
        yield bytes(buffer + bytes(2 * _BLOCK))
        progress(sent)

    def _pieces(self, entry: ContextEntry, chunk: int) -> Iterator[tuple[bytes, int]]:
        """(bytes of the tar, how many of them are content) of one entry."""
        if entry.kind != "file":
            yield _header(entry, 0), 0
        elif entry.path == self.dockerfile:
            content = _encoded(self.dockerfile_text)
            yield _file(entry, content), len(content)
            on_disk = os.path.lexists(self.root / self.dockerfile)
            if not on_disk and IGNORE not in [each.path for each in self.entries]:
                # Hide the text from COPY, as a session and the Docker CLI do: a change to it is no change to the files.
                hidden = _encoded(f"{IGNORE}\n{self.dockerfile}\n")
                yield _file(ContextEntry(IGNORE, "file", len(hidden), 0o644, 0), hidden), 0
        else:
            with opened(self.root, entry.path) as (size, pieces):
                yield _header(entry, size), 0
                for piece in pieces(chunk):
                    yield piece, len(piece)
                yield bytes(-size % _BLOCK), 0


def _folder(root: Path) -> Path:
    if root.is_dir():
        return root.resolve()
    if root.exists():
        raise ContextError(f"{root} is not a folder.", why="A build context is a folder.",
                           remedy=f"Give the folder that holds it: {root.parent}")
    raise ContextError(f"There is no folder {root}.", why=f"The current folder is {Path.cwd()}.",
                       remedy="Check the path of the build context.")


def _name_in_tar(folder: Path, dockerfile: str | Path, text: str) -> str:
    # Links are resolved, as by the Docker CLI: the tar would only have the link.
    path = os.path.realpath(folder / dockerfile)
    relative = os.path.relpath(path, folder)
    outside = relative == os.pardir or relative.startswith(os.pardir + os.sep)
    if outside or plain(relative) != relative:   # a request cannot hold a name that is not UTF-8
        return f".dockerfile.{hashlib.sha256(_encoded(text)).hexdigest()[:20]}"
    return relative.replace(os.sep, "/")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _parent(path: str) -> str:
    """'a/b/' and 'a/b' -> 'a/'; 'a/' -> ''."""
    above = posixpath.dirname(path.rstrip("/"))
    return above + "/" if above else ""


def _settled(path: str, weight: Mapping[str, int], children: Mapping[str, Collection[str]]) -> str:
    while path in children and posixpath.basename(path.rstrip("/")) not in _KNOWN:
        heaviest = max(children[path], key=lambda child: (weight[child], child))
        if weight[heaviest] < _NEARLY_ALL * weight[path]:
            break
        path = heaviest
    return path


def _line(path: str) -> str:
    """The line of .dockerignore that leaves a path out."""
    name = posixpath.basename(path.rstrip("/"))
    ending = posixpath.splitext(name)[1].lower()
    if path.endswith("/"):
        return f"**/{name}" if name in _KNOWN else path.rstrip("/")
    return f"**/*{ending}" if ending in _ENDINGS and name.endswith(ending) else path


def _file(entry: ContextEntry, content: bytes) -> bytes:
    return _header(entry, len(content)) + content + bytes(-len(content) % _BLOCK)


def _header(entry: ContextEntry, size: int) -> bytes:
    info = tarfile.TarInfo(entry.path)
    info.type = _TYPES[entry.kind]
    info.size, info.mode, info.mtime, info.linkname = size, entry.mode, entry.mtime, entry.target
    # GNU writes long names and sizes above 8 GB without a PAX header.
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
