"""The docker command as an independent witness. `docker build`: same Dockerfile, same stages, same layers. What the
lessons show beneath other cells: a shell finds with it what the helper found."""

import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import uuid
from pathlib import Path

import pytest

from helpers import image
from helpers import inventory as inventories
from helpers.builder import BuildRequest, build, command_line, recent
from helpers.container import ServedContainer
from helpers.errors import EngineFault
from helpers.image import inspect, read_file
from helpers.lesson import APPS, build_twice, commands, files, folder, terminal
from helpers.maintenance.docker_command import docker_build_uses


@pytest.fixture
def tags(engine):
    pair = [f"course-test:{uuid.uuid4().hex[:12]}" for _ in range(2)]
    yield pair
    for tag in pair:
        engine.client.images.remove(tag, force=True)


@pytest.mark.parametrize("builder", ["buildkit", "legacy"])
def test_the_same_layers_as_docker_build(engine, docker, builder, tags, tmp_path):
    context = _application(tmp_path)
    ours, theirs = tags
    result = build(context, tag=ours, builder=builder, no_cache=True, engine=engine)
    done = docker("build", "--no-cache", "--tag", theirs, str(context), builder=builder)
    assert done.returncode == 0, done.stderr
    assert _contents(engine, ours) == _contents(engine, theirs)
    ours, theirs = inspect(ours, engine), inspect(theirs, engine)
    made = [layer.instruction for layer in theirs.own_layers]
    assert [layer.instruction for layer in ours.own_layers] == made or builder == "legacy"
    assert _stages_told(done.stdout + done.stderr, builder) == _stages_ran(result, builder)


def test_the_go_application_both_ways(engine, docker, tags):
    """The chapter's own example, from the cache where it is warm: the same layers
    to the digest, since both asked the same engine for the same thing."""
    ours, theirs = tags
    build(APPS / "go-hello", tag=ours, engine=engine)
    done = docker("build", "--tag", theirs, str(APPS / "go-hello"))
    assert done.returncode == 0, done.stderr
    ours, theirs = _contents(engine, ours), _contents(engine, theirs)
    assert ours == theirs


SMALL = """FROM debian:bookworm-slim AS builder
ARG WORD=none
RUN echo NONCE $WORD > /word
FROM debian:bookworm-slim AS lent
RUN --mount=type=secret,id=token,required=true sha256sum < /run/secrets/token > /sum && : NONCE
FROM debian:bookworm-slim
COPY --from=builder /word /
"""


@pytest.mark.parametrize("options", [
    {"dockerfile": "Dockerfile.one"}, {"args": {"WORD": "it's two words"}},
    {"target": "lent", "secrets": {"token": b"hunter2"}}, {"builder": "legacy", "dockerfile": "Dockerfile.one"},
    {"text": "FROM debian:bookworm-slim\nCOPY Dockerfile /$HOME\n"}], ids=" ".join)
def test_a_command_of_the_lessons_gives_the_same_layers(engine, docker, options, tags, tmp_path):
    nonce = uuid.uuid4().hex
    (tmp_path / "Dockerfile").write_text(SMALL.replace("NONCE", nonce))
    (tmp_path / "Dockerfile.one").write_text(f"FROM debian:bookworm-slim\nRUN echo {nonce} > /one\n")
    ours, theirs = tags
    command = command_line(BuildRequest(tmp_path, tag=theirs, **options))
    # Docker's command first: ours would leave it nothing to run, with or without its options.
    _in_a_terminal(engine, docker, command)
    result = build(BuildRequest(tmp_path, tag=ours, **options), engine=engine)
    assert result.cached and _layers(engine, ours) == _layers(engine, theirs)
    if "secrets" in options:
        found = read_file(inspect(theirs, engine), "/sum", engine=engine).split()[0].decode()
        assert found == hashlib.sha256(b"hunter2").hexdigest()


def test_the_commands_for_a_changed_copy_give_the_same_layers(engine, docker, tags, monkeypatch):
    ours, theirs = tags
    changed = {**files("go-hello"), "Dockerfile": b"FROM debian:bookworm-slim\nCOPY . /copied\n", "new/note": uuid.uuid4().hex.encode()}
    monkeypatch.setattr(recent, "ended", terminal.note_build)
    build(folder(changed), tag=ours, engine=engine)
    assert "a copy of go-hello, changed" in terminal._kernel.noted[-1]
    _in_a_terminal(engine, docker, terminal._kernel.noted[-1].replace(ours, theirs))
    assert _layers(engine, ours) == _layers(engine, theirs)


def test_the_commands_that_write_into_a_container_write_the_same_file(engine, docker):
    """As the lessons do while a server runs: here in containers that were only created."""
    content, made = b"it's\nnew", []
    try:
        for options in ({}, {}, {"read_only": True}):
            made.append(engine.client.containers.create("debian:bookworm-slim", "true", **options))
        ours, theirs, sealed = made
        ServedContainer(ours.id, "", "", 0, engine).put("/etc/note", content)
        _in_a_terminal(engine, docker, "\n".join(terminal.put_lines(theirs.id, "/etc/note", content)))
        written = [_entries(b"".join(each.get_archive("/etc/note")[0])) for each in (ours, theirs)]
        assert written[0] == written[1] and "0o100644" in next(iter(written[0]))
        with pytest.raises(EngineFault) as refused:
            ServedContainer(sealed.id, "", "", 0, engine).put("/etc/note", content)
        with pytest.raises(AssertionError, match=refused.value.why):
            _in_a_terminal(engine, docker, "\n".join(terminal.put_lines(sealed.id, "/etc/note", content)))
    finally:
        for each in made:
            each.remove(force=True)
        Path("/tmp/multistage-note").unlink(missing_ok=True)


def _in_a_terminal(engine, docker, commands):
    environment = {**os.environ, "DOCKER_HOST": engine.host, "DOCKER_BUILDKIT": "1", "TOKEN": "hunter2"}
    done = subprocess.run(["sh", "-ec", f'docker() {{ {docker.program} "$@"; }}\n{commands}'], cwd=APPS.parents[1],
                          capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("variable", ["", "0", "1"])
@pytest.mark.parametrize("command", ["/usr/bin/docker", "/usr/local/bin/docker"])
def test_which_builder_docker_build_uses(engine, command, variable, monkeypatch):
    if not Path(command).exists():
        pytest.skip(f"there is no {command}")
    monkeypatch.setenv("PATH", str(Path(command).parent), prepend=os.pathsep)
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    monkeypatch.setenv("BUILDKIT_PROGRESS", "plain")
    monkeypatch.setenv("DOCKER_BUILDKIT", variable)
    if not variable:
        monkeypatch.delenv("DOCKER_BUILDKIT")
    said = docker_build_uses(engine).split("Its builds ")[1].partition(". ")[0]
    done = subprocess.run(["docker", "build", "-"], input="FROM scratch\nLABEL a=b\n", capture_output=True, text=True)
    built = {"use the legacy builder": "Step 1/2" in done.stdout, "use Buildah": "STEP 1/2" in done.stdout,
             "use BuildKit": "#1 " in done.stderr, "fail:": done.returncode != 0}
    assert {words: said.startswith(words) for words in built} == built


def _layers(engine, tag):
    return engine.client.images.get(tag).attrs["RootFS"]["Layers"]


def _application(folder):
    (folder / "main.sh").write_text("#!/bin/sh\necho built\n")
    (folder / "main.sh").chmod(0o755)
    (folder / "notes.md").write_text("not for the image\n")
    (folder / ".dockerignore").write_text("*.md\n.dockerignore\nDockerfile\n")
    (folder / "link").symlink_to("main.sh")
    (folder / "Dockerfile").write_text(
        "FROM debian:bookworm-slim AS builder\nWORKDIR /src\nCOPY . .\n"
        "RUN ./main.sh > out.txt && mkdir empty && chmod 700 empty\n"
        "FROM debian:bookworm-slim AS idle\nRUN touch /idle\n"
        "FROM debian:bookworm-slim\nWORKDIR /app\n"
        "COPY --from=builder /src/ ./\nRUN ln out.txt hard && rm main.sh\n")
    return folder


def _contents(engine, tag):
    """A set for each layer above the base: path, type, mode, owner, content."""
    saved = tarfile.open(fileobj=io.BytesIO(b"".join(engine.client.images.get(tag).save())))
    layers = {}
    for member in saved.getmembers():
        if member.isreg() and member.size >= 1024:
            data = saved.extractfile(member).read()
            if data[257:262] == b"ustar":
                layers["sha256:" + hashlib.sha256(data).hexdigest()] = data
    order = engine.client.images.get(tag).attrs["RootFS"]["Layers"]
    return [_entries(layers[digest]) for digest in order[1:] if digest in layers]


def _entries(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {(m.name, m.type, oct(m.mode), m.uid, m.gid, m.linkname,
                 hashlib.sha256(archive.extractfile(m).read()).hexdigest() if m.isreg() else "")
                for m in archive.getmembers()}


def _stages_told(output, builder):
    if builder == "legacy":
        return len(re.findall(r"^Step \d+/\d+ : FROM", output, re.M))
    return set(re.findall(r"\[(\S+) \d+/\d+\]", output))


def _stages_ran(result, builder):
    if builder == "legacy":
        return sum(stage.status != "skipped" for stage in result.stages)
    return {stage.name for stage in result.stages if stage.status != "skipped"}


# -- looking into images ---------------------------------------------------------------

HIDING = """FROM debian:bookworm-slim AS kitchen
RUN echo {word} > /word && echo kept > /kept
RUN rm /word
FROM debian:bookworm-slim
COPY --from=kitchen /kept /kept
"""


@pytest.fixture(scope="module")
def word():
    return uuid.uuid4().hex


@pytest.fixture(scope="module")
def made(engine, word, tmp_path_factory):
    """Names of two images: the first has hidden the word that the second never had."""
    text, folder = HIDING.format(word=word), tmp_path_factory.mktemp("context")
    names = {target: f"course-test:{target}-{word[::-1]}" for target in ("kitchen", "last")}
    build(folder, text=text, tag=names["kitchen"], target="kitchen", engine=engine)
    build(folder, text=text, tag=names["last"], engine=engine)
    yield names
    for name in names.values():
        engine.client.images.remove(name, force=True)


@pytest.fixture
def shell(engine, docker, tmp_path, monkeypatch):
    """shell(command) gives what it prints. `look` and /tmp/look are the names of this test."""
    look = f"look-{uuid.uuid4().hex[:8]}"
    (tmp_path / "docker").symlink_to(docker.program)

    def run(command):
        command = command.replace("/tmp/", f"{tmp_path}/").replace("--name look", f"--name {look}").replace(
            "look:", f"{look}:").replace("export look", f"export {look}").replace("rm look", f"rm {look}")
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={
            **os.environ, "DOCKER_HOST": engine.host, "DOCKER_BUILDKIT": "1", "PATH": f"{tmp_path}:{os.environ['PATH']}"}).stdout
    return run


def test_every_file_is_listed_and_so_is_every_package_of_debian(engine, made, shell):
    found = inventories.inventory(made["kitchen"], engine)
    told = shell(commands.inventory(made["kitchen"], debian=True)).splitlines()
    listed = {f"/{line.split()[5].rstrip('/')}" for line in told if line[:1] in "-dhl" and len(line.split()) > 5}
    assert "/kept" in listed and set(found.tree) - listed == set()
    packages = {line.split()[1] for line in told if line.startswith("Package: ")}
    assert packages == {each.package.name for each in found.packages if each.package.type == "deb"} != set()


@pytest.mark.parametrize("to", ["", "/tmp/copy"])
def test_a_file_is_read_also_one_that_a_later_layer_hides(engine, made, shell, word, tmp_path, to):
    seen = image.inspect(made["kitchen"], engine)
    for path, hidden in {"/kept": False, "/word": True}.items():
        said = shell(commands.reading(made["kitchen"], path, hidden, to))
        content = Path(tmp_path, "copy").read_text() if to else said
        assert image.read_file(seen, path, engine=engine).decode() in content


def test_a_text_is_found_in_the_image_that_has_it(made, shell, word):
    assert shell(commands.searching(made["kitchen"], word)).count("/look/") >= 2    # a layer, and the history
    assert shell(commands.searching(made["last"], word)) == ""


def test_what_only_one_image_has_is_listed(made, shell):
    names = ["debian:bookworm-slim", made["last"]]
    assert shell("\n".join(commands.comparison(names))).splitlines()[-1:] == ["> kept"]


def test_the_libraries_of_a_program_are_listed(engine, made, shell):
    needed = inventories.inventory(made["last"], engine).needs("/usr/bin/dash")
    told = shell(commands.needs(made["last"], "/usr/bin/dash"))
    assert needed.loader in told and all(name in told for name in needed.found)


def test_a_command_in_a_stage_prints_the_same_in_its_image(engine, made, shell, word, monkeypatch):
    monkeypatch.setattr(terminal, "_kernel", terminal._Kernel())
    monkeypatch.setattr(recent, "ran", terminal.note_run)
    result = build(folder({"Dockerfile": HIDING.format(word=word).encode()}), tag=made["last"], engine=engine)
    with result.snapshots as snapshots:
        ran = snapshots.stage("kitchen").run("exec 2>&1; pwd; cat /kept /word")
    told = terminal._kernel.noted[-1].replace(" look ", f" {made['kitchen']} ")
    assert told.endswith("    # fails") and ran.exit_code and "kept" in ran.output and ran.output == shell(told)


def test_the_digests_of_layers_are_listed(engine, made, shell):
    names = ["debian:bookworm-slim", *made.values()]
    assert [json.loads(shell(commands.digests(each))) for each in names] == [_layers(engine, each) for each in names]


@pytest.mark.parametrize("rewrite", [False, True])
def test_what_differs_between_two_builds_is_shown(engine, docker, shell, monkeypatch, rewrite):
    """A file's content and a folder's times, or nothing, as the helper finds it."""
    if rewrite and "timestamps" not in engine.exports:
        pytest.skip("The engine rewrites no times.")
    if "provenance" in engine.exports and not shell("docker buildx version"):
        pytest.skip("This docker command cannot leave a provenance out: it has no buildx.")
    # Archives keep whole seconds: two builds within one would have the same times.
    text = (b"FROM debian:bookworm-slim AS builder\nARG WORD SOURCE_DATE_EPOCH\n"
            b"RUN mkdir /made && echo $WORD > /made/word && sleep 1.1\n"
            b"FROM debian:bookworm-slim\nCOPY --from=builder /made /made\n")
    args = {"WORD": "same", "SOURCE_DATE_EPOCH": "0"} if rewrite else {}
    monkeypatch.setattr(recent, "ended", terminal.note_build)
    monkeypatch.setattr(terminal, "_kernel", terminal._Kernel())
    found = build_twice(folder({"Dockerfile": text}), first=args or {"WORD": "one"}, second=args or {"WORD": "two"}, rewrite=rewrite)
    try:
        told = shell("\n".join(terminal._kernel.noted))
    finally:
        for name in commands.TWICE:
            engine.client.images.remove(name, force=True)
    first, second = (line.split() for line in told.splitlines() if line.startswith("sha256:") and "[" in line)
    assert (first[0] == second[0], first[1] == second[1]) == (found.image, found.layers) == (rewrite, rewrite)
    differing = {line.split()[-1 if line[2:3] in "-d" else 1] for line in told.splitlines() if line[:2] in ("< ", "> ")}
    assert {f"/{path}".rstrip("/") for path in differing} == {path for path, _ in found.files}
