"""Merge layers: which entry of which layer is at each path, and what hard links name. Source of the rules: the OCI
image specification, "Image Layer Filesystem Changeset": `.wh.NAME` hides NAME of lower layers, `.wh..wh..opq` hides
what lower layers have in its directory."""

import posixpath
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import compress

from .entries import Entries

FILE, DIRECTORY, HARD = map(ord, "fdh")


class Merge:
    """The result of applying all layers, the lowest first. Entries are numbers: an image may have a million of them.

    starts   number of each layer's first entry
    numbers  {path: the entry that a container sees}
    gone     {entry: (index of the layer that hides it, whether by a whiteout)}"""

    def __init__(self, layers: Sequence[Entries]):
        self.layers = tuple(layers)
        self.starts = [0]
        self.numbers: dict[str, int] = {}
        self.gone: dict[int, tuple[int, bool]] = {}
        for index, entries in enumerate(self.layers):
            self._add(index, entries)

    def locate(self, number: int) -> tuple[int, int]:
        """(index of the layer, row) of an entry."""
        index = bisect_right(self.starts, number) - 1
        return index, number - self.starts[index]

    def kind(self, number: int) -> int:
        """The kind of an entry, as in `Entries.kinds`."""
        index, row = self.locate(number)
        return self.layers[index].kinds[row]

    def _add(self, index: int, entries: Entries) -> None:
        start, numbers = self.starts[index], self.numbers
        self.starts.append(start + len(entries))
        if numbers:
            self._hide(index, entries)
            for path in entries.paths:
                if path in numbers:
                    self.gone[numbers[path]] = (index, False)
        numbers.update(zip(entries.paths, range(start, start + len(entries))))

    def _hide(self, index: int, entries: Entries) -> None:
        """Remove what this layer's whiteouts name, and the content of directories that something replaces."""
        numbers, whole = self.numbers, set(entries.hidden)
        # A layer may have /a/b without an entry for /a.
        deleted = {path for path in (*whole, *entries.emptied) if self._kind_at(path) in (None, DIRECTORY)}
        others = compress(entries.paths, (kind != DIRECTORY for kind in entries.kinds))
        replaced = {path for path in others if path in numbers and self.kind(numbers[path]) == DIRECTORY}
        for path in self._turned(entries):
            self._take(path, index, path in whole)
        for path in whole:
            self._take(path, index, True)
        for folders, by_whiteout in ((deleted, True), (replaced, False)):
            for path in _below(numbers, folders):
                self._take(path, index, by_whiteout)

    def _take(self, path: str, index: int, deleted: bool) -> None:
        number = self.numbers.pop(path, None)
        if number is not None:
            self.gone[number] = (index, deleted)

    def _turned(self, entries: Entries) -> set[str]:
        """Files and links of lower layers that become directories, since this layer has an entry or a whiteout below
        them. Engines unpack each layer into its own folder, where any parent is a directory and hides a lower link."""
        own, turned = set(entries.paths), set()
        folders = {path.rpartition("/")[0] for path in (*entries.paths, *entries.hidden)}
        for path in folders.union(folder.rstrip("/") for folder in entries.emptied):
            while path and path not in own:
                kind = self._kind_at(path)
                if kind == DIRECTORY:
                    break
                if kind is not None:
                    turned.add(path)
                path = path.rpartition("/")[0]
        return turned

    def _kind_at(self, path: str) -> int | None:
        number = self.numbers.get(path)
        return None if number is None else self.kind(number)


def _below(paths: Iterable[str], folders: set[str]) -> list[str]:
    """The paths inside the directories, at any depth."""
    if not folders:
        return []
    if "/" in folders:
        return [path for path in paths if path != "/"]
    ordered = sorted(paths)
    found: list[str] = []
    last = "\0"
    for folder in sorted(f"{each}/" for each in folders):
        if not folder.startswith(last):   # else it is inside the previous one
            last = folder
            # The content of a directory is contiguous: "0" is the character after "/".
            found += ordered[bisect_left(ordered, folder):bisect_left(ordered, f"{folder[:-1]}0")]
    return found


def named(link: str) -> str:
    """The absolute path that a hard link names."""
    return posixpath.normpath("/" + link.lstrip("/"))


def origins(entries: Entries) -> dict[int, int]:
    """{row of a hard link: row of the file that it finally names} within one layer. In an archive a link comes after
    its file, so one that names nothing before it means a file of a lower layer."""
    ends: dict[int, int] = {}
    rows: dict[str, int] = {}
    passed = 0
    for row in sorted(row for row in entries.links if entries.kinds[row] == HARD):
        rows.update(zip(entries.paths[passed:row], range(passed, row)))
        passed = row
        before = rows.get(named(entries.links[row]))
        if before is not None:
            ends[row] = ends.get(before, before)
    return ends
