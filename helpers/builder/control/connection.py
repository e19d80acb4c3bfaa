"""A gRPC client for one upgraded connection (`tunnel`): many calls side by side."""

from __future__ import annotations

import contextlib
import queue
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from ...errors import EngineGone
from ..tunnel import OPTIONS, Tunnel, Upgraded, socket_folder
from .status import CallFailed

_AHEAD = 1 << 20    # bytes of a call that may come before somebody reads them
_DETAILS = "grpc-status-details-bin"


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
        """Begin a call of `path` ("/package.Service/Method"). `end`: no further message will be sent."""
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
        details = dict(failure.trailing_metadata() or ()).get(_DETAILS, b"")
        return CallFailed(failure.code().value[0], failure.details() or "", details)

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
