"""The legacy builder's answer: the lines that `docker build` used to print.

It names no steps and no times. A step is known by its number, and its times are
those at which the line reached us.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from . import text_stream
from .events import Event, Imaged, Output, StepSeen

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.S)
_RESULT = re.compile(r" ---> ([0-9a-f]{12,64})?\s*$")   # FROM scratch has no id
_RED, _PLAIN = "\x1b[91m", "\x1b[0m"
_CACHE = " ---> Using cache"
# Docker 23 and later write an arrow before the line of the container removed.
_CHATTER = (" ---> Running in ", "Removing intermediate container ", " ---> Removed intermediate container ",
            "Successfully built ", "Successfully tagged ", " ---> [Warning]")


def events(answers: Iterable[dict], clock: Callable[[], float] = time.time) -> Iterator[Event]:
    """The events in the legacy builder's answer."""
    def read(text: str, step: StepSeen | None) -> Iterator[Event]:
        if begun := _STEP.match(text):
            number = int(begun[1])
            before = (str(number - 1),) if number > 1 else ()
            yield StepSeen(str(number), begun[3].strip(), started=clock(), inputs=before)
        elif step is None or text == "\n" or text.startswith(_CHATTER):
            return
        elif text.startswith(_CACHE):
            yield replace(step, cached=True)
        elif result := _RESULT.match(text):
            yield replace(step, completed=clock())
            if result[1]:
                yield Imaged(result[1], made=not step.name.upper().startswith("FROM "))
        else:
            # The builder paints what goes to standard error red.
            yield Output(step.key, text.removeprefix(_RED).removesuffix(_PLAIN))

    return text_stream.events(answers, read, clock)
