"""The common part of the legacy builder's answer and Buildah's: lines of text, an error, which ends the answer, and the
id of the finished image. `legacy` and `buildah` read the lines.

Neither reports times: a step begins and ends when its line reaches us. Commands print into the same stream, perhaps
what looks like a line of the builder's, so a step line counts only where it can come next.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from .events import Event, Failed, ImageCreated, StepSeen

Clock = Callable[[], float]


class TextStream(ABC):
    """Reads one answer. `step` is the current one, None before the first."""

    def __init__(self, clock: Clock = time.time):
        self.clock = clock
        self.step: StepSeen | None = None

    @abstractmethod
    def read(self, text: str) -> Iterator[Event]:
        """The events in one message of the builder or a command."""

    def flush(self, failed: bool) -> Iterator[Event]:
        """The events in what was held back until the next message."""
        yield from ()

    def events(self, answers: Iterable[dict]) -> Iterator[Event]:
        """The events in an answer's JSON objects."""
        for answer in answers:
            if "error" in answer or "errorDetail" in answer:
                yield from self.flush(failed=True)
                failed = Failed.of(answer)
                if self.step and self.step.completed is None:
                    yield replace(self.step, completed=self.clock(), error=failed.message)
                yield failed
                return
            if "ID" in (answer.get("aux") or {}):
                yield from self.flush(failed=False)
                yield ImageCreated(answer["aux"]["ID"])
            else:
                yield from self.read(answer.get("stream", ""))
        yield from self.flush(failed=False)

    def begin(self, step: StepSeen) -> Iterator[Event]:
        """A step begins; the one before ends, if no line has said so."""
        if self.step and self.step.completed is None:
            yield replace(self.step, completed=step.started)
        yield self.news(step)

    def news(self, step: StepSeen) -> StepSeen:
        """Replace the current step."""
        self.step = step
        return step
