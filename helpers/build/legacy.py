"""The legacy builder's answer: the lines that `docker build` used to print.

It names no steps and no times. A step is known by its number, and its times are
those at which the line reached us.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from .events import Event, Failed, Imaged, Output, StepSeen

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.S)
_RESULT = re.compile(r" ---> ([0-9a-f]{12,64})?\s*$")   # FROM scratch has no id
_RED, _PLAIN = "\x1b[91m", "\x1b[0m"
_CACHE = " ---> Using cache"
# Docker 23 and later write an arrow before the line of the container removed.
_CHATTER = (" ---> Running in ", "Removing intermediate container ", " ---> Removed intermediate container ",
            "Successfully built ", "Successfully tagged ", " ---> [Warning]")


def events(answers: Iterable[dict], clock: Callable[[], float] = time.time) -> Iterator[Event]:
    """The events in the legacy builder's answer, one JSON object a line."""
    step = None   # the StepSeen of the step at work
    for answer in answers:
        if "error" in answer or "errorDetail" in answer:
            detail = answer.get("errorDetail") or {}
            message = detail.get("message") or answer.get("error", "")
            if step and step.completed is None:
                yield replace(step, completed=clock(), error=message)
            yield Failed(message, detail.get("code"))
            return
        if "ID" in (answer.get("aux") or {}):
            yield Imaged(answer["aux"]["ID"])
            continue
        text = answer.get("stream", "")
        if begun := _STEP.match(text):
            if step and step.completed is None:   # an ARG before FROM tells of no result
                yield replace(step, completed=clock())
            number = int(begun[1])
            before = (str(number - 1),) if number > 1 else ()
            step = StepSeen(str(number), begun[3].strip(), started=clock(), inputs=before)
            yield step
        elif step is None or text == "\n" or text.startswith(_CHATTER):
            continue
        elif text.startswith(_CACHE):
            step = replace(step, cached=True)
        elif result := _RESULT.match(text):
            step = replace(step, completed=clock())
            yield step
            if result[1]:
                yield Imaged(result[1], made=not step.name.upper().startswith("FROM "))
        else:
            # The builder paints what goes to standard error red.
            yield Output(step.key, text.removeprefix(_RED).removesuffix(_PLAIN))
