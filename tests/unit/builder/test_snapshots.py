"""Where a Dockerfile is cut to look at a state, and what a state says of itself."""

from types import SimpleNamespace

import pytest

from helpers import dockerfile
from helpers.builder import BuildRequest, Snapshot, Snapshots
from helpers.builder.control import CallFailed, Entry
from helpers.builder.snapshots import _command, locate
from helpers.errors import BuildFailed, DockerfileError, Unsupported
from tests.unit import engines

TEXT = """# a comment
ARG TAG=1
FROM golang:1.22 AS builder
WORKDIR /app

RUN go build \\
    # why
    -o app .
RUN <<END
echo hi
END
FROM scratch
COPY --from=builder /app/app /
"""
READ = dockerfile.parse(TEXT)


def prepared(read=READ, version="28.5.2", **options):
    return SimpleNamespace(request=BuildRequest(**{"builder": "buildkit"} | options), read=read, engine=engines.docker(version),
                           context=SimpleNamespace(dockerfile_text=read.text))


@pytest.mark.parametrize("line, found", [(3, 3), (4, 4), (6, 6), (7, 6), (8, 6), (9, 9), (10, 9), (11, 9), (12, 12), (13, 13)])
def test_the_text_is_cut_after_the_whole_instruction_at_a_line_and_reads_as_before(line, found):
    instruction = locate(READ, line)[1]
    assert instruction.line == found
    text = Snapshots(prepared())._cut(instruction)
    assert TEXT.startswith(text) and locate(dockerfile.parse(text), line)[1] == instruction


@pytest.mark.parametrize("line", [-1, 0, 1, 2, 5, 14, 99])
def test_a_line_without_an_instruction_of_a_stage_is_refused_and_the_nearest_is_named(line):
    with pytest.raises(DockerfileError, match="nearest is line"):
        locate(READ, line)


@pytest.mark.parametrize("written, command", [
    ("RUN a && b", ("/bin/sh", "-c", "a && b")), ('RUN ["a", "b c"]', ("a", "b c")), ("RUN --mount=type=cache,target=/c a", ("/bin/sh", "-c", "a")),
    ("RUN [ -f x ] && y", ("/bin/sh", "-c", "[ -f x ] && y"))])
def test_the_command_of_a_run_is_its_list_or_a_shell_with_its_text(written, command):
    instruction = dockerfile.parse(f"FROM a\n{written}\n").stages[0].instructions[1]
    assert _command(instruction, SimpleNamespace(config={})) == command
    if command[0] == "/bin/sh":
        assert _command(instruction, SimpleNamespace(config={"Shell": ["/bin/bash", "-ec"]}))[:2] == ("/bin/bash", "-ec")


class State:
    """Folders and files in memory, in place of a result in the cache."""

    def __init__(self, *files, config=None):
        self._files, self.config = files, config or {}

    def read_dir(self, path):
        below = [each for each in self._files if each.startswith(path.rstrip("/") + "/")]
        names = sorted({each.removeprefix(path.rstrip("/")).split("/")[1] for each in below})
        return tuple(Entry(name, 0o040755 if any(f"/{name}/" in each for each in below) else 0o100644, 0, 0, 1, 0)
                     for name in names)

    def stat(self, path):
        if path not in self._files:
            raise CallFailed(2, "no such file or directory")
        return Entry(path, 0o100755, 0, 0, 1, 0)


def test_a_snapshot_has_the_environment_of_the_next_command():
    found = Snapshot("after line 3", State(config={"Env": ["A=1=2", "B="], "WorkingDir": "/app", "User": "me"}), 3)
    assert (found.env, found.workdir, found.user) == ({"A": "1=2", "B": ""}, "/app", "me")
    bare = Snapshot("after line 1", State(), 1)
    assert (bare.env, bare.workdir, bare.user, bare.files()) == ({}, "/", "", ())


@pytest.mark.parametrize("path, depth, lines", [("/", 2, ["/", "  a/", "    b/", "  d"]), ("/a", 9, ["/a", "  b/", "    c"])])
def test_a_tree_is_as_deep_as_asked(path, depth, lines):
    assert Snapshot("x", State("/a/b/c", "/d")).tree(path, depth).splitlines() == lines


@pytest.mark.parametrize("files, shell", [(["/bin/sh", "/bin/bash"], "/bin/sh"), (["/busybox/sh"], "/busybox/sh"), ([], "")])
def test_the_first_shell_that_is_there_is_used(files, shell):
    assert Snapshot("x", State(*files)).shell == shell


@pytest.mark.parametrize("files, image, borrowed", [(["/bin/sh"], "", None), (["/bin/sh"], "alpine", "alpine"), ([], "", "")])
def test_a_shell_is_borrowed_where_there_is_none_or_an_image_is_named(monkeypatch, files, image, borrowed):
    monkeypatch.setattr("helpers.builder.snapshot.borrow", lambda state, image: image)
    assert Snapshot("x", State(*files)).entered(image).borrowed == borrowed


def test_without_a_shell_a_text_is_refused_and_the_error_says_what_is_possible():
    with pytest.raises(Unsupported, match="There is no shell in it: stage x"):
        Snapshot("stage x", State("/app")).run("ls")


def test_only_buildkit_keeps_states():
    with pytest.raises(Unsupported, match="Only BuildKit"):
        Snapshots(prepared(builder="legacy")).stage("builder")
    with pytest.raises(Unsupported, match="BuildKit"):
        _ = BuildFailed("x", line=3).state


@pytest.mark.parametrize("version, asked", [("20.10.24", False), ("28.5.2", True)])
def test_a_failed_step_is_asked_for_where_the_engine_keeps_it(monkeypatch, version, asked):
    calls = []
    monkeypatch.setattr(Snapshots, "_failed_state", lambda self, instruction: calls.append(instruction.line))
    monkeypatch.setattr(Snapshots, "before", lambda self, line: Snapshot("before", State()))
    assert Snapshots(prepared(version=version)).failed(6).command[:2] == ("/bin/sh", "-c")
    assert calls == ([6] if asked else [])


def test_a_snapshot_has_the_request_that_makes_it_if_there_is_one(monkeypatch):
    monkeypatch.setattr(Snapshots, "_solved", lambda self, text: State())
    found = Snapshots(prepared(dockerfile.parse("FROM scratch AS builder\nFROM scratch\nFROM builder\n"), target="builder"))
    assert [found.stage(name).request.target for name in ("builder", "stage-2")] == ["builder", None]
    assert found.stage("stage-1").request is None    # no builder takes a number for a target
    assert found.at(1).request is None


def test_nothing_comes_before_a_from():
    with pytest.raises(DockerfileError, match="begins an empty file system"):
        Snapshots(prepared()).before(12)
