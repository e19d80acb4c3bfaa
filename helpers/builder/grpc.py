"""A gRPC server for one connection that is already open (`http2`).

Methods are generators of messages. One thread serves all calls, so that they need no locks.
"""

from __future__ import annotations

import socket
import urllib.parse
from collections import deque
from collections.abc import Callable, Generator, Mapping

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.settings import SettingCodes, Settings

from .http2 import Peer, Stream

OK, UNKNOWN, NOT_FOUND, UNIMPLEMENTED = 0, 2, 5, 12

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


class Server(Peer):
    """Serves `methods` {'/package.Service/Method': method} on a connected socket, in `run`.

    `early` is what was already read from the socket. `error` is the first
    exception, other than a Status, that ended a call.
    """

    def __init__(self, sock: socket.socket, methods: Mapping[str, Method], early: bytes = b""):
        super().__init__(sock, early, h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding=None, validate_inbound_headers=False)))
        self.error: Exception | None = None
        self._methods = methods
        self._calls: dict[int, _Call] = {}
        self._h2.local_settings = Settings(client=False, initial_values={
            SettingCodes.MAX_HEADER_LIST_SIZE: _HEADERS, SettingCodes.MAX_CONCURRENT_STREAMS: 1000})
        self._h2.decoder.max_header_list_size = _HEADERS
        self._h2.initiate_connection()

    def run(self) -> None:
        """Serve until `stop`. Raises OSError where the peer goes first or breaks HTTP/2."""
        try:
            super().run()
        finally:
            for stream in tuple(self._calls):
                self._drop(stream)

    # -- inside ---------------------------------------------------------------

    def _event(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if call := self._calls.get(event.stream_id):
                call.inbox.extend(call.messages(event.data))
        elif isinstance(event, h2.events.RequestReceived):
            self._begin(event.stream_id, event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            if call := self._calls.get(event.stream_id):
                call.inbox.append(None)
        elif isinstance(event, h2.events.StreamReset):
            self._drop(event.stream_id)

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
        self._calls[stream] = _Call(stream, self._methods.get(path) or _unknown(path), metadata)

    def _drop(self, stream: int) -> None:
        if call := self._calls.pop(stream, None):
            call.answers.close()

    def _frame(self) -> None:
        """What the peer's windows allow, in turn for each call."""
        framed, count = 0, 1
        while count and framed < _BATCH:
            count = sum([self._frame_of(call) for call in tuple(self._calls.values())])
            framed += count

    def _frame_of(self, call: _Call) -> int:
        """Frame a call's next piece; its bytes, 0 if there is none now, or no window."""
        call.fill(max(1, min(self._h2.local_flow_control_window(call.number), self._h2.max_outbound_frame_size)))
        part = self._part(call)
        if part:
            self._h2.send_data(call.number, part)
        if call.status is not None and not call.outgoing:
            self._h2.send_headers(call.number, _trailers(call.status), end_stream=True)
            self.error = self.error or call.error
            del self._calls[call.number]
        return len(part)


class _Call(Stream):
    """One call: the messages that came, and its method's answers."""

    def __init__(self, number: int, method: Method, metadata: Metadata):
        super().__init__(number)
        self.inbox: Inbox = deque()
        self.answers = method(metadata, self.inbox)
        self.status: Status | None = None
        self.error: Exception | None = None

    def fill(self, size: int) -> None:
        """Ask the method for messages until `size` bytes wait, or it has none now."""
        while self.status is None and len(self.outgoing) < size:
            try:
                message = next(self.answers)
            except StopIteration:
                self.status = Status(OK, "")
            except Status as status:
                self.status = status
            except Exception as error:   # noqa: BLE001   whatever it is, the caller must hear of it
                self.error, self.status = error, Status(UNKNOWN, str(error))
            else:
                if message is None:
                    return
                self.put(message)


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
