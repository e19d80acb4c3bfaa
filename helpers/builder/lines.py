"""A Dockerfile line by line: what is there before and after each, and what it changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ..bases import references
from ..dockerfile import Dockerfile, Stage
from ..dockerfile.reader import Instruction
from ..errors import Unsupported
from .changes import Changes, compare
from .snapshot import Snapshot
from .snapshots import Snapshots, locate

_WRITING = ("RUN", "COPY", "ADD", "WORKDIR")


class Line:
    """One instruction and the state on both sides of it. Nothing is solved before it is asked for."""

    def __init__(self, lines: Lines, stage: Stage, instruction: Instruction):
        self.stage, self.instruction, self.number = stage.label, instruction, instruction.line
        self.lines, self.begins = lines, stage.instructions[0] is instruction

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
        """The state after it. Raises CallFailed where it cannot be built."""
        return self.lines.snapshots.at(self.number)

    @property
    def writes(self) -> bool:
        """Whether it may change files of the stage."""
        return self.instruction.keyword in _WRITING

    @property
    def arguments(self) -> dict[str, str]:
        """The build arguments in scope after it."""
        return self.lines.snapshots.arguments(self.number)

    @cached_property
    def changes(self) -> Changes | None:
        """What it did to the files; None for a FROM. Raises Unsupported where no shell is there to compare them."""
        if self.before is None:
            return None
        if not self.writes:
            return Changes()
        return self.lines.compare(self.before, self.after)


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
        """The instruction at a line of the Dockerfile. Raises DockerfileError where none of these stands there."""
        line = locate(self.dockerfile, number)[1].line
        return next(each for each in self if each.number == line)

    def compare(self, before: Snapshot, after: Snapshot) -> Changes:
        """What differs between two states of this build, by the programs of the later one, or those of a base. Raises
        Unsupported where neither has a shell."""
        state = after._state
        for base in ("", *self.snapshots.bases):
            finder = state.gateway.image(references.parse(base).full) if base else state
            if (shell := Snapshot(base, finder).shell) and (found := compare(before._state, state, finder, shell)):
                return found
        raise Unsupported("The files before and after this line are not compared.",
                          why="That takes a shell with find and stat, and no base of this build has them.",
                          remedy="Look at them with .before.tree() and .after.tree().")
