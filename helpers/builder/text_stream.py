"""The answers of the legacy builder and of Buildah: lines of text, an error, which ends the answer, and the id of the
finished image.

    Step 2/4 : RUN make                          without a line end, which is the next message
     ---> Running in 3f33958c2519                a command prints from here on
    Removing intermediate container 3f33958c2519    " ---> Removed ..." since Docker 23
     ---> e92dd820a8a4                           the image of the step, which has ended

    [1/2] STEP 3/4: COPY . .                     Buildah: stage 1 of 2, '[1/2] ' only if there are several
    --> Using cache e3e3fd3733b9...
    --> e3e3fd3733b                              the image of the step, which has ended
    [2/2] COMMIT ...

Buildah numbers stages as in the Dockerfile, skipped ones included; no line ends a FROM. Neither builder reports times:
a step begins and ends when its line reaches us. Commands print into the same stream, perhaps what looks like a line of
the builder's, so a step line counts only where it can come next.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from .events import Event, Failed, ImageCreated, Output, StepSeen

Clock = Callable[[], float]
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.DOTALL)
_RUNNING = re.compile(r" ---> Running in ([0-9a-f]+)\s*")
_REMOVED = re.compile(r"(?:Removing| ---> Removed|Error removing) intermediate container ([0-9a-f]+)")
_RESULT = re.compile(r" ---> ([0-9a-f]{12,64})?\s*")   # FROM scratch has no id
_CACHE = " ---> Using cache"
_CHATTER = ("Successfully built ", "Successfully tagged ", " ---> [Warning]")
_BUILDAH_STEP = re.compile(r"(?:\[(\d+)/\d+\] )?STEP (\d+)/(\d+): (.*)", re.DOTALL)
_BUILDAH_RESULT = re.compile(r"--> ([0-9a-f]{11,64})\s*")
_BUILDAH_CACHE = re.compile(r"--> Using cache [0-9a-f]{11,64}\s*")
_BUILDAH_CHATTER = re.compile(
    r"(?:\[\d+/\d+\] )?COMMIT(?: \S+)?\s*|Successfully (?:built|tagged) \S+\s*|[0-9a-f]{64}\s*")


def legacy(answers: Iterable[dict], clock: Clock = time.time) -> Iterator[Event]:
    """The events in the legacy builder's answer. A step's key is its number, from 1."""
    return _Legacy(clock).events(answers)


def buildah(answers: Iterable[dict], clock: Clock = time.time) -> Iterator[Event]:
    """The events in Buildah's answer. A step's key is 'stage/number', both from 1."""
    return _Buildah(clock).events(answers)


class _TextStream:
    """Reads one answer. `step` is the current one, None before the first."""

    def __init__(self, clock: Clock):
        self.clock = clock
        self.step: StepSeen | None = None

    def read(self, text: str) -> Iterator[Event]:
        """The events in one message of the builder or a command."""
        raise NotImplementedError

    def flush(self, went_on: bool) -> Iterator[Event]:
        """The events in what was held back; `went_on`: whether its step did not end there."""
        yield from ()

    def events(self, answers: Iterable[dict]) -> Iterator[Event]:
        """The events in an answer's JSON objects."""
        for answer in answers:
            if "error" in answer or "errorDetail" in answer:
                yield from self.flush(went_on=True)
                failed = Failed.of(answer)
                if self.step and self.step.completed is None:
                    yield replace(self.step, completed=self.clock(), error=failed.message)
                yield failed
                return
            if "ID" in (answer.get("aux") or {}):
                yield from self.flush(went_on=False)
                yield ImageCreated(answer["aux"]["ID"])
            else:
                yield from self.read(answer.get("stream", ""))
        yield from self.flush(went_on=False)

    def begin(self, step: StepSeen) -> Iterator[Event]:
        """A step begins; the one before ends, if no line has said so."""
        if self.step and self.step.completed is None:
            yield replace(self.step, completed=step.started)
        yield self.news(step)

    def news(self, step: StepSeen) -> StepSeen:
        """Replace the current step."""
        self.step = step
        return step


class _Legacy(_TextStream):
    """`container`: the one whose command is printing, '' for none."""

    container, number, total = "", 0, ""

    def read(self, text: str) -> Iterator[Event]:
        step = self.step
        if self.container and step:
            if (removed := _REMOVED.match(text)) and removed[1] == self.container:
                self.container = ""
            else:
                yield Output(step.key, text)
        elif (begun := _STEP.match(text)) and self._is_next(begun):
            before = (str(self.number),) if self.number else ()
            self.number, self.total = int(begun[1]), begun[2]
            yield from self.begin(StepSeen(begun[1], begun[3].strip(), started=self.clock(), inputs=before))
        elif step is None or text == "\n" or text.startswith(_CHATTER) or _REMOVED.match(text):
            return
        elif running := _RUNNING.fullmatch(text):
            self.container = running[1]
        elif text.startswith(_CACHE):
            yield self.news(replace(step, cached=True))
        elif result := _RESULT.fullmatch(text):
            yield self.news(replace(step, completed=self.clock()))
            if result[1]:
                yield ImageCreated(result[1], made=not step.name.upper().startswith("FROM "))
        else:
            yield Output(step.key, text)

    def _is_next(self, begun: re.Match[str]) -> bool:
        """The next number, or a later one after the end of a step: the engine over PRoot leaves out unneeded stages
        with their numbers."""
        number, ended = int(begun[1]), self.step is None or self.step.completed is not None
        return (number == self.number + 1 or ended and self.number < number <= int(begun[2])) and (
            begun[2] == self.total or not self.total)


class _Buildah(_TextStream):
    """`ended`: the line that seems to end the current step, and its time. A command may print such a line, so the next
    one decides."""

    stage, number, total = 0, 0, 0
    ended: tuple[str, float] | None = None

    def read(self, text: str) -> Iterator[Event]:
        if (begun := _BUILDAH_STEP.fullmatch(text)) and self._is_next(begun):
            yield from self.flush(went_on=False)
            self.stage, self.number, self.total = int(begun[1] or 1), int(begun[2]), int(begun[3])
            before = (f"{self.stage}/{self.number - 1}",) if self.number > 1 else ()
            yield from self.begin(StepSeen(f"{self.stage}/{self.number}", begun[4].strip(),
                                           started=self.clock(), inputs=before))
        elif self.step is None:
            return
        elif _BUILDAH_CHATTER.fullmatch(text):
            yield from self.flush(went_on=False)
        elif self.step.completed is None:
            yield from self.flush(went_on=True)
            if _BUILDAH_CACHE.fullmatch(text):
                yield self.news(replace(self.step, cached=True))
            elif _BUILDAH_RESULT.fullmatch(text):
                self.ended = text, self.clock()
            else:
                yield Output(self.step.key, text)

    def flush(self, went_on: bool) -> Iterator[Event]:
        step, ended, self.ended = self.step, self.ended, None
        if step is None or ended is None:
            return
        text, moment = ended
        if went_on:
            yield Output(step.key, text)
        elif result := _BUILDAH_RESULT.fullmatch(text):
            yield self.news(replace(step, completed=moment))
            yield ImageCreated(result[1], made=not step.cached)

    def _is_next(self, begun: re.Match[str]) -> bool:
        """Whether it is the stage's next step, or the first of a later stage."""
        step, stage, number, total = self.step, int(begun[1] or 1), int(begun[2]), int(begun[3])
        if step and step.completed is None and self.ended is None and not step.name.startswith("FROM "):
            return False    # the current step has not ended
        if number == 1:
            return stage > self.stage and self.number == self.total
        return (stage, number, total) == (self.stage, self.number + 1, self.total)
