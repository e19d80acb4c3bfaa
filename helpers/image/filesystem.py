"""The file system that layers add up to, and the files hidden in it."""

import posixpath
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .entries import Entries
from .merge import DIRECTORY, FILE, Merge, named, origins

_LINKS = 40     # symbolic links followed in a row, as Linux does (path_resolution(7))
_STEPS = 2500   # directories passed: more than the longest path has (PATH_MAX, limits.h)


@dataclass(frozen=True)
class Node:
    """An entry that a container sees: its layer, and its row there."""

    path: str
    layer: int
    row: int
    entries: Entries = field(repr=False)

    @property
    def kind(self) -> str:
        """Its letter, as in `Entries.kinds`."""
        return self.entries.kind(self.row)

    @property
    def mode(self) -> int:
        """Its permission bits."""
        return self.entries.modes[self.row]

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return self.entries.sizes[self.row]

    @property
    def link(self) -> str:
        """The target of a link, else ''."""
        return self.entries.links.get(self.row, "")


@dataclass(frozen=True)
class Unseen:
    """A file that is in the image, but that no container sees."""

    path: str
    layer: int     # index of its layer
    by: int        # index of the layer that hides or replaces it
    size: int      # bytes
    deleted: bool  # True if a whiteout hides it, False if something replaces it


class Tree(Mapping[str, Node]):
    """{absolute path: Node} of what a container sees.

    entries  of each layer, the lowest first, visible or not
    unseen   files that no container sees, the largest first"""

    def __init__(self, layers: Sequence[Entries]):
        self._merge = Merge(layers)
        self.entries, self._starts, self._numbers = self._merge.layers, self._merge.starts, self._merge.numbers
        # The targets of hard links, and a remaining hard link to each file that lost its own path.
        self._origins = tuple(map(origins, self.entries))
        self._aliases = self._find_aliases()
        self.unseen: tuple[Unseen, ...] = self._find_unseen()

    def __getitem__(self, path: str) -> Node:
        return self._node(self._numbers[path], path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, path: object) -> bool:
        return path in self._numbers

    def layers(self) -> dict[str, int]:
        """{path: index of its layer} for every path."""
        return {path: self._merge.locate(number)[0] for path, number in self._numbers.items()}

    def under(self, column: str) -> Iterator[tuple[Node, Any]]:
        """(node, value) for the visible entries with a value in `column`: 'links', 'programs', 'packages',
        'capabilities' or 'texts'. A file that only hard links still name gets the path of one of them."""
        for index, entries in enumerate(self.entries):
            start = self._starts[index]
            for row, value in getattr(entries, column).items():
                path = entries.paths[row]
                if self._numbers.get(path) != start + row:
                    path = self._aliases.get((index, row), "")
                if path:
                    yield Node(path, index, row, entries), value

    def visible(self, index: int) -> Iterator[int]:
        """The rows of a layer that a container sees."""
        start, numbers = self._starts[index], self._numbers
        return (row for row, path in enumerate(self.entries[index].paths) if numbers.get(path) == start + row)

    def resolve(self, path: str) -> Node | None:
        """What `path` leads to, following symbolic links; None if there is nothing or the links form a loop."""
        waiting = [part for part in reversed(path.split("/")) if part]
        here, followed, steps = "", 0, 0
        while waiting:
            part = waiting.pop()
            steps += 1
            if steps > _STEPS:
                return None
            if part == ".":
                continue
            if part == "..":
                here = posixpath.dirname(here).rstrip("/")
                continue
            place = f"{here}/{part}"
            target = self._target(place)
            if target:
                followed += 1
                if followed > _LINKS:
                    return None
                here = "" if target.startswith("/") else here
                waiting += [part for part in reversed(target.split("/")) if part]
            elif waiting and not self._is_directory(place):
                return None
            else:
                here = place
        number = self._numbers.get(here or "/")
        return None if number is None else self._node(number, here or "/")

    def _target(self, path: str) -> str:
        """The target of a symbolic link, or of a hard link to one; else ''."""
        number = self._numbers.get(path)
        if number is None or self._merge.kind(number) == DIRECTORY:
            return ""
        node = self.origin(self._node(number, path))
        return node.link if node.kind == "l" else ""

    def _is_directory(self, path: str) -> bool:
        """Whether a path is a directory, if only because something is in it."""
        if path in self._numbers:
            return self._merge.kind(self._numbers[path]) == DIRECTORY
        at = bisect_left(self._ordered, f"{path}/")
        return at < len(self._ordered) and self._ordered[at].startswith(f"{path}/")

    @cached_property
    def _ordered(self) -> list[str]:
        return sorted(self._numbers)

    def origin(self, node: Node) -> Node:
        """The file that a hard link names, at a visible path; any other node itself."""
        while node.kind == "h":
            start = self._starts[node.layer]
            row = self._origins[node.layer].get(node.row, node.row)
            path = node.entries.paths[row]
            if self._numbers.get(path) != start + row:
                path = self._aliases.get((node.layer, row), path)
            node = Node(path, node.layer, row, node.entries)
            # A name that is not in its own layer can only be in a lower one.
            below = self._numbers.get(named(node.link), start) if node.kind == "h" else start
            if below >= start:
                break
            node = self._node(below, named(node.link))
        return node

    def _node(self, number: int, path: str) -> Node:
        index, row = self._merge.locate(number)
        return Node(path, index, row, self.entries[index])

    def _find_aliases(self) -> dict[tuple[int, int], str]:
        """{(layer, row): the first visible hard link} of files that are not visible at their own path."""
        aliases: dict[tuple[int, int], str] = {}
        for index, ends in enumerate(self._origins):
            paths, start = self.entries[index].paths, self._starts[index]
            for row, origin in ends.items():
                path = paths[row]
                if self._numbers.get(path) == start + row and self._numbers.get(paths[origin]) != start + origin:
                    aliases[index, origin] = min(path, aliases.get((index, origin), path))
        return aliases

    def _find_unseen(self) -> tuple[Unseen, ...]:
        """The hidden files, without those that a visible hard link still names."""
        found = []
        for number, (by, deleted) in self._merge.gone.items():
            index, row = self._merge.locate(number)
            entries = self.entries[index]
            if entries.kinds[row] == FILE and (index, row) not in self._aliases:
                found.append(Unseen(entries.paths[row], index, by, entries.sizes[row], deleted))
        return tuple(sorted(found, key=lambda each: (-each.size, each.path, each.layer)))
