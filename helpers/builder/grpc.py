"""A gRPC server for one connection that is already open.

    socket -> h2 (frames, windows) -> calls -> methods (generators of messages)

The framing is that of grpc/grpc, doc/PROTOCOL-HTTP2.md: each message has a
flag byte and its length before it, and the status comes last, as trailers.
One thread serves all calls, so that methods need no locks.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import urllib.parse
from collections import deque
from collections.abc import Callable, Generator, Mapping

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.settings import SettingCodes, Settings

OK, UNKNOWN, NOT_FOUND, UNIMPLEMENTED = 0, 2, 5, 12

_PREFIX = struct.Struct(">BI")
_RECEIVE = 1 << 18
_BATCH = 1 << 19          # bytes framed before they are sent
_HEADERS = 16 << 20       # a long .dockerignore comes as headers; Go's limit is the same

Metadata = Mapping[str, tuple[str, ...]]

# A method reads messages from its inbox (None is their end) and yields its own;
# it yields None to be asked again when something has come in.
Inbox = deque
Messages = Generator["bytes | None", None, None]
Method = Callable[[Metadata, Inbox], Messages]


class Status(Exception):
    """What a method raises to end its call with an error."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def unary(answer: Callable[[bytes], bytes]) -> Method:
    """The method that answers one message with one."""
    def method(_: Metadata, inbox: Inbox) -> Messages:
        while not inbox:
            yield None
        yield answer(inbox.popleft() or b"")

    return method


class Server:
    """Serves `methods` {'/package.Service/Method': method} on a connected socket.

    `early` is what was already read from the socket. `error` is the first
    exception, other than a Status, that ended a call.
    """

    def __init__(self, sock: socket.socket, methods: Mapping[str, Method], early: bytes = b""):
        self.error: Exception | None = None
        self._socket, self._methods, self._early = sock, methods, early
        self._calls: dict[int, _Call] = {}
        self._stopped = False
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding=None, validate_inbound_headers=False))
        self._h2.local_settings = Settings(client=False, initial_values={
            SettingCodes.MAX_HEADER_LIST_SIZE: _HEADERS, SettingCodes.MAX_CONCURRENT_STREAMS: 1000})
        self._h2.decoder.max_header_list_size = _HEADERS

    def serve(self) -> None:
        """Serve until `stop` is called; raises OSError where the peer goes first. The socket stays open.

        It blocks in reading and in writing: the peer reads all the time, as gRPC demands of it.
        """
        self._socket.setblocking(True)
        self._h2.initiate_connection()
        try:
            self._take(self._early)
            while True:
                self._pump()
                data = self._socket.recv(_RECEIVE)
                if not data:
                    raise ConnectionResetError("the peer closed the connection")
                self._take(data)
        except h2.exceptions.H2Error as error:
            raise ConnectionAbortedError(f"the peer does not keep to HTTP/2: {error}") from error
        except OSError:
            if not self._stopped:
                raise
        finally:
            for stream in tuple(self._calls):
                self._drop(stream)

    def stop(self) -> None:
        """Make `serve` return, from any thread."""
        self._stopped = True
        with contextlib.suppress(OSError):   # it is closed already
            self._socket.shutdown(socket.SHUT_RDWR)

    # -- inside ---------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if call := self._calls.get(event.stream_id):
                    call.take(event.data)
            elif isinstance(event, h2.events.RequestReceived):
                self._begin(event.stream_id, event.headers)
            elif isinstance(event, h2.events.StreamEnded):
                if call := self._calls.get(event.stream_id):
                    call.inbox.append(None)
            elif isinstance(event, h2.events.StreamReset):
                self._drop(event.stream_id)
            elif isinstance(event, h2.events.ConnectionTerminated):
                raise ConnectionResetError("the peer ended the connection")

    def _begin(self, stream: int, headers: list[tuple[bytes, bytes]]) -> None:
        metadata: dict[str, tuple[str, ...]] = {}
        for name, value in headers:
            key = name.decode("ascii", "replace")
            metadata[key] = (*metadata.get(key, ()), value.decode("utf-8", "surrogateescape"))
        path = metadata.get(":path", ("",))[0]
        try:
            self._h2.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        except (h2.exceptions.StreamClosedError, h2.exceptions.StreamIDTooLowError):
            return   # taken back in the same breath
        self._calls[stream] = _Call(self._methods.get(path) or _unknown(path), metadata)

    def _drop(self, stream: int) -> None:
        if call := self._calls.pop(stream, None):
            call.messages.close()

    def _pump(self) -> None:
        """Send what the peer's windows allow, in turn for each call."""
        framed, busy = 0, True
        while busy:
            count = sum([self._frame(stream, call) for stream, call in tuple(self._calls.items())])
            framed, busy = framed + count, count > 0
            if framed > _BATCH or not busy:
                self._socket.sendall(self._h2.data_to_send())
                framed = 0

    def _frame(self, stream: int, call: _Call) -> int:
        """Frame a call's next piece; its bytes, 0 if there is none now, or no window."""
        window = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
        call.fill(max(window, 1))
        part = bytes(memoryview(call.pending)[:max(window, 0)])
        if part:
            self._h2.send_data(stream, part)
            del call.pending[:len(part)]
        if call.status is not None and not call.pending:
            self._h2.send_headers(stream, _trailers(call.status), end_stream=True)
            self.error = self.error or call.error
            del self._calls[stream]
        return len(part)


class _Call:
    """One call: the messages that came, and the bytes that are to go."""

    def __init__(self, method: Method, metadata: Metadata):
        self.inbox: Inbox = deque()
        self.messages = method(metadata, self.inbox)
        self.pending = bytearray()
        self.status: Status | None = None
        self.error: Exception | None = None
        self._partial = bytearray()

    def take(self, data: bytes) -> None:
        self._partial += data
        at = 0
        while len(self._partial) - at >= _PREFIX.size:
            packed, length = _PREFIX.unpack_from(self._partial, at)
            if packed:
                self.status = Status(UNIMPLEMENTED, "compressed messages are not understood")
            end = at + _PREFIX.size + length
            if len(self._partial) < end:
                break
            self.inbox.append(bytes(self._partial[at + _PREFIX.size:end]))
            at = end
        del self._partial[:at]

    def fill(self, size: int) -> None:
        """Ask the method for messages until `size` bytes wait, or it has none now."""
        while self.status is None and len(self.pending) < size:
            try:
                message = next(self.messages)
            except StopIteration:
                self.status = Status(OK, "")
            except Status as status:
                self.status = status
            except Exception as error:   # noqa: BLE001   whatever it is, the caller must hear of it
                self.error, self.status = error, Status(UNKNOWN, str(error))
            else:
                if message is None:
                    return
                self.pending += _PREFIX.pack(0, len(message))
                self.pending += message


def _unknown(path: str) -> Method:
    def method(_: Metadata, __: Inbox) -> Messages:
        raise Status(UNIMPLEMENTED, f"no method {path}")
        yield

    return method


def _trailers(status: Status) -> list[tuple[str, str]]:
    trailers = [("grpc-status", str(status.code))]
    if status.code != OK:
        said = str(status).encode("utf-8", "backslashreplace")[:2000]
        trailers.append(("grpc-message", urllib.parse.quote(said, safe=" !\"#$&'()*+,-./:;<=>?@[]^_`{|}~")))
    return trailers
