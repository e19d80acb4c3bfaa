"""A connection of the Docker SDK, upgraded to HTTP/2 and handed to gRPC.

The engine answers `Upgrade: h2c` on /session and /grpc with 101, and connects BuildKit: see moby/moby,
api/server/router/session and router/grpc. gRPC only uses sockets that it opens itself, so a `Tunnel` moves the bytes
between the connection and a Unix socket of gRPC's, in a folder that only this user may enter.
"""

import contextlib
import select
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterable
from typing import NamedTuple

import requests
from urllib3 import HTTPHeaderDict

from ..engine import Engine
from ..engine.translate import engine_fault, message_of

_CONNECT_SECONDS = 10
CLOSE_SECONDS = 2
_PIECE = 1 << 18
_LONGEST = 60    # characters of a folder's path that leave room for a socket's name
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

# Of every channel and server: any message size, no proxy, windows of fixed size, and no idle timeout.
OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
           ("grpc.absolute_max_metadata_size", 16 << 20), ("grpc.max_metadata_size", 16 << 20),
           ("grpc.enable_http_proxy", 0), ("grpc.http2.bdp_probe", 0),
           ("grpc.client_idle_timeout_ms", (1 << 31) - 1))


class Upgraded(NamedTuple):
    """An upgraded connection: the response (closed last), its socket, and bytes read after the response's head."""

    response: requests.Response
    socket: socket.socket
    early: bytes


def upgrade(engine: Engine, path: str, doing: str, headers: Iterable[tuple[str, str]] = ()) -> Upgraded:
    """POST `path` and upgrade. `doing` stands in errors ("open a build session"). Raises the engine's errors."""
    api = engine.client.api
    prepared = api.prepare_request(requests.Request(
        "POST", f"{api.base_url}{path}", headers={"Connection": "Upgrade", "Upgrade": "h2c"}))
    # requests keeps one value a header, but a session has one for each of its methods.
    prepared.headers = HTTPHeaderDict(prepared.headers)
    for name, value in headers:
        prepared.headers.add(name, value)
    settings = api.merge_environment_settings(prepared.url, {}, True, None, None)
    with engine.translate_errors(doing):
        response = api.send(prepared, timeout=_CONNECT_SECONDS, **settings)
    if response.status_code != 101:
        with response:
            raise engine_fault(doing, message_of(response))
    # As in the SDK's attach: the socket is below the response's buffered file.
    file = response.raw._fp.fp
    sock = file.raw._sock
    sock.settimeout(0)
    try:
        early = file.peek()
    except ssl.SSLWantReadError:   # TLS raises this where other sockets give nothing
        early = b""
    return Upgraded(response, sock, early)


def upgradable(engine: Engine) -> bool:
    """Whether the engine has BuildKit, over a socket that can be upgraded (SSH and named pipes cannot)."""
    base = engine.client.api.base_url
    return "buildkit" in engine.builders and not base.startswith(("http+docker://ssh", "http+docker://localnpipe"))


def socket_folder() -> tempfile.TemporaryDirectory[str]:
    """A new private folder, with a path short enough for a socket in it."""
    place = tempfile.gettempdir()
    return tempfile.TemporaryDirectory(prefix="grpc-", dir=place if len(place) <= _LONGEST else "/tmp")


class Tunnel:
    """Moves bytes between two sockets, in a thread, until one of them ends.

    far    the connection; `early` was read from it before
    near   gRPC's socket, or one that listens for its first connection
    error  why the far end closed; None while it is open, and if it closed after `stopping`
    """

    def __init__(self, far: socket.socket, early: bytes, near: socket.socket):
        self._far, self._near, self._early = far, near, early
        self.error: OSError | None = None
        self.stopping = False    # whether the end is expected
        self._thread = threading.Thread(target=self._run, name="BuildKit connection", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether no more bytes will be moved."""
        return not self._thread.is_alive()

    def join(self) -> None:
        """Wait for the last bytes, once gRPC has closed its socket."""
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        if self._near.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            with self._near as listening:
                self._near = listening.accept()[0]
        with self._near:
            try:
                self._move()
            except OSError as error:
                self.error = None if self.stopping else error
            with contextlib.suppress(OSError):
                self._far.shutdown(socket.SHUT_RDWR)

    def _move(self) -> None:
        """One thread for both directions: a TLS socket must not be read and written at once."""
        ways = [_Way(self._near, self._far), _Way(self._far, self._near, self._early)]
        for each in ways:
            each.source.setblocking(False)
        ready = select.poll()
        while True:
            while ways[0].move() | ways[1].move():    # until both would block: TLS may hold more than poll reports
                pass
            if ways[0].ended:
                return
            if ways[1].ended:
                raise ConnectionResetError("the other end closed the connection")
            for way, back in (ways, ways[::-1]):
                ready.register(way.source, select.POLLIN * (not way.waiting) | select.POLLOUT * bool(back.waiting))
            ready.poll()


class _Way:
    """One direction: bytes from `source` wait until `target` takes them."""

    def __init__(self, source: socket.socket, target: socket.socket, waiting: bytes = b""):
        self.source, self.target = source, target
        self.waiting, self.ended = memoryview(waiting), False

    def move(self) -> bool:
        """Read or write a piece; False if neither can be done now."""
        with contextlib.suppress(*_WOULD_BLOCK):
            if self.waiting:
                self.waiting = self.waiting[self.target.send(self.waiting):]
                return True
            if not self.ended:
                self.waiting = memoryview(self.source.recv(_PIECE))
                self.ended = not self.waiting
                return not self.ended
        return False
