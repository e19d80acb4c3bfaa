"""A Dockerfile line by line: the state before and after each line, and what it changed.

Both file systems are mounted into one container and compared folder by folder. On overlayfs, most folders are skipped:
the kernel reports a folder's links, inode and time of change from the uppermost layer that has it. A step's layer has
every folder with a change below it, so one with the same three values has the same content. (An overlay with a writable
layer reports the inode of the layer below, but a folder in one layer keeps its links, and a merged one has 1.)
Source: Linux, Documentation/filesystems/overlayfs.rst, and fs/overlayfs/inode.c, ovl_getattr.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

from ..bases import references
from ..dockerfile import LAYERED, Dockerfile, Stage
from ..dockerfile.reader import Instruction
from ..errors import Unsupported
from .control import CallFailed, Mount, Process, Running, State
from .snapshot import Snapshot
from .snapshots import Snapshots, locate

_SIDES = ("/.multistage/before", "/.multistage/after")
_OVERLAY = "794c7630"    # linux/magic.h
_OUTPUT = 1
_MANY = 1000             # folders in a question: the kernel limits a program's arguments
_PATH = "PATH=/usr/bin:/bin:/usr/sbin:/sbin"
# What busybox and GNU both have. Each answer ends with a NUL, which no file name contains.
_SHELL = (f"command -v find && command -v stat || exit 127; stat -f -c %t {_SIDES[1]}; printf '\\0'; "
          "while read -r line; do eval \"$line\"; printf '\\0'; done")
_FIND = "find {} -mindepth 1 {} -exec stat -c '%f %u %g|%h %i %z|%s %y %n' {{}} + 2>/dev/null"


@dataclass(frozen=True)
class Changes:
    """Paths that a line added, changed and removed, in order."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class Line:
    """One instruction and the state on both sides of it, each solved on first use."""

    def __init__(self, lines: Lines, stage: Stage, instruction: Instruction):
        self.stage, self.instruction, self.number = stage.label, instruction, instruction.line
        self.lines, self.begins = lines, stage.instructions[0] is instruction
        self.is_first = self.begins and stage.index == 0    # of the Dockerfile: no stage is above it

    @property
    def text(self) -> str:
        """The instruction as one line."""
        return " ".join(f"{self.instruction.keyword} {self.instruction.value}".split())

    @cached_property
    def before(self) -> Snapshot | None:
        """The state before it; None for a FROM, which begins with nothing of the stages above."""
        return None if self.begins else self.lines.snapshots.before(self.number)

    @cached_property
    def after(self) -> Snapshot:
        """The state after it. Raises CallFailed if it cannot be built."""
        return self.lines.snapshots.at(self.number)

    @property
    def writes(self) -> bool:
        """Whether it may change files of the stage."""
        return self.instruction.keyword in LAYERED

    @property
    def arguments(self) -> dict[str, str]:
        """The build arguments in scope after it."""
        return self.lines.snapshots.arguments(self.number)

    @cached_property
    def changes(self) -> Changes | None:
        """What it did to the files; None for a FROM. Raises as `Lines.compare`."""
        if self.before is None:
            return None
        return self.lines.compare(self.before, self.after) if self.writes else Changes()


class Lines(Sequence[Line]):
    """The instructions of the stages that are built, in the order of the file."""

    def __init__(self, snapshots: Snapshots):
        self.snapshots = snapshots
        self.dockerfile: Dockerfile = snapshots.dockerfile
        needed = self.dockerfile.needed(snapshots.target)
        self._all = [Line(self, stage, each) for stage in self.dockerfile.stages if stage.label in needed
                     for each in stage.instructions]

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: int) -> Line:    # type: ignore[override]
        return self._all[index]

    def at(self, number: int) -> Line:
        """The instruction at a line of the Dockerfile. Raises DockerfileError if there is none."""
        line = locate(self.dockerfile, number)[1].line
        return next(each for each in self if each.number == line)

    def compare(self, before: Snapshot, after: Snapshot) -> Changes:
        """The differences between two states of this build, found by the programs of the later one or of a base.
        Raises Unsupported if none of them has a shell with find and stat."""
        state = after.state
        for base in ("", *self.snapshots.bases):
            finder = state.gateway.image(references.parse(base).full) if base else state
            if (shell := Snapshot(base, finder).shell) and (found := compare(before.state, state, finder, shell)):
                return found
        raise Unsupported("The files before and after this line are not compared.",
                          why="That takes a shell with find and stat, and no base of this build has them.",
                          remedy="Look at them with .before.tree() and .after.tree().")


# {path: (mode and owner, what tells whether it is the same)}: of a folder, links, inode and time of change; else size
# and time. A folder has changed only if its first value has.
_Side = dict[str, tuple[str, str]]


def compare(before: State, after: State, finder: State, shell: str) -> Changes | None:
    """The differences, by `find` and `stat` of `finder`, a state of the same gateway; None if it lacks one of them.
    Raises CallFailed."""
    mounts = [Mount(state.ref, place, True) for place, state in zip(_SIDES, (before, after)) if state.ref]
    with finder.container(network=False, more=mounts) as container:
        running = container.start(Process([shell, "-c", _SHELL], [_PATH]))
        with closing(_answers(running)) as answers:
            if (first := next(answers, None)) is None:
                return None
            old, new = _listed(running, answers, first.split()[-1:] == [_OVERLAY.encode()])
    changed = [path for path in old.keys() & new.keys()
               if old[path][0] != new[path][0] or not _is_folder(old[path]) and old[path] != new[path]]
    return Changes(*(tuple(sorted(paths)) for paths in (new.keys() - old.keys(), changed, old.keys() - new.keys())))


def _answers(running: Running) -> Generator[bytes, None, None]:
    pieces: list[bytes] = []
    for source, piece in running.output():
        *ends, rest = piece.split(b"\0") if source == _OUTPUT else (b"",)
        for end in ends:
            yield b"".join((*pieces, end))
            pieces.clear()
        pieces.append(rest)


def _listed(running: Running, answers: Iterator[bytes], overlaid: bool) -> tuple[_Side, _Side]:
    """All files on both sides; on overlayfs, without those below folders that are the same."""
    sides: tuple[_Side, _Side] = {}, {}
    folders: Sequence[str] = [""]
    while folders:
        level: tuple[_Side, _Side] = {}, {}
        for at in range(0, len(folders), _MANY):
            names = " ".join(shlex.quote(side + folder) for folder in folders[at:at + _MANY] for side in _SIDES)
            running.write(os.fsencode(_FIND.format(names, "-maxdepth 1" * overlaid) + "\n"))
            if (answer := next(answers, None)) is None:
                raise CallFailed(2, "the shell that compares the files has ended")
            _read(os.fsdecode(answer), level)
        for side, found in zip(sides, level):
            side.update(found)
        before, after = level
        folders = [path for path in before | after if overlaid and before.get(path) != after.get(path)
                   and any(map(_is_folder, filter(None, (before.get(path), after.get(path)))))]
    return sides


def _read(answer: str, level: tuple[_Side, _Side]) -> None:
    for row in answer.split("\n"):
        facts, _, path = row.partition(" /")
        for place, side in zip(_SIDES, level):
            if f"/{path}".startswith(f"{place}/"):
                owned, folder, content = facts.split("|")
                side[f"/{path}".removeprefix(place)] = owned, folder if _is_folder((owned, "")) else content


def _is_folder(found: tuple[str, str]) -> bool:
    return stat.S_ISDIR(int(found[0].split()[0], 16))
