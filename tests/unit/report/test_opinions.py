"""The opinions of linters, besides the findings."""

import json
from pathlib import Path

import pytest

from helpers import lint as linter
from helpers.dockerfile import parse
from helpers.errors import LinterUnavailable
from helpers.report import Finding
from helpers.report.opinions import Opinions, opinions

RECORDED = json.loads((Path(__file__).resolve().parents[1] / "data" / "checks" / "opinions.json").read_text())


def saying(monkeypatch, *said):
    monkeypatch.setattr(linter, "lint", lambda text: tuple(linter.Finding(*each) for each in said))


def test_an_opinion_that_a_finding_repeats_is_left_out(monkeypatch):
    saying(monkeypatch, (6, "DL3006", "warning", "tag it"), (6, "DL3059", "info", "join them"),
           (7, "DL3006", "warning", "x"))
    known = [Finding("moving-tag", "low", 6, "", "", ""), Finding("root-user", "low", 7, "", "", "")]
    reported = opinions(parse("FROM a"), known)
    assert [(each.line, each.rule) for each in reported.besides] == [(6, "DL3059"), (7, "DL3006")]
    assert len(reported.all) == 3 and reported.without == ""


def test_what_builder_and_hadolint_both_say_is_reported_once(monkeypatch):
    """As BuildKit 28.5 and hadolint 2.15 answered on one Dockerfile."""
    warnings = [linter.Finding(**each) for each in RECORDED["checks"]]
    saying(monkeypatch, *((each["line"], each["code"], each["level"], each["message"])
                          for each in RECORDED["hadolint"]))
    known = [Finding(rule, "low", line, "", "", "") for rule, line in (
        ("secret", 4), ("stage-name-case", 1), ("unset-argument", 5), ("duplicate-stage", 16), ("similar-name", 24))]
    reported = opinions(parse(RECORDED["dockerfile"]), known, warnings)
    assert [(each.line, each.rule) for each in reported.checks] == [
        (1, "FromAsCasing"), (2, "ConsistentInstructionCasing"), (2, "MaintainerDeprecated"),
        (3, "WorkdirRelativePath"), (4, "LegacyKeyValueFormat"), (6, "ConsistentInstructionCasing"),
        (9, "JSONArgsRecommended"), (9, "MultipleInstructionsDisallowed"), (11, "MultipleInstructionsDisallowed"),
        (13, "JSONArgsRecommended"), (13, "MultipleInstructionsDisallowed"), (17, "ExposeProtoCasing"),
        (18, "SecretsUsedInArgOrEnv"), (23, "FromPlatformFlagConstDisallowed"), (23, "ReservedStageName"),
        (26, "JSONArgsRecommended")]
    assert [(each.line, each.rule) for each in reported.besides] == [
        (8, "DL3006"), (12, "DL3025"), (16, "DL3007"), (20, "DL3002"), (20, "DL3066"), (21, "DL3003"),
        (21, "DL3013"), (21, "DL3042"), (25, "DL3008"), (25, "DL3009"), (25, "DL3015")]
    assert len(reported.all) == len(RECORDED["hadolint"])
    alone = opinions(parse(RECORDED["dockerfile"]), [], ())
    assert alone.checks == () and alone.besides == alone.all


def test_the_recorded_opinions_are_hadolint_s_own():
    if linter.program() is None:
        pytest.skip("hadolint is not installed")
    recorded = {(each["line"], each["code"]) for each in RECORDED["hadolint"]}
    assert recorded <= {(each.line, each.rule) for each in linter.lint(RECORDED["dockerfile"])}


def test_without_a_linter_the_reason_is_given(monkeypatch):
    def refuse(text):
        raise LinterUnavailable("hadolint is not installed.")

    monkeypatch.setattr(linter, "lint", refuse)
    assert opinions(parse("FROM a"), []) == Opinions(without="hadolint is not installed.")
