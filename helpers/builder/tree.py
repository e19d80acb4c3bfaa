"""What BuildKit may ask for: a tree of files in the order in which it wants them.

    Context -> context_tree    what COPY can see
            -> dockerfile_tree the Dockerfile, and the ignore file beside it
            -> ignore_tree     .dockerignore, for BuildKit's own look at it
    FileTree.only(...)             the part that a build needs

The order is by path, component by component, parents first: fsutil's validator.go refuses any other. Which paths are
wanted follows filter.go and followlinks.go there.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ContextError
from .context import Context
from .context_walk import ContextEntry, changed, opened
from .dockerignore import Ignore

_KINDS = {"file": stat.S_IFREG, "dir": stat.S_IFDIR, "symlink": stat.S_IFLNK, "fifo": stat.S_IFIFO}
_LINKS = 40          # in a row; Linux gives up there too
_FOLLOWED = 2_000    # paths; beyond that everything is sent
_WILD = re.compile(r"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class Node:
    """A file, directory, symlink or FIFO; `content` if it is not on the disk."""

    path: str
    kind: int            # as in stat.S_IFMT
    target: str = ""
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is sent of a node before its content: mode as in st_mode, size in bytes, time in
    nanoseconds since 1970."""

    mode: int
    size: int
    mtime: int
    target: str = ""


class FileTree:
    """Nodes below `root`, sorted, with every parent directory among them."""

    def __init__(self, root: Path, nodes: Iterable[Node]):
        self.root = root
        known = {node.path: node for node in nodes}
        for path in tuple(known):
            while (path := posixpath.dirname(path)) and path not in known:
                known[path] = Node(path, stat.S_IFDIR)
        self.nodes = tuple(sorted(known.values(), key=lambda node: order(node.path)))

    def only(self, include: Iterable[str] = (), follow: Iterable[str] = ()) -> FileTree:
        """The nodes that match, what is below them, and the directories above. Patterns are those of .dockerignore, and
        where `follow` leads through symlinks, their targets are wanted too. No patterns, or one that is none: all."""
        patterns = {_clean(pattern) for pattern in include} | self._followed(follow)
        wanted = _matcher(patterns) if patterns and "" not in patterns else None
        return FileTree(self.root, (node for node in self.nodes if wanted(node.path))) if wanted else self

    def facts(self, node: Node) -> Facts:
        """The file's facts as they are now. Raises ContextError if it is not what it was."""
        if node.content is not None:
            return Facts(stat.S_IFREG | 0o644, len(node.content), _mark(node.content))
        path = os.path.join(self.root, node.path)
        try:
            now = os.lstat(path)
            if stat.S_IFMT(now.st_mode) != node.kind:
                raise changed(node.path, "It became something else")
            target = os.readlink(path) if node.kind == stat.S_IFLNK else ""
        except OSError as error:
            raise changed(node.path, error.strerror) from None
        size = 0 if node.kind in (stat.S_IFDIR, stat.S_IFIFO) else now.st_size
        return Facts(now.st_mode, size, now.st_mtime_ns, target)

    def read(self, node: Node, chunk: int) -> Iterator[bytes]:
        """The content of a file, in pieces of `chunk` bytes. Raises ContextError as `context_walk.opened`."""
        if node.content is None:
            with opened(self.root, node.path) as (_, pieces):
                yield from pieces(chunk)
        elif node.content:
            yield node.content

    def _followed(self, paths: Iterable[str]) -> set[str]:
        links = {node.path: node for node in self.nodes if node.kind == stat.S_IFLNK}
        waiting, seen, passed = [(_clean(path), 0) for path in paths], set(), set()
        while waiting:
            path, depth = waiting.pop()
            if path in seen or depth > _LINKS:
                continue
            seen.add(path)
            if len(seen) > _FOLLOWED:
                return {""}
            parts = path.split("/") if links else ()
            for at in range(1, len(parts) + 1):
                for link in _matching(links, "/".join(parts[:at])):
                    passed.add(link.path)
                    above = posixpath.join("/", posixpath.dirname(link.path), link.target)
                    waiting.append((_clean("/".join((above, *parts[at:]))), depth + 1))
        return seen | passed


def context_tree(context: Context) -> FileTree:
    """What `docker build` lets COPY see of the context.

    A Dockerfile that is not ignored is there as it is on the disk, whatever text is built.
    """
    return FileTree(context.root, (
        Node(entry.path, _KINDS[entry.kind], entry.target) for entry in context.entries
        if entry.path not in (context.dockerfile, ".dockerignore")
        or (not context.ignore.matches(entry.path) and _on_disk(context, entry))))


def dockerfile_tree(context: Context, names: Collection[str] = ()) -> FileTree:
    """The Dockerfile, the ignore file that belongs to it alone, and those further Dockerfiles that are named.

    BuildKit reads the latter for its warnings; the context is already filtered by the same lines.
    """
    texts = {context.dockerfile: context.dockerfile_text,
             **{name: text for name, text in context.more_dockerfiles.items() if name in names}}
    nodes = [Node(name, stat.S_IFREG, content=text.encode("utf-8", "surrogateescape")) for name, text in texts.items()]
    nodes += _copied(context, f"{context.dockerfile}.dockerignore")
    return FileTree(context.root, nodes)


def ignore_tree(context: Context) -> FileTree:
    """.dockerignore, even where it says that it is ignored itself."""
    return FileTree(context.root, _copied(context, ".dockerignore"))


def _on_disk(context: Context, entry: ContextEntry) -> bool:
    """The Dockerfile of a context may be a text that was never a file."""
    path = context.root / entry.path
    return os.path.lexists(path) and (entry.kind != "file" or path.is_file())


def _copied(context: Context, path: str) -> list[Node]:
    """A small file that may be a link to elsewhere, as a plain one."""
    try:
        return [Node(path, stat.S_IFREG, content=(context.root / path).read_bytes())]
    except OSError:
        return []


def order(path: str) -> bytes:
    """Sorts paths so that a slash comes before any other character."""
    return os.fsencode(path).replace(b"/", b"\0")


def _mark(content: bytes) -> int:
    """A time made of the content. BuildKit knows a file that it has by size and
    time: another text must not have the same, and the same text must."""
    value = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    return (value >> 30) % (1 << 30) * 10**9 + value % (1 << 29)


def _clean(path: str) -> str:
    """Relative to the root, which `..` does not leave: '/a/../b/' -> 'b'."""
    return posixpath.normpath("/" + path.strip()).strip("/")


def _matching(links: dict[str, Node], pattern: str) -> Iterable[Node]:
    if not _WILD.search(pattern):
        return [links[pattern]] if pattern in links else []
    wanted = _matcher({pattern}, below=False)
    return [link for path, link in links.items() if wanted is None or wanted(path)]


def _matcher(patterns: set[str], below: bool = True) -> Callable[[str], bool] | None:
    """Whether a path is wanted, as a function; None if a pattern cannot be read."""
    plain = {pattern for pattern in patterns if not _WILD.search(pattern)}
    # A name may begin with what means something at the head of a line.
    lines = [re.sub(r"^[!#]", r"\\\g<0>", pattern) for pattern in patterns - plain]
    try:
        globs = Ignore(lines).patterns
    except ContextError:
        return None

    def wanted(path: str) -> bool:
        while True:
            if path in plain or any(pattern.matches(path) for pattern in globs):
                return True
            if not below or not (path := posixpath.dirname(path)):
                return False

    return wanted
