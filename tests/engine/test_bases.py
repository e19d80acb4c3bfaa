"""Base images, for real: pulled, mirrored, made, interrupted. Everything made here has a name with `multistage-test` in
it, or is a step of such an image, and is removed by that name. The real bases stay."""

import contextlib
import dataclasses
import io
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import time
from pathlib import Path

import docker.errors
import pytest

from helpers import bases, labels
from helpers.bases import aptsecrets, aptsources, catalogue, pull, references, standins
from helpers.builder import build, ensure_bases
from helpers.errors import BaseUnavailable
from helpers.image import inspect
from helpers.registry.client import Client

ROOT = Path(__file__).parents[2]
REF = "multistage-test/tiny:1"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.delenv(references.MIRROR, raising=False)
    monkeypatch.setattr(pull, "_unreachable", {})


@pytest.fixture
def theirs(engine):
    """The same engine as if a user had brought it."""
    return dataclasses.replace(engine, owned=False)


@pytest.fixture
def ours(engine):
    return dataclasses.replace(engine, owned=True)


def has(engine, name):
    """Whether an image has just that name. Podman, asked for it, also finds one whose name ends so."""
    wanted = references.short(str(references.parse(name)))
    return any(wanted == references.short(tag) for image in engine.client.api.images() for tag in image["RepoTags"] or ())


def drop(engine, *names):
    for name in names:
        with contextlib.suppress(docker.errors.NotFound):
            engine.client.api.remove_image(name)


def run(engine, image, *command):
    """(exit code, output) of `command` in a container; (None, why) if it cannot start."""
    container = engine.client.containers.create(
        image, list(command), labels=labels.marked(labels.RUN), network_mode="none")
    try:
        container.start()
        return container.wait()["StatusCode"], container.logs().decode()
    except docker.errors.APIError as error:
        return None, error.explanation
    finally:
        container.remove(force=True)


def answered(engine, ref, script, folder):
    """What `script` prints on a base, standard error included. A step of a build answers, so
    that the builder's cache has the answer until the base or the script is another."""
    (folder / "script").write_text(f"set -e\n{script}\n")
    tag = f"multistage-test:{references.parse(ref).path.replace('/', '-')}-{references.parse(ref).tag}"
    build(folder, engine=engine, tag=tag, text=f"FROM {ref}\nCOPY script /script\nRUN sh /script >/answer 2>&1\n")
    container = engine.client.api.create_container(tag, ["/none"], labels=labels.marked(labels.RUN))
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(engine.client.api.get_archive(container, "/answer")[0]))) as tar:
            return tar.extractfile("answer").read().decode()
    finally:
        engine.client.api.remove_container(container)
        drop(engine, tag)


def files(engine, image, *wanted):
    """{path: mode} of the image's files, of those in `wanted` that it has."""
    container = engine.client.api.create_container(image, ["/none"], labels=labels.marked(labels.RUN))
    found = {}
    try:
        for path in wanted:
            with contextlib.suppress(docker.errors.NotFound):
                found[path] = engine.client.api.get_archive(container, path)[1]["mode"]
    finally:
        engine.client.api.remove_container(container)
    return found


def load(engine, name, tmp_path, **marks):
    """A tiny image called `name`."""
    folder = tmp_path / "tiny"
    folder.mkdir(exist_ok=True)
    (folder / "hello").write_text(name)
    build(folder, engine=engine, tag=name, text="FROM scratch\nCOPY hello /\n", labels=marks or {"multistage-test": "1"})


@pytest.fixture
def pushed(engine, registry, tmp_path):
    """Puts a tiny image into the registry under a path, and not into the engine."""

    def push(path, **marks):
        name = f"{registry}/{path}"
        load(engine, name, tmp_path, **marks)
        repository, _, tag = name.rpartition(":")
        said = engine.client.api.push(repository, tag=tag, stream=True, decode=True)
        assert not [line for line in said if "error" in line]
        drop(engine, name)
        return name

    return push


def test_the_courses_bases(engine):
    found = ensure_bases(engine, bases.ALL)
    assert [each.ref for each in found] == [base.ref for base in bases.BASES]
    assert all(each.present and each.origin for each in found)
    assert bases.status(engine, bases.ALL) == ensure_bases(engine, bases.ALL, offline=True)
    assert [each.ref for each in bases.status(engine)] == list(bases.FIRST)


@pytest.mark.parametrize("ref, major, npm", [("node:20", "v20.", "10."), ("node:24", "v24.", "11.")])
def test_node_with_npm_and_compilers(engine, tmp_path, ref, major, npm):
    lines = answered(engine, ref, "node --version; npm --version; npx --version; nodejs -p 'process.execPath'\n"
                     "gcc --version >/dev/null; python3 --version; id -u node", tmp_path).split()
    assert lines[0].startswith(major) and lines[1].startswith(npm) and lines[2] == lines[1]
    assert lines[3] == "/usr/local/bin/node" and lines[-1] == "1000"


@pytest.mark.parametrize("ref, compiler", [("python:3.11", True), ("python:3.11-slim", False)])
def test_python_lies_in_usr_local(engine, tmp_path, ref, compiler):
    output = answered(engine, ref, """
        python -c 'import bz2, ctypes, lzma, readline, sqlite3, ssl, sys, sysconfig
print(sys.version_info[:2], sys.prefix, sysconfig.get_path("purelib"))'
        for x in python python3 pip; do command -v $x; done
        pip --version && python -m venv /tmp/v && /tmp/v/bin/pip --version
        mkdir -p /tmp/p/one && touch /tmp/p/one/__init__.py
        printf 'from setuptools import setup\nsetup(name="one", packages=["one"])' > /tmp/p/setup.py
        pip install --no-index --no-build-isolation --root-user-action ignore --prefix /tmp/i /tmp/p >/tmp/log
        find /tmp/i -name one
        command -v gcc || true""", tmp_path)
    assert "(3, 11) /usr/local /usr/local/lib/python3.11/site-packages" in output, output
    lines = output.splitlines()
    assert {"/usr/local/bin/python", "/usr/local/bin/python3", "/usr/local/bin/pip"} <= set(lines)
    assert "/tmp/i/lib/python3.11/site-packages/one" in lines
    assert any(line.endswith("/gcc") for line in lines) is compiler


@pytest.mark.parametrize("ref, entrypoint", [
    ("gcr.io/distroless/static-debian12", None), ("gcr.io/distroless/base-debian12", None),
    ("gcr.io/distroless/cc-debian12", None), ("gcr.io/distroless/java17-debian12", ["/usr/bin/java", "-jar"]),
    ("gcr.io/distroless/python3-debian12", ["/usr/bin/python3.11"])])
def test_distroless_has_no_shell_and_no_tool(engine, ref, entrypoint):
    (base,) = ensure_bases(engine, [ref])
    tools = ("/bin/sh", "/usr/bin/sh", "/bin/bash", "/usr/bin/dpkg", "/usr/bin/apt-get", "/usr/bin/openssl", "/usr/bin/perl",
             "/usr/bin/mawk", "/usr/bin/pip", "/usr/bin/gcc", "/var/lib/dpkg/status")
    kept = ("/etc/passwd", "/etc/nsswitch.conf", "/etc/ssl/certs/ca-certificates.crt", "/tmp", "/home/nonroot",
            "/var/lib/dpkg/status.d", "/usr/share/zoneinfo/Europe/Berlin")
    assert files(engine, base.name, *tools, *kept).keys() == set(kept)
    config = engine.client.api.inspect_image(base.name)["Config"]
    assert (config.get("Entrypoint") or None) == entrypoint and not config.get("Cmd")
    assert "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" in config["Env"]
    if entrypoint:
        program = engine.client.containers.run(base.name, ["--version"], entrypoint=entrypoint[:1], network_mode="none",
                                               labels=labels.marked(labels.RUN), remove=True)
        assert b"openjdk 17." in program or b"Python 3.11." in program


def test_what_the_builders_machine_handed_over_is_not_in_the_image(engine):
    (go,) = ensure_bases(engine, ["golang:1.22"])
    if go.origin != "made":
        pytest.skip("the original is here")
    assert files(engine, go.name, "/run/secrets/apt.conf", "/run/secrets/apt.sources", "/run/secrets/trust",
                 "/usr/local/bin/install_packages", "/go.whl", "/etc/apt/apt.conf.d/99mmdebstrap") == {}
    config = engine.client.api.inspect_image(go.name)["Config"]
    assert config["Cmd"] == ["bash"] and not config.get("Entrypoint") and config["WorkingDir"] == "/go"
    assert not [line for line in config["Env"] if line.startswith(("DEBIAN_", "APT_"))]


def test_pull_from_its_own_registry(theirs, pushed):
    name = pushed("multistage-test/pulled:1")
    said = []
    try:
        assert not bases.status(theirs, [name])[0].present
        (found,) = ensure_bases(theirs, [name], report=said.append)
        assert found == bases.ResolvedBase(name, True, "pulled", name)
        assert len(said) == 2 and said[0].startswith("Pulling")
        (again,) = ensure_bases(theirs, [name], report=said.append)
        assert again.origin == "local" and len(said) == 2
    finally:
        drop(theirs, name)


def test_pull_by_digest(theirs, pushed, registry):
    name = pushed("multistage-test/digest:1")
    repository, _, tag = name.removeprefix(f"{registry}/").rpartition(":")
    digest = Client(registry).manifest(repository, tag).digest
    by_digest = f"{registry}/multistage-test/digest@{digest}"
    try:
        (found,) = ensure_bases(theirs, [by_digest])
        assert (found.origin, found.name) == ("pulled", by_digest)
    finally:
        drop(theirs, by_digest)


def test_what_the_registry_does_not_have(engine, registry):
    with pytest.raises(BaseUnavailable, match="manifest unknown|not found") as caught:
        ensure_bases(engine, [f"{registry}/multistage-test/nothing:1"])
    assert "no Dockerfile" in caught.value.why and caught.value.remedy


@pytest.mark.parametrize("ref, path", [
    ("multistage-test:1", "library/multistage-test:1"),
    ("multistage-test:1", "multistage-test:1"),
    ("registry.example.org/multistage-test/x:1", "registry.example.org/multistage-test/x:1"),
    ("registry.example.org/multistage-test/y", "multistage-test/y:latest")])
@pytest.mark.parametrize("owned", [True, False])
def test_mirror(request, pushed, registry, monkeypatch, ref, path, owned):
    engine = request.getfixturevalue("ours" if owned else "theirs")
    name = ref if owned else references.course_name(references.parse(ref))
    source = pushed(path)
    monkeypatch.setenv(references.MIRROR, registry)
    try:
        # A mirror on this machine is no network.
        (found,) = ensure_bases(engine, [ref], offline=True)
        assert found == bases.ResolvedBase(ref, True, "mirror", name)
        assert has(engine, name) and not has(engine, source)
        assert owned or not has(engine, ref)
        assert bases.status(engine, [ref]) == (dataclasses.replace(found, origin="local"),)
        assert bases.substitutions([found]) == ({} if owned else {ref: name})
    finally:
        drop(engine, name)
        unpublish(registry, path)


def test_a_stand_in_from_a_mirror_is_still_one(theirs, pushed, registry, monkeypatch):
    path = "library/multistage-test:2"
    pushed(path, **{labels.COURSE: labels.BASE, labels.STAND_IN: "multistage-test:2", labels.MADE_OF: "nothing"})
    monkeypatch.setenv(references.MIRROR, registry)
    name = "localhost/multistage.course/multistage-test:2"
    try:
        (found,) = ensure_bases(theirs, ["multistage-test:2"])
        assert (found.origin, found.stand_in, found.made_of) == ("mirror", True, "nothing")
        assert bases.status(theirs, ["multistage-test:2"])[0].origin == "made"
    finally:
        drop(theirs, name)
        unpublish(registry, path)


def test_what_the_mirror_does_not_have(engine, registry, monkeypatch):
    monkeypatch.setenv(references.MIRROR, registry)
    with pytest.raises(BaseUnavailable) as caught:
        ensure_bases(engine, ["multistage-test/nowhere:1"], offline=True)
    assert registry in caught.value.why and "offline" in caught.value.why


def unpublish(registry, path):
    """Take an image out of the registry, so that the next test does not meet it."""
    import requests

    repository, _, tag = path.rpartition(":")
    url = f"http://{registry}/v2/{repository}/manifests"
    kind = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    digest = requests.get(f"{url}/{tag}", headers=kind, timeout=5).headers["Docker-Content-Digest"]
    assert requests.delete(f"{url}/{digest}", timeout=5).status_code == 202


def test_a_registry_that_refuses(engine):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))   # bound, not listening
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(BaseUnavailable, match="could not be reached") as caught:
            ensure_bases(engine, [f"{host}/multistage-test/x:1"])
    assert "connection refused" in caught.value.why and references.MIRROR in caught.value.remedy


def test_a_silent_registry_is_waited_for_once(engine, monkeypatch):
    monkeypatch.setattr(pull, "FIRST_SECONDS", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BaseUnavailable, match="no answer within 2 s"):
            ensure_bases(engine, [f"{host}/multistage-test/x:1"])
        monkeypatch.setattr(pull, "event_stream", None)   # the second image is not even asked for
        with pytest.raises(BaseUnavailable, match="no answer within 2 s"):
            ensure_bases(engine, [f"{host}/multistage-test/y:1"])


def test_offline_asks_nobody(engine, monkeypatch):
    monkeypatch.setattr(pull, "pull", None)
    monkeypatch.setenv(references.MIRROR, "mirror.example.org:5000")
    with pytest.raises(BaseUnavailable) as caught:
        ensure_bases(engine, ["multistage-test/x:1"], offline=True)
    assert caught.value.why.count("(offline)") == 2


DEBIAN = "debian:bookworm-slim"
INSTALL = """RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \\
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \\
    install_packages """


@pytest.fixture
def kitchen(engine, monkeypatch, tmp_path):
    """Puts a base with a Dockerfile of these lines into the catalogue; removes its image afterwards."""
    if not engine.makes_bases:
        pytest.skip("no base is made in this engine")
    folder = Path(shutil.copytree(standins.FOLDER, tmp_path / "standins"))
    monkeypatch.setattr(standins, "FOLDER", folder)
    # A step that no run before this one has made.
    new = f"RUN echo {time.time_ns()} > /new"

    def add(*lines, base=DEBIAN):
        (folder / "tiny.Dockerfile").write_text("\n".join([f"FROM {base}", new, *lines, 'CMD ["sh"]', ""]))
        return folder

    ensure_bases(engine, [DEBIAN])
    monkeypatch.setattr(catalogue, "BASES", (*catalogue.BASES, catalogue.Base(REF, "run", "tiny")))
    yield add
    drop(engine, REF, references.course_name(references.parse(REF)))


def making(engine, **options):
    """Make it; what was found, and what was reported."""
    said = []
    (found,) = ensure_bases(engine, [REF], report=said.append, **options)
    return found, said


@pytest.mark.parametrize("owned", [True, False])
def test_make(request, kitchen, owned):
    engine = request.getfixturevalue("ours" if owned else "theirs")
    kitchen("RUN echo one > /one", "COPY install_packages /two")
    name = REF if owned else f"localhost/multistage.course/{REF}"
    found, said = making(engine, offline=True)    # it needs no network
    assert found == bases.ResolvedBase(REF, True, "made", name, True, "Debian packages")
    assert owned or not has(engine, REF)
    assert bases.status(engine, [REF]) == (found,)
    assert engine.client.api.inspect_image(name)["Config"]["Labels"] == {
        labels.COURSE: labels.BASE, labels.STAND_IN: REF, labels.MADE_OF: "Debian packages"}
    assert [layer.instruction for layer in inspect(name, engine).layers[-2:]] == ["RUN echo one > /one", "COPY install_packages /two"]
    assert run(engine, name, "cat", "/one") == (0, "one\n")
    assert f"{REF}: RUN echo one > /one" in said and said[-1].startswith(f"Made {REF}")
    assert "a stand-in made from Debian packages" in bases.footnote([found])


def test_a_step_that_fails_shows_its_log_and_keeps_what_was_done(engine, kitchen):
    kitchen("RUN echo good > /good", "RUN echo some words; exit 3")
    with pytest.raises(BaseUnavailable, match="exit code 3|returned a non-zero code: 3") as caught:
        making(engine, offline=True)
    assert "some words" in caught.value.evidence
    assert not bases.status(engine, [REF])[0].present
    kitchen("RUN echo good > /good", "RUN echo better > /better")
    _, said = making(engine, offline=True)
    assert [line for line in said if "RUN" in line] == [f"{REF}: RUN echo better > /better"]


def test_apt_that_fails_shows_its_log(engine, kitchen, monkeypatch):
    kitchen(INSTALL + "multistage-no-such-package")
    without = aptsecrets.secrets("bookworm", offline=True)
    monkeypatch.setattr(aptsecrets, "secrets", lambda suite, *, offline: without)
    with pytest.raises(BaseUnavailable, match="making it failed") as caught:
        making(engine)
    assert "Unable to locate package" in caught.value.evidence


def test_offline_makes_nothing_that_needs_packages(engine, kitchen):
    kitchen(INSTALL + "netbase")
    with pytest.raises(BaseUnavailable, match="cannot be made offline"):
        making(engine, offline=True)


@pytest.mark.nightly    # asks this machine's mirror of Debian; with its own key where it has one
def test_a_mirror_that_signs_with_a_key_of_its_own_is_trusted(engine, kitchen, monkeypatch, tmp_path):
    (tmp_path / "own.gpg").write_bytes(Path("/usr/share/keyrings/debian-archive-keyring.gpg").read_bytes())
    sources = [dataclasses.replace(each, signed_by=str(tmp_path / "own.gpg")) for each in aptsources.machine("bookworm")]
    monkeypatch.setattr(aptsources, "machine", lambda suite: tuple(sources))
    kitchen("RUN rm /usr/share/keyrings/debian-archive-keyring.gpg", INSTALL + "media-types")
    found, _ = making(engine)
    assert set(files(engine, found.name, "/etc/mime.types", "/run/secrets/apt.sources")) == {"/etc/mime.types"}


def test_another_architecture_is_refused(engine, kitchen, monkeypatch):
    kitchen()
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    with pytest.raises(BaseUnavailable, match="this machine is vax"):
        making(engine)


def test_a_full_disk_says_so(engine, kitchen, monkeypatch):
    kitchen("ADD debian.tar /")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(standins.rootfs, "debian", full)
    with pytest.raises(BaseUnavailable, match="No space left on device"):
        making(engine)
    assert not scratch(os.getpid())


@pytest.mark.parametrize("ref", ["gcr.io/distroless/base-debian12", *(
    pytest.param(base.ref, marks=pytest.mark.nightly) for base in (*catalogue.BASES, *catalogue.PARTS)
    if base.ref != "gcr.io/distroless/base-debian12")])
def test_docker_build_makes_the_same_of_a_dockerfile(engine, docker, tmp_path, ref):
    base, tags = catalogue.find(ref, parts=True), ("multistage-test:ours", "multistage-test:theirs")
    secrets = aptsecrets.secrets(catalogue.SUITE)
    try:
        standins.make(engine, base, tags[0], build, offline=False, report=print)
        with standins.context(base, "amd64", offline=False, report=print) as folder:
            words = ["--network", standins.NETWORK, "--tag", tags[1], *(["--target", base.target] if base.target else [])]
            for name, value in secrets.items():
                (tmp_path / name).write_bytes(value)
                words += ["--secret", f"id={name},src={tmp_path / name}"]
            for name, value in base.build_args.items():
                words += ["--build-arg", f"{name}={value}"]
            done = docker("build", *words, str(folder))
        assert done.returncode == 0, done.stderr[-3000:]
        ours, theirs = (engine.client.api.inspect_image(tag) for tag in tags)
        assert ours["RootFS"] == theirs["RootFS"]     # the builder's cache answers whoever comes second
        assert {**ours["Config"], "Labels": None} == {**theirs["Config"], "Labels": None}
    finally:
        drop(engine, *tags)


def interrupted(folder, when, seconds):
    """Make the base whose Dockerfile is in `folder` in a process of its own; press Ctrl-C
    `seconds` after it reported `when`. Returns the process that ended."""
    program = textwrap.dedent(f"""\
        from pathlib import Path
        from helpers.bases import catalogue, standins
        from helpers.builder import ensure_bases
        from helpers.engine import connect
        standins.FOLDER = Path({str(folder)!r})
        catalogue.BASES += (catalogue.Base({REF!r}, "run", "tiny"),)
        ensure_bases(connect(), [{REF!r}], report=lambda line: print(line, flush=True))
        """)
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stdout:
        if when in line:
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
            break
    _, process.said = process.communicate(timeout=30)
    return process


def scratch(pid):
    return list(Path(tempfile.gettempdir()).glob(f"{standins._SCRATCH}{pid}-*"))


def mmdebstraps(pid):
    """Living processes whose TMPDIR is the scratch folder of process `pid`."""
    found, mark = [], f"{standins._SCRATCH}{pid}-".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in entry.read_bytes():
                found.append(entry.parent.name)
    return found


def test_interrupted_while_packages_are_fetched(engine, kitchen):
    ended = interrupted(kitchen("ADD debian.tar /"), "Making the root", 1.5)
    assert ended.returncode != 0 and "KeyboardInterrupt" in ended.said
    assert not bases.status(engine, [REF])[0].present
    assert not scratch(ended.pid) and not mmdebstraps(ended.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts here")
def test_what_is_still_mounted_in_the_scratch_folder_does_not_keep_it(tmp_path):
    """mmdebstrap that ends in the middle leaves /proc and /sys of its root mounted."""
    with standins._scratch() as folder:
        (folder / "root" / "proc").mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "none", str(folder / "root" / "proc")], capture_output=True)
        if done.returncode:
            pytest.skip("nothing can be mounted here")
        with open(folder / "root" / "proc" / "busy", "w"):
            standins._delete(folder)
    assert not folder.exists()


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_interrupted_in_a_step_and_resumed(engine, kitchen, seconds):
    folder = kitchen("RUN echo first > /first", "RUN sleep 2; echo x > /x")
    ended = interrupted(folder, "sleep 2", seconds)
    assert ended.returncode != 0 and "Interrupted" in ended.said
    assert not bases.status(engine, [REF])[0].present and not scratch(ended.pid)
    _, said = making(engine)
    assert [line for line in said if "RUN" in line] == [f"{REF}: RUN sleep 2; echo x > /x"]
