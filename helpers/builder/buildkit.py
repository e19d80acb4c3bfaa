"""BuildKit's answer: JSON lines that carry protobuf messages in base64.

The messages are `moby.buildkit.v1.StatusResponse` of BuildKit's api/services/control/control.proto.
"""

import base64
import codecs
from collections.abc import Iterable, Iterator
from typing import Any

from ..lint import Finding
from .events import Event, Failed, ImageCreated, Output, StepSeen, TransferProgress
from .messages import Messages

STATUS = """
    message Vertex {
        string digest = 1; repeated string inputs = 2; string name = 3; bool cached = 4; Timestamp started = 5;
        Timestamp completed = 6; string error = 7; }
    message VertexStatus { string vertex = 2; }
    message VertexLog { string vertex = 1; bytes msg = 4; }
    message VertexWarning { bytes short = 3; string url = 5; repeated Range ranges = 7; }
    message Range { Position start = 1; }
    message Position { int32 line = 1; }
    message StatusResponse {
        repeated Vertex vertexes = 1; repeated VertexStatus statuses = 2; repeated VertexLog logs = 3;
        repeated VertexWarning warnings = 4; }
    """
PROTO = Messages("moby.buildkit.v1", STATUS)


def events(answers: Iterable[dict]) -> Iterator[Event]:
    """The events in BuildKit's answer, one JSON object a line."""
    decoders: dict[str, codecs.IncrementalDecoder] = {}
    for answer in answers:
        if answer.get("id") == "moby.buildkit.trace":
            yield from _trace(PROTO.StatusResponse.FromString(base64.b64decode(answer["aux"])), decoders)
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
        yield StepSeen(vertex.digest, vertex.name, started=_seconds(vertex, "started"),
                       completed=_seconds(vertex, "completed"), cached=vertex.cached, error=vertex.error,
                       inputs=tuple(vertex.inputs))
    yield from (TransferProgress(moved.vertex) for moved in status.statuses)
    yield from map(_warning, status.warnings)
    for log in status.logs:
        # A character may be cut in two by the end of a message.
        if log.vertex not in decoders:
            decoders[log.vertex] = codecs.getincrementaldecoder("utf-8")("replace")
        yield Output(log.vertex, decoders[log.vertex].decode(log.msg))


def _warning(found: Any) -> Finding:
    """A check of the frontend's: "JSONArgsRecommended: JSON arguments recommended for CMD ... (line 8)"."""
    rule, _, message = found.short.decode("utf-8", "replace").partition(": ")
    line = found.ranges[0].start.line if found.ranges else 0
    return Finding(line, rule, "warning", message.removesuffix(f" (line {line})"), found.url)


def _seconds(vertex: Any, field: str) -> float | None:
    if not vertex.HasField(field):
        return None
    stamp = getattr(vertex, field)
    return stamp.seconds + stamp.nanos / 1e9
