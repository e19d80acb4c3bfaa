"""HTTP on a Unix socket, by tornado: each request is answered by a thread of its own.

What an engine does blocks (it unpacks, compresses, waits for processes), so that it is written
for threads: `Exchange` is what such a thread reads a request from and writes its answer to.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, StreamClosedError
from tornado.netutil import bind_unix_socket

_JSON = 64 << 20     # bytes of a request that is read as a whole
_PIECE = 1 << 16     # bytes that are taken at a time
_ANY = 1 << 50       # bytes of a request, of any length: an image


class Exchange:
    """One request and its answer, for the thread that answers it in `respond`.

    query    {name: value} of the address, the last one of each; `queries` has all
    body     what the client sends, to read
    begun    whether an answer has begun, that cannot be taken back
    """

    def __init__(self, handler: _Handler):
        self._handler, self._loop = handler, asyncio.get_running_loop()
        request = handler.request
        self.method, self.path = request.method, unquote(request.path)
        self.queries = parse_qs(request.query, keep_blank_values=True)
        self.query = {name: values[-1] for name, values in self.queries.items()}
        # A pair of sockets: the server waits while nobody reads, and an end is an end of file.
        self._arriving, reading = socket.socketpair()
        self._arriving.setblocking(False)
        self.body, self.begun, self._gone = reading.makefile("rb"), False, threading.Event()
        reading.close()

    def respond(self) -> None:
        """Answer it. A ConnectionError breaks the answer off."""
        raise NotImplementedError

    def gone(self) -> bool:
        """Whether the client has hung up."""
        return self._gone.is_set()

    async def arrived(self, piece: bytes) -> None:
        """A piece of what the client sends."""
        with contextlib.suppress(OSError):   # the client has hung up meanwhile
            await self._loop.sock_sendall(self._arriving, piece)

    def ended(self, *, gone: bool) -> None:
        """All has arrived, or the client has hung up."""
        if gone:
            self._gone.set()
        with contextlib.suppress(OSError):   # it is answered already
            self._arriving.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """It is answered."""
        self.body.close()
        self._arriving.close()

    def json(self) -> dict:
        """What the client sends, as JSON; {} for nothing."""
        data = self.body.read(_JSON)
        return json.loads(data) if data else {}

    def answer(self, value: object = None, status: int = 200, **headers: str) -> None:
        """A whole answer: JSON, bytes as they are, or nothing."""
        kind = "text/plain" if isinstance(value, bytes) else "application/json"
        data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
        self._head(status, {"Content-Type": kind, **{name.replace("_", "-"): text for name, text in headers.items()}})
        self._call(self._handler.written(data, end=True))

    def refuse(self, status: int, message: str) -> None:
        """An answer that says why not, as Docker's engine words it."""
        self.answer({"message": message}, status)

    def begin(self, kind: str = "application/json") -> None:
        """The head of an answer that comes in pieces, which `piece` sends and `end` ends."""
        self._head(200, {"Content-Type": kind})
        self._call(self._handler.written(b""))

    def piece(self, data: bytes) -> None:
        """Send a part of the answer."""
        if data:
            self._call(self._handler.written(data))

    def end(self) -> None:
        """The answer is whole."""
        self._call(self._handler.written(b"", end=True))

    def stream(self, pieces: Iterable[bytes], kind: str = "application/x-tar") -> None:
        """A whole answer that comes in pieces."""
        self.begin(kind)
        for data in pieces:
            self.piece(data)
        self.end()

    @contextlib.contextmanager
    def upgraded(self) -> Iterator[Callable[[bytes], Any]]:
        """Leave HTTP: a function that sends bytes on the bare stream, which ends with the block."""
        self._head(101, {"Connection": "Upgrade", "Upgrade": "tcp"})
        stream = self._call(self._handler.upgraded())
        self._until_read(stream)
        try:
            yield lambda data: self._call(_sent(stream, data))
        finally:
            self._loop.call_soon_threadsafe(stream.close)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        while self.body.read(_PIECE):   # whoever still sends does not read
            pass
        self.begun = True
        self._handler.set_status(status)
        for name, text in headers.items():
            self._handler.set_header(name, text)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the server's own thread. Raises ConnectionError if the client has gone."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except StreamClosedError as error:
            raise ConnectionError("the client went away") from error

    def _until_read(self, stream: IOStream, seconds: float = 2) -> None:
        """Wait until the client has taken the head. Its HTTP library reads ahead: what of the
        stream comes with the head would be lost to whoever reads the socket then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and stream.socket:
            if not struct.unpack("i", fcntl.ioctl(stream.socket, termios.TIOCOUTQ, bytes(4)))[0]:
                return
            time.sleep(0.001)


async def _sent(stream: IOStream, data: bytes) -> None:
    await stream.write(data)


@web.stream_request_body
class _Handler(web.RequestHandler):
    """Hands a request to a thread, and what the thread says to the client."""

    def initialize(self, kind: type[Exchange]) -> None:
        self._kind = kind

    def prepare(self) -> None:
        self._exchange = self._kind(self)
        self._answered = asyncio.get_running_loop().create_future()
        threading.Thread(target=self._work, args=(asyncio.get_running_loop(),), daemon=True).start()

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._exchange.respond()
        except ConnectionError:
            loop.call_soon_threadsafe(self._break_off)
        finally:
            loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self._exchange.close()
        self._answered.set_result(None)

    def _break_off(self) -> None:
        if not self._finished:
            self.detach().close()

    async def data_received(self, chunk: bytes) -> None:
        await self._exchange.arrived(chunk)

    async def get(self) -> None:
        self._exchange.ended(gone=False)
        await self._answered

    head = post = put = delete = get

    def on_connection_close(self) -> None:
        self._exchange.ended(gone=True)

    def compute_etag(self) -> None:
        """None: what is asked for twice may have changed."""

    async def written(self, data: bytes, end: bool = False) -> None:
        if data:
            self.write(data)
        await (self.finish() if end else self.flush())

    async def upgraded(self) -> IOStream:
        self.finish()
        return self.detach()


class HttpServer:
    """A server on the socket at `address`; `kind` answers a request. To be made in a running loop."""

    def __init__(self, address: str, kind: type[Exchange]):
        application = web.Application([(r".*", _Handler, {"kind": kind})], log_function=lambda handler: None)
        self._server = HTTPServer(application, max_body_size=_ANY, chunk_size=_PIECE)
        self._server.add_socket(bind_unix_socket(address))

    def close(self) -> None:
        """Take no more requests."""
        self._server.stop()
