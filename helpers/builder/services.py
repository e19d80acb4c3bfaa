"""A gRPC server for a connection that is already open (`tunnel`): the services of a build session.

A method takes a call's metadata and messages, and yields the messages of its answer, all as bytes.
"""

import contextlib
import itertools
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any
from weakref import WeakValueDictionary

from .tunnel import OPTIONS, Tunnel, Upgraded, socket_folder

_CALLS = 256               # at once: an ssh agent's lasts as long as the command that uses it
_WORDS = 2000              # characters of an error
_AHEAD = 64 << 20          # bytes of a call that are read before its method asks: in a file sync, a request a file

Metadata = Mapping[str, Sequence[str]]
Stream = Iterator[bytes]
Method = Callable[[Metadata, Stream], Stream]


class Status(Exception):
    """Ends a call with an error; `code` is gRPC's name for it ("NOT_FOUND")."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


def unary(answer: Callable[[bytes], bytes]) -> Method:
    """A method that answers one message with one."""
    def method(_: Metadata, messages: Stream) -> Stream:
        yield answer(next(messages, b""))

    return method


class SessionServer:
    """Serves `methods` {'/package.Service/Method': method} over an upgraded connection, until `stop`. `error` is the
    first exception, other than a Status, that ended a call."""

    def __init__(self, upgraded: Upgraded, methods: Mapping[str, Method]):
        self.error: Exception | None = None
        self.methods, self._upgraded = methods, upgraded
        self._listening = _listening(os.getpid())
        self._near = self._listening.connect(self)
        self._tunnel = Tunnel(upgraded.socket, upgraded.early, self._near)

    @property
    def lost(self) -> OSError | None:
        """Why the connection ended before `stop`, None if it did not."""
        return self._tunnel.error

    def stop(self) -> None:
        """End all calls and the connection."""
        self._tunnel.stopping = True
        with contextlib.suppress(OSError):    # it is closed with its connection
            self._near.shutdown(socket.SHUT_RDWR)
        self._tunnel.join()
        self._upgraded.response.close()


class _Listening:
    """One gRPC server for all sessions of this process, told apart by the names of their sockets: to start a server
    costs more than to serve a build."""

    def __init__(self) -> None:
        import grpc

        self._grpc, self._folder, self._number = grpc, socket_folder(), itertools.count()
        self._sessions: WeakValueDictionary[str, SessionServer] = WeakValueDictionary()
        self._server = grpc.server(ThreadPoolExecutor(_CALLS), handlers=[self],
                                   options=(*OPTIONS, ("grpc.http2.lookahead_bytes", _AHEAD)))
        self._server.add_insecure_port(f"unix:{self._folder.name}/grpc")
        self._server.start()

    def connect(self, server: SessionServer) -> socket.socket:
        """A socket whose calls go to `server`."""
        near, name = socket.socket(socket.AF_UNIX), f"{self._folder.name}/{next(self._number)}"
        near.bind(name)
        self._sessions[f"unix:{name}"] = server
        near.connect(f"{self._folder.name}/grpc")
        os.unlink(name)
        return near

    def service(self, call: Any) -> Any:
        """gRPC's handler of a method (grpc.GenericRpcHandler)."""
        return self._grpc.stream_stream_rpc_method_handler(partial(self._behave, call.method))

    def _behave(self, name: str, messages: Stream, context: Any) -> Stream:
        server = self._sessions.get(context.peer())
        metadata: dict[str, list[str]] = defaultdict(list)
        for key, value in context.invocation_metadata():
            metadata[key].append(value)
        try:
            if server is None or name not in server.methods:
                raise Status("UNIMPLEMENTED", f"there is no method {name}")
            yield from server.methods[name](metadata, messages)
        except Exception as error:
            if not context.is_active():    # the engine has cancelled the call
                return
            if server and not isinstance(error, Status):
                server.error = server.error or error
            code = self._grpc.StatusCode[error.code if isinstance(error, Status) else "UNKNOWN"]
            context.abort(code, str(error).encode("utf-8", "backslashreplace").decode()[:_WORDS])


@cache
def _listening(process: int) -> _Listening:
    """This process's listener: a fork needs its own."""
    return _Listening()
