"""The state of a build, folded from its events.

`Progress` is what a live view draws while the build runs, and what `BuildResult` is made from when it has ended.
"""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..dockerfile import Dockerfile, Stage
from ..errors import Unsupported
from ..lint import Finding
from .control import Entry
from .events import Event, Failed, ImageCreated, Output, StepSeen
from .snapshot import Snapshot
from .snapshots import Snapshots
from .step_lines import Place, places
from .times import covered, work

_LINES = 10_000        # of one step; older lines are dropped, as no one scrolls further
_HALF = 1_000          # characters kept at each end of a long line
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Step:
    """One step of a build, done or under way.

    stage        label of its stage; '' for work around the stages (context, export)
    instruction  as the builder prints it
    line         in the Dockerfile, from 1, or None
    cached       taken from the build cache
    started, completed   seconds since the build's first step began, or None
    error        the builder's own words, '' if none
    log          lines that it printed, oldest first
    key, inputs  the builder's name for the step, and for those it needs
    """

    stage: str
    instruction: str
    line: int | None
    cached: bool
    started: float | None
    completed: float | None
    error: str = ""
    log: tuple[str, ...] = ()
    key: str = field(default="", repr=False)
    inputs: tuple[str, ...] = field(default=(), repr=False)

    @property
    def seconds(self) -> float:
        """How long it ran; 0.0 if it was cached or has not ended."""
        if self.cached or self.started is None or self.completed is None:
            return 0.0
        return max(0.0, self.completed - self.started)

    @property
    def status(self) -> str:
        """waiting, running, cached, failed or done."""
        if self.error:
            return "failed"
        if self.cached:
            return "cached"
        if self.started is None:
            return "waiting"
        return "running" if self.completed is None else "done"

    def facts(self) -> dict[str, object]:
        """A step in `build --json`."""
        return {"stage": self.stage, "instruction": self.instruction, "line": self.line, "cached": self.cached,
                "started": self.started, "completed": self.completed}


@dataclass(frozen=True)
class StageReport:
    """What a stage of the Dockerfile cost in this build.

    status    built, cached (nothing had to run) or skipped (nothing needs it)
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
        """Its file system, as its last line leaves it, from the build cache. A skipped stage is built for that.

        Raises Unsupported where the builder was not BuildKit, or the build did not end well.
        """
        if self.snapshots is None:
            raise Unsupported("The files of this stage cannot be looked into.",
                              why="The build has not ended, or was not BuildKit's.", remedy="Use BuildKit's result.")
        return self.snapshots.stage(self.name)

    def facts(self) -> dict[str, object]:
        """A stage in `build --json`."""
        return {"name": self.name, "base": self.base, "status": self.status, "seconds": round(self.seconds, 3)}

    def files(self, path: str = "/") -> tuple[Entry, ...]:
        """What is in a folder of the stage. Errors as of `snapshot`, and CallFailed."""
        return self.snapshot.files(path)

    def read(self, path: str) -> bytes:
        """A file of the stage. Errors as of `snapshot`, and CallFailed."""
        return self.snapshot.read(path)

    def tree(self, path: str = "/", depth: int = 2) -> str:
        """The stage's folders and files as text. Errors as of `snapshot`, and CallFailed."""
        return self.snapshot.tree(path, depth)


class Progress:
    """Folds events; `steps()` and `stages()` are the state at any time. `engine`: in words, for a source line."""

    def __init__(self, dockerfile: Dockerfile, target: str | None, builder: str, engine: str = ""):
        self.engine = engine
        self.dockerfile = dockerfile
        self.target = target
        self.builder = builder
        self.images: list[str] = []   # ids, the build's last
        self.made: list[str] = []     # those of them that this build made
        self.failure: str = ""
        self.warnings: dict[Finding, None] = {}    # of the builder's own checks, each once
        self.sent = 0             # bytes of the context that have left
        self._seen: dict[str, StepSeen] = {}
        self._logs: dict[str, StepLog] = {}
        self._places: dict[str, Place] = {}

    def add(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case StepSeen():
                self._seen[event.key] = _merged(self._seen.get(event.key), event)
            case Output():
                self._logs.setdefault(event.key, StepLog()).add(event.text)
            case ImageCreated():
                self.images.append(event.image)
                if event.made:
                    self.made.append(event.image)
            case Finding():
                self.warnings[event] = None
            case Failed():
                self.failure = event.message

    def steps(self) -> list[Step]:
        """Every step that has appeared, in the order of appearance."""
        # Not the earliest: where another build has just taken the same base image,
        # BuildKit reports when that one did, which may be minutes ago.
        zero = next((s.started for s in self._seen.values() if s.started is not None), 0.0)
        alike: dict[str, list[StepSeen]] = {}
        for key, seen in self._seen.items():
            alike.setdefault(seen.name.replace("] LINK ", "] ") if seen.name.startswith("[") else key, []).append(seen)
        known = {each.key: _shown(group).key for group in alike.values() for each in group}
        return [self._step(group, zero, known) for group in alike.values()]

    def stages(self) -> list[StageReport]:
        """Every stage of the Dockerfile, in its order, skipped ones too."""
        by_stage: dict[str, list[Step]] = {}
        for step in self.steps():
            by_stage.setdefault(step.stage, []).append(step)
        needed = self.dockerfile.needed(self.target)
        return [_report(stage, tuple(by_stage.get(stage.label, ())),
                        stage.label in needed and not self.failure)
                for stage in self.dockerfile.stages]

    def _step(self, group: list[StepSeen], zero: float, known: Mapping[str, str]) -> Step:
        seen = _shown(group)
        stage, instruction, line = self._place(seen.key)
        logs = [line for each in group if each.key in self._logs for line in self._logs[each.key].lines()]
        inputs = dict.fromkeys(known.get(key, key) for each in group for key in each.inputs)
        return Step(stage, instruction, line, seen.cached,
                    None if seen.started is None else max(0.0, seen.started - zero),
                    None if seen.completed is None else max(0.0, seen.completed - zero), seen.error,
                    tuple(logs), seen.key, tuple(key for key in inputs if key != seen.key))

    def _place(self, key: str) -> Place:
        if len(self._places) != len(self._seen):    # a step that appears may say more about where the others belong
            self._places = places(self.builder, self._seen.values(), self.dockerfile, self.target)
        return self._places[key]


def _shown(group: list[StepSeen]) -> StepSeen:
    """One instruction, of which BuildKit may make several steps of one name: found in the cache under two keys, done
    for two platforms, fetched and then added (ADD of an address), copied and then linked (COPY --link)."""
    own = [each for each in group if "] LINK " not in each.name] or group
    shown = next((each for each in group if each.error), own[-1])
    if len(own) == 1:
        return shown
    started = min((each.started for each in own if each.started is not None), default=None)
    running = any(each.started is not None and each.completed is None for each in own)
    completed = None if running else max((each.completed for each in own if each.completed is not None), default=None)
    return replace(shown, started=started, completed=completed)


def _merged(old: StepSeen | None, new: StepSeen) -> StepSeen:
    """BuildKit reports a step again when it looks it up again, with new and tiny
    times: the longest run is the one that did the work. What first comes from the cache stays so: of an imported
    cache, it reports how a step's layers are fetched as if the step ran."""
    if old is None or old.started is None or new.error:
        return new
    if old.completed is None:
        return replace(new, cached=old.cached or new.cached)
    if new.started is None or new.completed is None:
        return old
    longer = new if new.completed - new.started > old.completed - old.started else old
    return StepSeen(new.key, new.name, longer.started, longer.completed, old.cached, new.error or old.error, new.inputs)


class StepLog:
    """Takes text of any length in time and memory that do not grow with the length of a line.

    A line longer than 2,000 characters is cut in the middle, and says how much was cut. Colours are dropped, and of a
    line that was drawn over with carriage returns (a progress bar) the last state is kept, as on a terminal.
    """

    def __init__(self) -> None:
        self._done: deque[str] = deque(maxlen=_LINES)
        self._head, self._tail, self._length = "", "", 0

    def add(self, text: str) -> None:
        """Take in what the step printed next."""
        first, *rest = text.split("\n")
        self._extend(first)
        for each in rest:
            self._done.append(self._line())
            self._head, self._tail, self._length = "", "", 0
            self._extend(each)

    def lines(self) -> tuple[str, ...]:
        """The lines so far, oldest first, the unfinished last one too."""
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
    """`reached`: whether the build needed this stage, even if none of its steps was reported: BuildKit is silent about
    some of what it takes from the cache. A FROM says nothing about a stage: BuildKit takes an image once for all stages
    on it, in other builds too, and names any of them, even a skipped one."""
    own = work(steps)
    if not reached and not any(step.started is not None or step.cached for step in own):
        status = "skipped"
    elif any(not step.cached and step.started is not None for step in own):
        status = "built"
    else:
        status = "cached"
    return StageReport(stage.label, stage.base, stage.line, status, covered(own), steps)
