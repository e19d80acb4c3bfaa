"""What makes a build context large, and the .dockerignore lines that leave it out."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

# Folders that a build makes again, or does not need: named as a whole, at any depth.
_KNOWN = frozenset({
    ".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".nox", ".cache",
    ".mypy_cache", ".pytest_cache", ".terraform", ".gradle", "target", "dist", "build", ".next"})
# Kinds of file that seldom belong into an image: named by their ending.
_ENDINGS = frozenset({
    ".iso", ".img", ".qcow2", ".vmdk", ".vdi", ".tar", ".tgz", ".gz", ".xz", ".zst", ".zip", ".7z",
    ".mp4", ".mov", ".mkv", ".avi", ".dump", ".bak", ".log"})
_NEARLY_ALL = 0.9
_WORTH_NAMING = 0.01


def largest(files: Iterable[tuple[str, int]], n: int) -> list[tuple[str, int]]:
    """The `n` heaviest parts of `files` [(path, bytes)], as (path, bytes), heaviest first.

    Directories end in a slash. A directory gives way to its one child that
    holds nearly all of it, unless its own name already says what it is.
    """
    weight: dict[str, int] = defaultdict(int)
    children: dict[str, set[str]] = defaultdict(set)
    for path, size in files:
        weight[path] += size
        child, parent = path, _parent(path)
        while child:
            children[parent].add(child)
            if not parent:
                break
            weight[parent] += size
            child, parent = parent, _parent(parent)
    parts = [_settled(top, weight, children) for top in children[""]]
    return sorted(((path, weight[path]) for path in parts), key=lambda part: (-part[1], part[0]))[:n]


def suggestions(parts: Iterable[tuple[str, int]], total: int) -> list[str]:
    """Lines for .dockerignore that would leave out the heavy `parts` of `total` bytes."""
    worth = [path for path, size in parts if size >= _WORTH_NAMING * total]
    return list(dict.fromkeys(_line(path) for path in worth))


def _parent(path: str) -> str:
    """'a/b/' and 'a/b' are in 'a/', and 'a/' is in ''."""
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
    name = posixpath.basename(path.rstrip("/"))
    ending = posixpath.splitext(name)[1].lower()
    if path.endswith("/"):
        return f"**/{name}" if name in _KNOWN else path.rstrip("/")
    return f"**/*{ending}" if ending in _ENDINGS and name.endswith(ending) else path
