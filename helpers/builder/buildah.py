"""Buildah's answer: the lines that `podman build` prints, one JSON object each.

    [1/2] STEP 3/4: COPY . .        a step of stage 1 of 2 begins; '[1/2] ' only where there are several
    --> Using cache e3e3fd3733b9...
    --> e3e3fd3733b                 the image of the step, which has ended
    [2/2] COMMIT ...

Stages have their numbers in the Dockerfile, skipped ones included. No line ends a FROM.
"""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .events import Event, ImageCreated, Output, StepSeen
from .text_stream import Clock, TextStream

_STEP = re.compile(r"(?:\[(\d+)/\d+\] )?STEP (\d+)/(\d+): (.*)", re.DOTALL)
_RESULT = re.compile(r"--> ([0-9a-f]{11,64})\s*")
_CACHE = re.compile(r"--> Using cache [0-9a-f]{11,64}\s*")
_CHATTER = re.compile(r"(?:\[\d+/\d+\] )?COMMIT(?: \S+)?\s*|Successfully (?:built|tagged) \S+\s*|[0-9a-f]{64}\s*")


def events(answers: Iterable[dict], clock: Clock = time.time) -> Iterator[Event]:
    """The events in Buildah's answer. A step's key is 'stage/number', both from 1."""
    return _Buildah(clock).events(answers)


class _Buildah(TextStream):
    """`ended`: the line that seems to end the current step, and its time. A command may print such a line, so the next
    one decides."""

    def __init__(self, clock: Clock):
        super().__init__(clock)
        self.stage, self.number, self.total = 0, 0, 0
        self.ended: tuple[str, float] | None = None

    def read(self, text: str) -> Iterator[Event]:
        if (begun := _STEP.fullmatch(text)) and self._is_next(begun):
            yield from self.flush(failed=False)
            self.stage, self.number, self.total = int(begun[1] or 1), int(begun[2]), int(begun[3])
            before = (f"{self.stage}/{self.number - 1}",) if self.number > 1 else ()
            yield from self.begin(StepSeen(f"{self.stage}/{self.number}", begun[4].strip(),
                                           started=self.clock(), inputs=before))
        elif self.step is None:
            return
        elif _CHATTER.fullmatch(text):
            yield from self.flush(failed=False)
        elif self.step.completed is None:
            yield from self.flush(failed=True)
            yield from self._of_step(self.step, text)

    def _of_step(self, step: StepSeen, text: str) -> Iterator[Event]:
        if _CACHE.fullmatch(text):
            yield self.news(replace(step, cached=True))
        elif _RESULT.fullmatch(text):
            self.ended = text, self.clock()
        else:
            yield Output(step.key, text)

    def flush(self, failed: bool) -> Iterator[Event]:
        """The end of the step, or, if the step went on, its output."""
        step, ended, self.ended = self.step, self.ended, None
        if step is None or ended is None:
            return
        text, moment = ended
        if failed:
            yield Output(step.key, text)
        elif result := _RESULT.fullmatch(text):
            yield self.news(replace(step, completed=moment))
            yield ImageCreated(result[1], made=not step.cached)

    def _is_next(self, begun: re.Match[str]) -> bool:
        """Whether it is the stage's next step, or the first of a later stage."""
        stage, number, total = int(begun[1] or 1), int(begun[2]), int(begun[3])
        if number == 1:
            return stage > self.stage and self.number == self.total and self._at_end()
        return (stage, number, total) == (self.stage, self.number + 1, self.total) and self._at_end()

    def _at_end(self) -> bool:
        """Whether the current step has ended, as far as reported."""
        step = self.step
        return step is None or step.completed is not None or self.ended is not None or step.name.startswith("FROM ")
