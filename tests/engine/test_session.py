"""The session against a real engine, and against what the Docker CLI makes."""

import contextlib
import dataclasses
import functools
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import tarfile
import threading
from dataclasses import dataclass, field
from types import MappingProxyType

import docker
import pytest

from helpers import labels
from helpers.builder import build as full_build
from helpers.builder import buildkit, cache
from helpers.builder.context import Context
from helpers.builder.events import Failed, ImageCreated, Output, StepSeen
from helpers.builder.session import Session
from helpers.builder.tunnel import upgradable
from helpers.errors import ContextError, EngineGone
from tests.waiting import running, until

CLI = "/usr/bin/docker"
ALL = "FROM scratch\nCOPY . /\n"


@dataclass
class Built:
    image: str = ""
    sent: int = 0
    failure: str = ""
    error: Exception | None = None
    cached: dict = field(default_factory=dict)
    log: str = ""


@pytest.fixture
def runner(engine):
    """runner(engine, folder, text=None, secrets=MappingProxyType({}), on=None, **parameters) -> Built"""
    if not upgradable(engine):
        pytest.skip("no BuildKit session here")
    images = set()

    def run(engine, root, text=None, dockerfile="Dockerfile", secrets=MappingProxyType({}), on=None, scanned=None,
            **parameters):
        context = scanned or Context.scan(root, dockerfile, text)
        api, built = engine.client.api, Built()
        asked = {"version": "2", "dockerfile": context.dockerfile, "rm": "1",
                 "labels": json.dumps(labels.marked(labels.BUILD)), **parameters}
        with Session(engine, context, secrets) as session:
            response = api.post(f"{api.base_url}/v{api.api_version}/build", stream=True,
                                # else the SDK keeps a connection for every address it ever asked
                                headers={"Connection": "close"},
                                params=asked | session.parameters, timeout=(10, None))
            with response:
                assert response.status_code == 200, response.text
                lines = (json.loads(line) for line in response.iter_lines(chunk_size=None) if line.strip())
                for event in buildkit.events(lines):
                    if on:
                        on(event, session)
                    if isinstance(event, StepSeen):
                        built.cached[event.name] = event.cached
                    elif isinstance(event, ImageCreated):
                        built.image = event.image
                        images.add(event.image)
                    elif isinstance(event, Failed):
                        built.failure = event.message
                    elif isinstance(event, Output):
                        built.log += event.text
        built.sent, built.error = session.sent, session.error
        return built

    yield run
    for image in images:
        engine.client.images.remove(image, force=True)


@pytest.fixture
def build(engine, runner):
    return functools.partial(runner, engine)


def write(root, **files):
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def contents(engine, image):
    """{path: (type, mode, size, mtime, link, sha256, uid, gid)} of all layers together."""
    saved = io.BytesIO(b"".join(engine.client.api.get_image(image)))
    found = {}
    with tarfile.open(fileobj=saved) as outer:
        manifest = json.load(outer.extractfile("manifest.json"))
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                for member in inner:
                    data = inner.extractfile(member).read() if member.isreg() else b""
                    found[member.name] = (
                        member.type, member.mode & 0o7777, member.size, member.mtime, member.linkname,
                        hashlib.sha256(data).hexdigest(), member.uid, member.gid)
    return found


# -- what COPY sees ---------------------------------------------------------------

@pytest.mark.parametrize("text, ignored, files, seen", [
    (ALL, "Dockerfile\n.dockerignore\nout\n!out/keep\n", ["a", "out__x", "out__keep"], {"a", "out", "out/keep"}),
    (ALL, "x\n", ["a", "x"], {"a", "Dockerfile", ".dockerignore"}),
    ("FROM scratch\nCOPY .dockerignore /\n", "x\n", [], {".dockerignore"})])
def test_copy_sees_what_is_not_ignored(engine, build, tmp_path, text, ignored, files, seen):
    write(tmp_path, **{"Dockerfile": text, ".dockerignore": ignored, **dict.fromkeys(files, "1")})
    built = build(tmp_path)
    assert built.failure == "" and built.error is None and set(contents(engine, built.image)) == seen


def test_two_texts_share_the_cache_of_copy(build, tmp_path):
    write(tmp_path, Dockerfile=ALL, a=os.urandom(8).hex())
    one = build(tmp_path)
    two = build(tmp_path, text=ALL + "ENV A=b\n")
    assert not one.cached["[1/1] COPY . /"] and two.cached["[1/1] COPY . /"]
    assert one.image != two.image


def test_a_text_of_equal_length_is_another_text(engine, build, tmp_path):
    write(tmp_path, a="1")
    for value in "xy":
        image = build(tmp_path, text=f"{ALL}ENV A={value}\n").image
        assert f"A={value}" in engine.client.api.inspect_image(image)["Config"]["Env"]


def test_the_dockerfile_may_lie_elsewhere(engine, build, tmp_path):
    write(tmp_path, ctx__a="1", files__Dockerfile=ALL, ctx__ci__Own=ALL)
    assert set(contents(engine, build(tmp_path / "ctx", dockerfile=tmp_path / "files/Dockerfile").image)) == {
        "a", "ci", "ci/Own"}
    assert build(tmp_path / "ctx", dockerfile="ci/Own").image


# -- what is sent -------------------------------------------------------------------

def but_for_the_dockerfile(built, root):
    """Bytes sent. BuildKit of Docker 25 and later fetches the whole Dockerfile each time."""
    own = (root / "Dockerfile").stat().st_size
    return built.sent - own if built.sent >= own else built.sent


def test_nothing_is_sent_twice(build, tmp_path):
    write(tmp_path, Dockerfile=ALL, a="x" * 1000, b="y" * 500)
    assert build(tmp_path).sent >= 1500
    again = build(tmp_path)
    assert but_for_the_dockerfile(again, tmp_path) == 0 and again.cached["[1/1] COPY . /"]


def test_a_changed_file_is_sent_alone(engine, build, tmp_path):
    write(tmp_path, Dockerfile=ALL, a="x" * 1000, b="y" * 500, c="gone")
    build(tmp_path)
    (tmp_path / "b").write_text("z" * 500)   # of the same size
    (tmp_path / "c").unlink()
    built = build(tmp_path)
    assert built.sent in (500, 500 + len(ALL))   # with the Dockerfile where that is fetched each time
    seen = contents(engine, built.image)
    assert set(seen) == {"Dockerfile", "a", "b"}
    assert seen["b"][5] == hashlib.sha256(b"z" * 500).hexdigest()


def test_only_what_a_copy_names_is_sent(build, tmp_path):
    write(tmp_path, Dockerfile="FROM scratch\nCOPY a* link sub/x /\n", a1="1" * 10, a2="2" * 20,
          sub__x="x" * 40, sub__y="y" * 80, real__f="f" * 160, other="o" * 320)
    (tmp_path / "link").symlink_to("real")
    dockerfile = (tmp_path / "Dockerfile").stat().st_size
    built = build(tmp_path)
    assert not built.failure and built.sent == dockerfile + 10 + 20 + 40 + 160


def test_a_thousand_small_files(engine, build, tmp_path):
    write(tmp_path, Dockerfile=ALL, **{f"d{i % 50}__f{i}": f"{i}" for i in range(1000)})
    built = build(tmp_path)
    assert not built.failure and built.error is None
    assert len(contents(engine, built.image)) == 1051
    assert but_for_the_dockerfile(build(tmp_path), tmp_path) == 0


@pytest.mark.parametrize("size", [200_000_000, pytest.param(1_000_000_000, marks=pytest.mark.nightly)])
def test_a_large_file_goes_through_little_memory(engine, build, tmp_path, size):
    write(tmp_path, Dockerfile="FROM scratch\nCOPY big /\n")
    with open(tmp_path / "big", "wb") as file:
        file.truncate(size)
    before = {record.id for record in cache.records(engine)}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        built = build(tmp_path)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
        assert not built.failure and built.sent >= size
        assert grown < 100_000, f"{grown} kB"
        assert but_for_the_dockerfile(build(tmp_path), tmp_path) == 0
    finally:
        _forget(engine, before, size)


def _forget(engine, before, size):
    """Give back the room on the engine's disk; other work's cache is left alone."""
    cache.prune(engine, [record.id for record in cache.records(engine)
                         if record.id not in before and record.size >= size])


# -- what arrives ---------------------------------------------------------------------

@pytest.fixture(scope="module")
def bytes_in_names(engine, tmp_path_factory):
    """Whether this engine's BuildKit takes names that are not UTF-8."""
    root = write(tmp_path_factory.mktemp("names"), Dockerfile=ALL)
    (root / os.fsdecode(b"latin-\xe9")).write_text("not UTF-8")
    try:
        result = full_build(root, engine=engine, tag="course-test:names")
    except ContextError as error:
        assert "latin-\\xe9" in error.what and error.remedy
        return False
    engine.client.images.remove(result.tag, force=True)
    return True


def test_a_name_that_is_not_utf8_arrives_or_is_named(bytes_in_names):
    assert bytes_in_names in (True, False)   # and what was said is looked at above


def nasty(root, strange):
    """Names, kinds, modes and times that are easily got wrong."""
    write(root, **{"Dockerfile": ALL, ".dockerignore": "*.tmp\n!keep.tmp\nskip\n", "keep.tmp": "k", "no.tmp": "n",
                   "a__b": "in a", "a-b": "beside", "a.b": "beside", "a b": "blank", "\u00e4\u20ac": "u", "#c": "hash",
                   "!d": "bang", "back\\slash": "b", "[x]": "brackets", "skip__me": "s", "empty": "",
                   "deep__er__est__f": "d", "large": "0123456789" * 50_000})
    if strange:
        (root / os.fsdecode(b"latin-\xe9")).write_text("not UTF-8")
    (root / "void").mkdir()
    (root / "to-file").symlink_to("a/b")
    (root / "to-dir").symlink_to("deep/er")
    (root / "to-nothing").symlink_to("/no/where")
    (root / "a" / "b").chmod(0o4711)
    (root / "a-b").chmod(0o2755)
    (root / "a.b").chmod(0o600)
    (root / "void").chmod(0o1777)
    (root / "empty").chmod(0o444)
    for count, (folder, names, files) in enumerate(os.walk(os.fsencode(root), topdown=False)):
        for name in names + files:
            when = 1_500_000_000_111_222_333 + count * 10**9
            os.utime(os.path.join(folder, name), ns=(when, when), follow_symlinks=False)
    return root


@pytest.mark.skipif(not os.path.exists(CLI), reason="no Docker CLI to compare with")
@pytest.mark.parametrize("text", [ALL, "FROM scratch\nCOPY a* to-dir deep /x/\nCOPY large empty /\n"])
def test_the_layers_are_those_of_the_docker_cli(engine, build, tmp_path, text, bytes_in_names):
    root = nasty(tmp_path / "context", bytes_in_names)
    (root / "Dockerfile").write_text(text)
    os.utime(root / "Dockerfile", (1_600_000_000, 1_600_000_000))
    ours = contents(engine, build(root, nocache="1").image)
    theirs = subprocess.run(
        [CLI, "-H", engine.host, "build", "--no-cache", "--quiet", "--label", f"{labels.COURSE}=build", str(root)],
        env={**os.environ, "DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": str(tmp_path / "cli")},
        capture_output=True, text=True)
    assert theirs.returncode == 0, theirs.stderr
    image = theirs.stdout.strip()
    try:
        expected = contents(engine, image)
    finally:
        engine.client.images.remove(image, force=True)
    assert len(expected) > 5
    # Folders get the time of the build, whoever sent them.
    assert _without_times_of_folders(ours) == _without_times_of_folders(expected)


def _without_times_of_folders(seen):
    return {path: (*entry[:3], 0, *entry[4:]) if entry[0] == tarfile.DIRTYPE else entry for path, entry in seen.items()}


# -- secrets, failures ------------------------------------------------------------------

@pytest.fixture
def shell(tmp_path):
    """A folder with the host's sh, cat and sleep and their libraries: a base of our own."""
    root = tmp_path / "shell"
    for program in ("sh", "cat", "sleep"):
        path = os.path.realpath(shutil.which(program))
        told = subprocess.run(["ldd", path], capture_output=True, text=True)
        if told.returncode:
            pytest.skip("the host's shell is not a dynamic ELF program")
        found = [word for line in told.stdout.splitlines() for word in line.split() if word.startswith("/")]
        for source, target in ((path, f"/bin/{program}"), *((name, name) for name in found)):
            (root / target[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / target[1:])
    return root


def test_a_secret_is_read_and_left_nowhere(engine, build, shell):
    secret = os.urandom(20).hex()
    text = ("FROM scratch\nCOPY . /\n"
            "RUN --mount=type=secret,id=token read line < /run/secrets/token; "
            "echo length ${#line}; case $line in " + secret[:4] + "*) echo begins right;; esac\n")
    built = build(shell, text=text, secrets={"token": f"{secret}\n".encode()})
    assert not built.failure and "length 40" in built.log and "begins right" in built.log
    saved = b"".join(engine.client.api.get_image(built.image))
    assert secret.encode() not in saved


def test_a_secret_that_is_missing_is_named(build, shell):
    text = "FROM scratch\nCOPY . /\nRUN --mount=type=secret,id=absent,required cat /run/secrets/absent\n"
    built = build(shell, text=text, nocache="1")
    assert "absent" in built.failure and built.error is None


@pytest.mark.parametrize("after", ["vanishes", "shrinks"])
def test_a_file_that_changes_under_way(build, tmp_path, after, monkeypatch):
    write(tmp_path, Dockerfile=ALL, a="1" * 100, b="2" * 1_000_000)
    scanned = Context.scan(tmp_path)
    if after == "vanishes":
        (tmp_path / "b").unlink()
    else:
        real = os.read

        def read(handle, count):
            if os.readlink(f"/proc/self/fd/{handle}").endswith("/b"):
                os.truncate(tmp_path / "b", 10)
            return real(handle, count)
        monkeypatch.setattr("helpers.builder.tree.os.read", read)
    built = build(tmp_path, scanned=scanned)
    assert "b changed while" in built.failure and not built.image
    assert isinstance(built.error, ContextError) and "b changed" in built.error.what


def test_an_interrupted_build_ends_everywhere(engine, build, shell):
    before = threading.active_count()
    mark = f"60.0{os.getpid()}"

    def interrupt(event, _):
        if isinstance(event, Output) and "begun" in event.text:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        build(shell, text=f"FROM scratch\nCOPY . /\nRUN echo begun; sleep {mark}\n", on=interrupt)
    assert until(lambda: not running(f"sleep {mark}"), 10)
    assert threading.active_count() == before


def test_an_interrupted_transfer_ends_at_once(engine, build, tmp_path):
    write(tmp_path, Dockerfile=ALL, big="")
    with open(tmp_path / "big", "wb") as file:
        file.truncate(3_000_000_000)
    threads = threading.active_count()

    def interrupt(_, session):
        if session.sent > 10_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, on=interrupt)
    assert until(lambda: threading.active_count() <= threads)    # gRPC's end a moment later


@pytest.mark.parametrize("secure", [False, True])
def test_over_tcp_and_tls(engine, tmp_path, secure, runner, monkeypatch):
    """The same through a relay: sockets of other kinds are turned round, too."""
    if not engine.host.startswith("unix://"):
        pytest.skip("the relay needs a local socket")
    write(tmp_path, ctx__Dockerfile=ALL, ctx__a="x" * 3_000_000)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):   # requests prefers them to the client's own
        monkeypatch.delenv(name, raising=False)
    wrap, tls = _certificate(tmp_path) if secure else (None, False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_relay, args=(listener, engine.host[7:], wrap), daemon=True).start()
        client = docker.DockerClient(base_url=f"tcp://localhost:{listener.getsockname()[1]}", tls=tls)
        far = dataclasses.replace(engine, client=client)
        try:
            built = runner(far, tmp_path / "ctx")
            assert not built.failure and built.error is None and built.sent > 3_000_000
            assert "a" in contents(engine, built.image)
        finally:
            client.close()


def _certificate(folder):
    key, pem = folder / "key.pem", folder / "cert.pem"
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                           "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                           "-keyout", key, "-out", pem], capture_output=True)
    if made.returncode:
        pytest.skip("no openssl here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return context, docker.tls.TLSConfig(ca_cert=str(pem), verify=True)


def _relay(listener, path, wrap):
    def copy(source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        if wrap:
            near = wrap.wrap_socket(near, server_side=True)
        far = socket.socket(socket.AF_UNIX)
        far.connect(path)
        for ends in ((near, far), (far, near)):
            threading.Thread(target=copy, args=ends, daemon=True).start()


def test_a_lost_connection_is_reported(engine, runner, tmp_path):
    write(tmp_path, Dockerfile=ALL)
    with Session(engine, Context.scan(tmp_path)) as session:
        session._server._upgraded.socket.shutdown(2)
        session._server._tunnel.join()
        assert isinstance(session.error, EngineGone)
