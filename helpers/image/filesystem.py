"""The file system that layers add up to, and the files that are hidden below it.

Source of the rules: the OCI image specification, "Image Layer Filesystem Changeset":
`.wh.NAME` hides NAME of lower layers, `.wh..wh..opq` hides everything that lower layers have
in its directory.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from typing import Any

from .entries import Entries
from .hardlinks import named, origins

_LINKS = 40     # symbolic links followed in a row, as Linux does (path_resolution(7))
_STEPS = 2500   # directories passed: more than the longest path has (PATH_MAX, limits.h)
_FILE, _DIRECTORY = map(ord, "fd")


@dataclass(frozen=True)
class Node:
    """An entry as a container sees it: the layer that has it, and its row there."""

    path: str
    layer: int
    row: int
    entries: Entries = field(repr=False)

    @property
    def kind(self) -> str:
        return self.entries.kind(self.row)

    @property
    def mode(self) -> int:
        return self.entries.modes[self.row]

    @property
    def size(self) -> int:
        return self.entries.sizes[self.row]

    @property
    def link(self) -> str:
        return self.entries.links.get(self.row, "")


@dataclass(frozen=True)
class Unseen:
    """A file that is in the image and that no container sees.

    layer    index of the layer whose archive holds it
    by       index of the layer that hid or replaced it
    deleted  True if a whiteout hides it, False if something else has its place
    """

    path: str
    layer: int
    by: int
    size: int
    deleted: bool


class Tree(Mapping[str, Node]):
    """{absolute path: Node} of what a container sees; the lowest of the `layers` comes first.

    `unseen` are the files that it does not see, the largest first.
    """

    def __init__(self, layers: Sequence[Entries]):
        self._layers = tuple(layers)
        self._starts = [0]
        for entries in self._layers:
            self._starts.append(self._starts[-1] + len(entries))
        # Numbers and not objects: an image may have a million entries.
        self._numbers: dict[str, int] = {}
        self._gone: dict[int, tuple[int, bool]] = {}   # entry: (layer that hid it, whether deleted)
        for index, entries in enumerate(self._layers):
            self._add(index, entries)
        # What hard links name; and for files that lost their own path, a hard link that is left.
        self._origins = tuple(map(origins, self._layers))
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

    def layer_of(self, path: str) -> int:
        """Index of the layer that a path's entry is in. Raises KeyError."""
        return bisect_right(self._starts, self._numbers[path]) - 1

    def layers(self) -> dict[str, int]:
        """{path: index of its layer} for every path."""
        return {path: bisect_right(self._starts, number) - 1 for path, number in self._numbers.items()}

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self._layers)

    def entries(self, index: int) -> Entries:
        """All entries of a layer, visible or not."""
        return self._layers[index]

    def under(self, column: str) -> Iterator[tuple[Node, Any]]:
        """(node, value) for the visible entries that have a value in `column`: 'links',
        'programs', 'packages', 'capabilities' or 'texts'. A file that only hard links still
        name has the path of one of them."""
        for index, entries in enumerate(self._layers):
            start = self._starts[index]
            for row, value in getattr(entries, column).items():
                path = entries.paths[row]
                if self._numbers.get(path) != start + row:
                    path = self._aliases.get((index, row), "")
                if path:
                    yield Node(path, index, row, entries), value

    def visible(self, index: int) -> Iterator[int]:
        """The rows of a layer that a container sees."""
        start, entries = self._starts[index], self._layers[index]
        numbers = self._numbers
        return (row for row, path in enumerate(entries.paths) if numbers.get(path) == start + row)

    def resolve(self, path: str) -> Node | None:
        """What `path` leads to when every symbolic link on the way is followed inside the
        image; None if it is not there or the links form a loop."""
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
        """The target of a symbolic link, or of a hard link to one; '' for anything else."""
        number = self._numbers.get(path)
        if number is None or self._kind(number) == _DIRECTORY:
            return ""
        node = self.origin(self._node(number, path))
        return node.link if node.kind == "l" else ""

    def _is_directory(self, path: str) -> bool:
        """Whether a path is a directory, if only because something is below it."""
        if path in self._numbers:
            return self._kind(self._numbers[path]) == _DIRECTORY
        at = bisect_left(self._ordered, f"{path}/")
        return at < len(self._ordered) and self._ordered[at].startswith(f"{path}/")

    @cached_property
    def _ordered(self) -> list[str]:
        return sorted(self._numbers)

    def origin(self, node: Node) -> Node:
        """The file that a hard link names, at a path where a container sees it; any other
        node itself."""
        while node.kind == "h":
            start = self._starts[node.layer]
            row = self._origins[node.layer].get(node.row, node.row)
            path = node.entries.paths[row]
            if self._numbers.get(path) != start + row:
                path = self._aliases.get((node.layer, row), path)
            node = Node(path, node.layer, row, node.entries)
            # A name that its own layer does not have can only belong to a lower layer.
            below = self._numbers.get(named(node.link), start) if node.kind == "h" else start
            if below >= start:
                break
            node = self._node(below, named(node.link))
        return node

    def _node(self, number: int, path: str) -> Node:
        index = bisect_right(self._starts, number) - 1
        return Node(path, index, number - self._starts[index], self._layers[index])

    def _kind(self, number: int) -> int:
        index = bisect_right(self._starts, number) - 1
        return self._layers[index].kinds[number - self._starts[index]]

    def _add(self, index: int, entries: Entries) -> None:
        if self._numbers:
            self._hide(index, entries)
        start = self._starts[index]
        numbers = self._numbers
        if numbers:
            for path in entries.paths:
                if path in numbers:
                    self._gone[numbers[path]] = (index, False)
        numbers.update(zip(entries.paths, range(start, start + len(entries))))

    def _hide(self, index: int, entries: Entries) -> None:
        """Remove what whiteouts of this layer name, and what is in directories that are
        replaced by something else."""
        numbers = self._numbers
        whole = set(entries.hidden)
        # A layer may have /a/b without an entry for the directory /a.
        deleted = {path for path in (*whole, *entries.emptied)
                   if self._kind_of(path) in (None, _DIRECTORY)}
        others = compress(entries.paths, (kind != _DIRECTORY for kind in entries.kinds))
        replaced = {path for path in others
                    if path in numbers and self._kind(numbers[path]) == _DIRECTORY}
        for path in self._turned(entries):
            self._gone[numbers.pop(path)] = (index, path in whole)
        for path in whole:
            self._take(path, index, True)
        for folders, by_whiteout in ((deleted, True), (replaced, False)):
            for path in _below(numbers, folders):
                self._take(path, index, by_whiteout)

    def _take(self, path: str, index: int, deleted: bool) -> None:
        number = self._numbers.pop(path, None)
        if number is not None:
            self._gone[number] = (index, deleted)

    def _turned(self, entries: Entries) -> set[str]:
        """Files and links of lower layers that become directories, because this layer has an
        entry or a whiteout below them. Engines unpack each layer into a folder of its own,
        where whatever is above an entry is a directory, and it hides the link of a lower layer.
        """
        said, turned = set(entries.paths), set()
        folders = {path.rpartition("/")[0] for path in (*entries.paths, *entries.hidden)}
        for path in folders.union(folder.rstrip("/") for folder in entries.emptied):
            while path and path not in said:
                kind = self._kind_of(path)
                if kind == _DIRECTORY:
                    break
                if kind is not None:
                    turned.add(path)
                path = path.rpartition("/")[0]
        return turned

    def _kind_of(self, path: str) -> int | None:
        number = self._numbers.get(path)
        return None if number is None else self._kind(number)

    def _find_aliases(self) -> dict[tuple[int, int], str]:
        """{(layer, row): the first hard link that still names it} of the files that are not
        visible at their own path."""
        aliases: dict[tuple[int, int], str] = {}
        for index, ends in enumerate(self._origins):
            paths, start = self._layers[index].paths, self._starts[index]
            for row, origin in ends.items():
                path = paths[row]
                if self._numbers.get(path) == start + row and self._numbers.get(paths[origin]) != start + origin:
                    aliases[index, origin] = min(path, aliases.get((index, origin), path))
        return aliases

    def _find_unseen(self) -> tuple[Unseen, ...]:
        """The files among what is gone, without those that a visible hard link still names."""
        found = []
        for number, (by, deleted) in self._gone.items():
            index = bisect_right(self._starts, number) - 1
            entries, row = self._layers[index], number - self._starts[index]
            if entries.kinds[row] == _FILE and (index, row) not in self._aliases:
                found.append(Unseen(entries.paths[row], index, by, entries.sizes[row], deleted))
        return tuple(sorted(found, key=lambda each: (-each.size, each.path, each.layer)))


def _below(paths: Iterable[str], folders: set[str]) -> list[str]:
    """The paths that are in one of the directories, at any depth."""
    if not folders:
        return []
    if "/" in folders:
        return [path for path in paths if path != "/"]
    ordered = sorted(paths)
    found: list[str] = []
    last = "\0"
    for folder in sorted(f"{each}/" for each in folders):
        if not folder.startswith(last):   # else it is inside the one before
            last = folder
            # What is in a directory is contiguous: "0" is the character after "/".
            found += ordered[bisect_left(ordered, folder):bisect_left(ordered, f"{folder[:-1]}0")]
    return found
