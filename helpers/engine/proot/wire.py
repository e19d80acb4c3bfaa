"""HTTP on a Unix socket: bodies in either form, answers whole or in pieces."""

from __future__ import annotations

import fcntl
import io
import json
import select
import socket
import socketserver
import struct
import termios
import threading
import time
import traceback
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

_LINE = 1 << 16
_BODY = 64 << 20   # bytes of a request that is read as a whole: JSON


class Body(io.RawIOBase):
    """What a client sends, with a length or in chunks."""

    def __init__(self, file, headers):
        self._file = file
        self._chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self._left = 0 if self._chunked else int(headers.get("Content-Length") or 0)
        self._ended = not self._chunked and not self._left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if self._chunked and not self._left and not self._ended:
            self._next()
        if self._ended:
            return 0
        data = self._file.read(min(len(buffer), self._left))
        if not data:
            raise ConnectionError("the client went away")
        buffer[:len(data)] = data
        self._left -= len(data)
        if not self._left:
            if self._chunked:
                self._file.readline(_LINE)   # the end of the chunk's line
            else:
                self._ended = True
        return len(data)

    def _next(self) -> None:
        line = self._file.readline(_LINE)
        self._left = int(line.split(b";")[0] or b"0", 16)
        if not self._left:
            while self._file.readline(_LINE).strip():
                pass
            self._ended = True

    def drain(self) -> None:
        while self.read(1 << 20):
            pass


class Handler(BaseHTTPRequestHandler):
    """One connection. `route` of a subclass answers one request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.queries = parse_qs(parts.query)
        self.body = Body(self.rfile, self.headers)
        self.begun = False   # whether an answer has, that cannot be taken back
        try:
            self.route(parts.path)
            self.body.drain()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def address_string(self) -> str:
        return "client"

    def log_message(self, form: str, *values: object) -> None:
        pass

    def route(self, path: str) -> None:
        raise NotImplementedError

    def asked(self) -> dict:
        data = self.body.read(_BODY)
        while data and len(data) < _BODY and (more := self.body.read(_BODY - len(data))):
            data += more
        return json.loads(data) if data else {}

    def answer(self, value: object = None, status: int = 200, **headers: str) -> None:
        """A whole answer: JSON, bytes as they are, or nothing."""
        self.begun = True
        data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(value, bytes) else "application/json")
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, status: int, message: str) -> None:
        self.answer({"message": message}, status)

    def begin(self, kind: str = "application/json") -> None:
        """The head of an answer that comes in pieces, which `piece` sends and `end` ends."""
        self.begun = True
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def piece(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def stream(self, pieces: Iterable[bytes], kind: str = "application/x-tar") -> None:
        self.begin(kind)
        for data in pieces:
            self.piece(data)
        self.end()

    def hijack(self) -> None:
        """Leave HTTP: what follows is the bare stream, and its end is the connection's."""
        self.begun = self.close_connection = True
        self.send_response(101, "UPGRADED")
        for name, text in (("Content-Type", "application/vnd.docker.raw-stream"), ("Connection", "Upgrade"),
                           ("Upgrade", "tcp")):
            self.send_header(name, text)
        self.end_headers()
        self._until_read()

    def _until_read(self, seconds: float = 2) -> None:
        """Wait until the client has taken what was sent. Its HTTP library reads ahead: what
        of the stream comes with the head would be lost to whoever reads the socket then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not struct.unpack("i", fcntl.ioctl(self.connection, termios.TIOCOUTQ, bytes(4)))[0]:
                return
            time.sleep(0.001)

    def gone(self) -> bool:
        """Whether the client has hung up."""
        try:
            ready, _, _ = select.select([self.connection], [], [], 0)
            return bool(ready) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A thread a connection."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address) -> None:
        traceback.print_exc()

    def serve(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True).start()
