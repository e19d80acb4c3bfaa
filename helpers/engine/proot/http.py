"""HTTP on a Unix socket, by tornado: each request is answered by a thread of its own.

What an engine does blocks (it unpacks, compresses, waits for processes), so that it is written
for threads: `Exchange` is what such a thread reads a request from and writes its answer to.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import json
import struct
import termios
import threading
import time
from collections.abc import Coroutine, Iterable
from typing import Any
from urllib.parse import parse_qs, unquote

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, StreamClosedError
from tornado.netutil import bind_unix_socket

_JSON = 64 << 20     # bytes of a request that is read as a whole
_PIECE = 1 << 16     # bytes of one that is read while it arrives, at a time
_WAITING = 16        # pieces that arrive before their reader takes one
_ANY = 1 << 50       # bytes of a request, of any length: an image


class Body(io.RawIOBase):
    """What a client sends, read by a thread while it arrives."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop, self._pieces = loop, asyncio.Queue[bytes | None](_WAITING)
        self._piece, self._unread, self._ended, self._broken = b"", True, False, False
        self._arrived = threading.Event()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._piece and not self._ended:
            piece = asyncio.run_coroutine_threadsafe(self._pieces.get(), self._loop).result()
            self._piece, self._ended = piece or b"", piece is None
        if not self._piece and self._broken:
            raise ConnectionError("the client went away")
        count = min(len(buffer), len(self._piece))
        buffer[:count], self._piece = self._piece[:count], self._piece[count:]
        return count

    def ignore(self) -> None:
        """Read no more of it, and wait until all has arrived: then it can be answered."""
        self._loop.call_soon_threadsafe(self._drop)
        self._arrived.wait()

    async def feed(self, piece: bytes | None) -> None:
        """What arrived; None at the end. Waits for a reader that is behind."""
        if self._unread:
            await self._pieces.put(piece)
        if piece is None:
            self._arrived.set()

    def break_off(self) -> None:
        """The client has gone before the end."""
        if not self._arrived.is_set():
            self._broken = True
            self._drop()
            self._pieces.put_nowait(None)
            self._arrived.set()

    def _drop(self) -> None:
        self._unread = False
        while not self._pieces.empty():
            self._pieces.get_nowait()


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
        self.body, self.begun, self._gone = Body(self._loop), False, threading.Event()

    def respond(self) -> None:
        """Answer it. A ConnectionError breaks the answer off."""
        raise NotImplementedError

    def gone(self) -> bool:
        """Whether the client has hung up."""
        return self._gone.is_set()

    def hung_up(self) -> None:
        """The client has: whoever reads or asks learns it."""
        self._gone.set()
        self.body.break_off()

    def json(self) -> dict:
        """What the client sends, as JSON; {} for nothing."""
        data = b"".join(iter(lambda: self.body.read(_JSON), b""))
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
    def upgraded(self):
        """Leave HTTP: a function that sends bytes on the bare stream, which ends with the block."""
        self._head(101, {"Connection": "Upgrade", "Upgrade": "tcp"})
        stream = self._call(self._handler.upgraded())
        self._until_read(stream)
        try:
            yield lambda data: self._call(_sent(stream, data))
        finally:
            self._loop.call_soon_threadsafe(stream.close)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.body.ignore()
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
            loop.call_soon_threadsafe(self._answered.set_result, None)

    def _break_off(self) -> None:
        if not self._finished:
            self.detach().close()

    async def data_received(self, chunk: bytes) -> None:
        await self._exchange.body.feed(chunk)

    async def get(self) -> None:
        await self._exchange.body.feed(None)
        await self._answered

    head = post = put = delete = get

    def on_connection_close(self) -> None:
        self._exchange.hung_up()

    def compute_etag(self) -> None:
        """None: what is asked for twice may have changed."""

    async def written(self, data: bytes, end: bool = False) -> None:
        if data:
            self.write(data)
        await (self.finish() if end else self.flush())

    async def upgraded(self) -> IOStream:
        self.finish()
        return self.detach()


class Server:
    """A server on the socket at `address`; `kind` answers a request. To be made in a running loop."""

    def __init__(self, address: str, kind: type[Exchange]):
        application = web.Application([(r".*", _Handler, {"kind": kind})], log_function=lambda handler: None)
        self._server = HTTPServer(application, max_body_size=_ANY, chunk_size=_PIECE)
        self._server.add_socket(bind_unix_socket(address))

    def close(self) -> None:
        """Take no more requests."""
        self._server.stop()
