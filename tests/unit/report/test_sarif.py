"""A report as SARIF, and the exit code that continuous integration asks for."""

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest
import yaml

from helpers import cli, lint
from helpers import report as reports
from helpers.report import SEVERITIES, Finding, Opinions, to_sarif
from tests.unit.report.test_views import reported

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "tests" / "unit" / "data" / "sarif-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)
OPINION = lint.Finding(2, "DL3059", "info", "Join them.", "https://example.org/DL3059")


def results(log):
    return log["runs"][0]["results"]


def lines(result, key="locations"):
    return [each["physicalLocation"]["region"]["startLine"] for each in result.get(key, ())]


def test_every_finding_is_a_result_at_its_line():
    check = lint.Finding(8, "JSONArgsRecommended", "warning", "Use JSON.")
    report = reported(opinions=Opinions((OPINION,), (OPINION,), checks=(check,)))
    log = to_sarif(report, "app/Dockerfile")
    VALIDATOR.validate(log)
    written = [(each["ruleId"], lines(each), lines(each, "relatedLocations")) for each in results(log)]
    assert written == [(each.rule, [each.line], list(each.also)) for each in report.findings] + [
        ("JSONArgsRecommended", [8], []), ("DL3059", [2], [])]
    hidden = next(each for each in results(log) if each["ruleId"] == "hidden-files")
    place = hidden["locations"][0]["physicalLocation"]
    assert (hidden["level"], place["artifactLocation"]["uri"], place["region"]["startLine"]) == (
        "note", "app/Dockerfile", 6)
    assert {each["ruleId"] for each in results(log)} == {each["id"] for each in log["runs"][0]["tool"]["driver"]["rules"]}
    assert log["runs"][0]["tool"]["driver"]["rules"][-1]["helpUri"] == OPINION.link


@pytest.mark.parametrize("level", [*SEVERITIES, *lint.LEVELS])
def test_every_severity_and_level_has_one_of_sarif_s(level):
    findings = [Finding("secret", level, None, "a", "b", "c")] if level in SEVERITIES else []
    opinion = () if findings else (lint.Finding(3, "X", level, "m"),)
    log = to_sarif(reported(findings=findings, opinions=Opinions(opinion, opinion)), "Docker file\udcff")
    VALIDATOR.validate(log)
    only, = results(log)
    assert lines(only) == ([1] if findings else [3])
    assert only["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "Docker%20file%FF"


@pytest.fixture
def finds(monkeypatch):
    """Let the command find things of these severities."""
    def some(*severities):
        report = reported(findings=[Finding("secret", each, 2, "a", "b", "c") for each in severities])
        monkeypatch.setattr(reports, "report", lambda *_, **__: report)
    return some


@pytest.mark.parametrize("found, level, code", [
    (["high"], "high", 1), (["medium", "low"], "high", 0), (["medium"], "medium", 1), (["high"], "medium", 1),
    (["low"], "medium", 0), (["low"], "low", 1), ([], "low", 0)])
def test_a_finding_of_that_severity_or_above_sets_the_exit_code(finds, found, level, code, capsys):
    finds(*found)
    assert cli.main(["report", "x", "--fail-on", level, "--json"]) == code
    assert len(json.loads(capsys.readouterr().out)["findings"]) == len(found)


def test_the_command_writes_sarif_before_it_fails(finds, tmp_path, capsys):
    finds("high")
    file = tmp_path / "a.sarif"
    assert cli.main(["report", "a/b", "-f", "c/Other", "--sarif", str(file), "--fail-on", "high"]) == 1
    log = json.loads(file.read_text())
    VALIDATOR.validate(log)
    assert results(log)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a/b/c/Other"
    assert cli.main(["report", "x", "--sarif", str(tmp_path / "nowhere" / "a.sarif")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_the_example_workflow_runs_commands_that_exist(monkeypatch):
    workflow, = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.S)
    steps = yaml.safe_load(workflow)["jobs"]["report"]["steps"]
    command, = (each["run"] for each in steps if "helpers report" in each.get("run", ""))
    options = cli._parser().parse_args(shlex.split(command.partition(" -m helpers ")[2]))
    upload = next(each for each in steps if "upload-sarif" in each.get("uses", ""))
    assert options.sarif == upload["with"]["sarif_file"] and options.fail_on in SEVERITIES
