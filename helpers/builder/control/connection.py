"""A gRPC client for one upgraded connection (`http2`): many calls side by side.

What a call has to send waits for the peer's window; what a call receives and nobody has taken yet holds back its own
window, never that of the others.
"""

from __future__ import annotations

import base64
import contextlib
import queue
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.settings import SettingCodes

from ..http2 import Peer, Stream
from .status import CallFailed

_WINDOW = 1 << 20                # bytes that a call may receive ahead of whoever reads it
_CLOSE_SECONDS = 2
_CANCELLED = 8                   # HTTP/2's error code CANCEL


class Call(Stream):
    """One call: iterate over the messages of its answer (bytes); `send` more, or `cancel`.

    Raises CallFailed where BuildKit answers with an error, ConnectionError where the connection is lost.
    """

    def __init__(self, connection: Connection, number: int):
        super().__init__(number)
        self._connection = connection
        self._answers: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
        self.status: tuple[int, str, bytes] | None = None
        self.ending = False
        self.received = 0    # bytes whose window the peer has not got back

    def send(self, message: bytes, end: bool = False) -> None:
        """Send one more message; `end` says that it is the last."""
        self._connection._send(self, message, end)

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
        for message in self.messages(data):
            self._answers.put(message)

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


class Connection(Peer):
    """HTTP/2 over `sock`; `early` was read from it before, `closed` is called at the end."""

    def __init__(self, sock: socket.socket, early: bytes = b"", closed: Callable[[], None] = lambda: None):
        super().__init__(sock, early, h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="utf-8", validate_inbound_headers=False)))
        self._closed = closed
        self._calls: dict[int, Call] = {}
        self._lost: Exception | None = None
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW, SettingCodes.ENABLE_PUSH: 0})
        self._thread = threading.Thread(target=self._run, name="BuildKit connection", daemon=True)
        self._thread.start()

    def call(self, path: str, message: bytes, metadata: Iterable[tuple[str, str]] = (), end: bool = True) -> Call:
        """Begin a call of `path` ("/package.Service/Method"). `end`: no further message will be sent.

        Raises ConnectionError if the connection is closed or lost.
        """
        with self._lock:
            if self._lost or self._stopped:
                raise ConnectionAbortedError(str(self._lost or "the connection is closed"))
            call = Call(self, self._h2.get_next_available_stream_id())
            try:
                self._h2.send_headers(call.number, [
                    (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "buildkit"),
                    ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "multistage"), *metadata])
            except h2.exceptions.ProtocolError as error:    # the connection's thread is about to report the loss
                raise ConnectionAbortedError(str(error)) from error
            self._calls[call.number] = call
        call.send(message, end)
        return call

    def close(self) -> None:
        """End every call and the connection."""
        self.stop()
        self._thread.join(_CLOSE_SECONDS)
        self._closed()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what calls ask for, from any thread --------------------------------------------

    def _send(self, call: Call, message: bytes, end: bool) -> None:
        with self._lock:
            call.put(message)
            call.ending = call.ending or end
        self._wake()

    def _cancel(self, call: Call) -> None:
        with self._lock, contextlib.suppress(h2.exceptions.ProtocolError):
            if self._calls.pop(call.number, None):
                self._h2.reset_stream(call.number, _CANCELLED)
                call.finish(CallFailed(1, "the call was cancelled"))
        self._wake()

    def _taken(self, call: Call) -> None:
        """A message was read: open the call's window again."""
        with self._lock:
            self._reopen(call)
        self._wake()

    # -- the connection's thread --------------------------------------------------------

    def _run(self) -> None:
        error: Exception = ConnectionAbortedError("the connection was closed")
        try:
            self.run()
        except OSError as failure:
            error = failure if isinstance(failure, ConnectionError) else ConnectionAbortedError(str(failure))
        with self._lock:
            self._lost = error
            for call in self._calls.values():
                call.finish(error)
            self._calls.clear()

    def _frame(self) -> None:
        for call in self._calls.values():
            while call.outgoing or call.ending:
                part = self._part(call)
                if call.outgoing and not part:
                    break
                last = call.ending and not call.outgoing
                self._h2.send_data(call.number, part, end_stream=last)
                if last:
                    call.ending = False

    def _event(self, event: h2.events.Event) -> None:
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
            del self._calls[call.number]
            call.finish()
        elif call and isinstance(event, h2.events.StreamReset):
            del self._calls[call.number]
            call.finish(None if call.status else CallFailed(14, f"BuildKit broke the call off ({event.error_code})"))

    def _reopen(self, call: Call) -> None:
        """Give the peer room for more, unless messages wait that nobody has read."""
        if call.received and not call.waiting and call.number in self._calls:
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self._h2.increment_flow_control_window(call.received, call.number)
            call.received = 0


def _status(headers: dict[str, str]) -> tuple[int, str, bytes] | None:
    """(code, message, details) of headers or trailers; None while there is none."""
    if "grpc-status" in headers:
        packed = headers.get("grpc-status-details-bin", "")
        return (int(headers["grpc-status"]), urllib.parse.unquote(headers.get("grpc-message", "")),
                base64.b64decode(packed + "=" * (-len(packed) % 4)))
    answer = headers.get(":status", "200")
    return None if answer == "200" else (14, f"HTTP {answer}", b"")
