"""Base images, for real: pulled, mirrored, made, interrupted.

Everything made here has a name with `multistage-test` in it, or is a step of
such an image, and is removed by that name. The real bases stay.
"""

import contextlib
import dataclasses
import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import textwrap
import time
from pathlib import Path

import docker.errors
import pytest

from helpers import bases, labels
from helpers.builder import build
from helpers.bases import archive, catalogue, containers, standins, pull, recipes, references, tars
from helpers.errors import BaseUnavailable, CourseError
from helpers.image import inspect, layer_by_path
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
    container = engine.client.api.create_container(
        image, ["/none"], labels=labels.marked(labels.RUN))
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
    place = tmp_path / "layer.tar"
    digest = tars.write_layer([tars.regular("hello", name.encode())], place)
    archive.load(engine, name, place, digest, instruction="ADD hello /",
                 labels=marks or {"multistage-test": "1"},
                 architecture=engine.client.version()["Arch"])


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


# -- the real ones ------------------------------------------------------------------------

def test_the_courses_bases(engine):
    found = bases.ensure(engine, bases.ALL)
    assert [each.ref for each in found] == [base.ref for base in bases.BASES]
    assert all(each.present and each.origin for each in found)
    assert bases.status(engine, bases.ALL) == bases.ensure(engine, bases.ALL, offline=True)
    assert [each.ref for each in bases.status(engine)] == list(bases.FIRST)


def test_go_builds_with_and_without_c(engine, tmp_path):
    program = textwrap.dedent("""\
        package main
        // #include <stdlib.h>
        import "C"
        func main() { println("abs", C.abs(-7)) }
        """)
    output = answered(engine, "golang:1.22", f"""
        pwd && echo $GOTOOLCHAIN && go version
        cd /go/src && cat > main.go <<'END'\n{program}END
        go build -o /app main.go && /app && ldd /app | grep -c libc.so
        printf 'package main\nfunc main() {{}}\n' > /tmp/x.go
        CGO_ENABLED=0 go build -o /x /tmp/x.go && /x && ! ldd /x""", tmp_path)
    assert output.startswith("/go\nlocal\ngo version go1.22.") and "\nabs 7\n1\n" in output


@pytest.mark.nightly    # what differs from 1.22 is one version; test_versions builds with it
def test_the_current_go(engine, tmp_path):
    output = answered(engine, "golang:1.27", "printf 'package main\nfunc main() {println(42)}\n' > /tmp/x.go\n"
                      "go version && CGO_ENABLED=0 go run /tmp/x.go", tmp_path)
    assert output.endswith("42\n") and "go1.27" in output


@pytest.mark.parametrize("ref, major, npm", [("node:20", "v20.", "10."), ("node:24", "v24.", "11.")])
def test_node_with_npm_and_compilers(engine, tmp_path, ref, major, npm):
    lines = answered(engine, ref, "node --version; npm --version; npx --version; nodejs -p 'process.execPath'\n"
                     "gcc --version >/dev/null; python3 --version; id -u node", tmp_path).split()
    assert lines[0].startswith(major) and lines[1].startswith(npm) and lines[2] == lines[1]
    assert lines[3] == "/usr/local/bin/node" and lines[-1] == "1000"


def test_node_takes_options_and_files_for_itself(engine):
    (node,) = bases.ensure(engine, ["node:20"])
    assert run(engine, node.name, "-p", "6 * 7") == (0, "42\n")
    assert run(engine, node.name, "no-such-file.js")[0] == 1
    assert run(engine, node.name, "echo", "x") == (0, "x\n")


def test_nginx_serves_what_is_copied_to_its_folder(engine, tmp_path):
    from helpers.container import serve

    (tmp_path / "index.html").write_text("<p>served</p>")
    (tmp_path / "x.js").write_text("1")
    tag = "multistage-test:nginx"
    build(tmp_path, text="FROM nginx:alpine\nCOPY . /usr/share/nginx/html\n", tag=tag, engine=engine)
    try:
        with serve(tag, port=80, engine=engine) as server:
            page, script, none = server.get("/"), server.get("/x.js"), server.get("/none")
            log = server.log
        assert (page.status, page.text, page.headers["Content-Type"]) == (200, "<p>served</p>", "text/html")
        assert page.headers["Server"].startswith("nginx/") and "javascript" in script.headers["Content-Type"]
        assert none.status == 404 and '"GET /x.js HTTP/1.1" 200' in log and "none" in log
        # Where it writes, and nowhere else.
        with serve(tag, port=80, read_only=True, writable=["/run", "/var/cache/nginx"], engine=engine) as server:
            assert server.get("/").status == 200
            assert server.run(["curl", "-s", "http://127.0.0.1/x.js"]).output == "1"
    finally:
        drop(engine, tag)
    config = engine.client.api.inspect_image(bases.ensure(engine, ["nginx:alpine"])[0].name)["Config"]
    assert config["Cmd"] == ["nginx", "-g", "daemon off;"] and config["StopSignal"] == "SIGQUIT"
    assert list(config["ExposedPorts"]) == ["80/tcp"]


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


@pytest.mark.parametrize("ref, compiler", [("eclipse-temurin:17-jdk", True), ("eclipse-temurin:17-jre", False)])
def test_java(engine, tmp_path, ref, compiler):
    output = answered(engine, ref, "java --version\n$JAVA_HOME/bin/java -XshowSettings:properties -version 2>&1 | "
                      "grep file.encoding\nfor x in javac jlink jdeps; do command -v $x || true; done", tmp_path)
    assert "openjdk 17." in output and "file.encoding = UTF-8" in output
    assert [("/javac" in output), ("/jlink" in output), ("/jdeps" in output)] == [compiler] * 3


def test_gcc(engine, tmp_path):
    output = answered(engine, "gcc:12", "gcc -dumpversion; g++ -dumpversion; gfortran -dumpversion; make --version", tmp_path)
    assert [line.partition(".")[0] for line in output.splitlines()[:3]] == ["12"] * 3 and "GNU Make" in output


@pytest.mark.parametrize("ref, entrypoint", [
    ("gcr.io/distroless/static-debian12", None), ("gcr.io/distroless/cc-debian12", None),
    ("gcr.io/distroless/java17-debian12", ["/usr/bin/java", "-jar"]),
    ("gcr.io/distroless/python3-debian12", ["/usr/bin/python3.11"]),
])
def test_the_other_distroless_images(engine, ref, entrypoint):
    (base,) = bases.ensure(engine, [ref])
    assert files(engine, base.name, "/bin/sh", "/bin/bash", "/usr/bin/dpkg", "/usr/bin/pip", "/usr/bin/gcc") == {}
    assert len(files(engine, base.name, "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo")) == 3
    config = engine.client.api.inspect_image(base.name)["Config"]
    assert (config.get("Entrypoint") or None) == entrypoint and not config.get("Cmd")
    if entrypoint:
        program = engine.client.containers.run(base.name, ["--version"], entrypoint=entrypoint[:1], network_mode="none",
                                               labels=labels.marked(labels.RUN), remove=True)
        assert b"openjdk 17." in program or b"Python 3.11." in program


def test_files_of_packages_on_top_of_others(engine, kitchen):
    """A second such step brings its own files; the first one's users stay as they are."""
    kitchen(tiny(recipes.DebianFiles("bookworm", ("media-types",)), recipes.DebianFiles("bookworm", ("netbase",)),
                 recipes.Links((("/etc/other", "services"),)), recipes.TextFile("/etc/motd", "hello\n", 0o600)))
    (made,) = bases.ensure(engine, [REF])
    found = files(engine, made.name, "/etc/mime.types", "/etc/services", "/etc/passwd", "/etc/other", "/etc/motd",
                  "/var/lib/dpkg/status.d/netbase")
    assert len(found) == 6 and found["/etc/motd"] & 0o777 == 0o600
    image = inspect(made.name, engine)
    brought = {path: layer.instruction.split()[1] for path, layer in layer_by_path(image, engine).items()}
    # Podman writes no history of a container that it commits, and makes a layer of one that only has new settings.
    podman = "buildah" in engine.builders
    assert len(image.layers) == 4 + podman and brought["/etc/passwd"] == "media-types"
    assert (brought["/etc/services"], brought["/etc/other"]) == (("recorded)",) * 2 if podman else ("netbase", "links"))


def test_distroless_has_no_shell(engine):
    (base,) = bases.ensure(engine, ["gcr.io/distroless/base-debian12"])
    code, why = run(engine, base.name, "/bin/sh", "-c", "true")
    assert code is None and "no such file" in why
    tools = ("/bin/sh", "/usr/bin/sh", "/bin/bash", "/usr/bin/dpkg", "/usr/bin/apt-get",
             "/usr/bin/openssl", "/usr/bin/perl", "/usr/bin/mawk", "/var/lib/dpkg/status")
    assert files(engine, base.name, *tools) == {}
    kept = ("/etc/passwd", "/etc/nsswitch.conf", "/etc/ssl/certs/ca-certificates.crt", "/tmp",
            "/home/nonroot", "/var/lib/dpkg/status.d", "/usr/share/zoneinfo/Europe/Berlin")
    assert set(files(engine, base.name, *kept)) == set(kept)
    config = engine.client.api.inspect_image(base.name)["Config"]
    assert not config.get("Cmd") and not config.get("Entrypoint")
    assert "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" in config["Env"]


def test_what_the_makers_machine_lent_is_not_in_the_image(engine):
    (go,) = bases.ensure(engine, ["golang:1.22"])
    if go.origin != "made":
        pytest.skip("the original is here")
    assert files(engine, go.name, "/run/multistage", "/etc/apt/apt.conf.d/99mmdebstrap") == {}
    config = engine.client.api.inspect_image(go.name)["Config"]
    assert config["Cmd"] == ["bash"] and not config.get("Entrypoint") and config["WorkingDir"] == "/go"
    assert not [line for line in config["Env"] if line.startswith(("DEBIAN_", "APT_"))]
    # Where a store counts folders too, the one that `RUN mkdir` makes has a size.
    made = [line["CreatedBy"] for line in engine.client.api.history(go.name)
            if line["Size"] and not line["CreatedBy"].startswith("RUN mkdir")]
    assert made[0] == f"COPY go {catalogue.GO} /usr/local/go" and made[-1].startswith("ADD debian")


# -- pulled ---------------------------------------------------------------------------------

def test_pull_from_its_own_registry(theirs, pushed):
    name = pushed("multistage-test/pulled:1")
    said = []
    try:
        assert not bases.status(theirs, [name])[0].present
        (found,) = bases.ensure(theirs, [name], report=said.append)
        assert found == bases.Present(name, True, "pulled", name)
        assert len(said) == 2 and said[0].startswith("Pulling")
        (again,) = bases.ensure(theirs, [name], report=said.append)
        assert again.origin == "local" and len(said) == 2
    finally:
        drop(theirs, name)


def test_pull_by_digest(theirs, pushed, registry):
    name = pushed("multistage-test/digest:1")
    repository, _, tag = name.removeprefix(f"{registry}/").rpartition(":")
    digest = Client(registry).manifest(repository, tag).digest
    by_digest = f"{registry}/multistage-test/digest@{digest}"
    try:
        (found,) = bases.ensure(theirs, [by_digest])
        assert (found.origin, found.name) == ("pulled", by_digest)
    finally:
        drop(theirs, by_digest)


def test_what_the_registry_does_not_have(engine, registry):
    with pytest.raises(BaseUnavailable, match="manifest unknown|not found") as caught:
        bases.ensure(engine, [f"{registry}/multistage-test/nothing:1"])
    assert "no recipe" in caught.value.why and caught.value.remedy


# -- mirrored -------------------------------------------------------------------------------

@pytest.mark.parametrize("ref, path", [
    ("multistage-test:1", "library/multistage-test:1"),
    ("multistage-test:1", "multistage-test:1"),
    ("registry.example.org/multistage-test/x:1", "registry.example.org/multistage-test/x:1"),
    ("registry.example.org/multistage-test/y", "multistage-test/y:latest"),
])
@pytest.mark.parametrize("owned", [True, False])
def test_mirror(request, pushed, registry, monkeypatch, ref, path, owned):
    engine = request.getfixturevalue("ours" if owned else "theirs")
    name = ref if owned else references.course_name(references.parse(ref))
    source = pushed(path)
    monkeypatch.setenv(references.MIRROR, registry)
    try:
        # A mirror on this machine is no network.
        (found,) = bases.ensure(engine, [ref], offline=True)
        assert found == bases.Present(ref, True, "mirror", name)
        assert has(engine, name) and not has(engine, source)
        assert owned or not has(engine, ref)
        assert bases.status(engine, [ref]) == (dataclasses.replace(found, origin="local"),)
        assert bases.substitutions([found]) == ({} if owned else {ref: name})
    finally:
        drop(engine, name)
        unpublish(registry, path)


def test_a_stand_in_from_a_mirror_is_still_one(theirs, pushed, registry, monkeypatch):
    path = "library/multistage-test:2"
    pushed(path, **{labels.COURSE: labels.BASE, labels.STAND_IN: "multistage-test:2",
                    labels.MADE_OF: "nothing"})
    monkeypatch.setenv(references.MIRROR, registry)
    name = "localhost/multistage.course/multistage-test:2"
    try:
        (found,) = bases.ensure(theirs, ["multistage-test:2"])
        assert (found.origin, found.stand_in, found.made_of) == ("mirror", True, "nothing")
        assert bases.status(theirs, ["multistage-test:2"])[0].origin == "made"
    finally:
        drop(theirs, name)
        unpublish(registry, path)


def test_what_the_mirror_does_not_have(engine, registry, monkeypatch):
    monkeypatch.setenv(references.MIRROR, registry)
    with pytest.raises(BaseUnavailable) as caught:
        bases.ensure(engine, ["multistage-test/nowhere:1"], offline=True)
    assert registry in caught.value.why and "offline" in caught.value.why


def unpublish(registry, path):
    """Take an image out of the registry, so that the next test does not meet it."""
    import requests

    repository, _, tag = path.rpartition(":")
    url = f"http://{registry}/v2/{repository}/manifests"
    kind = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    digest = requests.get(f"{url}/{tag}", headers=kind, timeout=5).headers["Docker-Content-Digest"]
    assert requests.delete(f"{url}/{digest}", timeout=5).status_code == 202


# -- nobody there -----------------------------------------------------------------------------

def test_a_registry_that_refuses(engine):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))   # bound, not listening
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(BaseUnavailable, match="could not be reached") as caught:
            bases.ensure(engine, [f"{host}/multistage-test/x:1"])
    assert time.monotonic() - started < 5
    assert "connection refused" in caught.value.why and references.MIRROR in caught.value.remedy


def test_a_registry_that_says_nothing(engine, monkeypatch):
    monkeypatch.setattr(pull, "FIRST_SECONDS", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(BaseUnavailable, match="no answer within 2 s"):
            bases.ensure(engine, [f"{host}/multistage-test/x:1"])
        first = time.monotonic() - started
        with pytest.raises(BaseUnavailable, match="no answer within 2 s"):
            bases.ensure(engine, [f"{host}/multistage-test/y:1"])
        second = time.monotonic() - started - first
    assert first < 6 and second < 1   # the second image does not wait again


def test_offline_asks_nobody(engine, monkeypatch):
    monkeypatch.setattr(pull, "pull", None)
    monkeypatch.setenv(references.MIRROR, "mirror.example.org:5000")
    with pytest.raises(BaseUnavailable) as caught:
        bases.ensure(engine, ["multistage-test/x:1"], offline=True)
    assert caught.value.why.count("(offline)") == 2


# -- made --------------------------------------------------------------------------------------

def tiny(*steps, ref=REF):
    return catalogue.Base(ref, "run", "for a test", (*steps, recipes.Configure(cmd=("sh",))))


ROOTED = (recipes.DebianFiles("bookworm", ("media-types",)),)
LAYERED = (recipes.DebianRoot("bookworm"), recipes.Run("echo one > /one"), recipes.Run("echo two > /two"))


@pytest.fixture
def kitchen(engine, monkeypatch):
    """Puts a base into the catalogue; removes it and its own steps afterwards."""
    if not engine.makes_bases:
        pytest.skip("this engine commits a container without new settings: no base is made there")
    used = []

    def add(base):
        monkeypatch.setattr(catalogue, "BASES", (*catalogue.BASES, base))
        used.append(base)
        return base

    kept = set(recipes.identities([recipes.DebianRoot("bookworm")], engine.client.version()["Arch"]))
    yield add
    arch = engine.client.version()["Arch"]
    for base in used:
        digests = recipes.identities(base.recipe[:-1], arch)
        last = recipes.identities(base.recipe, arch, base.ref)[-1]
        names = [references.step_name(d) for d in reversed(digests) if d not in kept]
        reference = references.parse(base.ref)
        drop(engine, str(reference), references.course_name(reference), references.step_name(last),
             *names)


@pytest.mark.parametrize("owned", [True, False])
def test_make(request, kitchen, owned):
    engine = request.getfixturevalue("ours" if owned else "theirs")
    base = kitchen(tiny(*LAYERED))
    name = REF if owned else f"localhost/multistage.course/{REF}"
    said = []
    (found,) = bases.ensure(engine, [REF], report=said.append)
    assert found == bases.Present(REF, True, "made", name, True, "Debian packages")
    assert owned or not has(engine, REF)
    assert bases.status(engine, [REF]) == (found,)
    config = engine.client.api.inspect_image(name)["Config"]
    assert config["Labels"] == {labels.COURSE: labels.BASE, labels.STAND_IN: REF,
                                labels.MADE_OF: "Debian packages"}
    history = [line["CreatedBy"] for line in engine.client.api.history(name)]
    told = [step.instruction for step in reversed(base.recipe)]
    # Podman writes none of a container that it commits: only of the first layer, which was loaded.
    assert history[-1:] == told[-1:] if "buildah" in engine.builders else history == told
    assert run(engine, name, "cat", "/one", "/two") == (0, "one\ntwo\n")
    assert "a stand-in made from Debian packages" in bases.footnote([found])


def test_a_step_that_fails_shows_its_log_and_keeps_what_was_done(engine, kitchen):
    good, bad = recipes.Run("echo good > /good"), recipes.Run("echo some words; false")
    base = kitchen(tiny(recipes.DebianRoot("bookworm"), good, bad))
    with pytest.raises(BaseUnavailable, match="exit code 1") as caught:
        bases.ensure(engine, [REF], offline=True)   # finished steps need no network
    assert "some words" in caught.value.evidence
    assert not bases.status(engine, [REF])[0].present and not leftovers(engine)
    digests = recipes.identities(base.recipe, engine.client.version()["Arch"])
    assert has(engine, references.step_name(digests[1]))
    assert not has(engine, references.step_name(digests[2]))


def test_apt_that_fails_shows_its_log(engine, kitchen):
    kitchen(tiny(recipes.DebianRoot("bookworm"),
                 recipes.AptInstall("bookworm", ("multistage-no-such-package",))))
    with pytest.raises(BaseUnavailable) as caught:
        bases.ensure(engine, [REF])
    assert "Unable to locate package" in caught.value.evidence and not leftovers(engine)


def test_offline_makes_nothing_that_needs_packages(engine, kitchen):
    kitchen(tiny(recipes.DebianFiles("bookworm", ("netbase",))))
    with pytest.raises(BaseUnavailable, match="cannot be made offline"):
        bases.ensure(engine, [REF], offline=True)


def test_another_architecture_is_refused(engine, kitchen, monkeypatch):
    kitchen(tiny(*ROOTED))
    monkeypatch.setattr(standins.platform, "machine", lambda: "vax")
    with pytest.raises(BaseUnavailable, match="this machine is vax"):
        bases.ensure(engine, [REF])


def test_a_full_disk_says_so(engine, kitchen, monkeypatch):
    kitchen(tiny(recipes.DebianFiles("bookworm", ("netbase", "media-types"))))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(standins.rootfs, "layer", full)
    with pytest.raises(BaseUnavailable, match="No space left on device"):
        bases.ensure(engine, [REF])
    assert not list(Path(standins.tempfile.gettempdir()).glob(f"{standins._SCRATCH}{os.getpid()}-*"))


# -- interrupted -----------------------------------------------------------------------------

def leftovers(engine):
    return [c.name for c in engine.client.containers.list(all=True, ignore_removed=True)
            if c.name.startswith(containers.PREFIX)]


def interrupted(recipe, when, seconds):
    """Make `recipe` in a process of its own; press Ctrl-C `seconds` after it
    reported `when`. Returns the process that ended."""
    program = textwrap.dedent(f"""\
        from helpers import bases
        from helpers.bases import catalogue
        from helpers.bases.recipes import *
        from helpers.engine import connect
        catalogue.BASES += (catalogue.Base({REF!r}, "run", "for a test", {recipe!r}),)
        bases.ensure(connect(), [{REF!r}], report=lambda line: print(line, flush=True))
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
    return list(Path(standins.tempfile.gettempdir()).glob(f"{standins._SCRATCH}{pid}-*"))


def mmdebstraps(pid):
    """Living processes whose TMPDIR is the scratch folder of process `pid`."""
    found, mark = [], f"{standins._SCRATCH}{pid}-".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in entry.read_bytes():
                found.append(entry.parent.name)
    return found


@pytest.mark.parametrize("seconds", [1.5])
def test_interrupted_while_packages_are_fetched(engine, kitchen, seconds):
    base = kitchen(tiny(*ROOTED))
    ended = interrupted(base.recipe, "step 1", seconds)
    assert ended.returncode != 0 and "KeyboardInterrupt" in ended.said
    assert not bases.status(engine, [REF])[0].present
    assert not scratch(ended.pid) and not mmdebstraps(ended.pid) and not leftovers(engine)
    (found,) = bases.ensure(engine, [REF])
    assert found.origin == "made"


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_interrupted_in_a_container_and_resumed(engine, kitchen, seconds):
    first = recipes.Run("echo first > /first")
    base = kitchen(tiny(recipes.DebianRoot("bookworm"), first, recipes.Run("sleep 2; echo x > /x")))
    ended = interrupted(base.recipe, "step 3", seconds)
    assert ended.returncode != 0 and "KeyboardInterrupt" in ended.said
    assert not leftovers(engine) and not bases.status(engine, [REF])[0].present
    said = []
    (found,) = bases.ensure(engine, [REF], report=said.append)
    assert found.origin == "made" and not any("step 2" in line for line in said)
    assert any("step 3" in line for line in said)


def test_a_killed_makings_container_is_swept(engine, kitchen):
    base = kitchen(tiny(*LAYERED))
    digests = recipes.identities(base.recipe, engine.client.version()["Arch"])
    bases.ensure(engine, [catalogue.BASES[2].ref])   # brings the step below
    parent = references.step_name(digests[0])
    if not has(engine, parent):
        pytest.skip("debian:bookworm-slim is the original here")
    engine.client.api.create_container(parent, ["x"], name=f"{containers.PREFIX}{digests[1]}")
    assert leftovers(engine)
    bases.ensure(engine, [REF])
    assert not leftovers(engine)


def test_what_is_no_reference(engine):
    for ref in ("scratch", "${BASE}"):
        with pytest.raises(CourseError, match="not the name"):
            bases.ensure(engine, [ref])
