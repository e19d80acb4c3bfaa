"""The state of a build, folded from its events: drawn while it runs, and the source of its `BuildResult`."""

import re
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..dockerfile import Dockerfile, Stage
from ..errors import Unsupported
from ..lint import Finding
from .control import Entry
from .events import Event, Failed, ImageCreated, Output, StepSeen
from .snapshot import Snapshot
from .snapshots import Snapshots
from .step_lines import Place, places
from .steps import Step, covered, is_from, work

_INSTANT = 0.1         # seconds below which a FROM has fetched nothing
_LINES = 10_000        # of one step; older lines are dropped
_HALF = 1_000          # characters kept at each end of a long line
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class StageReport:
    """A stage of the Dockerfile in this build.

    status    built, cached (nothing ran) or skipped (nothing needs it)
    seconds   during which at least one of its steps ran
    """

    name: str
    base: str
    line: int
    status: str
    seconds: float
    steps: tuple[Step, ...] = ()
    snapshots: Snapshots | None = field(default=None, repr=False, compare=False)

    @property
    def snapshot(self) -> Snapshot:
        """Its file system after its last line, from the build cache; a skipped stage is built for that. Raises
        Unsupported if the builder was not BuildKit, or the build has not succeeded."""
        if self.snapshots is None:
            raise Unsupported("The files of this stage cannot be looked into.",
                              why="The build has not ended, or was not BuildKit's.",
                              remedy="Take the stage of a result of BuildKit's: build(...).stage(name).")
        return self.snapshots.stage(self.name)

    def facts(self) -> dict[str, object]:
        """A stage in `build --json`."""
        return {"name": self.name, "base": self.base, "status": self.status, "seconds": round(self.seconds, 3)}

    def files(self, path: str = "/") -> tuple[Entry, ...]:
        """A folder's entries. Raises as `snapshot`, and CallFailed."""
        return self.snapshot.files(path)

    def read(self, path: str) -> bytes:
        """A file's content. Raises as `snapshot`, and CallFailed."""
        return self.snapshot.read(path)

    def tree(self, path: str = "/", depth: int = 2) -> str:
        """Folders and files below `path` as text, `depth` levels deep. Raises as `snapshot`, and CallFailed."""
        return self.snapshot.tree(path, depth)


class Progress:
    """Folds events; `steps()` and `stages()` are the state at any time. `engine`: described, for a source line."""

    def __init__(self, dockerfile: Dockerfile, target: str | None, builder: str, engine: str = ""):
        self.dockerfile, self.target, self.builder, self.engine = dockerfile, target, builder, engine
        self.images: list[str] = []   # ids, the build's last
        self.made: list[str] = []     # ids of those that this build made
        self.failure = ""             # the builder's message
        self.warnings: dict[Finding, None] = {}    # of the builder's own checks, each once
        self.sent = 0                 # bytes of the context
        self._seen: dict[str, StepSeen] = {}
        self._logs: dict[str, dict[str, StepLog]] = defaultdict(lambda: defaultdict(StepLog))   # by step and writer
        self._places: dict[str, Place] = {}

    def add(self, event: Event) -> None:
        """Update the state by one event."""
        match event:
            case StepSeen():
                self._seen[event.key] = event
            case Output():
                self._logs[event.key][event.writer].add(event.text)
            case ImageCreated():
                self.images.append(event.image)
                self.made += [event.image] if event.made else []
            case Finding():
                self.warnings[event] = None
            case Failed():
                self.failure = event.message

    def steps(self) -> list[Step]:
        """Every step so far, in order of appearance."""
        # Not the earliest: of a base image that another build has just taken, BuildKit reports when that build did.
        zero = next((s.started for s in self._seen.values() if s.started is not None), 0.0)
        return [self._step(seen, zero) for seen in self._seen.values()]

    def stages(self) -> list[StageReport]:
        """Every stage of the Dockerfile, in its order, skipped ones included."""
        steps, needed = self.steps(), () if self.failure else self.dockerfile.needed(self.target)
        return [_report(stage, tuple(step for step in steps if step.stage == stage.label), stage.label in needed)
                for stage in self.dockerfile.stages]

    def _step(self, seen: StepSeen, zero: float) -> Step:
        stage, instruction, line = self._place(seen.key)
        begun, ended = (None if at is None else max(0.0, at - zero) for at in (seen.started, seen.completed))
        begins = is_from(instruction)
        takers = self._takers(stage) if begins and self.builder == "buildkit" else []
        (stage, line), *also = takers or [(stage, line)]
        took = None if begun is None or ended is None else ended - begun
        here = begins and took is not None and (took < _INSTANT or self.builder != "buildkit")
        return Step(stage, instruction, line, seen.cached or here, begun, ended, seen.error,
                    tuple(line for log in self._logs[seen.key].values() for line in log.lines()), seen.key, seen.inputs,
                    tuple(also))

    def _place(self, key: str) -> Place:
        if len(self._places) != len(self._seen):    # a new step may tell more about the place of the others
            self._places = places(self.builder, self._seen.values(), self.dockerfile, self.target)
        return self._places[key]

    def _takers(self, name: str) -> list[tuple[str, int | None]]:
        """(label, line) of the stages that share a FROM reported for the stage of that name: BuildKit takes an image
        once for all stages, of other builds too, and names any of them, even a skipped one."""
        begun = {place.stage for place in self._places.values() if is_from(place.instruction)} - {name}
        needed = self.dockerfile.needed(self.target)
        base = next(((each.base, each.platform) for each in self.dockerfile.stages if each.label == name), None)
        return [(each.label, each.line) for each in self.dockerfile.stages
                if (each.base, each.platform) == base and each.base_stage is None and each.label in needed - begun]


def in_order(steps: Iterable[Step]) -> list[Step]:
    """The steps of stages in the order of the Dockerfile, not of the builder's report."""
    return sorted((step for step in steps if step.stage), key=lambda step: step.line or 0)


class StepLog:
    """The lines that a step printed, in time and memory independent of a line's length.

    A line of more than 2,000 characters is cut in the middle. Colours are dropped, and of a line rewritten with
    carriage returns (a progress bar) only the last state is kept, as on a terminal.
    """

    def __init__(self) -> None:
        self._done: deque[str] = deque(maxlen=_LINES)
        self._head, self._tail, self._length = "", "", 0

    def add(self, text: str) -> None:
        """Add the next piece of output."""
        first, *rest = text.split("\n")
        self._extend(first)
        for each in rest:
            self._done.append(self._line())
            self._head, self._tail, self._length = "", "", 0
            self._extend(each)

    def lines(self) -> tuple[str, ...]:
        """The lines so far, oldest first, with the unfinished last one."""
        last = self._line()
        return (*self._done, last) if last else tuple(self._done)

    def _extend(self, piece: str) -> None:
        self._length += len(piece)
        room = _HALF - len(self._head)
        self._head += piece[:room]
        self._tail = (self._tail + piece[room:])[-_HALF:] if len(piece) - room < _HALF else piece[-_HALF:]

    def _line(self) -> str:
        cut = self._length - len(self._head) - len(self._tail)
        line = f"{self._head} ... {cut:,} characters cut ... {self._tail}" if cut else self._head + self._tail
        return _COLOUR.sub("", line.rstrip("\r").rpartition("\r")[2])


def _report(stage: Stage, steps: tuple[Step, ...], reached: bool) -> StageReport:
    """`reached`: whether the build needed this stage, even without a step: BuildKit does not report everything that it
    takes from the cache. A FROM says nothing about a stage."""
    own = work(steps)
    ran = any(not step.cached and step.started is not None for step in own)
    status = "built" if ran else "cached" if reached or any(step.cached for step in own) else "skipped"
    return StageReport(stage.label, stage.base, stage.line, status, covered(own), steps)
