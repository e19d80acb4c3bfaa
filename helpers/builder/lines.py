"""A Dockerfile line by line: what is there before and after each, and what it changed."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..bases import references
from ..dockerfile import Dockerfile, Stage
from ..dockerfile.reader import Instruction
from ..errors import Unsupported
from .control import Mount, Process, State
from .snapshot import Snapshot
from .snapshots import Snapshots, locate

_WRITING = ("RUN", "COPY", "ADD", "WORKDIR")
_MOUNTED = "/.multistage"
# One line a file: mode, owner, size, time, path. Busybox has these as GNU has them; some images have neither.
_LIST = ('command -v find && command -v stat || exit 127; '
         f'find "{_MOUNTED}$0" -xdev -exec stat -c "%f %u %g %s %Y %n" {{}} + 2>/dev/null')


@dataclass(frozen=True)
class Changes:
    """Paths that a line added, changed and removed, in order."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


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
        scope = _scope(self.instruction, self.before)
        return compared(self.lines.listing(self.before, scope), self.lines.listing(self.after, scope))


class Lines(Sequence[Line]):
    """The instructions of the stages that are built, in the order of the file."""

    def __init__(self, snapshots: Snapshots):
        self.snapshots = snapshots
        self.dockerfile: Dockerfile = snapshots.dockerfile
        needed = self.dockerfile.needed(snapshots.target)
        self._all = [Line(self, stage, each) for stage in self.dockerfile.stages if stage.label in needed
                     for each in stage.instructions]
        self._listed: dict[tuple[str, str], dict[str, str]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: int) -> Line:    # type: ignore[override]
        return self._all[index]

    def at(self, number: int) -> Line:
        """The instruction at a line of the Dockerfile. Raises DockerfileError where none of these stands there."""
        line = locate(self.dockerfile, number)[1].line
        return next(each for each in self if each.number == line)

    def listing(self, snapshot: Snapshot, scope: str = "/") -> dict[str, str]:
        """{path: facts} of every file below `scope`, by `find` in a container. Raises Unsupported without a shell."""
        state = snapshot._state
        if not state.ref:
            return {}
        if (state.ref, scope) not in self._listed:
            self._listed[state.ref, scope] = self._find(state, scope)
        return self._listed[state.ref, scope]

    def _find(self, state: State, scope: str) -> dict[str, str]:
        """By a shell of its own, or that of a base of this build."""
        for base in ("", *self.snapshots.bases):
            finder = state.gateway.image(references.parse(base).full) if base else state
            if (shell := Snapshot(base, finder).shell) and (found := _listing(finder, shell, state, scope)) is not None:
                return found
        raise Unsupported("The files before and after this line are not compared.",
                          why="That takes a shell, and no base of this build has one.",
                          remedy="Look at them with .before.tree() and .after.tree().")


def _listing(finder: State, shell: str, state: State, scope: str) -> dict[str, str] | None:
    """None where the finder has no `find`."""
    with finder.container(network=False, more=[Mount(state.ref, _MOUNTED, True)]) as container:
        done = container.run(Process([shell, "-c", _LIST, scope], ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"]))
    if done.exit_code == 127:
        return None
    rows = (line.split(" ", 5) for line in done.output.splitlines())
    found = {row[5].removeprefix(_MOUNTED): row for row in rows if len(row) == 6}
    found.pop("/", None)
    # A folder's size and time change with what is in it, which is listed by itself.
    return {path: " ".join(row[:3] if row[0].startswith("4") else row[:5]) for path, row in found.items()}


def compared(before: dict[str, str], after: dict[str, str]) -> Changes:
    """What differs between two listings."""
    changed = (path for path in before.keys() & after.keys() if before[path] != after[path])
    return Changes(tuple(sorted(after.keys() - before.keys())), tuple(sorted(changed)),
                   tuple(sorted(before.keys() - after.keys())))


def _scope(instruction: Instruction, before: Snapshot) -> str:
    """The folder below the root in which an instruction writes, '/' where that is not certain."""
    if instruction.keyword == "RUN":
        return "/"
    into = instruction.arguments if instruction.keyword == "WORKDIR" else instruction.operands[1]
    path = posixpath.normpath(posixpath.join(before.workdir, into))
    first = path.strip("/").partition("/")[0]
    return f"/{first}" if first and not set("$\"'\\").intersection(path) else "/"
