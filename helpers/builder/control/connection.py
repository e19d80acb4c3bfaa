"""A gRPC client for one upgraded connection (`tunnel`), many calls side by side, and how a call ends that fails: what
BuildKit attaches says where and why."""

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

_AHEAD = 1 << 20    # bytes of a call that may come before somebody reads them
_DETAILS = "grpc-status-details-bin"
UNIMPLEMENTED = 12
_UNAVAILABLE = 14    # gRPC itself says so of a connection that does not work
_PROTO = Messages("google.rpc", """
    message Any { string type_url = 1; bytes value = 2; }
    message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
    """)


@dataclass(frozen=True)
class FailedStep:
    """The step that failed, as BuildKit keeps it (errdefs.Solve)."""

    mounts: tuple[dict[str, Any], ...]  # the step's mounts, in its own order (pb.Mount as JSON)
    results: tuple[str, ...]            # ids of what each held when it failed, to be mounted again; '' for none
    meta: dict[str, Any]                # args, env, cwd and user of its process


class CallFailed(CourseError):
    """BuildKit answered a call with an error.

    code     gRPC's status code
    message  BuildKit's own words
    """

    def __init__(self, code: int, message: str, details: bytes = b""):
        super().__init__(f"BuildKit refused: {message}" if message else f"BuildKit refused (gRPC status {code}).")
        self.code, self.message = code, message
        self._details = details

    @property
    def details(self) -> dict[str, bytes]:
        """{the last part of each detail's type: its bytes}. Empty on Docker 20.10, which attaches none."""
        found = _PROTO.Status.FromString(self._details).details if self._details else ()
        return {each.type_url.rpartition("/")[2]: each.value for each in found}

    @property
    def lines(self) -> tuple[int, ...]:
        """The Dockerfile's lines that the failed step comes from; empty where BuildKit does not say."""
        source = self._json("errdefs.Source")
        ranges = source.get("ranges") or source.get("Ranges") or ()
        return tuple(sorted({line for each in ranges
                             for line in range(each.get("start", {}).get("line", 0),
                                               each.get("end", {}).get("line", 0) + 1)}))

    @property
    def step(self) -> FailedStep | None:
        """The failed step; None where it was no command, or the engine keeps none (Docker 20.10)."""
        found = self._json("errdefs.Solve")
        operation = found.get("op") or {}
        execution = (operation.get("Op") or operation).get("Exec") or (operation.get("Op") or operation).get("exec")
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
        self._channel = grpc.insecure_channel(    # its first call connects
            f"unix:{self._path}", (*OPTIONS, ("grpc.http2.lookahead_bytes", _AHEAD)))
        self._tunnel = Tunnel(upgraded.socket, upgraded.early, listening)

    def call(self, path: str, message: bytes, metadata: Iterable[tuple[str, str]] = (), end: bool = True) -> Call:
        """Begin a call of `path` ("/package.Service/Method"). `end`: no further message will be sent.
        Raises EngineGone once the connection is closed."""
        messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        messages.put(message)
        try:    # a call of one message needs no thread that waits for more
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
        if code == _UNAVAILABLE:    # before the end of the connection is seen
            return self._gone(words)
        return CallFailed(code, words, dict(failure.trailing_metadata() or ()).get(_DETAILS, b""))

    def close(self) -> None:
        """End every call and the connection."""
        self._tunnel.stopping = True
        self._channel.close()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as waited_for:    # if nothing was called
            waited_for.connect(self._path)
        self._tunnel.join()
        self._upgraded.response.close()
        self._folder.cleanup()

    @staticmethod
    def _gone(why: str) -> EngineGone:
        return EngineGone("The connection to BuildKit was lost.", why=why,
                          remedy="Try again. If it stays so, `python -m helpers doctor` says what is wrong.")


class Call:
    """One call: iterate over the messages of its answer (bytes); `send` more, or `cancel`.

    Raises CallFailed where BuildKit answers with an error, EngineGone where the connection is lost. Whoever leaves the
    iteration before its end, by an interrupt for example, cancels the call: what runs for it ends too.
    """

    def __init__(self, connection: Connection, rpc: Any, messages: queue.SimpleQueue[bytes | None]):
        self._connection, self._rpc, self._messages = connection, rpc, messages

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._rpc
        except self._connection.failure as failure:
            raise self._connection.error(failure) from failure
        finally:
            self.cancel()    # does nothing once the answer has ended

    def send(self, message: bytes, end: bool = False) -> None:
        """Send one more message; `end` says that it is the last."""
        self._messages.put(message)
        if end:
            self._messages.put(None)

    def cancel(self) -> None:
        """End the call: BuildKit ends what it runs for it."""
        self._rpc.cancel()
