"""How a saved image comes out of an engine: asked over a socket, by the SDK."""

import socketserver
import threading

import docker
import pytest
from docker.errors import NotFound

from helpers.errors import ImageUnreadable
from helpers.image import archive_reader
from helpers.image.stream import stream
from tests.unit import layers

PIECE = 4 << 20
_NOT_THERE = b'HTTP/1.0 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n{"message":"no such one"}'


@pytest.fixture
def engine(tmp_path):
    """A socket whose answers are `engine.says`; what it was asked is in `engine.asked`."""
    class Asked(socketserver.StreamRequestHandler):
        def handle(self):
            self.server.asked.append([line.strip() for line in iter(self.rfile.readline, b"\r\n")])
            self.wfile.write(self.server.says)

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "s.sock"), Asked) as server:
        server.asked, server.says = [], b""
        server.api = docker.APIClient(base_url=f"unix://{server.server_address}", version="1.41", timeout=20)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def unframed(data: bytes) -> bytes:
    return b"HTTP/1.0 200 OK\r\nContent-Type: application/x-tar\r\nConnection: close\r\n\r\n" + data


def test_the_bytes_come_as_they_are_and_in_long_pieces(engine):
    data = bytes(range(256)) * 40_000
    engine.says = unframed(data)
    pieces = list(stream(engine.api, "sha256:x"))
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, len(data) - 2 * PIECE] and b"".join(pieces) == data
    (asked,) = engine.asked
    assert asked[0] == b"GET /v1.41/images/sha256:x/get HTTP/1.0"
    assert not any(line.lower().startswith(b"transfer-encoding") for line in asked)


def test_an_engine_that_sends_chunks_all_the_same_is_understood(engine):
    engine.says = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert b"".join(stream(engine.api, "sha256:x")) == b"abcdefg"


def test_the_engines_client_goes_on_as_before(engine):
    engine.says = unframed(b"x")
    list(stream(engine.api, "sha256:x"))
    engine.says = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
    assert engine.api.ping()
    assert [asked[0].rpartition(b" ")[2] for asked in engine.asked] == [b"HTTP/1.0", b"HTTP/1.1"]


def test_what_is_not_there_is_said(engine):
    engine.says = _NOT_THERE
    with pytest.raises(NotFound, match="no such one"):
        list(stream(engine.api, "sha256:x"))


def test_a_connection_that_is_lost_is_no_end(engine):
    """Not even between two members, where nothing of either is missing."""
    whole = layers.saved(layers.tar(("a", b"A")), layers.tar(("b", b"B")))
    assert len(archive_reader.read([whole]).layers) == 2
    for cut in (whole.rindex(b"1/layer.tar"), len(whole.rstrip(b"\0")) // 512 * 512, 512):
        engine.says = unframed(whole[:cut])
        with pytest.raises(ImageUnreadable):
            archive_reader.read(stream(engine.api, "sha256:x"))


def test_where_there_is_no_socket_the_sdk_does_it_alone():
    class Straw:
        adapters = {}

        def get_image(self, image, chunk_size):
            return iter([image.encode()])

    assert list(stream(Straw(), "sha256:x")) == [b"sha256:x"]
