"""The builder's own checks: in the trace of a build and without one, on replies recorded from Docker 28.5."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.builder import BuildRequest, Progress, buildkit, linter
from helpers.cli import main
from helpers.dockerfile import parse
from helpers.errors import BaseUnavailable, DockerfileError, NoEngine, Unsupported
from helpers.lint import Finding
from tests.unit.engines import docker

RECORDED = json.loads((Path(__file__).resolve().parents[1] / "data" / "checks" / "recorded.json").read_text())
RULES = [(1, "ConsistentInstructionCasing"), (4, "StageNameCasing"), (5, "SecretsUsedInArgOrEnv"), (6, "UndefinedVar"),
         (7, "MaintainerDeprecated"), (8, "JSONArgsRecommended")]


def test_the_trace_of_an_ordinary_build_has_the_checks_each_once():
    progress = Progress(parse(RECORDED["dockerfile"]), None, "buildkit")
    for _ in range(2):
        for event in buildkit.events({"id": "moby.buildkit.trace", "aux": each} for each in RECORDED["trace"]):
            progress.add(event)
    found = sorted(progress.warnings)
    assert [(each.line, each.rule) for each in found] == RULES
    assert found[3].message == "Usage of undefined variable '$NOWHERE'" and found[3].link.endswith("/undefined-var/")


def test_the_checks_without_a_build_are_the_same():
    found = linter.findings(RECORDED["lint"])
    assert [(each.line, each.rule) for each in found] == RULES
    assert found[3] == Finding(6, "UndefinedVar", "warning", "Usage of undefined variable '$NOWHERE'",
                               "https://docs.docker.com/go/dockerfile/rule/undefined-var/")
    assert linter.findings(RECORDED["clean"]) == ()


def test_a_base_out_of_reach_is_no_fault_of_the_file():
    said = "debian:bookworm-slim: failed to resolve source metadata for docker.io/library/debian:bookworm-slim: no route to host"
    with pytest.raises(BaseUnavailable) as raised:
        linter.findings({"warnings": [], "buildError": {"message": said}})
    assert raised.value.why == said and "Pull" in raised.value.remedy


def test_a_file_that_cannot_be_read_is_an_error_with_its_line():
    with pytest.raises(DockerfileError, match=r"Line 2: unknown instruction: RUNN \(did you mean RUN\?\)"):
        linter.findings(RECORDED["unreadable"])


def engine(version, builders=("buildkit",)):
    client = SimpleNamespace(api=SimpleNamespace(base_url="http+docker://localhost"))
    return dataclasses.replace(docker(version), client=client, builders=builders)


@pytest.mark.parametrize("version, builders, since, there", [
    ("20.10.24+dfsg1", ("buildkit",), 27, False), ("26.1.5", ("buildkit",), 27, False), ("27.0.1", ("buildkit",), 27, True),
    ("28.5.2+dfsg4", ("buildkit", "legacy"), 27, True), ("28.5.2", ("legacy",), 27, False), ("dev", ("buildkit",), 27, False),
    ("28.5.2", ("buildkit",), 28.5, True), ("28.4.0", ("buildkit",), 28.5, False), ("29.0.1", ("buildkit",), 28.5, True)])
def test_which_engines_have_checks_is_known_beforehand(version, builders, since, there):
    assert linter.supported(engine(version, builders), since) is there
    assert linter.supported(engine(version, builders)) is there or since != 27


def test_where_there_are_none_it_says_so():
    with pytest.raises(Unsupported, match="no checks of its own"):
        linter.lint(BuildRequest("."), engine("26.1.5"))


@pytest.mark.parametrize("connect", [lambda start: engine("20.10.24"), None])
def test_without_the_builder_s_checks_hadolint_s_are_used_and_it_says_so(tmp_path, capsys, monkeypatch, connect):
    def none(start):
        raise NoEngine("No engine was found.")

    monkeypatch.setattr("helpers.engine.connect", connect or none)
    (tmp_path / "Dockerfile").write_text("FROM debian\nMAINTAINER me\n")
    assert main(["lint", str(tmp_path), "--json"]) == 1
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert (answer["ok"], answer["linter"]) == (False, "hadolint") and "hadolint" in said.err
    assert (2, "DL4000") in [(each["line"], each["rule"]) for each in answer["findings"]]
