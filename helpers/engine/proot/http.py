"""HTTP on a Unix socket, with a thread for each connection."""

import contextlib
import fcntl
import io
import json
import os
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_JSON = 64 << 20     # bytes; the longest JSON body
_PIECE = 1 << 16     # bytes read at a time


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer; a subclass answers in `respond`.

    query    {name: value} of the query string, the last value of each name; `queries` has all values
    body     the request's body, a file
    begun    whether part of the answer has been sent"""

    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        """Answer the request. A ConnectionError aborts the answer."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Parse the address and `respond`."""
        address = urlsplit(self.path)
        self.method, self.path = self.command, unquote(address.path)
        self.queries = parse_qs(address.query, keep_blank_values=True)
        self.query = {name: values[-1] for name, values in self.queries.items()}
        self.body, self.begun = io.BufferedReader(_Body(self.rfile, self.headers), _PIECE), False
        try:
            self.respond()
        except ConnectionError:
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def gone(self) -> bool:
        """Whether the client has hung up."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def json(self) -> dict:
        """The body, parsed; {} if it is empty."""
        data = self.body.read(_JSON)
        return json.loads(data) if data else {}

    def answer(self, value: object = None, status: int = 200, **headers: str) -> None:
        """Send a whole answer: bytes as they are, anything but None as JSON."""
        kind = "text/plain" if isinstance(value, bytes) else "application/json"
        data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
        self._head(status, {"Content-Type": kind, "Content-Length": str(len(data)),
                            **{name.replace("_", "-"): text for name, text in headers.items()}})
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, status: int, message: str) -> None:
        """Send an error as Docker's API does."""
        self.answer({"message": message}, status)

    def begin(self, kind: str = "application/json") -> None:
        """Begin an answer that is sent by `piece` and finished by `end`."""
        self._head(200, {"Content-Type": kind, "Transfer-Encoding": "chunked"})

    def piece(self, data: bytes) -> None:
        """Send a part of the answer."""
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """Finish the answer."""
        self.wfile.write(b"0\r\n\r\n")

    def stream(self, pieces: Iterable[bytes], kind: str = "application/x-tar") -> None:
        """Send a whole answer in pieces."""
        self.begin(kind)
        for data in pieces:
            self.piece(data)
        self.end()

    @contextlib.contextmanager
    def upgraded(self) -> Iterator[Callable[[bytes], Any]]:
        """Leave HTTP for a bare stream, which ends with the block; yields the function that writes to it."""
        self._head(101, {"Connection": "Upgrade", "Upgrade": "tcp"})
        self.close_connection = True
        self._until_read()
        yield self.wfile.write

    def _head(self, status: int, headers: dict[str, str]) -> None:
        while self.body.read(_PIECE):   # a client that is still sending does not read the answer
            pass
        self.begun = True
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()

    def _until_read(self, seconds: float = 2) -> None:
        """Wait until the client has read the head. Its HTTP library reads ahead: bytes of the stream that arrive with
        the head would be lost."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and struct.unpack(
                "i", fcntl.ioctl(self.connection, termios.TIOCOUTQ, bytes(4)))[0]:
            time.sleep(0.001)


class _Body(io.RawIOBase):
    """The body of a request, with a known length or in chunks (RFC 9112, 7.1)."""

    def __init__(self, file: io.BufferedIOBase, headers: Message):
        self._file, self._chunked = file, "chunked" in headers.get("Transfer-Encoding", "").lower()
        self._left = 0 if self._chunked else int(headers.get("Content-Length", 0))   # bytes of the body or chunk

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._chunked and not self._left:
            line = self._file.readline()
            if not line:
                raise ConnectionResetError("the client went away")
            self._left = int(line.partition(b";")[0], 16)
            if not self._left:
                self._chunked = False
                while self._file.readline().strip():
                    pass
        wanted = min(self._left, len(buffer))
        data = self._file.read(wanted)
        if len(data) < wanted:
            raise ConnectionResetError("the client went away")
        self._left -= wanted
        if self._chunked and not self._left:
            self._file.readline()
        buffer[:wanted] = data
        return wanted


class HttpServer(ThreadingMixIn, UnixStreamServer):
    """A server on the socket at `address`; `kind` handles requests."""

    daemon_threads, block_on_close, request_queue_size = True, False, 128

    def __init__(self, address: str, kind: type[Exchange]):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        super().__init__(address, kind)
        os.chmod(address, 0o600)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report errors, except that the client hung up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
