"""BuildKit's answer: JSON lines that carry protobuf messages in base64.

The messages are `moby.buildkit.v1.StatusResponse` of BuildKit's api/services/control/control.proto.
"""

import base64
import codecs
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
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
_LINK = "] LINK "    # in the name of the vertex that adds what COPY --link copied to the stage


def events(answers: Iterable[dict]) -> Iterator[Event]:
    """The events in BuildKit's answer, one JSON object a line."""
    trace = _Trace()
    for answer in answers:
        if answer.get("id") == "moby.buildkit.trace":
            yield from trace.events(PROTO.StatusResponse.FromString(base64.b64decode(answer["aux"])))
        elif answer.get("id") == "moby.image.id":
            yield ImageCreated(answer["aux"]["ID"])
        elif "error" in answer or "errorDetail" in answer:
            yield Failed.of(answer)


def followed(statuses: Iterable[Any]) -> Iterator[Event]:
    """The events in what the control API reports of a solve."""
    trace = _Trace()
    for status in statuses:
        yield from trace.events(status)


class _Trace:
    """Turns the vertices of BuildKit's graph into steps, one for each instruction.

    An instruction may have several vertices: found in the cache under two keys, run for two platforms, fetched and then
    added (ADD of a URL), copied and then linked (COPY --link). They share a name, which is the step's key.
    """

    def __init__(self) -> None:
        self._vertices: dict[str, dict[str, StepSeen]] = {}   # {key of a step: {digest: vertex}}
        self._keys: dict[str, str] = {}                       # {digest of a vertex: key of its step}
        # A character may be split between two messages.
        self._decoders: dict[str, Any] = defaultdict(lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def events(self, status: Any) -> Iterator[Event]:
        """The events in one message of the trace."""
        yield from map(self._step, status.vertexes)
        yield from (TransferProgress(self._key(moved.vertex)) for moved in status.statuses)
        yield from map(_warning, status.warnings)
        for log in status.logs:
            yield Output(self._key(log.vertex), self._decoders[log.vertex].decode(log.msg), log.vertex)

    def _step(self, vertex: Any) -> StepSeen:
        name = vertex.name.replace(_LINK, "] ")
        key = self._keys[vertex.digest] = name if name.startswith("[") else vertex.digest
        group = self._vertices.setdefault(key, {})
        group[vertex.digest] = _merged(group.get(vertex.digest), StepSeen(
            vertex.digest, vertex.name, _seconds(vertex, "started"), _seconds(vertex, "completed"), vertex.cached,
            vertex.error, tuple(vertex.inputs)))
        inputs = dict.fromkeys(self._key(each) for seen in group.values() for each in seen.inputs)
        return replace(_folded(list(group.values())), key=key, name=name,
                       inputs=tuple(each for each in inputs if each != key))

    def _key(self, digest: str) -> str:
        return self._keys.get(digest, digest)


def _merged(old: StepSeen | None, new: StepSeen) -> StepSeen:
    """BuildKit reports a vertex again, with tiny times, when it looks it up again: the longest run did the work. One
    first taken from the cache stays cached: BuildKit reports the fetching of an imported cache as if the step ran."""
    if old is None or old.started is None or new.error:
        return new
    if old.completed is None:
        return replace(new, cached=old.cached or new.cached)
    if new.started is None or new.completed is None:
        return old
    longer = new if new.completed - new.started > old.completed - old.started else old
    return replace(longer, cached=old.cached, error=old.error, inputs=new.inputs)


def _folded(group: list[StepSeen]) -> StepSeen:
    """The vertices of an instruction as one step: cached if all are, else as long as those that ran. Linking (COPY
    --link) does not count, nor does a vertex that was never looked up."""
    own = [each for each in group if _LINK not in each.name] or group
    heard = [each for each in own if each.cached or each.started is not None] or own
    ran = [each for each in heard if not each.cached] or heard
    begun = [each.started for each in ran if each.started is not None]
    ended = [each.completed for each in ran if each.completed is not None]
    running = any(each.started is not None and each.completed is None for each in ran)
    return replace(ran[0], started=min(begun, default=None), completed=None if running else max(ended, default=None),
                   error=next((each.error for each in own if each.error), ""))


def _warning(found: Any) -> Finding:
    """A frontend's check: "JSONArgsRecommended: JSON arguments recommended for CMD ... (line 8)"."""
    rule, _, message = found.short.decode("utf-8", "replace").partition(": ")
    line = found.ranges[0].start.line if found.ranges else 0
    return Finding(line, rule, "warning", message.removesuffix(f" (line {line})"), found.url)


def _seconds(vertex: Any, field: str) -> float | None:
    if not vertex.HasField(field):
        return None
    stamp = getattr(vertex, field)
    return stamp.seconds + stamp.nanos / 1e9
