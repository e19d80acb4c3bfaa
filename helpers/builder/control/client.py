"""BuildKit's control service. Source: moby/buildkit, api/services/control/control.proto."""

from __future__ import annotations

import secrets as random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...engine import Engine
from ...errors import Unsupported
from ..tunnel import upgradable, upgrade
from .connection import UNIMPLEMENTED, Call, CallFailed, Connection
from .messages import CONTROL, FRONTEND, PROTO, pairs


@dataclass(frozen=True)
class Worker:
    """What runs builds: its id, labels, and platforms ("linux/amd64")."""

    id: str
    labels: Mapping[str, str]
    platforms: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """What a step left in the build cache.

    parents      ids of the records that it is based on
    kind         'regular' for a step's files, 'source.local' for a build context, 'exec.cachemount' for a cache mount
    description  of the step, from the builder
    size         bytes, as the builder counts them
    uses         number of builds that used it, including the one that made it
    shared       whether something else holds its files too
    in_use       whether a build is using it
    """

    id: str
    parents: tuple[str, ...]
    kind: str
    description: str
    size: int
    uses: int
    shared: bool
    in_use: bool


@dataclass(frozen=True)
class SolveOptions:
    """The options of a solve, apart from its frontend's attributes.

    exporter  "moby" (an image in the engine), "local", "tar", ...; "" exports nothing
    cache_to  [(type, attributes)] of caches to export
    """

    exporter: str = ""
    exporter_attributes: Mapping[str, str] = field(default_factory=dict)
    cache_to: Sequence[tuple[str, Mapping[str, str]]] = ()


class Control:
    """A connection to an engine's BuildKit. Close it, or use it in a `with` block. Every method raises CallFailed if
    BuildKit returns an error, and EngineGone if the connection is lost."""

    def __init__(self, engine: Engine):
        """Raises Unsupported if the engine has no BuildKit, and the engine's errors."""
        if not upgradable(engine):
            raise Unsupported("BuildKit's control API cannot be reached in this engine.",
                              why=f"{engine.describe()} builds with {' and '.join(engine.builders)}.",
                              remedy="Use a Docker Engine over a local socket or TCP.")
        self.engine = engine
        self._connection = Connection(upgrade(engine, "/grpc", "reach BuildKit"))

    def close(self) -> None:
        """End every call, and what BuildKit runs for them."""
        self._connection.close()

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def version(self) -> str:
        """BuildKit's version, "" if it does not say (Docker 20.10)."""
        try:
            return self.unary(CONTROL + "Info", PROTO.Empty(), PROTO.InfoResponse).buildkitVersion.version
        except CallFailed as error:
            if error.code == UNIMPLEMENTED:
                return ""
            raise

    def workers(self) -> tuple[Worker, ...]:
        """The workers, the default one first."""
        answer = self.unary(CONTROL + "ListWorkers", PROTO.ListWorkersRequest(), PROTO.ListWorkersResponse)
        return tuple(Worker(each.ID, {pair.key: pair.value for pair in each.Labels}, tuple(
            "/".join(filter(None, (one.OS, one.Architecture, one.Variant))) for one in each.platforms))
            for each in answer.record)

    def disk_usage(self, *filters: str) -> tuple[Record, ...]:
        """The build cache's records; `filters` as of `docker buildx du --filter`."""
        answer = self.unary(CONTROL + "DiskUsage", PROTO.DiskUsageRequest(filter=filters), PROTO.DiskUsageResponse)
        return tuple(map(_record, answer.record))

    def prune(self, *filters: str, all_kinds: bool = False) -> tuple[Record, ...]:
        """Delete unused records that match any filter, or all without filters; returns them."""
        request = PROTO.PruneRequest(filter=filters, all=all_kinds)
        return tuple(_record(PROTO.UsageRecord.FromString(each)) for each in self.call(CONTROL + "Prune", request))

    def solve(self, attributes: Mapping[str, str], session: str, options: SolveOptions | None = None,
              frontend: str = FRONTEND) -> Solve:
        """Start a build. `attributes` are the frontend's ("target", "build-arg:NAME", ...), `session` is the id of a
        Session that serves the build context. Without a frontend the build stays open for a Gateway."""
        options, ref = options or SolveOptions(), random.token_hex(12)
        request = PROTO.SolveRequest(
            Ref=ref, Session=session, Frontend=frontend, FrontendAttrs=pairs(attributes), Internal=not frontend,
            Exporter=options.exporter, ExporterAttrs=pairs(options.exporter_attributes))
        for kind, values in options.cache_to:
            request.Cache.Exports.add(Type=kind, Attrs=pairs(values))
        return Solve(self, ref, self.call(CONTROL + "Solve", request))

    def call(self, path: str, request: Any, metadata: Sequence[tuple[str, str]] = (), end: bool = True) -> Call:
        """As `Connection.call`, with a message."""
        return self._connection.call(path, request.SerializeToString(), metadata, end)

    def unary(self, path: str, request: Any, kind: Any, metadata: Sequence[tuple[str, str]] = ()) -> Any:
        """The only message of a method's answer, of the class `kind`."""
        *_, message = b"", *self.call(path, request, metadata)    # the end of the answer says whether the call failed
        return kind.FromString(message)


class Solve:
    """A running build."""

    def __init__(self, control: Control, ref: str, call: Call):
        self.ref = ref
        self._control, self._call = control, call

    def status(self) -> Iterator[Any]:
        """StatusResponse messages (vertexes, logs, warnings) until the build ends."""
        for message in self._control.call(CONTROL + "Status", PROTO.StatusRequest(Ref=self.ref)):
            yield PROTO.StatusResponse.FromString(message)

    def wait(self) -> dict[str, bytes]:
        """Wait for success: the exporter's answer ({"containerimage.digest": ...})."""
        found: dict[str, bytes] = {}
        for message in self._call:
            found = {pair.key: pair.value for pair in PROTO.SolveResponse.FromString(message).ExporterResponse}
        return found

    def cancel(self) -> None:
        """End the build; the engine ends a running RUN within 0.1 s."""
        self._call.cancel()


def _record(record: Any) -> Record:
    parents = tuple(record.Parents) or tuple(filter(None, [record.Parent]))
    return Record(record.ID, parents, record.RecordType, record.Description, max(0, record.Size), record.UsageCount,
                  record.Shared, record.InUse)
