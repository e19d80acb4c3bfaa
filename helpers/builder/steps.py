"""The steps of a build: when they ran, which at once, and which needs which. A cached step took no time."""

from collections.abc import Iterable
from dataclasses import dataclass, field

Span = tuple[float, float]   # from, to: seconds since the build's first step began


@dataclass(frozen=True)
class Step:
    """One step of a build.

    stage        label of its stage; '' for work around the stages (context, export)
    instruction  as the builder prints it
    line         in the Dockerfile, from 1, or None
    cached       taken from the build cache; also a FROM whose image was present, as its time shows: BuildKit calls it
                 either cached or done
    started, completed   seconds since the build's first step began, or None
    error        the builder's message, '' for none
    log          lines that it printed, oldest first
    key, inputs  the builder's name for the step, and for those that it needs
    also         of a FROM: (label, line) of other stages that begin with the same image, which is taken once
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
    also: tuple[tuple[str, int | None], ...] = ()

    @property
    def seconds(self) -> float:
        """Seconds that it ran; 0.0 if it was cached or has not ended."""
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


def is_from(instruction: str) -> bool:
    """Whether it is a FROM, as a builder prints it."""
    return instruction.upper().startswith("FROM ")


def work(steps: Iterable[Step]) -> list[Step]:
    """The steps without FROM, which makes nothing."""
    return [step for step in steps if not is_from(step.instruction)]


def spans(steps: Iterable[Step]) -> list[Span]:
    """When at least one of `steps` ran: in order, without overlap."""
    runs = sorted((step.started, step.completed) for step in steps
                  if not step.cached and step.started is not None and step.completed is not None)
    merged: list[Span] = []
    for begin, end in runs:
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif begin < end:
            merged.append((begin, end))
    return merged


def covered(steps: Iterable[Step]) -> float:
    """Seconds during which at least one of `steps` ran (overlaps count once)."""
    return sum(end - begin for begin, end in spans(steps))


def together(one: Iterable[Step], two: Iterable[Step]) -> list[Span]:
    """When a step of `one` and a step of `two` ran at once."""
    shared = [(max(begin, other_begin), min(end, other_end))
              for begin, end in spans(one) for other_begin, other_end in spans(two)]
    return [(begin, end) for begin, end in shared if begin < end]


def overlap(one: Iterable[Step], two: Iterable[Step]) -> float:
    """Seconds during which a step of `one` and a step of `two` ran at once."""
    return sum(end - begin for begin, end in together(one, two))


def dependencies(steps: Iterable[Step]) -> list[tuple[Step, Step]]:
    """(giver, taker) for each step that needs one of another stage, by the builder's report.

    Without FROM, which BuildKit runs once for all stages on an image. It also runs equal steps on one image once: the
    second stage then depends on the first.
    """
    by_key = {step.key: step for step in work(steps) if step.stage}
    pairs = [(by_key[key], step) for step in by_key.values() for key in step.inputs if key in by_key]
    return [(giver, taker) for giver, taker in pairs if giver.stage != taker.stage]
