"""BuildKit's answer: JSON lines that carry protobuf messages in base64.

The messages are `moby.buildkit.v1.StatusResponse` of BuildKit's
api/services/control/control.proto.
"""

from __future__ import annotations

import base64
import codecs
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from .events import (
    Event,
    Failed,
    ImageCreated,
    Output,
    StepSeen,
    TransferProgress,
    Warned,
)
from .messages import classes

STATUS_MESSAGES = {
    "Vertex": {
        "digest": (1, "string", False), "inputs": (2, "string", True),
        "name": (3, "string", False), "cached": (4, "bool", False),
        "started": (5, "Timestamp", False), "completed": (6, "Timestamp", False),
        "error": (7, "string", False),
    },
    "VertexStatus": {
        "ID": (1, "string", False), "vertex": (2, "string", False), "name": (3, "string", False),
        "current": (4, "int64", False), "total": (5, "int64", False),
    },
    "VertexLog": {
        "vertex": (1, "string", False), "stream": (3, "int64", False), "msg": (4, "bytes", False),
    },
    "StatusResponse": {
        "vertexes": (1, "Vertex", True), "statuses": (2, "VertexStatus", True),
        "logs": (3, "VertexLog", True), "warnings": (4, "VertexWarning", True),
    },
    "VertexWarning": {
        "vertex": (1, "string", False), "level": (2, "int64", False), "short": (3, "bytes", False),
        "detail": (4, "bytes", True), "url": (5, "string", False), "info": (6, "SourceInfo", False),
        "ranges": (7, "Range", True),
    },
    "SourceInfo": {"filename": (1, "string", False), "data": (2, "bytes", False)},
    "Range": {"start": (1, "Position", False), "end": (2, "Position", False)},
    "Position": {"line": (1, "int32", False), "character": (2, "int32", False)},
}


@cache
def status_response() -> Any:
    """The message class of a StatusResponse, made on first use."""
    return classes("moby.buildkit.v1", STATUS_MESSAGES)["StatusResponse"]


def events(answers: Iterable[dict]) -> Iterator[Event]:
    """The events in BuildKit's answer, one JSON object a line."""
    decoders: dict[str, codecs.IncrementalDecoder] = {}
    for answer in answers:
        if answer.get("id") == "moby.buildkit.trace":
            yield from _trace(status_response().FromString(base64.b64decode(answer["aux"])), decoders)
        elif answer.get("id") == "moby.image.id":
            yield ImageCreated(answer["aux"]["ID"])
        elif "error" in answer or "errorDetail" in answer:
            detail = answer.get("errorDetail") or {}
            yield Failed(detail.get("message") or answer.get("error", ""), detail.get("code"))


def followed(statuses: Iterable[Any]) -> Iterator[Event]:
    """The events in what the control API reports of a solve."""
    decoders: dict[str, codecs.IncrementalDecoder] = {}
    for status in statuses:
        yield from _trace(status, decoders)


def _trace(status: Any, decoders: dict[str, codecs.IncrementalDecoder]) -> Iterator[Event]:
    for vertex in status.vertexes:
        yield StepSeen(
            vertex.digest, vertex.name,
            started=_seconds(vertex, "started"), completed=_seconds(vertex, "completed"),
            cached=vertex.cached, error=vertex.error, inputs=tuple(vertex.inputs),
        )
    for moved in status.statuses:
        yield TransferProgress(moved.vertex, moved.ID or moved.name, moved.current, moved.total)
    yield from map(_warning, status.warnings)
    for log in status.logs:
        # A character may be cut in two by the end of a message.
        if log.vertex not in decoders:
            decoders[log.vertex] = codecs.getincrementaldecoder("utf-8")("replace")
        yield Output(log.vertex, decoders[log.vertex].decode(log.msg))


def _warning(found: Any) -> Warned:
    """A check of the frontend's: "JSONArgsRecommended: JSON arguments recommended for CMD ... (line 8)"."""
    rule, _, message = found.short.decode("utf-8", "replace").partition(": ")
    line = found.ranges[0].start.line if found.ranges else 0
    return Warned(rule, message.removesuffix(f" (line {line})"), line, found.url)


def _seconds(vertex: Any, field: str) -> float | None:
    if not vertex.HasField(field):
        return None
    stamp = getattr(vertex, field)
    return stamp.seconds + stamp.nanos / 1e9
