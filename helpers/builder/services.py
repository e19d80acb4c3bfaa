"""The services of a build session, as a gRPC server for one connection that is already open (`tunnel`).

A method takes the call's metadata and its messages, and yields its own: a generator of bytes.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .tunnel import CLOSE_SECONDS, OPTIONS, Tunnel, Upgraded, socket_folder

_CALLS = 64                # at once: an agent's lasts as long as the command that uses it
_WORDS = 2000              # characters of an error
_AHEAD = 64 << 20          # bytes of a call that may come before its method asks: of a file sync, a request a file

Metadata = Mapping[str, Sequence[str]]
Stream = Iterator[bytes]
Method = Callable[[Metadata, Stream], Stream]


class Status(Exception):
    """What a method raises to end its call with an error; `code` is gRPC's name for it ("NOT_FOUND")."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


def unary(answer: Callable[[bytes], bytes]) -> Method:
    """The method that answers one message with one."""
    def method(_: Metadata, messages: Stream) -> Stream:
        yield answer(next(messages, b""))

    return method


class Server:
    """Serves `methods` {'/package.Service/Method': method} over an upgraded connection, until `stop`.

    `error` is the first exception, other than a Status, that ended a call.
    """

    def __init__(self, upgraded: Upgraded, methods: Mapping[str, Method]):
        import grpc

        self.error: Exception | None = None
        self._grpc, self._methods, self._upgraded = grpc, methods, upgraded
        self._threads = ThreadPoolExecutor(_CALLS)
        self._server = grpc.server(self._threads, handlers=[self],
                                   options=(*OPTIONS, ("grpc.http2.lookahead_bytes", _AHEAD)))
        with socket_folder() as folder:
            self._server.add_insecure_port(f"unix:{folder}/grpc")
            self._server.start()
            near = socket.socket(socket.AF_UNIX)
            near.connect(f"{folder}/grpc")
        self._tunnel = Tunnel(upgraded.socket, upgraded.early, near)

    @property
    def lost(self) -> OSError | None:
        """Why the connection ended before `stop`, None if it did not."""
        return self._tunnel.error

    def stop(self) -> None:
        """End all calls and the connection."""
        self._tunnel.stopping = True
        self._server.stop(0).wait(CLOSE_SECONDS)
        self._threads.shutdown(wait=False)
        self._tunnel.join()
        self._upgraded.response.close()

    def service(self, call: Any) -> Any:
        """gRPC's handler of a method (grpc.GenericRpcHandler)."""
        if call.method in self._methods:
            return self._grpc.stream_stream_rpc_method_handler(self._behaviour(self._methods[call.method]))
        return None

    def _behaviour(self, method: Method) -> Callable[[Stream, Any], Stream]:
        def behave(messages: Stream, context: Any) -> Stream:
            metadata: dict[str, list[str]] = defaultdict(list)
            for name, value in context.invocation_metadata():
                metadata[name].append(value)
            try:
                yield from method(metadata, messages)
            except Exception as error:
                if not context.is_active():    # the engine has taken the call back
                    return
                if not isinstance(error, Status):
                    self.error = self.error or error
                code = self._grpc.StatusCode[error.code if isinstance(error, Status) else "UNKNOWN"]
                context.abort(code, str(error).encode("utf-8", "backslashreplace").decode()[:_WORDS])

        return behave
