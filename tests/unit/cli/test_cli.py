"""The command line: exit codes, usage errors, and JSON alone on standard output."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import cli
from helpers.errors import (
    BaseUnavailable,
    BuildFailed,
    ContextError,
    CourseError,
    DiskFull,
    DockerfileError,
    EngineGone,
    ImageNotFound,
    ImageUnreadable,
    Interrupted,
    NoEngine,
    Unsupported,
)

ROOT = Path(__file__).resolve().parents[3]
APPS = sorted(path.parent for path in (ROOT / "notebooks" / "apps").glob("*/Dockerfile"))
DEAD = "unix:///nowhere/docker.sock"


def call(tmp_path, *words: str) -> subprocess.CompletedProcess:
    """`python -m helpers WORDS` with no engine to be found."""
    return subprocess.run([sys.executable, "-m", "helpers", *words], cwd=ROOT, text=True, timeout=60,
                          capture_output=True,
                          env={**os.environ, "DOCKER_HOST": DEAD, "MULTISTAGE_HOME": str(tmp_path / "home")})


@pytest.fixture
def no_engine(monkeypatch, home):
    monkeypatch.setenv("DOCKER_HOST", DEAD)


@pytest.mark.parametrize("words, said", [
    *((words.split(), "usage: python -m helpers") for words in (
        "", "nosuch", "doctor more", "build", "build a b", "build a --builder kaniko", "build a --target", "compare",
        "compare a --files", "inventory", "inventory a b", "inventory a --png x", "graph", "graph a -f",
        "engine restart", "--json", "doctor --jsn", "bases --all golang:1.22", "check", "check 01 --all",
        "check 01 --points points.txt")),
    (["bases", "--without-engine"], "--save"),
    *((["build", "a", "--build-arg", pair], "NAME=VALUE") for pair in ("NAME", "=value", "")),
    (["build", "a", "--secret", "id=a,src=/nowhere"], "There is no file /nowhere"),
    (["build", "a", "--secret", "token"], "id=NAME,src=FILE"), (["build", "a", "--ssh", "default=/nowhere"], "not the socket"),
    (["build", "a", "--lend", "token"], "invalid choice")])
def test_wrong_usage_exits_with_2(words, said, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    out, err = capsys.readouterr()
    assert caught.value.code == 2 and out == "" and said in err


def test_build_arguments():
    words = [word for pair in ("A=1", "B=", "C=x=y") for word in ("--build-arg", pair)]
    options = cli._parser().parse_args(["build", ".", *words])
    assert dict(options.build_arg) == {"A": "1", "B": "", "C": "x=y"}
    assert dict(cli._parser().parse_args(["build", "."]).build_arg) == {}


def test_secrets_have_docker_s_syntax(tmp_path, monkeypatch):
    (tmp_path / "token").write_bytes(b"word")
    monkeypatch.setenv("TOKEN", "other")
    options = cli._parser().parse_args(["report", ".", "--secret", f"id=a,src={tmp_path / 'token'}", 
                                        "--secret", "id=b,env=TOKEN", "--lend", "npmrc", "--lend", "trust"])
    assert dict(options.secret) == {"a": b"word", "b": b"other"} and options.lend == ["npmrc", "trust"]
    bare = cli._parser().parse_args(["build", "."])
    # None: the builder decides what to lend.
    assert bare.lend is None and not bare.secret and not bare.ssh


@pytest.mark.parametrize("error, code", [
    (BuildFailed("a", line=2), 1), (BaseUnavailable("a", line=2), 1), (CourseError("a"), 1), (Unsupported("a"), 1),
    (NoEngine("a"), 2)])
@pytest.mark.parametrize("command", ["build", "report"])
def test_every_failed_build_has_the_same_json_keys(command, error, code, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("helpers.builder.building.prepare", fail)
    monkeypatch.setattr("helpers.builder.building.connect", lambda: None)
    monkeypatch.setattr("helpers.report.run.connect", lambda: None)
    assert cli.main([command, ".", "--json"]) == code
    facts = json.loads(capsys.readouterr().out)
    assert {"ok", "image", "tag", "builder", "seconds", "unpacked", "stages", "steps", "error"} <= set(facts)
    assert facts["error"]["kind"] == error.kind and facts["error"]["line"] == getattr(error, "line", None)


@pytest.mark.parametrize("error, code", [
    (NoEngine("a"), 2), (EngineGone("a"), 2), (DiskFull("a"), 2), (CourseError("a"), 1),
    (ImageNotFound("a"), 1), (ImageUnreadable("a"), 1), (BaseUnavailable("a"), 1), (DockerfileError("a", line=3), 1),
    (BuildFailed("a", stage="b", line=3), 1), (ContextError("a"), 1)])
@pytest.mark.parametrize("as_json", [True, False])
def test_each_error_has_its_exit_code(monkeypatch, capsys, error, code, as_json):
    def fail(options):
        raise error

    monkeypatch.setattr("helpers.cli.engines.doctor", fail)
    assert cli.main(["doctor"] + ["--json"] * as_json) == code
    out, err = capsys.readouterr()
    assert err == f"{error.kind}: a\n"
    if as_json:
        assert json.loads(out) == {"ok": False, "error": {
            "kind": error.kind, "message": "a", "why": "", "remedy": "",
            "stage": getattr(error, "stage", None), "line": getattr(error, "line", None)}}
    else:
        assert out == ""


@pytest.mark.parametrize("error, code", [(KeyboardInterrupt(), 130), (Interrupted("stopped"), 130),
                                         (BrokenPipeError(), 0)])
def test_interruptions_print_nothing_to_stdout(monkeypatch, capsys, error, code):
    def end(options):
        raise error

    monkeypatch.setattr("helpers.cli.engines.doctor", end)
    assert cli.main(["doctor", "--json"]) == code
    assert capsys.readouterr().out == ""


def test_a_kit_without_a_base_says_why(monkeypatch, capsys):
    monkeypatch.setattr("helpers.cli.engines.fill", lambda *words, **more: ([], [BaseUnavailable("a is nowhere.", why="b", remedy="c")]))
    assert cli.main(["bases", "--without-engine", "--save", "kit", "--json"]) == 1
    out, err = capsys.readouterr()
    assert "a is nowhere." in err and "a is nowhere." in str(json.loads(out)["failed"])


def test_the_doctor_without_an_engine(tmp_path):
    done = call(tmp_path, "doctor", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert (report["ok"], report["engine"], report["builders"], report["bases"]) == (False, None, [], [])
    problem, = report["problems"]
    assert DEAD in problem["what"] and "DOCKER_HOST" in problem["remedy"]
    assert not (tmp_path / "home").exists()


def test_the_doctor_as_text(no_engine, capsys):
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("No engine.") and out.endswith("Not ready.\n") and "What to do:" in out


def test_a_build_without_an_engine(tmp_path):
    done = call(tmp_path, "build", str(APPS[0]), "--json")
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    assert (answer["ok"], answer["error"]["kind"]) == (False, "EngineUnreachable")
    assert "Traceback" not in done.stderr and "EngineUnreachable" in done.stderr


@pytest.mark.parametrize("words", [["bases"], ["inventory", "a"], ["compare", "a"], ["clean"], ["build", "."]])
def test_commands_without_their_engine_exit_with_2(no_engine, capsys, words):
    assert cli.main([*words, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["ok"] is False


@pytest.mark.parametrize("app", APPS, ids=lambda path: path.name)
def test_the_graph_of_an_app(no_engine, capsys, app):
    assert cli.main(["graph", str(app), "--json"]) == 0
    out, err = capsys.readouterr()
    graph = json.loads(out)
    assert set(graph) == {"stages", "edges", "warnings"} and err.count("Warning:") == len(graph["warnings"])
    assert [stage["index"] for stage in graph["stages"]] == list(range(len(graph["stages"])))
    assert all({"index", "name", "base"} <= stage.keys() for stage in graph["stages"])
    assert all({"from", "to", "via", "kind"} <= edge.keys() for edge in graph["edges"])
    assert {edge["via"] for edge in graph["edges"]} <= {"FROM", "COPY", "RUN"}
    names = {stage["name"] for stage in graph["stages"]}
    assert {edge["to"] for edge in graph["edges"]} <= names


def test_the_graph_of_go_hello(tmp_path):
    done = call(tmp_path, "graph", str(ROOT / "notebooks" / "apps" / "go-hello"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "stages": [{"index": 0, "name": "builder", "base": "golang:1.22", "description": ""},
                   {"index": 1, "name": "stage-1", "base": "gcr.io/distroless/base-debian12", "description": ""}],
        "edges": [{"from": "golang:1.22", "to": "builder", "via": "FROM", "line": 1, "kind": "image"},
                  {"from": "gcr.io/distroless/base-debian12", "to": "stage-1", "via": "FROM", "line": 6,
                   "kind": "image"},
                  {"from": "builder", "to": "stage-1", "via": "COPY", "line": 7, "kind": "stage"}],
        "warnings": []}


def test_a_graph_as_text(tmp_path, capsys):
    (tmp_path / "Other").write_text("FROM a AS b\nFROM scratch\nCOPY --from=b /x /\n")
    assert cli.main(["graph", str(tmp_path), "-f", "Other"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a --FROM--> b  (line 1, image)", "scratch --FROM--> stage-1  (line 2, image)",
        "b --COPY--> stage-1  (line 3, stage)"]


@pytest.fixture
def graph(tmp_path, capsys):
    """graph(text, *words): what the command prints for a Dockerfile."""
    def of(text, *words):
        (tmp_path / "Dockerfile").write_text(text)
        assert cli.main(["graph", str(tmp_path), "--json", *words]) == 0
        return json.loads(capsys.readouterr().out)

    return of


def test_a_graph_tells_stages_from_images(graph):
    edges = graph("FROM golang AS golang\nFROM golang AS second\n")["edges"]
    assert [(edge["from"], edge["to"], edge["kind"]) for edge in edges] == [
        ("golang", "golang", "image"), ("golang", "second", "stage")]


def test_a_graph_has_the_stages_descriptions(graph):
    stages = graph("# build compiles it\nFROM a AS build\n# last is no name\nFROM b\n")["stages"]
    assert [(each["name"], each["description"]) for each in stages] == [("build", "compiles it"), ("stage-1", "")]


def test_a_graph_warns_of_misleading_names(tmp_path, capsys):
    (tmp_path / "Dockerfile").write_text("FROM a AS build\nFROM b\nCOPY --from=biuld / /\n")
    assert cli.main(["graph", str(tmp_path), "--json"]) == 0
    out, err = capsys.readouterr()
    warning, = json.loads(out)["warnings"]
    assert (warning["rule"], warning["line"], warning["refused_by"]) == ("similar-name", 3, [])
    assert "Did you mean build (line 1)?" in err


def test_a_graph_substitutes_only_known_build_arguments(graph):
    text = "ARG BASE\nARG V\nFROM $BASE AS a\nFROM go:${V} AS b\nFROM x:${W:-1}\n"
    assert [each["base"] for each in graph(text)["stages"]] == ["$BASE", "go:${V}", "x:1"]
    given = graph(text, "--build-arg", "BASE=debian:12", "--build-arg", "V=1.22")
    assert [each["base"] for each in given["stages"]] == ["debian:12", "go:1.22", "x:1"]


@pytest.mark.parametrize("words, said, line", [
    (["nosuch"], "There is no Dockerfile in", None), ([".", "-f", "nosuch"], "There is no nosuch in", None),
    ([".", "-f", "."], "is not a file", None), (["."], "RUM", 2)])
def test_a_graph_of_an_unreadable_dockerfile(tmp_path, monkeypatch, capsys, words, said, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM a\nRUM b\n")
    assert cli.main(["graph", *words, "--json"]) == 1
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert (error["kind"], error["line"]) == ("DockerfileError", line)
    assert said in err and "What to do:" in err


HEAVY = {"docker", "matplotlib", "IPython", "ipywidgets", "google.protobuf", "requests"}
UNUSED = {"helpers.report", "debian", "asyncio", "bashlex", "matplotlib"}


@pytest.mark.parametrize("module, unneeded", [
    ("helpers", HEAVY), ("helpers.cli", HEAVY), ("helpers.dockerfile", HEAVY), ("helpers.errors", HEAVY),
    ("helpers.cli.builds", {*UNUSED, "helpers.checks", "helpers.image"}),
    ("helpers.cli.exercises", {*UNUSED, "helpers.registry", "grpc"})])
def test_a_module_is_imported_without_what_it_may_not_need(module, unneeded):
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not unneeded & set(done.stdout.split())
