"""A gRPC client for concurrent calls over one upgraded connection (`tunnel`), and the details of a failed call."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import CourseError, EngineGone
from ..messages import Messages
from ..tunnel import OPTIONS, Tunnel, Upgraded, socket_folder

_AHEAD = 1 << 20    # bytes of a call's answer that gRPC buffers
_DETAILS = "grpc-status-details-bin"
UNIMPLEMENTED = 12
_UNAVAILABLE = 14    # gRPC's own code for a broken connection
_PROTO = Messages("google.rpc", """
    message Any { string type_url = 1; bytes value = 2; }
    message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
    """)


@dataclass(frozen=True)
class FailedStep:
    """A failed step, as BuildKit keeps it (errdefs.Solve)."""

    mounts: tuple[dict[str, Any], ...]  # pb.Mount as JSON
    results: tuple[str, ...]            # for each mount, the id of its content at the failure; '' for none
    meta: dict[str, Any]                # args, env, cwd and user of its process


class CallFailed(CourseError):
    """BuildKit returned an error: `code` is gRPC's, `message` BuildKit's."""

    def __init__(self, code: int, message: str, details: bytes = b""):
        super().__init__(f"BuildKit refused: {message}" if message else f"BuildKit refused (gRPC status {code}).")
        self.code, self.message = code, message
        self._details = details

    @property
    def details(self) -> dict[str, bytes]:
        """{last part of the detail's type: its bytes}; Docker 20.10 attaches none."""
        found = _PROTO.Status.FromString(self._details).details if self._details else ()
        return {each.type_url.rpartition("/")[2]: each.value for each in found}

    @property
    def lines(self) -> tuple[int, ...]:
        """The failed step's lines in the Dockerfile, if BuildKit reports them."""
        source = self._json("errdefs.Source")
        ranges = source.get("ranges") or source.get("Ranges") or ()
        return tuple(sorted({line for each in ranges
                             for line in range(each.get("start", {}).get("line", 0),
                                               each.get("end", {}).get("line", 0) + 1)}))

    @property
    def step(self) -> FailedStep | None:
        """The failed step; None if it was no command, or the engine keeps none (Docker 20.10)."""
        found = self._json("errdefs.Solve")
        operation = found.get("op") or {}
        operation = operation.get("Op") or operation
        execution = operation.get("Exec") or operation.get("exec")
        if not execution or not found.get("mountIDs"):
            return None
        return FailedStep(tuple(execution.get("mounts", ())), tuple(found["mountIDs"]), execution.get("meta", {}))

    def _json(self, kind: str) -> dict[str, Any]:
        packed = next((value for name, value in self.details.items() if kind in name), b"")
        try:
            found = json.loads(packed)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Connection:
    """A channel over an upgraded connection."""

    def __init__(self, upgraded: Upgraded):
        import grpc

        self.failure: type[Exception] = grpc.RpcError
        self._folder, self._upgraded = socket_folder(), upgraded
        self._path = f"{self._folder.name}/grpc"
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self._path)
        listening.listen(1)
        self._channel = grpc.insecure_channel(    # connects with the first call
            f"unix:{self._path}", (*OPTIONS, ("grpc.http2.lookahead_bytes", _AHEAD)))
        self._tunnel = Tunnel(upgraded.socket, upgraded.early, listening)

    def call(self, path: str, message: bytes, metadata: Iterable[tuple[str, str]] = (), end: bool = True) -> Call:
        """Start a call of `path` ("/package.Service/Method"); without `end`, more messages may be sent. Raises
        EngineGone if the connection is closed."""
        messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        messages.put(message)
        try:    # a call with one message needs no thread that waits for more
            rpc = (self._channel.unary_stream(path)(message, metadata=tuple(metadata)) if end else
                   self._channel.stream_stream(path)(iter(messages.get, None), metadata=tuple(metadata)))
        except ValueError as error:    # the channel is closed
            raise self._gone("It was closed.") from error
        rpc.add_callback(lambda: messages.put(None))
        return Call(self, rpc, messages)

    def error(self, failure: Any) -> CallFailed | EngineGone:
        """The course's error for one of gRPC's."""
        if self._tunnel.stopping or self._tunnel.ended:
            return self._gone(str(self._tunnel.error or "It was closed."))
        code, words = failure.code().value[0], failure.details() or ""
        if code == _UNAVAILABLE:    # the tunnel may not have noticed the end yet
            return self._gone(words)
        return CallFailed(code, words, dict(failure.trailing_metadata() or ()).get(_DETAILS, b""))

    def close(self) -> None:
        """End every call and the connection."""
        self._tunnel.stopping = True
        self._channel.close()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:    # without a call, it is waiting
            client.connect(self._path)
        self._tunnel.join()
        self._upgraded.response.close()
        self._folder.cleanup()

    @staticmethod
    def _gone(why: str) -> EngineGone:
        return EngineGone("The connection to BuildKit was lost.", why=why,
                          remedy="Try again. If it persists, `python -m helpers doctor` says what is wrong.")


class Call:
    """A call: iterate over the messages of its answer (bytes), `send` more, or `cancel` it. Leaving the iteration
    early, as by an interrupt, cancels it too. Raises CallFailed if BuildKit returns an error, EngineGone if the
    connection is lost."""

    def __init__(self, connection: Connection, rpc: Any, messages: queue.SimpleQueue[bytes | None]):
        self._connection, self._rpc, self._messages = connection, rpc, messages

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._rpc
        except self._connection.failure as failure:
            raise self._connection.error(failure) from failure
        finally:
            self.cancel()    # no effect after the end of the answer

    def send(self, message: bytes, end: bool = False) -> None:
        """Send another message; with `end`, the last one."""
        self._messages.put(message)
        if end:
            self._messages.put(None)

    def cancel(self) -> None:
        """End the call, and what BuildKit runs for it."""
        self._rpc.cancel()
