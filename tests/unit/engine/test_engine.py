"""Finding engines, and the errors if there is none."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import docker
import pytest
import requests
import urllib3

from helpers import errors
from helpers.engine import backends, connect, discovery, mounts, network, translate
from helpers.engine.backends import DOCKERD as dockerd
from helpers.engine.backends import PODMAN as podman
from helpers.engine.backends import PROOT as proot
from helpers.engine.discovery import Rung
from helpers.engine.model import Engine
from helpers.engine.translate import translate_errors
from helpers.errors import (
    CourseError,
    DiskFull,
    EngineFault,
    EngineGone,
    EngineRefused,
    EngineTooOld,
    EngineUnreachable,
    ImageNotFound,
    NoEngine,
)
from tests.waiting import until

LIBRARIES = ("urllib3", "requests", "HTTPConnection", "MaxRetry", "ConnectionPool", "Traceback",
             "DockerException", "object at 0x", "NameError", "SSHHTTPAdapter")

# Answers of Docker 20.10.24 (recorded, cut to what is read), and of other engines.
VERSION = {"Components": [{"Name": "Engine", "Version": "20.10.24+dfsg1"},
                          {"Name": "containerd", "Version": "1.6.20~ds1"}],
           "Version": "20.10.24+dfsg1", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}
INFO = {"Driver": "overlay2", "NCPU": 2, "MemTotal": 25276514304, "OSType": "linux",
        "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]]}
CONTAINERD = {**INFO, "Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
PODMAN = {"Components": [{"Name": "Podman Engine", "Version": "4.3.1"}], "Version": "4.3.1", "ApiVersion": "1.41"}


@pytest.fixture(autouse=True)
def nowhere(home, monkeypatch, tmp_path):
    """Hide all engines but those of the tests."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(discovery, "_sockets", list)
    monkeypatch.setattr(dockerd, "can_start", lambda: False)
    monkeypatch.setattr(podman, "can_start", lambda: False)


@pytest.fixture
def short():
    """A folder with a short path, as sockets need, that every user can enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def sockets(monkeypatch):
    """Set the addresses of the local sockets to look at."""
    return lambda *hosts: monkeypatch.setattr(discovery, "_sockets", lambda: [Rung("socket", host) for host in hosts])


@contextlib.contextmanager
def listening(path, answer):
    """A server on a Unix socket; `answer(connection, request line)` for each connection."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(8)

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                if answer(connection, data.split(b"\r\n")[0].decode()) is False:
                    return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"unix://{path}"
    finally:
        server.close()


def reply(connection, content, extra=b"", cut=None, length=True):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + extra
    if length:
        head += b"Content-Length: %d\r\n" % len(body)
    connection.sendall(head + b"\r\n" + body[:cut])


def docker_says(version=VERSION, info=INFO, cut=None, length=True):
    """An engine's answers; `cut` truncates /info."""
    def answer(connection, line):
        if "/version" in line:
            reply(connection, version)
        elif "/_ping" in line:
            reply(connection, b"OK")
        elif "/info" in line:
            reply(connection, info, cut=cut, length=length)
            return cut is None
        return None
    return answer


def said(error: CourseError) -> str:
    """The message, checked for what every message must have and none may contain."""
    text = str(error)
    assert isinstance(error, CourseError)
    assert error.what and error.remedy
    assert [word for word in LIBRARIES if word in text] == []
    return text


def refusal(kind: type[CourseError] = EngineUnreachable) -> CourseError:
    """What `connect` raises."""
    with pytest.raises(kind) as caught:
        connect()
    said(caught.value)
    return caught.value


def dead_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("host", [
    "gopher://example", "tcp://", "unix://", "nonsense", "tcp://127.0.0.1:notaport",
    "unix:///nowhere/docker.sock", "npipe:////./pipe/docker_engine", "http+unix://", ":::"])
def test_an_invalid_address_is_reported(monkeypatch, host):
    monkeypatch.setenv("DOCKER_HOST", host)
    error = refusal()
    assert f"DOCKER_HOST is {host}, and no engine answers there." in str(error)
    assert "unset DOCKER_HOST" in error.remedy


def test_an_ssh_address_without_paramiko_says_so(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "ssh://nobody@127.0.0.1:9")
    monkeypatch.delattr(docker.api.client, "SSHHTTPAdapter", raising=False)
    assert "paramiko" in str(refusal())


def stale(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    return f"unix://{path}"


@pytest.mark.parametrize("host, why", [
    (lambda folder: dead_port(), "[Errno 111] Connection refused"), (lambda folder: stale(folder / "s"), "Connection refused"),
    (lambda folder: f"unix://{folder}/no.sock", "No such file or directory"),
], ids=["dead port", "stale socket", "no socket"])
def test_the_operating_systems_error_is_reported(monkeypatch, short, host, why):
    monkeypatch.setenv("DOCKER_HOST", host(short))
    assert why in refusal().why


def _as_nobody(conversation, folder):
    os.environ["HOME"] = str(folder)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        connect()
        told = ("nothing", "")
    except CourseError as error:
        told = (error.kind, said(error), error.remedy)
    except BaseException as error:
        told = (type(error).__name__, str(error), "")
    os.write(conversation, json.dumps(told).encode())


def connected_as_nobody(folder: Path) -> list[str]:
    """What `connect` says to a user without rights."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        _as_nobody(theirs, folder)
        os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    with open(ours) as pipe:
        return json.loads(pipe.read())


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("closed", ["in/s", "in"])
def test_a_socket_without_permission_says_how_to_get_it(monkeypatch, sockets, short, explicit, closed):
    (short / "in").mkdir(mode=0o755)
    with listening(short / "in" / "s", docker_says()) as host:
        os.chmod(short / closed, 0)
        if explicit:
            monkeypatch.setenv("DOCKER_HOST", host)
        else:
            sockets(host)
        kind, text, remedy = connected_as_nobody(short)
        os.chmod(short / closed, 0o700)
    assert kind == "EngineRefused"
    assert "you may not open it" in text
    assert "usermod -aG docker" in remedy


def test_a_silent_socket_times_out(monkeypatch, short):
    with listening(short / "s", lambda connection, line: None) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        monkeypatch.setattr("helpers.engine.discovery._CONNECT_SECONDS", 0.1)
        error = refusal()
    assert "timed out" in str(error)


@pytest.mark.parametrize("answer", [
    b"SSH-2.0-OpenSSH_9.2p1\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b""])
def test_another_server_is_not_an_engine(monkeypatch, short, answer):
    def speak(connection, line):
        connection.sendall(answer)
        return False

    with listening(short / "s", speak) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        refusal()


@pytest.mark.parametrize("api", ["1.39", "1.24", "1.23", "1.12"])
def test_an_engine_too_old_says_what_is_needed(monkeypatch, short, api):
    old = {**VERSION, "ApiVersion": api, "Version": "1.0"}
    with listening(short / "s", docker_says(version=old)) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        error = refusal(EngineTooOld)
    assert "1.40 (Docker 19.03)" in str(error)
    assert f"speaks API {api}" in str(error) or "no longer supported" in error.why


@pytest.mark.parametrize("length", [True, False])
def test_a_truncated_answer_means_that_the_engine_is_gone(monkeypatch, short, length):
    with listening(short / "s", docker_says(cut=40, length=length)) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        error = refusal(EngineGone)
    assert host in str(error)


def test_a_missing_context_is_reported(monkeypatch):
    monkeypatch.setenv("DOCKER_CONTEXT", "nosuch")
    assert "The Docker context 'nosuch' does not exist." in str(refusal())


def write_context(folder: Path, name: str, host: str = "", meta: str = "") -> None:
    place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    (place / "meta.json").write_text(meta or json.dumps(
        {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}))
    (folder / "config.json").write_text("{}")   # the SDK finds the folder by this file


def test_a_context_that_points_at_a_dead_engine(monkeypatch, sockets, tmp_path, short):
    write_context(tmp_path / "config", "far", f"unix://{short}/no")
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    with listening(short / "s", docker_says()) as good:
        sockets(good)
        error = refusal()
    assert f"The Docker context points at unix://{short}/no" in str(error)
    assert "docker context use default" in error.remedy


def test_a_context_that_answers(monkeypatch, tmp_path, short):
    with listening(short / "s", docker_says()) as host:
        write_context(tmp_path / "config", "near", host)
        (tmp_path / "config" / "config.json").write_text('{"currentContext": "near"}')
        engine = connect()
    assert (engine.rung, engine.host, engine.owned) == ("context", host, False)


@pytest.mark.parametrize("meta", ["{", "{}"])
def test_a_context_that_cannot_be_read(tmp_path, meta):
    write_context(tmp_path / "config", "bad", meta=meta)
    (tmp_path / "config" / "config.json").write_text('{"currentContext": "bad"}')
    refusal()


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "gopher://x"])
def test_an_explicit_address_never_falls_through(monkeypatch, sockets, short, host):
    monkeypatch.setenv("DOCKER_HOST", host)
    with listening(short / "s", docker_says()) as good:
        sockets(good)
        monkeypatch.setattr(dockerd, "can_start", lambda: pytest.fail("looked further"))
        with pytest.raises(EngineUnreachable):
            connect()


def test_docker_host_comes_before_a_socket(monkeypatch, sockets, short):
    with (listening(short / "a", docker_says()) as first, listening(short / "b", docker_says()) as second):
        monkeypatch.setenv("DOCKER_HOST", second)
        sockets(first)
        engine = connect()
    assert (engine.rung, engine.host) == ("DOCKER_HOST", second)
    assert engine.client.api.timeout == 120     # calls get more time than connecting
    assert engine.describe() == "Docker Engine 20.10.24+dfsg1 (API 1.41, overlay2), found by DOCKER_HOST"


def test_a_stale_socket_falls_through_to_the_next(sockets, short):
    with listening(short / "s", docker_says()) as good:
        sockets(f"unix://{short}/none", stale(short / "old"), good)
        engine = connect()
    assert (engine.rung, engine.host, engine.owned) == ("socket", good, False)


@pytest.mark.parametrize("found", [False, True])
def test_without_any_engine_the_options_are_named(sockets, short, found):
    """A file in place of a socket is skipped."""
    (short / "file").write_text("")
    sockets(*[f"unix://{short}/file"] * found)
    error = refusal(NoEngine)
    assert error.why == "DOCKER_HOST is not set and no socket of an engine was found."
    for way in ("Codespaces", "install Docker", "another Binder"):
        assert way in error.remedy


@pytest.mark.parametrize("root, words", [(0, "`make engine` installs and starts one (you are root)."),
                                         (1000, "The course starts dockerd only as root.")])
def test_root_gets_other_advice_than_other_users(monkeypatch, root, words):
    monkeypatch.setattr(os, "geteuid", lambda: root)
    monkeypatch.setattr(proot, "obstacle", lambda: "There is no PRoot.")   # this machine may have one
    assert refusal(NoEngine).remedy.startswith(words)


def test_a_stale_socket_alone_is_named_as_the_reason(sockets, short):
    host = stale(short / "old")
    sockets(host)
    assert f"There is a socket at {host}, and no engine answers there." in str(refusal(NoEngine))


def test_a_refusal_is_reported_rather_than_a_dead_socket(monkeypatch, sockets, short):
    refusal = EngineRefused("There is a socket, and you may not open it.", remedy="Ask.")
    errors_ = iter([EngineUnreachable("dead"), refusal])
    sockets(stale(short / "a"), stale(short / "b"))
    monkeypatch.setattr(discovery, "_try", lambda rung: (_ for _ in ()).throw(next(errors_)))
    with pytest.raises(EngineRefused) as caught:
        connect()
    assert caught.value is refusal


def test_connect_without_start_starts_nothing(monkeypatch):
    monkeypatch.setattr(dockerd, "can_start", lambda: True)
    monkeypatch.setattr(dockerd, "start", lambda report: pytest.fail("started"))
    with pytest.raises(NoEngine) as caught:
        connect(start=False)
    assert "`make engine` starts one" in caught.value.remedy


@contextlib.contextmanager
def started_when_asked(monkeypatch, backend, name, version):
    """A backend of the course that listens after its start."""
    with contextlib.ExitStack() as stack:
        def start(report):
            backend.folder().mkdir(parents=True)
            stack.enter_context(listening(backend.folder() / name, docker_says(version)))

        monkeypatch.setattr(backend, "can_start", lambda: True)
        monkeypatch.setattr(backend, "start", start)
        yield


def test_podman_is_started_if_dockerd_cannot_be(monkeypatch, short):
    monkeypatch.setenv("MULTISTAGE_HOME", str(short))
    with started_when_asked(monkeypatch, podman, "podman.sock", PODMAN):
        engine = connect()
    assert (engine.rung, engine.owned, engine.host, engine.has_users) == ("podman-one-id", True, podman.host(), False)
    assert engine.shares_network and any("one user id" in limit for limit in engine.limits)


def test_a_busy_engine_of_the_course_is_waited_for(monkeypatch, short):
    def slowly(connection, line):
        time.sleep(0.2)
        return says(connection, line)

    says = docker_says(PODMAN)
    monkeypatch.setenv("MULTISTAGE_HOME", str(short))
    monkeypatch.setattr("helpers.engine.discovery._CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(podman, "can_start", lambda: True)
    monkeypatch.setattr(podman, "start", lambda report: None)     # it runs
    podman.folder().mkdir(parents=True)
    with listening(podman.folder() / "podman.sock", slowly):
        assert connect().host == podman.host()


def test_the_course_s_own_engine_is_started_last(monkeypatch, short):
    monkeypatch.setenv("MULTISTAGE_HOME", str(short))
    with started_when_asked(monkeypatch, dockerd, "docker.sock", VERSION):
        engine = connect()
        again = connect(start=False)
    assert (engine.rung, engine.owned, engine.host) == ("course", True, dockerd.host())
    assert engine.describe().endswith("started by the course")
    assert again == engine


def test_the_usual_sockets(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert [rung.host for rung in discovery._sockets()] == [
        "unix:///var/run/docker.sock", "unix:///run/user/7/docker.sock", f"unix://{tmp_path}/.docker/run/docker.sock"]
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert len(discovery._sockets()) == 2


def asked(version, info, api="1.41") -> Engine:
    client = SimpleNamespace(version=lambda: version, info=lambda: info, api=SimpleNamespace(api_version=api))
    return backends.inspect(client, "unix:///s", "socket")


@pytest.mark.parametrize("version", ["master-dockerproject", "dev", ""])
def test_a_podman_without_a_numeric_version_counts_as_the_newest(version):
    engine = asked({**PODMAN, "Version": version}, INFO)
    assert engine.makes_bases and engine.cache_sees_mounts and engine.version == version


@pytest.mark.parametrize("version, info, name, store, builders, limits", [
    (VERSION, INFO, "Docker Engine", "overlay2", ("buildkit", "legacy"), []),
    (VERSION, CONTAINERD, "Docker Engine", "overlayfs (containerd)", ("buildkit", "legacy"), []),
    (VERSION, {**INFO, "Driver": "vfs"}, "Docker Engine", "vfs", ("buildkit", "legacy"), ["vfs"]),
    (VERSION, {**INFO, "OSType": "windows"}, "Docker Engine", "overlay2", ("buildkit", "legacy"), ["Windows"]),
    (VERSION, {}, "Docker Engine", "unknown", ("buildkit", "legacy"), []),
    (VERSION, {"DriverStatus": None, "Driver": None}, "Docker Engine", "unknown", ("buildkit", "legacy"), []),
    ({"Version": "19.03"}, INFO, "Docker Engine", "overlay2", ("buildkit", "legacy"), []),
    (PODMAN, {**INFO, "Driver": "overlay"}, "Podman Engine", "overlay", ("buildah",),
     ["Buildah", "interrupt", "cannot be made", "closed network", "/etc/hosts"]),
    (PODMAN, {**INFO, "Driver": "vfs"}, "Podman Engine", "vfs", ("buildah",),
     ["Buildah", "interrupt", "cannot be made", "closed network", "/etc/hosts", "vfs"]),
    ({**PODMAN, "Version": "5.8.6"}, {**INFO, "Driver": "overlay"}, "Podman Engine", "overlay", ("buildah",),
     ["Buildah", "interrupt", "closed network"])])
def test_an_engine_says_what_it_is(version, info, name, store, builders, limits):
    engine = asked(version, info)
    assert (engine.name, engine.version, engine.store, engine.builders) == (name, version["Version"], store, builders)
    assert len(engine.limits) == len(limits)
    assert all(word in sentence for word, sentence in zip(limits, engine.limits))
    assert (engine.cpus, engine.memory) == (info.get("NCPU", 0), info.get("MemTotal", 0))


def test_the_facts_of_an_engine_have_the_keys_of_the_design():
    facts = asked(VERSION, INFO).facts()
    assert facts == {
        "name": "Docker Engine", "version": "20.10.24+dfsg1", "api": "1.41", "store": "overlay2",
        "rung": "socket", "owned": False, "host": "unix:///s", "cpus": 2, "memory": 25276514304, "limits": []}


@pytest.mark.parametrize("api, good", [("1.40", True), ("1.100", True), ("2.0", True), ("1.39", False), ("1.9", False)])
def test_api_versions_are_compared_as_numbers(api, good):
    with contextlib.nullcontext() if good else pytest.raises(EngineTooOld):
        asked(VERSION, INFO, api)


def response(status, message):
    answer = requests.Response()
    answer.status_code = status
    return {"response": answer, "explanation": message}


@pytest.mark.parametrize("raised, kind, why", [
    (docker.errors.ImageNotFound("x", **response(404, "No such image: a")), ImageNotFound, "No such image: a"),
    (docker.errors.NotFound("x", **response(404, "No such container: a")), EngineFault, "No such container: a"),
    (docker.errors.APIError("x", **response(500, "it is cold")), EngineFault, "it is cold"),
    (docker.errors.APIError("x", **response(500, "write: No space left on device")), DiskFull,
     "write: No space left on device"),
    (requests.exceptions.ConnectionError("cut"), EngineGone, "cut"),
    (requests.exceptions.ChunkedEncodingError("half"), EngineGone, "half"),
    (requests.exceptions.ReadTimeout("late"), EngineGone, "late"),
    (urllib3.exceptions.ProtocolError("odd"), EngineGone, "odd"),
    (ConnectionResetError(104, "Connection reset by peer"), EngineGone, "[Errno 104] Connection reset by peer"),
    (BrokenPipeError(32, "Broken pipe"), EngineGone, "[Errno 32] Broken pipe"),
    (docker.errors.DockerException("strange"), EngineFault, "strange")])
def test_errors_of_the_libraries_are_translated(raised, kind, why):
    with pytest.raises(CourseError) as caught:
        with asked(VERSION, INFO).translate_errors("say hello"):
            raise raised
    assert type(caught.value) is kind and (kind is not EngineGone or "unix:///s" in caught.value.what)
    assert caught.value.why == why
    assert "say hello" in caught.value.what
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize("raised", [CourseError("ours"), KeyError("a bug"), KeyboardInterrupt()])
def test_other_errors_pass_through(raised):
    with pytest.raises(type(raised)) as caught:
        with translate_errors("say hello", "unix:///s"):
            raise raised
    assert caught.value is raised


def test_the_root_cause_is_reported():
    os_error = OSError(111, "Connection refused")
    middle = urllib3.exceptions.MaxRetryError(None, "/", reason=os_error)
    outer = requests.exceptions.ConnectionError(middle)
    assert translate.root_cause(outer) == "[Errno 111] Connection refused"
    chained = ValueError("b")
    chained.__cause__ = KeyError("a")
    assert translate.root_cause(chained) == "'a'"
    assert translate.root_cause(ValueError()) == "ValueError"

    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert translate.root_cause(one) in ("one", "two")


def test_nothing_runs_where_nothing_was_started(home):
    assert dockerd.host() == f"unix://{home}/state/engine/docker.sock"
    assert dockerd._pid() is None
    assert not dockerd.running()
    assert dockerd.log_tail() == ""
    assert not home.exists()


@pytest.mark.parametrize("content", ["", "x", "-1", "0", "999999999", "12 13", "{own}"])
def test_an_invalid_or_foreign_pid_is_ignored(content):
    dockerd.folder().mkdir(parents=True)
    (dockerd.folder() / "docker.pid").write_text(content.format(own=os.getpid()))
    assert dockerd._pid() is None and not dockerd.running()


@pytest.fixture
def stand_in_daemon(spawn):
    """An idle process with the command line of our dockerd."""
    dockerd.folder().mkdir(parents=True)
    process = spawn(sys.executable, "-c", "import time; time.sleep(60)", "--data-root", str(dockerd.folder() / "data"))
    (dockerd.folder() / "docker.pid").write_text(f"{process.pid}\n")
    assert until(dockerd._pid)
    return process


@pytest.fixture
def commands(monkeypatch):
    """The system commands for the network, which are recorded and not run."""
    recorded = []
    monkeypatch.setattr(network, "run", lambda *c: recorded.append(c) or done(""))
    return recorded


def test_our_process_is_recognized_by_its_data_folder(stand_in_daemon):
    assert dockerd._pid() == stand_in_daemon.pid
    assert not dockerd.running()   # it lives, and its socket does not answer


def test_an_engine_with_a_newer_minimum_api_answers(short, monkeypatch):
    """Docker 29 supports none below 1.44."""
    def answer(connection, line):
        if "/_ping" in line and "/v1.44/" not in line:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        else:
            docker_says(version={**VERSION, "ApiVersion": "1.44", "MinAPIVersion": "1.44"})(connection, line)

    monkeypatch.setattr(dockerd, "folder", lambda: short)
    assert not dockerd._answers()
    with listening(short / "docker.sock", answer):
        assert dockerd._answers()


def test_a_process_with_a_longer_path_is_not_ours(stand_in_daemon, monkeypatch, home):
    (home / "state" / "engine2").mkdir(parents=True)
    monkeypatch.setattr(dockerd, "folder", lambda: home / "state" / "engine2")
    (dockerd.folder() / "docker.pid").write_text(str(stand_in_daemon.pid))
    assert dockerd._pid() is None


def test_stopping_ends_it_and_sweeps(stand_in_daemon, commands):
    said_ = []
    assert dockerd.stop(said_.append) is True
    assert stand_in_daemon.wait(5) == -signal.SIGTERM
    assert said_ == ["Stopping dockerd ..."]
    assert not (dockerd.folder() / "docker.pid").exists()
    assert ("ip", "link", "del", network.bridge(dockerd.folder())) in commands
    assert dockerd.stop() is False


def test_shims_of_a_killed_dockerd_are_ended_and_no_others(commands, home, spawn):
    dockerd.folder().mkdir(parents=True)

    def process(name, folder):
        return spawn(name, "-c", "import time; time.sleep(60)", f"{folder}/run/containerd.sock", executable=sys.executable)
    ours = process("containerd-shim-runc-v2", dockerd.folder())
    others = [process("containerd-shim-runc-v2", "/elsewhere/engine"), process("editor", dockerd.folder())]
    dockerd._clear()
    assert ours.wait(5) == -signal.SIGTERM
    assert [each.poll() for each in others] == [None, None]


def done(stdout, code=0):
    return subprocess.CompletedProcess((), code, stdout, "")


def test_starting_without_root_says_so(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NoEngine) as caught:
        dockerd.start()
    assert "root" in said(caught.value)


def test_the_end_of_the_log():
    dockerd.folder().mkdir(parents=True)
    (dockerd.folder() / "dockerd.log").write_bytes(b"\xff\n" + b"".join(b"%d\n" % n for n in range(30)))
    assert dockerd.log_tail(3) == "27\n28\n29"
    assert len(dockerd.log_tail().splitlines()) == 15


def test_each_folder_has_a_bridge_with_a_short_name(monkeypatch, tmp_path):
    first = network.bridge(dockerd.folder())
    assert len(first) <= 15 and network.bridge(dockerd.folder()) == first
    monkeypatch.setenv("MULTISTAGE_HOME", str(tmp_path / "other"))
    assert network.bridge(dockerd.folder()) != first


@pytest.mark.parametrize("routes, subnet", [
    ("default via 10.0.0.1 dev eth0\n", 0),
    ("172.31.77.0/24 dev x proto kernel\n", 1), ("172.31.77.0/24 dev x\n172.31.78.0/24 dev y\n", 2)])
def test_the_bridge_gets_a_subnet_without_a_route(monkeypatch, routes, subnet):
    commands = []
    monkeypatch.setattr(network, "run", lambda *c: commands.append(c) or done(routes))
    assert network._make_bridge(dockerd.folder()) == network._SUBNETS[subnet]
    assert ("ip", "addr", "replace", network._SUBNETS[subnet], "dev", network.bridge(dockerd.folder())) in commands


BRIDGE = "{number}: {name}: <BROADCAST> mtu 1500 state DOWN \\    link/ether {address} brd ff:ff:ff:ff:ff:ff\n"


def test_the_bridge_of_an_engine_that_no_longer_runs_is_found(monkeypatch, tmp_path):
    """Bridges with the course's name and hardware address. One whose engine listens, and others', stay."""
    runs, ended = tmp_path / "runs", tmp_path / "ended"
    runs.mkdir()
    links = [(network.bridge(each), network.address(each)) for each in (runs, ended)]
    links += [("course-0123abcd", "02:01:23:ab:ce:00"), ("docker0", "02:42:00:00:00:01")]
    listed = "".join(BRIDGE.format(number=n, name=name, address=address) for n, (name, address) in enumerate(links, 3))
    monkeypatch.setattr(network, "run", lambda *c: done(listed if c[-1] == "bridge" else ""))
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(runs / "docker.sock"))
        engine.listen()
        assert network._orphans() == [network.bridge(ended)]
    assert network._orphans() == sorted(network.bridge(each) for each in (runs, ended))


@pytest.mark.parametrize("last, kept", [(None, False), ("172.31.77.1/24", False), ("172.31.78.1/24", True)])
def test_dockerd_forgets_its_networks_where_its_bridge_has_another_subnet(tmp_path, last, kept):
    networks = tmp_path / "data/network/files/local-kv.db"
    networks.parent.mkdir(parents=True)
    networks.touch()
    if last:
        (tmp_path / "subnet").write_text(last)
    network._forget_another_subnet(tmp_path, "172.31.78.1/24")
    assert networks.exists() == kept and (tmp_path / "subnet").read_text() == "172.31.78.1/24"


def test_the_bridge_has_its_own_address(commands, tmp_path):
    network._make_bridge(dockerd.folder())
    (given,) = [c[-1] for c in commands if c[:4] == ("ip", "link", "set", network.bridge(dockerd.folder()))
                and c[4] == "address"]
    first, *rest = (int(byte, 16) for byte in given.split(":"))
    assert len(rest) == 5 and first & 0b10 and not first & 0b01   # locally administered, not a group's
    assert given == network.address(dockerd.folder()) != network.address(tmp_path / "other")


def test_a_bridge_that_cannot_be_made_is_an_error(monkeypatch):
    monkeypatch.setattr(network, "run", lambda *c: subprocess.CompletedProcess(c, 2, "", "not permitted\n"))
    with pytest.raises(errors.EngineError) as caught:
        network._make_bridge(dockerd.folder())
    assert caught.value.why == "not permitted" and "--privileged" in said(caught.value)


def swept(monkeypatch, before, tables, addresses=""):
    """The changing iptables commands of a `sweep` that finds `tables`."""
    dockerd.folder().mkdir(parents=True, exist_ok=True)
    note = dockerd.folder() / "before.json"
    note.write_text(before if isinstance(before, str) else json.dumps(before))
    changes = []

    def run(*command):
        if command[0] == "ip":
            return done(f"2: {command[-1]}    inet 172.31.77.1/24\n" if "dev" in command else addresses)
        table = command[command.index("-t") + 1] if "-t" in command else "filter"
        if "-S" in command:
            rules = tables.get(table, [])
            parent = command[-1] if command[-1] != "-S" else ""
            return done("".join(f"{rule}\n" for rule in rules if f" {parent}" in rule))
        changes.append(" ".join(command))
        return done("")

    monkeypatch.setattr(network, "run", run)
    network.sweep(dockerd.folder())
    assert not note.exists()
    return changes


BEFORE = {"forward_accepts": False, "ip_forward": "1", "had_chains": True}


def test_only_rules_of_our_bridge_are_removed(monkeypatch):
    bridge = network.bridge(dockerd.folder())
    ours = [f"-A FORWARD -i {bridge} -o {bridge} -j ACCEPT", f"-A FORWARD -o {bridge} -j DOCKER"]
    nat = ["-A POSTROUTING -s 172.31.77.0/24 ! -o x -j MASQUERADE"]
    others = ["-P FORWARD DROP", "-N DOCKER", "-A FORWARD -i docker0 -j ACCEPT",
              f"-A FORWARD -i {bridge}x -j ACCEPT", "-A INPUT -s 172.31.77.0/24 -j ACCEPT"]
    other_nat = ["-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"]
    changes = swept(monkeypatch, BEFORE, {"filter": others + ours, "nat": nat + other_nat})
    assert changes == [f"iptables -t filter -D {rule[3:]}" for rule in ours] + [
        f"iptables -t nat -D {rule[3:]}" for rule in nat]


def test_networks_made_in_our_engine_are_removed(monkeypatch):
    rules = ["-A FORWARD -i br-0123 -j ACCEPT", "-A FORWARD -i br-9999 -j ACCEPT"]
    nat = ["-A POSTROUTING -s 10.232.1.0/24 ! -o br-0123 -j MASQUERADE"]
    addresses = ("3: br-0123    inet 10.232.1.1/24 scope global br-0123\n"
                 "4: br-9999    inet 172.18.0.1/16 scope global br-9999\n")
    changes = swept(monkeypatch, BEFORE, {"filter": rules, "nat": nat}, addresses)
    assert changes == ["iptables -t filter -D FORWARD -i br-0123 -j ACCEPT",
                       "iptables -t nat -D POSTROUTING -s 10.232.1.0/24 ! -o br-0123 -j MASQUERADE"]


def test_chains_are_removed_if_there_were_none_before(monkeypatch):
    filter_ = ["-N DOCKER", "-N DOCKER-USER", "-N OTHER", "-A FORWARD -j DOCKER-USER", "-A FORWARD -j OTHER"]
    changes = swept(monkeypatch, {**BEFORE, "had_chains": False, "forward_accepts": True}, {"filter": filter_})
    assert changes == ["iptables -t filter -D FORWARD -j DOCKER-USER", "iptables -t filter -F DOCKER",
                       "iptables -t filter -F DOCKER-USER", "iptables -t filter -X DOCKER",
                       "iptables -t filter -X DOCKER-USER", "iptables -P FORWARD ACCEPT"]


@pytest.mark.parametrize("note", ['{"forward', "[]"])
def test_a_damaged_note_does_not_prevent_stopping(monkeypatch, note):
    swept(monkeypatch, note, {})


def test_without_a_note_only_the_bridge_is_removed(commands):
    network.sweep(dockerd.folder())
    assert [c for c in commands if not {"-S", "show", "addr"} & set(c)] == [
        ("ip", "link", "del", network.bridge(dockerd.folder()))]


def test_mounts_below_the_folder_are_found_deepest_first(monkeypatch, tmp_path):
    table = tmp_path / "mounts"
    table.write_text("a /x/engine/data/b rw\nb /x/engine/data/b/c\\040d rw\nc /x/engine2/z rw\nd /x/engine rw\n")
    real = open
    monkeypatch.setattr("builtins.open", lambda path, *a, **k: real(
        table if path == "/proc/self/mounts" else path, *a, **k))
    assert mounts.below(Path("/x/engine")) == ["/x/engine/data/b/c d", "/x/engine/data/b"]
