"""A gRPC client for one upgraded connection: many calls side by side.

    messages -> calls -> h2 (frames, windows) -> socket

One thread moves all bytes, since a TLS socket must not be read and written at once. What a call has to send waits for
the peer's window; what a call receives and nobody has taken yet holds back its own window, never that of the
others. The framing is that of grpc/grpc, doc/PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

import base64
import contextlib
import queue
import selectors
import socket
import ssl
import struct
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.settings import SettingCodes

from .status import CallFailed

PREFIX = struct.Struct(">BI")    # before each message: whether it is compressed, and its length
_RECEIVE = 1 << 18
_WINDOW = 1 << 20                # bytes that a call may receive ahead of whoever reads it
_CLOSE_SECONDS = 2
_CANCELLED = 8                   # HTTP/2's error code CANCEL
_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Call:
    """One call: iterate over the messages of its answer (bytes); `send` more, or `cancel`.

    Raises CallFailed where BuildKit answers with an error, ConnectionError where the connection is lost.
    """

    def __init__(self, connection: Connection, stream: int):
        self.stream = stream
        self._connection = connection
        self._answers: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
        self._partial = bytearray()
        self.status: tuple[int, str, bytes] | None = None
        self.outgoing = bytearray()
        self.ending = False
        self.received = 0    # bytes whose window the peer has not got back

    def send(self, message: bytes, end: bool = False) -> None:
        """Send one more message; `end` says that it is the last."""
        self._connection._send(self, PREFIX.pack(0, len(message)) + message, end)

    def cancel(self) -> None:
        """End the call: BuildKit ends what it runs for it."""
        self._connection._cancel(self)

    def __iter__(self) -> Iterator[bytes]:
        while (answer := self._answers.get()) is not None:
            if isinstance(answer, Exception):
                self._answers.put(answer)
                raise answer
            self._connection._taken(self)
            yield answer
        self._answers.put(None)    # whoever asks again hears the same

    # -- called by the connection's thread ---------------------------------------------

    def take(self, data: bytes) -> None:
        """Bytes of the answer, in any pieces."""
        self._partial += data
        while len(self._partial) >= PREFIX.size:
            _, length = PREFIX.unpack_from(self._partial)
            if len(self._partial) < PREFIX.size + length:
                return
            self._answers.put(bytes(self._partial[PREFIX.size:PREFIX.size + length]))
            del self._partial[:PREFIX.size + length]

    @property
    def waiting(self) -> bool:
        """Whether a whole message is there that nobody has taken."""
        return not self._answers.empty()

    def finish(self, error: Exception | None = None) -> None:
        """The answer has ended: with its status, or because of `error`."""
        if error is None:
            code, message, details = self.status or (2, "BuildKit ended the call without a status", b"")
            error = CallFailed(code, message, details) if code else None
        self._answers.put(error)


class Connection:
    """HTTP/2 over `sock`; `early` was read from it before, `closed` is called at the end."""

    def __init__(self, sock: socket.socket, early: bytes = b"", closed: Callable[[], None] = lambda: None):
        self._socket, self._closed = sock, closed
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._out = memoryview(b"")
        self._lost: Exception | None = None
        self._closing = False
        self._woken, self._waker = socket.socketpair()
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="utf-8", validate_inbound_headers=False))
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW, SettingCodes.ENABLE_PUSH: 0})
        self._socket.setblocking(False)
        self._thread = threading.Thread(target=self._run, args=(early,), name="BuildKit connection", daemon=True)
        self._thread.start()

    def call(self, path: str, message: bytes, metadata: Iterable[tuple[str, str]] = (), end: bool = True) -> Call:
        """Begin a call of `path` ("/package.Service/Method"). `end`: no further message will be sent.

        Raises ConnectionError if the connection is closed or lost.
        """
        with self._lock:
            if self._lost or self._closing:
                raise ConnectionAbortedError(str(self._lost or "the connection is closed"))
            call = Call(self, self._h2.get_next_available_stream_id())
            try:
                self._h2.send_headers(call.stream, [
                    (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "buildkit"),
                    ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "multistage"), *metadata])
            except h2.exceptions.ProtocolError as error:    # the connection's thread is about to report the loss
                raise ConnectionAbortedError(str(error)) from error
            self._calls[call.stream] = call
        call.send(message, end)
        return call

    def close(self) -> None:
        """End every call and the connection."""
        self._closing = True
        self._wake()
        self._thread.join(_CLOSE_SECONDS)
        self._closed()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what calls ask for, from any thread --------------------------------------------

    def _send(self, call: Call, data: bytes, end: bool) -> None:
        with self._lock:
            call.outgoing += data
            call.ending = call.ending or end
        self._wake()

    def _cancel(self, call: Call) -> None:
        with self._lock, contextlib.suppress(h2.exceptions.ProtocolError):
            if self._calls.pop(call.stream, None):
                self._h2.reset_stream(call.stream, _CANCELLED)
                call.finish(CallFailed(1, "the call was cancelled"))
        self._wake()

    def _taken(self, call: Call) -> None:
        """A message was read: open the call's window again."""
        with self._lock:
            self._reopen(call)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b"x")

    # -- the connection's thread --------------------------------------------------------

    def _run(self, early: bytes) -> None:
        error: Exception = ConnectionAbortedError("the connection was closed")
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._woken, selectors.EVENT_READ)
                selector.register(self._socket, selectors.EVENT_READ)
                self._take(early)
                while not self._closing:
                    self._round(selector)
        except (OSError, h2.exceptions.H2Error) as failure:
            error = failure if isinstance(failure, ConnectionError) else ConnectionAbortedError(str(failure))
        with self._lock:
            self._lost = error
            for call in self._calls.values():
                call.finish(error)
            self._calls.clear()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._woken.close()
        self._waker.close()

    def _round(self, selector: selectors.BaseSelector) -> None:
        full = not self._flush()
        selector.modify(self._socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if full else 0))
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
                raise ConnectionResetError("the engine closed the connection to BuildKit")
            self._take(data)

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

    def _frame(self) -> None:
        """Frame what the peer's windows allow."""
        for call in self._calls.values():
            while call.outgoing or call.ending:
                window = min(self._h2.local_flow_control_window(call.stream), self._h2.max_outbound_frame_size)
                if call.outgoing and window <= 0:
                    break
                part = bytes(call.outgoing[:window])
                del call.outgoing[:window]
                last = call.ending and not call.outgoing
                self._h2.send_data(call.stream, part, end_stream=last)
                if last:
                    call.ending = False

    def _take(self, data: bytes) -> None:
        with self._lock:
            for event in self._h2.receive_data(data) if data else ():
                self._event(event)

    def _event(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            raise ConnectionResetError(f"BuildKit ended the connection: {event.additional_data or event.error_code!r}")
        call = self._calls.get(getattr(event, "stream_id", None) or 0)
        if isinstance(event, h2.events.DataReceived):
            self._h2.increment_flow_control_window(event.flow_controlled_length or 1)    # the others' room
            if call:
                call.received += event.flow_controlled_length
                call.take(event.data)
                self._reopen(call)
        elif call and isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
            call.status = _status(dict(cast(Any, event.headers))) or call.status
        elif call and isinstance(event, h2.events.StreamEnded):
            del self._calls[call.stream]
            call.finish()
        elif call and isinstance(event, h2.events.StreamReset):
            del self._calls[call.stream]
            call.finish(None if call.status else CallFailed(14, f"BuildKit broke the call off ({event.error_code})"))

    def _reopen(self, call: Call) -> None:
        """Give the peer room for more, unless messages wait that nobody has read."""
        if call.received and not call.waiting and call.stream in self._calls:
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self._h2.increment_flow_control_window(call.received, call.stream)
            call.received = 0


def _status(headers: dict[str, str]) -> tuple[int, str, bytes] | None:
    """(code, message, details) of headers or trailers; None while there is none."""
    if "grpc-status" in headers:
        packed = headers.get("grpc-status-details-bin", "")
        return (int(headers["grpc-status"]), urllib.parse.unquote(headers.get("grpc-message", "")),
                base64.b64decode(packed + "=" * (-len(packed) % 4)))
    answer = headers.get(":status", "200")
    return None if answer == "200" else (14, f"HTTP {answer}", b"")
