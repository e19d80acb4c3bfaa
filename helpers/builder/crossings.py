"""What COPY --from took from a stage and where it put it, for two stages side by side."""

import contextlib
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..dockerfile.expand import BadSubstitution, expand
from ..text import within
from ..units import size
from .control import CallFailed, Entry
from .snapshot import Snapshot
from .snapshots import Snapshots, locate

SHOWN = 20_000    # bytes of a file that a browser shows


@dataclass(frozen=True)
class Crossing:
    """A file or folder that a COPY --from took: labels of the stages, and its path in each. A folder's content goes
    into `put`."""

    line: int
    source: str
    target: str
    taken: str
    put: str


class Room:
    """A stage's files, folder by folder, marked where a COPY --from took or put them."""

    def __init__(self, name: str, snapshot: Snapshot, crossings: Sequence[Crossing]):
        self.name, self.snapshot = name, snapshot
        self._given = [each for each in crossings if each.source == name]
        self._got = [each for each in crossings if each.target == name]

    def entries(self, path: str = "/") -> list[tuple[Entry, str]]:
        """A folder's entries with their marks. Raises CallFailed."""
        return [(entry, self.mark(posixpath.join(path, entry.name))) for entry in self.snapshot.files(path)]

    def mark(self, path: str) -> str:
        """What COPY --from did with a path, '' for nothing."""
        for crossing in self._given:
            if within(path, crossing.taken):
                return f"copied to {crossing.target}, line {crossing.line}"
        for crossing in self._got:
            if within(path, crossing.put) and path != "/":
                return f"from {crossing.source}, line {crossing.line}"
        below = [*((each.taken, each.line) for each in self._given), *((each.put, each.line) for each in self._got)]
        return next((f"holds what line {line} copies" for there, line in below if within(there, path)), "")

    def text(self, path: str, entry: Entry) -> str:
        """The first SHOWN bytes of a text file; a folder's content, and what any other file is. Raises CallFailed."""
        if entry.is_dir:
            return self.snapshot.tree(path, 1)
        if entry.is_link:
            return f"A link to {entry.target}."
        data = self.snapshot.read(path, SHOWN)
        if b"\0" in data:
            return f"A binary file of {size(entry.size)}."
        more = f"\n... the first {size(SHOWN)} of {size(entry.size)}." if entry.size > SHOWN else ""
        return data.decode("utf-8", "replace") + more


@dataclass(frozen=True)
class Rooms:
    """Stages side by side: the kitchen, and the dining room."""

    rooms: tuple[Room, ...]
    crossings: tuple[Crossing, ...]


def rooms(snapshots: Snapshots, names: Sequence[str] = ()) -> Rooms:
    """The named stages; by default the source of the last COPY --from, and the last stage. Raises DockerfileError for
    an unknown stage, and CallFailed."""
    read, found = snapshots.dockerfile, tuple(crossings(snapshots))
    last = read.stage(snapshots.target).label
    kitchen = [each.source for each in found if each.target == last][-1:]
    labels = dict.fromkeys([read.stage(name).label for name in names] or [*kitchen, last])
    return Rooms(tuple(Room(label, snapshots.stage(label), found) for label in labels), found)


def crossings(snapshots: Snapshots) -> Iterator[Crossing]:
    """What each COPY --from of the stages that are built took from another stage."""
    read = snapshots.dockerfile
    for edge in read.edges:
        if edge.via == "COPY" and not edge.external and edge.target in read.needed(snapshots.target):
            _, copy = locate(read, edge.line)
            source, before = snapshots.stage(edge.source), snapshots.before(edge.line)
            variables = snapshots.arguments(edge.line) | before.env
            with contextlib.suppress(BadSubstitution):
                sources, into = copy.operands
                *patterns, into = (expand(each, variables, read.escape) for each in (*sources, into))
                target = posixpath.join(before.workdir, into)
                found = [path for each in patterns for path in _matching(source, posixpath.join("/", each))]
                yield from (Crossing(edge.line, edge.source, edge.target, path,
                                     _put(path, source, target, before, len(found))) for path in found)


def _put(path: str, source: Snapshot, target: str, before: Snapshot, count: int) -> str:
    """Where COPY puts one of `count` sources: into `target`, if that is a folder."""
    into = target.endswith("/") or count > 1 or (before.has(target) and before.stat(target).is_dir)
    if into and not source.stat(path).is_dir:
        target = posixpath.join(target, posixpath.basename(path))
    return posixpath.normpath(target)


def _matching(snapshot: Snapshot, pattern: str) -> list[str]:
    """The paths that match a source of COPY, whose last part may be a pattern."""
    folder, name = posixpath.split(posixpath.normpath(pattern))
    if not any(sign in name for sign in "*?["):
        return [posixpath.join(folder, name)]
    with contextlib.suppress(CallFailed):
        return [posixpath.join(folder, each.name) for each in snapshot.files(folder) if fnmatchcase(each.name, name)]
    return []
