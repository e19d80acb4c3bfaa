"""The line, the unique copy, the client, and the registry's guard."""

import contextlib
import gc
import gzip
import io
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import tarfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from helpers import labels, subprocesses
from helpers.engine.transfer_events import LayerProgress
from helpers.errors import CourseError, DiskFull, RegistryUnavailable, TransferFailed
from helpers.registry import Bucket, Line, Registry, Transfer, is_transfer_name, server
from helpers.registry.client import Client, Manifest, entries
from helpers.registry.lesson_registry import _called, _place
from helpers.registry.transfer import failure
from helpers.registry.unique_copy import Commented, comment, copy, renamed
from helpers.views.lists import Published
from tests.unit.layers import digest, pieces, tar
from tests.waiting import until


@pytest.fixture
def clock():
    return SimpleNamespace(now=100.0)


@pytest.mark.parametrize("burst, steps", [
    (50, [(0, 50, 0), (0, 10, 0.01)]),                      # what was saved passes at once
    (0, [(0, 100, 0.1), (0, 100, 0.2), (0, 100, 0.3)]),     # one after the other
    (0, [(0, 100, 0.1), (0.06, 0, 0.04), (0.04, 0, 0)]),    # waiting pays the debt
    (50, [(3600, 150, 0.1)])])                              # no more is saved than the burst
def test_how_long_a_bucket_makes_wait(clock, burst, steps):
    bucket = Bucket(1000, burst, lambda: clock.now)
    for passed, count, wait in steps:
        clock.now += passed
        assert bucket.take(count) == pytest.approx(wait)


@pytest.mark.parametrize("pieces", [[1_000_000], [65_536] * 15 + [16_960], [1] * 1000 + [999_000]])
def test_a_megabyte_takes_the_same_time_in_any_pieces(clock, pieces):
    bucket = Bucket(250_000, 12_500, lambda: clock.now)
    for piece in pieces:
        clock.now += bucket.take(piece)
    assert clock.now - 100 == pytest.approx((1_000_000 - 12_500) / 250_000)


@pytest.mark.parametrize("rate, burst", [(0, 1), (-5, 1), (5, -1), (float("nan"), 1)])
def test_a_line_without_speed_is_refused(rate, burst):
    with pytest.raises(ValueError, match="speed above zero"):
        Bucket(rate, burst)


FAST = 1e9


@pytest.fixture
def upstream():
    """Starts servers on loopback that call `behave(connection)` for each connection, and returns their addresses."""
    with contextlib.ExitStack() as ends:
        def start(behave):
            server = ends.enter_context(socketserver.ThreadingTCPServer(
                ("127.0.0.1", 0), lambda connection, *_: behave(connection)))
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            ends.callback(server.shutdown)
            return "127.0.0.1:%d" % server.server_address[1]
        yield start


@pytest.fixture
def nowhere():
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return "127.0.0.1:%d" % closed.getsockname()[1]


def call(address):
    host, port = address.split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def everything(connection) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def doubled(connection):
    connection.sendall(2 * everything(connection))


def answer_to(address, data) -> bytes:
    with call(address) as end:
        end.sendall(data)
        end.shutdown(socket.SHUT_WR)
        return everything(end)


def test_bytes_of_several_connections_go_through_unchanged_and_are_counted_each_way(upstream):
    sent = [os.urandom(100_000) for _ in range(8)]
    with Line(upstream(doubled), FAST) as line, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda data: answer_to(line.address, data), sent)) == [2 * data for data in sent]
        assert line.address.startswith("127.0.0.1:") and (line.sent, line.received) == (800_000, 1_600_000)


def test_every_byte_takes_from_the_bucket_of_its_direction(upstream, monkeypatch):
    taken = Counter()
    monkeypatch.setattr(Bucket, "take", lambda self, count: taken.update({id(self): count}) or 0.0)
    with Line(upstream(doubled), FAST) as line:
        answer_to(line.address, b"x" * 100_000)
    assert sorted(taken.values()) == [100_000, 200_000]   # a bucket for each way


def test_the_line_waits_as_long_as_the_bucket_requires(upstream, monkeypatch):
    monkeypatch.setattr(Bucket, "take", lambda self, count: 3600.0)
    arrived = threading.Event()
    with Line(upstream(lambda c: c.recv(1) and arrived.set()), FAST) as line, call(line.address) as end:
        end.sendall(b"x")
        assert not arrived.wait(0.3) and line.sent == 0


def test_a_registry_that_is_not_there_ends_the_connection(nowhere, caplog):
    with Line(nowhere, FAST) as line, call(line.address) as end:
        assert end.recv(1) == b""
    assert caplog.records == []   # it is no error of the line


def test_a_registry_that_goes_away_ends_the_connection(upstream):
    with Line(upstream(lambda connection: connection.sendall(b"half")), FAST) as line, call(line.address) as end:
        assert everything(end) == b"half"


def test_an_engine_that_goes_away_ends_the_other_side_too(upstream):
    ended = threading.Event()
    with Line(upstream(lambda connection: everything(connection) or ended.set()), FAST) as line:
        call(line.address).close()
        assert ended.wait(10)


def test_a_connection_survives_garbage_collection(upstream, caplog):
    """asyncio keeps no reference to its tasks: the collector took those whose engine was gone."""
    release, got = threading.Event(), []

    def behave(connection):
        got.append(everything(connection))
        release.wait(10)
        connection.sendall(b"late")

    with Line(upstream(behave), FAST) as line:
        with call(line.address) as end:
            end.sendall(b"x" * 1000)
        assert until(lambda: got)
        for _ in range(5):
            gc.collect()
            time.sleep(0.02)
        release.set()
        time.sleep(0.1)
    assert got == [b"x" * 1000] and caplog.records == []


def test_the_end_of_the_line_ends_open_connections_and_its_thread(upstream, caplog):
    with Line(upstream(everything), FAST) as line:
        end = call(line.address)
        end.sendall(b"x")
        assert until(lambda: line.sent)
    assert end.recv(1) == b""
    assert not [thread for thread in threading.enumerate() if thread.name == "line"]
    with pytest.raises(OSError):
        call(line.address)
    assert caplog.records == []


LAYER = tar(("a", b"one"), ("b", os.urandom(200_000)))


@pytest.mark.parametrize("text", ["short", "long " * 300])
def test_a_comment_is_an_entry_without_a_file(text):
    with tarfile.open(fileobj=io.BytesIO(comment(text) + LAYER)) as archive:
        assert archive.getnames() == ["a", "b"] and archive.pax_headers["comment"] == text


@pytest.mark.parametrize("step", [1 << 20, 1000, 1])
def test_a_comment_in_a_compressed_layer_changes_only_its_digests(step):
    packed = gzip.compress(LAYER[:100_000]) + gzip.compress(LAYER[100_000:])   # two members
    layer = Commented(pieces(packed, step), "one")
    out = b"".join(layer)
    assert (layer.size, layer.digest) == (len(out), digest(out))
    assert gzip.decompress(out) == comment("one") + LAYER and layer.diff_id == digest(gzip.decompress(out))


def test_a_layer_that_is_not_compressed_stays_so():
    layer = Commented(pieces(LAYER), "one", packed=False)
    out = b"".join(layer)
    assert out == comment("one") + LAYER and layer.size == len(out)
    assert layer.digest == layer.diff_id == digest(out)


def test_the_copy_is_marked_as_the_course_s_own():
    config = {"created": "now", "rootfs": {"type": "layers", "diff_ids": ["a"]},
              "config": {"Cmd": ["x"], "Labels": {"mine": "1", labels.NAME: "other"}}}
    made = renamed(config, ["b"], "the name")
    assert made["config"]["Labels"] == {"mine": "1", labels.COURSE: labels.BUILD, labels.NAME: "the name"}
    assert made["rootfs"] == {"type": "layers", "diff_ids": ["b"]}
    assert (made["created"], made["config"]["Cmd"]) == ("now", ["x"])
    assert config["rootfs"]["diff_ids"] == ["a"] and config["config"]["Labels"][labels.NAME] == "other"
    for without in ({"config": {}}, {}):
        assert renamed({"rootfs": {}, **without}, [], "n")["config"]["Labels"][labels.NAME] == "n"


def test_layers_that_are_not_gzip_are_refused():
    image = Manifest("", "", {"config": {}, "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd"}]})
    with pytest.raises(TransferFailed, match="nor compressed with gzip"):
        copy(None, "r", image, "t", "n", "c")


@pytest.mark.parametrize("image, place", [
    ("go-server:multi", ("multistage-course/go-server", "multi")),
    ("app", ("multistage-course/app", "latest")),
    ("gcr.io/distroless/base-debian12:latest", ("multistage-course/gcr.io/distroless/base-debian12", "latest")),
    ("localhost:5000/a/b:1", ("multistage-course/localhost-5000/a/b", "1"))])
def test_the_place_of_an_image_in_the_registry(image, place):
    assert _place(image) == place


@pytest.mark.parametrize("image, name", [("b:1", "b:1"), ("c", "c"), ("sha256:abc", "a:1"), ("abc", "a:1")])
def test_an_image_keeps_the_name_that_was_asked_for(image, name):
    assert _called(image, ["a:1", "b:1", "c:latest"]) == name


@pytest.mark.parametrize("name, ours", [
    ("127.0.0.1:39093/multistage-course/go-server:single", True),
    ("127.0.0.1:39093/mine:1", False), ("localhost:5000/multistage-course/x:1", False),
    ("example.org/127.0.0.1:1/multistage-course/x:1", False), ("go-server:single", False)])
def test_the_name_of_a_transfer_is_recognized(name, ours):
    assert is_transfer_name(name) is ours


def test_progress_adds_up_the_layers_that_move():
    progress = LayerProgress()

    def after(status, layer, current=0, total=0):
        progress.take({"status": status, "id": layer, "progressDetail": {"current": current, "total": total} if total else {}})
        return str(progress)

    assert after("Preparing", "a") == "0 B of 0 B"
    after("Downloading", "a", 500, 2000)
    after("Downloading", "b", 100, 1000)
    assert after("Downloading", "a", 900, 2000) == "1.00 kB of 3.00 kB"
    # while it compresses, an engine may estimate a layer's size too low
    assert after("Pushing", "b", 1100, 1000) == "2.00 kB of 3.10 kB"
    assert after("Pull complete", "a") == "3.10 kB of 3.10 kB" and (progress.ready, progress.layers) == (1, 2)


def test_a_full_disk_is_reported():
    assert isinstance(failure("pull x", "write /a: no space left on device"), DiskFull)
    failed = failure("pull x", "EOF\n  at once")
    assert isinstance(failed, TransferFailed) and failed.why == "EOF at once" and "pull x" in failed.what


def test_a_transfer_in_words():
    transfer = Transfer("go:1", "pull", "p", 16.54, 297_000_000, 296_000_000, 8, 1, "sha256:a", 25e6)
    assert str(transfer) == "pull go:1: 297 MB in 16.5 s, 7 layers of 8 moved"
    assert str(replace(transfer, plain=1)).endswith(", 1 layer uncompressed, as it was loaded")


@pytest.mark.parametrize("kind, plain", [
    ("application/vnd.oci.image.layer.v1.tar", 1), ("application/vnd.docker.image.rootfs.diff.tar", 1),
    ("application/vnd.oci.image.layer.v1.tar+gzip", 0), ("application/vnd.oci.image.layer.v1.tar+zstd", 0),
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", 0)])
def test_a_transfer_counts_the_layers_that_are_not_compressed(kind, plain):
    layers = [{"digest": "a", "size": 10, "mediaType": kind}]
    found = Manifest("sha256:m", "", {"config": {"digest": "c", "size": 3}, "layers": layers})
    assert Registry._transfer(SimpleNamespace(speed=25e6), "go:1", "push", "p", found, (1.0, 13, 0)).plain == plain


def test_a_blob_that_occurs_twice_is_counted_once():
    blob = {"digest": "a", "size": 10}
    assert Manifest("", "", {"config": {"digest": "c", "size": 3}, "layers": [blob, blob]}).size == 13


@pytest.mark.parametrize("named", ["nonsense", "127.0.0.1", "https://127.0.0.1:5000", "127.0.0.1:5000/path", "a b:1"])
def test_a_named_registry_that_is_no_address(named, monkeypatch):
    monkeypatch.setenv(server.NAMED, named)
    with pytest.raises(RegistryUnavailable, match="not the address"), server.serve(print):
        pass


def test_a_named_registry_must_answer(monkeypatch, upstream):
    monkeypatch.setenv(server.NAMED, upstream(lambda c: c.sendall(b"HTTP/1.0 404 No\r\n\r\n")))
    with pytest.raises(RegistryUnavailable, match="no registry answers"), server.serve(print):
        pass


def test_a_named_registry_is_used_and_not_ended(monkeypatch, upstream):
    address = upstream(lambda c: c.recv(500) and c.sendall(b"HTTP/1.0 200 OK\r\n\r\n{}"))
    monkeypatch.setenv(server.NAMED, f"http://{address}/")
    with server.serve(print) as found:
        assert (found.address, found.process) == (address, None)
    assert found.alive()


@pytest.fixture
def unnamed(monkeypatch):
    monkeypatch.delenv(server.NAMED, raising=False)


def test_without_the_program_and_without_root_there_is_none(unnamed, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RegistryUnavailable, match="no registry here") as raised, server.serve(print):
        pass
    assert server.NAMED in raised.value.remedy


def test_what_apt_said_is_the_reason(unnamed, monkeypatch):
    def refuse(names, report):
        assert names == ["docker-registry"]
        raise CourseError("apt says no")
    monkeypatch.setattr(shutil, "which", lambda name, **_: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(server, "apt_install", refuse)
    with pytest.raises(RegistryUnavailable) as raised, server.serve(print):
        pass
    assert raised.value.why == "apt says no"


def test_a_program_that_ends_at_once_is_no_registry(unnamed, monkeypatch, home):
    monkeypatch.setattr(server, "_program", lambda report: shutil.which("false"))
    with pytest.raises(RegistryUnavailable, match="did not start"), server.serve(print):
        pass
    assert list((home / "cache").iterdir()) == []   # nor is its folder left


def guarded(folder, *command) -> subprocess.Popen:
    folder.mkdir()
    return subprocess.Popen(["/bin/sh", "-c", server._GUARD, "guard", str(folder), *command],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def test_the_guard_ends_the_program_and_removes_the_folder_when_its_input_closes(tmp_path):
    process = guarded(tmp_path / "f", "/bin/sh", "-c", "echo $$; exec sleep 600")
    child = int(process.stdout.readline())
    os.kill(child, 0)
    process.stdin.close()
    process.wait(10)
    assert not (tmp_path / "f").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_guard_ends_with_its_program_and_keeps_what_it_said(tmp_path):
    process = guarded(tmp_path / "f", "/bin/sh", "-c", "exit 7")
    assert process.wait(10) == 7
    assert (tmp_path / "f").is_dir()
    process.stdin.close()


def test_the_end_is_forced_where_the_program_does_not_listen(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocesses, "_END_SECONDS", 0.3)
    process = guarded(tmp_path / "f", "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    process.stdout.readline()
    subprocesses._end(process)
    assert process.returncode == -signal.SIGKILL


def answering(upstream, *lines: bytes, body: bytes = b"{}"):
    head = b"\r\n".join((b"HTTP/1.1 " + lines[0], *lines[1:], b"Content-Length: %d" % len(body), b"", body))
    return Client(upstream(lambda c: c.recv(65_536) and c.sendall(head)))


def test_a_refusal_has_the_registry_s_words(upstream):
    client = answering(upstream, b"404 Not Found", body=b"manifest unknown")
    with pytest.raises(TransferFailed, match="refused to GET r/manifests/t") as raised:
        client.manifest("r", "t")
    assert raised.value.why == "404: manifest unknown"


def test_a_registry_that_is_gone(nowhere):
    with pytest.raises(TransferFailed, match="stopped answering") as raised:
        Client(nowhere).manifest("r", "t")
    assert raised.value.why.endswith("Connection refused")


def test_a_manifest_s_digest_is_that_of_its_text(upstream):
    text = b'{"config": {"digest": "c", "size": 1},\n "layers": []}'
    found = answering(upstream, b"200 OK", b"Content-Type: kind", body=text).manifest("r", "t")
    assert (found.digest, found.kind, found.size) == (digest(text), "kind", 1)


STATEMENT = {"predicateType": "https://slsa.dev/provenance/v0.2", "predicate": {}}
IMAGE = {"config": {"digest": "c", "size": 1}, "layers": [{"digest": "l", "size": 20}]}
NOTE = {"config": {"digest": "n", "size": 2}, "layers": [{"digest": "s", "size": 3}]}
INDEX = {"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
    {"digest": "arm", "size": 9, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
    {"digest": "note", "size": 9, "platform": {"os": "unknown", "architecture": "unknown"},
     "annotations": {"vnd.docker.reference.digest": "arm"}}]}


class Kept(Client):
    """A registry with these manifests and blobs."""

    def __init__(self, **found):
        self._found = found

    def top(self, repository, reference):
        content = self._found[reference]
        return Manifest(reference, content.get("mediaType", "image"), content)

    @contextlib.contextmanager
    def blob(self, repository, digest):
        yield iter([json.dumps(self._found[digest]).encode()])


def test_of_an_index_the_image_is_taken_and_not_the_attestation():
    index = {**INDEX, "manifests": INDEX["manifests"][::-1]}
    assert Kept(t=index, arm=IMAGE).manifest("r", "t").content == IMAGE


def test_an_index_lists_an_image_for_each_platform_and_what_is_stated_about_it():
    image, note = entries(Kept(t=INDEX, arm=IMAGE, note=NOTE, s=STATEMENT), "r", "t")
    assert (image.platform, image.about, image.size, image.statements) == ("linux/arm64/v8", "", 21, ())
    assert (note.platform, note.about, note.statements) == ("unknown/unknown", "linux/arm64/v8", (STATEMENT,))
    assert str(Published((image, note))).splitlines()[1].split()[:4] == ["unknown/unknown", "provenance", "of", "linux/arm64/v8"]


def test_an_image_without_an_index_is_the_only_entry():
    only, = entries(Kept(t=IMAGE), "r", "t")
    assert (only.platform, only.digest, only.size) == ("", "t", 21) and "an image" in Published([only])._repr_html_()


@pytest.mark.parametrize("cache, bytes_", [(IMAGE, 21), (INDEX, 18)])
def test_a_cache_has_the_size_of_its_blobs_in_either_form(cache, bytes_):
    registry = Registry.__new__(Registry)
    registry._client = Kept(max=cache)
    assert registry.size("app:max") == bytes_
