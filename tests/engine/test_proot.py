"""The engine over PRoot, for real: processes under PRoot, and Docker's engine as its witness. Skipped on a laptop where
there is no PRoot that works (`python -m helpers engine fetch-proot` brings one; MULTISTAGE_PROOT names one); a failure
with MULTISTAGE_REQUIRE_ENGINE=1."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from helpers import container
from helpers.builder import build, ensure_bases
from helpers.engine import backends
from helpers.engine import proot_program as proot
from helpers.errors import BuildFailed, CourseError
from helpers.image import inspect
from tests.unit.layers import tar
from tests.waiting import commands, lacks, until

ROOT = Path(__file__).parents[2]
BASE = "debian:bookworm-slim"
_DOCKERFILE = f"""\
FROM {BASE} AS builder
WORKDIR /work/deep
COPY --chown=12:34 data /data
RUN echo built > made && chmod 4751 made && ln made twin && ln -s made link && mkdir -m 700 closed \\
    && rm /data/unwanted && rm -r /usr/share/doc && touch "/usr/örtlich name"
FROM {BASE}
COPY --from=builder /work /work
COPY data /one/
CMD ["cat", "/work/deep/made"]
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory, engine):
    """The engine over PRoot in a folder of its own, with Debian loaded; ended by SIGTERM."""
    found, why = proot.find()
    if found is None:
        lacks(why)
    folder = tmp_path_factory.mktemp("s")
    log = open(folder / "log", "wb")
    process = subprocess.Popen([sys.executable, "-m", "helpers.engine.proot", str(folder)], stdout=log, stderr=log,
                               env={**os.environ, "PYTHONPATH": str(ROOT)})
    host = f"unix://{folder / 'small.sock'}"
    try:
        while not (folder / "small.pid").exists() and process.poll() is None:
            time.sleep(0.05)
        client = docker.DockerClient(base_url=host, timeout=120)
        found = replace(backends.inspect(client, host, "small"), owned=True)
        base = ensure_bases(engine, [BASE])[0]
        packed = b"".join(engine.client.api.get_image(base.name))
        client.api.load_image(io.BytesIO(packed).getvalue())
        if base.name != BASE:
            client.api.tag(base.name, *BASE.split(":"))
        yield found
    finally:
        process.terminate()
        process.wait(20)
        log.close()


@pytest.fixture
def context(tmp_path):
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "data/sub/run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "data/sub/run.sh").chmod(0o755)
    (tmp_path / "data/unwanted").write_text("x")
    return tmp_path


def own(engine, image):
    """What the image's own layers say: {path: (kind, mode, size, target, owner)}, a list of layers."""
    api, found = engine.client.api, []
    packed = io.BytesIO(b"".join(api.get_image(image)))
    with tarfile.open(fileobj=packed) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))[0]
        for name in manifest["Layers"][1:]:
            with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                # Which of two hard links is the file is nobody's promise.
                found.append({e.name.strip("/"): (b"file" if e.isreg() or e.islnk() else e.type, oct(e.mode & 0o7777),
                              0 if e.islnk() or e.isreg() and e.name.endswith(("made", "twin")) else e.size,
                              e.linkname if e.issym() else "", (e.uid, e.gid)) for e in layer})
    return found


def test_it_says_what_it_is_and_its_folder_is_for_this_user_alone(small):
    assert small.name == "Course Engine" and small.builders == ("legacy",) and small.owned
    status = Path(small.host.removeprefix("unix://")).parent.stat()
    assert status.st_mode & 0o777 == 0o700 and status.st_uid == os.getuid()


def test_the_same_dockerfile_gives_the_same_layers_as_dockers_engine(small, engine, context):
    for target in ("builder", None):
        ours = build(context, text=_DOCKERFILE, target=target, tag="small-witness:a", engine=small)
        theirs = build(context, text=_DOCKERFILE, target=target, tag="small-witness:a", builder="legacy", engine=engine)
        try:
            for mine, other in zip(own(small, ours.image), own(engine, theirs.image), strict=True):
                assert mine == other
        finally:
            engine.client.api.remove_image("small-witness:a", force=True)
    assert container.run("small-witness:a", engine=small).output == "built\n"


def test_an_image_is_inspected_over_its_http_server(small):
    """It hands out whole layers: a client that waits for the end of one waits for ever if that is not marked."""
    assert inspect(BASE, small).unpacked > 50_000_000


def test_what_a_step_leaves_running_ends_with_it(small, context):
    mark = f"7{os.getpid()}"
    build(context, text=f"FROM {BASE}\nRUN (setsid nohup sleep {mark} >/dev/null 2>&1 &) ; sleep 0.2; true\n",
          tag="small-daemon:1", engine=small)
    assert [words for words in commands() if words[-2:] == ["sleep", mark]] == []


def test_a_failing_step_is_reported_with_its_line_and_tags_nothing(small, context):
    with pytest.raises(BuildFailed) as caught:
        build(context, text=f"FROM {BASE}\nRUN echo said >&2; exit 3\n", tag="small-failed:1", engine=small)
    assert caught.value.line == 2 and caught.value.exit_code == 3
    assert small.client.api.images("small-failed:1") == []


def test_a_program_that_is_not_in_the_image(small):
    with pytest.raises(CourseError, match="not in the image"):
        container.run(BASE, ["nothing-of-this-name"], engine=small)


def test_a_hidden_folder_a_user_and_an_exit_code(small):
    ran = container.run(BASE, ["sh", "-c", "ls /etc; id -u; exit 4"], hide=["/etc"], engine=small)
    assert ran.output.split() == ["hosts", "resolv.conf", "0"] or ran.output.split() == ["0"]
    assert ran.exit_code == 4


def test_a_server_is_asked_run_in_and_written_into(small, context):
    script = ("use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5) or die; "
              "while (my $c = $s->accept) { <$c>; print $c \"HTTP/1.0 200 OK\\r\\n\\r\\nhere\"; close $c }")
    with container.serve(BASE, ["perl", "-e", script], port=8080, engine=small) as server:
        assert server.get("/").text == "here" and not server.url.endswith(":8080")
        small.client.api.close()   # a container does not hang on the connection that started it
        time.sleep(0.3)
        server.put("/tmp/note", b"written")
        for _ in range(20):   # no answer is lost, however quick it is
            assert server.run(["cat", "/tmp/note"]).output == "written"
            with pytest.raises(CourseError, match="not in the image"):
                server.run(["nothing-of-this-name"])
    assert small.client.api.containers(all=True) == []
    assert container.run(BASE, ["ls", "/tmp"], engine=small).output == ""


def test_a_secret_is_there_for_one_command_and_in_no_layer(small, context):
    text = (f"FROM {BASE}\nCOPY . /all\nRUN --mount=type=secret,id=word cat /run/secrets/word | tr a-z A-Z > /made\n"
            "RUN --mount=type=secret,id=word,target=/deep/er/it --mount=type=secret,id=other cp /deep/er/it /copied; ls /run/secrets || true\n"
            "CMD [\"sh\", \"-c\", \"cat /made; cat /copied; ls -d /run/secrets /deep; ls -A /all\"]\n")
    build(context, text=text, tag="small-secret:1", secrets={"word": b"abc"}, no_cache=True, engine=small)
    told = container.run("small-secret:1", engine=small).output
    assert told.startswith("ABCabc") and "cannot access '/deep'" in told and "cannot access '/run/secrets'" in told
    assert "data" in told and ".secret" not in told   # the file that it came in is none of the context's


def test_a_secret_that_has_to_be_there_and_is_not(small, context):
    with pytest.raises(BuildFailed, match="word: not found"):
        build(context, text=f"FROM {BASE}\nRUN --mount=type=secret,id=word,required=true true\n", engine=small)


def test_a_cache_is_kept_from_one_build_to_the_next_and_in_no_layer(small, context):
    mark = f"{os.getpid()}-{time.time_ns()}"
    text = f"FROM {BASE}\nRUN --mount=type=cache,id=c{mark},target=/cache ls -A /cache > /saw; touch /cache/{{}}\n"
    build(context, text=text.format("one"), tag="small-cache:1", engine=small)
    build(context, text=text.format("two"), tag="small-cache:1", engine=small)
    assert container.run("small-cache:1", ["sh", "-c", "cat /saw; ls -A /cache"], engine=small).output == "one\n"

def test_what_runs_ends_with_its_jail_however_that_ends(small):
    """The jail is killed, as by a machine without memory: nobody is there to end what it held."""
    mark = f"8{os.getpid()}"
    running = small.client.containers.run(BASE, ["sh", "-c", f"sleep {mark} & sleep {mark}"], detach=True)
    try:
        sleeping = lambda: [words for words in commands() if words[-2:] == ["sleep", mark]]
        assert until(lambda: len(sleeping()) == 2)
        os.kill(small.client.api.inspect_container(running.id)["State"]["Pid"], signal.SIGKILL)
        assert until(lambda: not sleeping())
    finally:
        running.remove(force=True)


def test_a_file_system_that_a_container_left_unchanged_is_used_again(small):
    folder = Path(small.host.removeprefix("unix://")).parent / "trees"
    for _ in range(2):
        container.run(BASE, ["true"], engine=small)
        before = set(folder.iterdir())
    container.run(BASE, ["true"], engine=small)
    assert set(folder.iterdir()) == before
    container.run(BASE, ["touch", "/dirt"], engine=small)
    assert set(folder.iterdir()) < before
    assert container.run(BASE, ["ls", "/"], engine=small).output.count("dirt") == 0


def test_what_a_run_writes_into_a_mount_is_lost(small, context):
    """Docker mounts it read-only. Here it can be written, and no stage keeps what was."""
    text = (f"FROM {BASE} AS builder\nRUN echo built > /made\nFROM {BASE}\nRUN --mount=from=builder,target=/other echo "
            "changed > /other/made && cp /other/made /seen\nCOPY --from=builder /made /made\n")
    build(context, text=text, tag="small-mounted:1", engine=small)
    assert container.run("small-mounted:1", ["cat", "/made", "/seen"], engine=small).output.split() == ["built", "changed"]


def test_a_running_container_is_not_removed_unless_forced(small):
    made = small.client.containers.run(BASE, ["sleep", "60"], detach=True)
    try:
        with pytest.raises(docker.errors.APIError) as conflict:
            made.remove()
        assert conflict.value.status_code == 409
    finally:
        made.remove(force=True)


def test_a_build_whose_client_goes_away_ends(small):
    mark = f"9{os.getpid()}"
    context = tar(("Dockerfile", f"FROM {BASE}\nRUN sleep {mark}\n".encode()))
    api = docker.APIClient(base_url=small.host, version="1.41", timeout=120)
    answer = api.post(api._url("/build"), data=context, stream=True)
    sleeping = lambda: [words for words in commands() if words[-1:] == [f"sleep {mark}"]]
    assert until(sleeping, 60)
    answer.close()
    api.close()
    assert until(lambda: not sleeping())
