"""The files that BuildKit may ask for, as trees in its own order.

    Context -> context_tree    what COPY can see
            -> dockerfile_tree the Dockerfile, and the ignore file beside it
            -> ignore_tree     .dockerignore, which BuildKit reads itself
    FileTree.only(...)             the part that a build needs

Sorted by path, component by component, parents first: fsutil's validator.go refuses any other order. Which paths are
needed follows filter.go and followlinks.go there.
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
from .context_walk import changed, opened
from .dockerignore import Ignore

_KINDS = {"file": stat.S_IFREG, "dir": stat.S_IFDIR, "symlink": stat.S_IFLNK, "fifo": stat.S_IFIFO}
_LINKS = 40          # in a row; Linux gives up there too
_FOLLOWED = 2_000    # paths; beyond this everything is sent
_WILD = re.compile(r"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class Node:
    """A file, directory, symlink or FIFO; `content` if it is not on disk."""

    path: str
    kind: int            # as in stat.S_IFMT
    target: str = ""
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is sent before a node's content: mode as in st_mode, size in bytes, time in nanoseconds since 1970."""

    mode: int
    size: int
    mtime: int
    target: str = ""


class FileTree:
    """Nodes below `root`, sorted, parent directories included."""

    def __init__(self, root: Path, nodes: Iterable[Node]):
        self.root = root
        known = {node.path: node for node in nodes}
        for path in tuple(known):
            while (path := posixpath.dirname(path)) and path not in known:
                known[path] = Node(path, stat.S_IFDIR)
        self.nodes = tuple(sorted(known.values(), key=lambda node: order(node.path)))

    def only(self, include: Iterable[str] = (), follow: Iterable[str] = ()) -> FileTree:
        """The nodes that match a pattern of .dockerignore, with all below and the directories above; of `follow`, the
        targets of symlinks on the way too. All nodes, if there is no pattern or one is invalid."""
        patterns = {_clean(pattern) for pattern in include} | self._followed(follow)
        wanted = _matcher(patterns) if patterns and "" not in patterns else None
        return FileTree(self.root, (node for node in self.nodes if wanted(node.path))) if wanted else self

    def facts(self, node: Node) -> Facts:
        """Its current facts. Raises ContextError if it became something else."""
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
        """A file's content, in pieces of `chunk` bytes. Raises ContextError as `context_walk.opened`."""
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
    """What COPY sees: a Dockerfile that is not ignored as it is on disk, whatever text is built."""
    return FileTree(context.root, (
        Node(entry.path, _KINDS[entry.kind], entry.target) for entry in context.entries
        if entry.path not in (context.dockerfile, ".dockerignore") or not context.ignore.matches(entry.path)
        and (entry.kind != "file" or (context.root / entry.path).is_file())))    # not a text without a file


def dockerfile_tree(context: Context, names: Collection[str] = ()) -> FileTree:
    """The Dockerfile, its own ignore file, and other Dockerfiles by name. BuildKit reads the ignore file for its
    warnings; the context has already been filtered by it."""
    texts = {context.dockerfile: context.dockerfile_text,
             **{name: text for name, text in context.more_dockerfiles.items() if name in names}}
    nodes = [Node(name, stat.S_IFREG, content=text.encode("utf-8", "surrogateescape")) for name, text in texts.items()]
    nodes += _copied(context, f"{context.dockerfile}.dockerignore")
    return FileTree(context.root, nodes)


def ignore_tree(context: Context) -> FileTree:
    """.dockerignore, even if it ignores itself."""
    return FileTree(context.root, _copied(context, ".dockerignore"))


def _copied(context: Context, path: str) -> list[Node]:
    """A small file, or the target of a link, as a plain file."""
    try:
        return [Node(path, stat.S_IFREG, content=(context.root / path).read_bytes())]
    except OSError:
        return []


def order(path: str) -> bytes:
    """Sort key of a path: a slash comes before any other character."""
    return os.fsencode(path).replace(b"/", b"\0")


def _mark(content: bytes) -> int:
    """A time derived from the content: BuildKit knows a file again by size and time."""
    value = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    return (value >> 30) % (1 << 30) * 10**9 + value % (1 << 29)


def _clean(path: str) -> str:
    """Relative to the root, without leaving it: '/a/../b/' -> 'b'."""
    return posixpath.normpath("/" + path.strip()).strip("/")


def _matching(links: dict[str, Node], pattern: str) -> Iterable[Node]:
    if not _WILD.search(pattern):
        return [links[pattern]] if pattern in links else []
    wanted = _matcher({pattern}, below=False)
    return [link for path, link in links.items() if wanted is None or wanted(path)]


def _matcher(patterns: set[str], below: bool = True) -> Callable[[str], bool] | None:
    """A function that says whether a path is wanted; None if a pattern is invalid."""
    plain = {pattern for pattern in patterns if not _WILD.search(pattern)}
    lines = [re.sub(r"^[!#]", r"\\\g<0>", pattern) for pattern in patterns - plain]    # a name may begin with ! or #
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
