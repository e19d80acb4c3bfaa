"""Buildah's answer: the lines that `podman build` prints, one JSON object each.

    [1/2] STEP 3/4: COPY . .        a step of stage 1 of 2 begins; '[1/2] ' only where there are several
    --> Using cache e3e3fd3733b9...
    --> e3e3fd3733b                 the image of the step: it has ended
    [2/2] COMMIT ...

Stages are numbered as they stand in the Dockerfile, skipped ones too. No times are
told: those of a step are when its line reached us. A FROM has no end of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from . import text_stream
from .events import Event, Imaged, Output, StepSeen

_STEP = re.compile(r"(?:\[(\d+)/\d+\] )?STEP (\d+)/\d+: (.*)", re.S)
_RESULT = re.compile(r"--> ([0-9a-f]{11,64})\s*")
_CACHE = re.compile(r"--> Using cache [0-9a-f]{11,64}\s*")
_CHATTER = re.compile(r"(?:\[\d+/\d+\] )?COMMIT(?: \S+)?\s*|Successfully (?:built|tagged) \S+\s*|[0-9a-f]{64}\s*")


def events(answers: Iterable[dict], clock: Callable[[], float] = time.time) -> Iterator[Event]:
    """The events in Buildah's answer. A step's key is 'stage/number', both from 1."""
    def read(text: str, step: StepSeen | None) -> Iterator[Event]:
        if begun := _STEP.fullmatch(text):
            stage, number = int(begun[1] or 1), int(begun[2])
            before = (f"{stage}/{number - 1}",) if number > 1 else ()
            yield StepSeen(f"{stage}/{number}", begun[3].strip(), started=clock(), inputs=before)
        elif step is None or _CHATTER.fullmatch(text):
            return
        elif _CACHE.fullmatch(text):
            yield replace(step, cached=True)
        elif (result := _RESULT.fullmatch(text)) and step.completed is None:
            yield replace(step, completed=clock())
            yield Imaged(result[1], made=not step.cached)
        elif step.completed is None:
            yield Output(step.key, text)

    return text_stream.events(answers, read, clock)
