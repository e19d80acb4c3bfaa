"""What the legacy builder and Buildah have in common: their answer is lines of text.

Between the lines stand an error, which ends the answer, and the id of the finished image.
What the lines say is in each builder's own words, and `legacy` and `buildah` read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from .events import Event, Failed, Imaged, StepSeen

# Given a line and the step at work, yields events; a StepSeen among them is the step at work from then on.
Read = Callable[[str, StepSeen | None], Iterator[Event]]


def events(answers: Iterable[dict], read: Read, clock: Callable[[], float]) -> Iterator[Event]:
    """The events in such an answer, one JSON object each. No times are told: those of a step
    are when its line reached us."""
    step: StepSeen | None = None
    for answer in answers:
        if "error" in answer or "errorDetail" in answer:
            detail = answer.get("errorDetail") or {}
            message = (detail.get("message") or answer.get("error", "")).strip()
            if step and step.completed is None:
                yield replace(step, completed=clock(), error=message)
            yield Failed(message, detail.get("code"))
            return
        if "ID" in (answer.get("aux") or {}):
            yield Imaged(answer["aux"]["ID"])
            continue
        for event in read(answer.get("stream", ""), step):
            if isinstance(event, StepSeen):
                if step and step.completed is None and step.key != event.key:   # its end was not told
                    yield replace(step, completed=event.started)
                step = event
            yield event
