"""The legacy builder's answer: the lines that `docker build` used to print.

    Step 2/4 : RUN make                          without a line end, which is the next message
     ---> Running in 3f33958c2519                a command prints from here on
    Removing intermediate container 3f33958c2519    " ---> Removed ..." since Docker 23
     ---> e92dd820a8a4                           the image of the step, which has ended
"""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .events import Event, ImageCreated, Output, StepSeen
from .text_stream import Clock, TextStream

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.DOTALL)
_RUNNING = re.compile(r" ---> Running in ([0-9a-f]+)\s*")
_REMOVED = re.compile(r"(?:Removing| ---> Removed|Error removing) intermediate container ([0-9a-f]+)")
_RESULT = re.compile(r" ---> ([0-9a-f]{12,64})?\s*")   # FROM scratch has no id
_CACHE = " ---> Using cache"
_CHATTER = ("Successfully built ", "Successfully tagged ", " ---> [Warning]")


def events(answers: Iterable[dict], clock: Clock = time.time) -> Iterator[Event]:
    """The events in the legacy builder's answer. A step's key is its number, from 1."""
    return _Legacy(clock).events(answers)


class _Legacy(TextStream):
    """`container`: the one whose command is printing, '' for none."""

    def __init__(self, clock: Clock):
        super().__init__(clock)
        self.container = ""
        self.number, self.total = 0, ""

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
