"""A connection of the Docker SDK, turned into HTTP/2, and the messages in it.

    messages -> streams -> h2 (frames, windows) -> socket

The engine answers `Upgrade: h2c` on /session and on /grpc with 101, and hands the connection to
BuildKit: see moby/moby, api/server/router/session and router/grpc.

The framing is that of grpc/grpc, doc/PROTOCOL-HTTP2.md: each message has a flag byte and its length
before it, and the status comes last, as trailers. `grpc` is the server's end, `control.connection` the
client's.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import requests
from urllib3 import HTTPHeaderDict

from ..engine import Engine
from ..engine.translate import engine_fault

_CONNECT_SECONDS = 10
_PREFIX = struct.Struct(">BI")   # whether a message is compressed, and its length
_RECEIVE = 1 << 18
_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def upgrade(engine: Engine, path: str, doing: str,
            headers: Iterable[tuple[str, str]] = ()) -> tuple[requests.Response, socket.socket, bytes]:
    """POST `path` and upgrade. `doing` names it in errors ("open a build session").

    Returns the answer (close it last), its socket, not blocking, and what was read beyond the answer's head. Raises
    the engine's errors.
    """
    api = engine.client.api
    prepared = api.prepare_request(requests.Request(
        "POST", f"{api.base_url}{path}", headers={"Connection": "Upgrade", "Upgrade": "h2c"}))
    # requests keeps one value a header, and a session names each of its methods in a header of its own.
    prepared.headers = HTTPHeaderDict(prepared.headers)
    for name, value in headers:
        prepared.headers.add(name, value)
    settings = api.merge_environment_settings(prepared.url, {}, True, None, None)
    with engine.translate_errors(doing):
        response = api.send(prepared, timeout=_CONNECT_SECONDS, **settings)
    if response.status_code != 101:
        with response:
            raise engine_fault(doing, _message(response))
    # As in the SDK's own attach: the socket lies below the answer's buffered file.
    file = response.raw._fp.fp
    sock = file.raw._sock
    sock.settimeout(0)
    try:
        early = file.peek()
    except ssl.SSLWantReadError:   # TLS raises this where other sockets give nothing
        early = b""
    return response, sock, early


def _message(response: requests.Response) -> str:
    try:
        return response.json()["message"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code} {response.reason}"


class Stream:
    """One call in a connection: bytes that are to go, and those of a message that is not complete."""

    def __init__(self, number: int):
        self.number = number
        self.outgoing = bytearray()
        self._partial = bytearray()

    def put(self, message: bytes) -> None:
        """Let a message go."""
        self.outgoing += _PREFIX.pack(0, len(message))
        self.outgoing += message

    def messages(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete with these bytes."""
        self._partial += data
        at = 0
        while len(self._partial) - at >= _PREFIX.size:
            end = at + _PREFIX.size + _PREFIX.unpack_from(self._partial, at)[1]
            if len(self._partial) < end:
                break
            yield bytes(self._partial[at + _PREFIX.size:end])
            at = end
        del self._partial[:at]


class Peer(ABC):
    """One end of a connection over `sock`; `early` is what was already read from it.

    One thread moves all bytes, in `run`, since a TLS socket must not be read and written at once.
    """

    def __init__(self, sock: socket.socket, early: bytes, h2_connection: h2.connection.H2Connection):
        self._socket, self._early, self._h2 = sock, early, h2_connection
        self._lock = threading.Lock()    # around what is done with `_h2`
        self._out = memoryview(b"")
        self._stopped = False
        self._woken, self._waker = socket.socketpair()

    @abstractmethod
    def _event(self, event: h2.events.Event) -> None:
        """Something has come in."""

    @abstractmethod
    def _frame(self) -> None:
        """Frame what is to go and the other end's windows allow."""

    def run(self) -> None:
        """Move bytes until `stop`; the socket is shut down then, and stays open. Raises OSError where the other end
        goes first or breaks HTTP/2."""
        self._socket.setblocking(False)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._woken, selectors.EVENT_READ)
                selector.register(self._socket, selectors.EVENT_READ)
                self._take(self._early)
                while not self._stopped:
                    self._round(selector)
        except h2.exceptions.H2Error as error:
            raise ConnectionAbortedError(f"the peer does not keep to HTTP/2: {error}") from error
        finally:
            self._woken.close()
            self._waker.close()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Make `run` return, from any thread."""
        self._stopped = True
        self._wake()

    def _wake(self) -> None:
        """Let `run` look for what is to go, from any thread."""
        with contextlib.suppress(OSError):
            self._waker.send(b"x")

    def _round(self, selector: selectors.BaseSelector) -> None:
        wanted = selectors.EVENT_READ if self._flush() else selectors.EVENT_READ | selectors.EVENT_WRITE
        if selector.get_key(self._socket).events != wanted:
            selector.modify(self._socket, wanted)
        for key, mask in selector.select():
            if key.fileobj is self._woken:
                self._woken.recv(4096)
            elif mask & selectors.EVENT_READ:
                self._receive()

    def _receive(self) -> None:
        while True:    # until it would block: TLS may hold more than select knows of
            try:
                data = self._socket.recv(_RECEIVE)
            except _WAIT:
                return
            if not data:
                raise ConnectionResetError("the other end closed the connection")
            self._take(data)

    def _take(self, data: bytes) -> None:
        with self._lock:
            for event in self._h2.receive_data(data) if data else ():
                if isinstance(event, h2.events.ConnectionTerminated):
                    raise ConnectionResetError(
                        f"the other end ended the connection: {event.additional_data or event.error_code!r}")
                self._event(event)

    def _flush(self) -> bool:
        """Write what may go; False if the socket takes no more now."""
        while True:
            if not self._out:
                with self._lock:
                    self._frame()
                    self._out = memoryview(self._h2.data_to_send())
                if not self._out:
                    return True
            try:
                self._out = self._out[self._socket.send(self._out):]
            except _WAIT:
                return False

    def _part(self, stream: Stream) -> bytes:
        """What of a stream may go in one frame."""
        window = min(self._h2.local_flow_control_window(stream.number), self._h2.max_outbound_frame_size)
        part = bytes(memoryview(stream.outgoing)[:max(window, 0)])
        del stream.outgoing[:len(part)]
        return part
