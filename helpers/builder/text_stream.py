"""What the legacy builder and Buildah have in common: their answer is lines of text.

Between the lines stand an error, which ends the answer, and the id of the finished image. What the lines mean differs:
`legacy` and `buildah` read them. Neither reports times: those of a step are when its line reached us.

A command prints into the same stream, and may print what looks like a line of the
builder's. A step line counts only where it can come next.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from .events import Event, Failed, ImageCreated, StepSeen

Clock = Callable[[], float]


class TextStream(ABC):
    """Reads one answer. `step` is the one at work, None before the first."""

    def __init__(self, clock: Clock = time.time):
        self.clock = clock
        self.step: StepSeen | None = None

    @abstractmethod
    def read(self, text: str) -> Iterator[Event]:
        """The events in one message of the builder or of a command."""

    def flush(self, failed: bool) -> Iterator[Event]:
        """The events in what was held back until it is known what follows."""
        yield from ()

    def events(self, answers: Iterable[dict]) -> Iterator[Event]:
        """The events in an answer, given as its JSON objects."""
        for answer in answers:
            if "error" in answer or "errorDetail" in answer:
                yield from self.flush(failed=True)
                detail = answer.get("errorDetail") or {}
                message = (detail.get("message") or answer.get("error", "")).strip()
                if self.step and self.step.completed is None:
                    yield replace(self.step, completed=self.clock(), error=message)
                yield Failed(message, detail.get("code"))
                return
            if "ID" in (answer.get("aux") or {}):
                yield from self.flush(failed=False)
                yield ImageCreated(answer["aux"]["ID"])
            else:
                yield from self.read(answer.get("stream", ""))
        yield from self.flush(failed=False)

    def begin(self, step: StepSeen) -> Iterator[Event]:
        """A step begins; the one before ends, if no line said so."""
        if self.step and self.step.completed is None:
            yield replace(self.step, completed=step.started)
        yield self.news(step)

    def news(self, step: StepSeen) -> StepSeen:
        """Later news of the step at work."""
        self.step = step
        return step
