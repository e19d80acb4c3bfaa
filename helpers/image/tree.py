"""The file system that layers add up to, and what lies unseen below it.

Source of the rules: the OCI image specification, "Image Layer Filesystem
Changeset": `.wh.NAME` hides NAME of the layers below, `.wh..wh..opq` hides all
that the layers below have in its folder.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

from .entries import Entries

_LINKS = 40   # symbolic links followed in a row, as Linux does (path_resolution(7))


@dataclass(frozen=True)
class Node:
    """An entry as a container sees it: which layer's it is, and its row there."""

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
    deleted  hidden by a whiteout; False: something else has its place
    """

    path: str
    layer: int
    by: int
    size: int
    deleted: bool


class Tree(Mapping[str, Node]):
    """{absolute path: Node} of what a container sees, the layers' order being the lowest first.

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
        self.unseen: tuple[Unseen, ...] = self._find_unseen()

    # -- as a mapping --

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
        """{path: index of its layer}, for all of it at once."""
        return {path: bisect_right(self._starts, number) - 1
                for path, number in self._numbers.items()}

    def entries(self, index: int) -> Entries:
        """All entries of a layer, seen or not."""
        return self._layers[index]

    def under(self, column: str) -> Iterator[tuple[Node, object]]:
        """(node, value) for the visible entries that have a value in one of the
        columns of few: 'links', 'programs', 'packages', 'capabilities', 'texts'."""
        for index, entries in enumerate(self._layers):
            start = self._starts[index]
            for row, value in getattr(entries, column).items():
                path = entries.paths[row]
                if self._numbers.get(path) == start + row:
                    yield Node(path, index, row, entries), value

    def visible(self, index: int) -> Iterator[int]:
        """The rows of a layer that a container sees."""
        start, entries = self._starts[index], self._layers[index]
        numbers = self._numbers
        return (row for row, path in enumerate(entries.paths) if numbers.get(path) == start + row)

    def resolve(self, path: str) -> Node | None:
        """What `path` leads to when every symbolic link on the way is followed inside
        the image; None if that is not there or goes round in a circle."""
        waiting = [part for part in reversed(path.split("/")) if part]
        here, followed = "", 0
        while waiting:
            part = waiting.pop()
            if part == ".":
                continue
            if part == "..":
                here = posixpath.dirname(here).rstrip("/")
                continue
            number = self._numbers.get(f"{here}/{part}")
            if number is None:
                return None
            node = self._node(number, f"{here}/{part}")
            if node.kind != "l":
                here = node.path
                continue
            followed += 1
            if followed > _LINKS:
                return None
            target = node.link
            if target.startswith("/"):
                here = ""
            waiting += [part for part in reversed(target.split("/")) if part]
        number = self._numbers.get(here or "/")
        return None if number is None else self._node(number, here or "/")

    def origin(self, node: Node) -> Node:
        """The file that a hard link names; any other node itself."""
        seen = {node.path}
        while node.kind == "h":
            target = posixpath.normpath("/" + node.link.lstrip("/"))
            if target in seen:
                break
            seen.add(target)
            row = self._row(node.layer, target)
            if row is not None:
                node = Node(target, node.layer, row, node.entries)
            elif target in self._numbers:
                node = self[target]
            else:
                break
        return node

    def _row(self, index: int, path: str) -> int | None:
        """The row of a path in a layer, whether a container sees it or not."""
        number = self._numbers.get(path)
        start = self._starts[index]
        if number is not None and start <= number < self._starts[index + 1]:
            return number - start
        try:
            return self._layers[index].paths.index(path)
        except ValueError:
            return None

    def _node(self, number: int, path: str) -> Node:
        index = bisect_right(self._starts, number) - 1
        return Node(path, index, number - self._starts[index], self._layers[index])

    # -- adding up --

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
        """Take away what whiteouts of this layer name, and what is in directories that
        are no directories any more."""
        numbers = self._numbers
        whole = set(entries.hidden)
        # A layer may bring /a/b without saying that /a is a directory.
        below = {path for path in (*whole, *entries.emptied)
                 if self._kind_of(path) in (None, _DIRECTORY)}
        deleted = set(below)
        others = compress(entries.paths, (kind != _DIRECTORY for kind in entries.kinds))
        replaced = {path for path in others
                    if path in numbers and self._kind(numbers[path]) == _DIRECTORY}
        # A file under what was a file or a link: the layer means a directory there.
        parents = {path.rpartition("/")[0] for path in entries.paths}
        single = {path for path in parents if self._kind_of(path) not in (None, _DIRECTORY)}
        single -= set(entries.paths) if single else set()
        below |= replaced
        for path in single:
            self._gone[numbers.pop(path)] = (index, False)
        if not below:
            for path in whole:
                number = numbers.pop(path, None)
                if number is not None:
                    self._gone[number] = (index, True)
            return
        for path in [path for path in numbers if path in whole or _is_below(path, below)]:
            self._gone[numbers.pop(path)] = (index, path in whole or _is_below(path, deleted))

    def _kind_of(self, path: str) -> int | None:
        number = self._numbers.get(path)
        return None if number is None else self._kind(number)

    def _find_unseen(self) -> tuple[Unseen, ...]:
        """The files among what is gone. One that a visible hard link still names is there."""
        found = []
        for number, (by, deleted) in self._gone.items():
            index = bisect_right(self._starts, number) - 1
            entries, row = self._layers[index], number - self._starts[index]
            if entries.kinds[row] == _FILE:
                found.append(Unseen(entries.paths[row], index, by, entries.sizes[row], deleted))
        named = self._named_elsewhere({each.layer for each in found}) if found else set()
        return tuple(sorted((each for each in found if (each.layer, each.path) not in named),
                            key=lambda each: (-each.size, each.path, each.layer)))

    def _named_elsewhere(self, layers: set[int]) -> set[tuple[int, str]]:
        """(layer, path) of the files that a visible hard link of the same layer names."""
        named = set()
        for index in layers:
            entries, start = self._layers[index], self._starts[index]
            for row, target in entries.links.items():
                if (entries.kinds[row] == _HARD
                        and self._numbers.get(entries.paths[row]) == start + row):
                    named.add((index, posixpath.normpath("/" + target.lstrip("/"))))
        return named


_FILE, _DIRECTORY, _HARD = map(ord, "fdh")


def _is_below(path: str, folders: set[str]) -> bool:
    """Whether a path is in one of the folders, at any depth."""
    if path == "/":
        return False
    while path:
        path = path.rpartition("/")[0]
        if (path or "/") in folders:
            return True
    return False
