"""A report as a whole: its table of rules, the order and weight of findings."""

import inspect
import json
import random
import re
import sys

import pytest

from helpers.claims import lesson
from helpers.report import RULES, SEVERITIES, Finding, findings_of, run
from helpers.report.model import ordered, weight
from tests.unit.cases import project
from tests.unit.report.projects import PINNED, built


def test_a_good_project_has_no_findings():
    assert findings_of(built(PINNED, project=project({"main.go": 100, "go.mod": 20}))) == ()


def test_every_rule_is_in_the_table_and_none_else():
    modules = {inspect.getmodule(rule) for rule in run.RULES} | {sys.modules["helpers.dockerfile.problems"]}
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', "".join(map(inspect.getsource, modules))))
    assert RULES.keys() <= named
    assert all(rule.__doc__ for rule in run.RULES)
    assert all(lesson(rule.lesson).file and rule.title for rule in RULES.values())


def test_findings_are_sorted_by_severity_then_bytes_then_line():
    rng = random.Random(7)
    given = [Finding("secret", severity, line, "w", "y", "m", saves) for severity in SEVERITIES
             for line in (1, None, 9) for saves in (None, 5, 70)]
    rng.shuffle(given)
    keys = [(SEVERITIES.index(each.severity), -(each.saves or 0), each.line or 0) for each in ordered(given)]
    assert keys == sorted(keys) and len(keys) == 27


@pytest.mark.parametrize("saved, least, severity", [
    (0, "low", "low"), (9, "low", "low"), (10, "low", "medium"), (99, "low", "medium"), (100, "low", "high"),
    (0, "medium", "medium"), (100, "medium", "high"), (10, "high", "high")])
def test_the_weight_of_bytes(saved, least, severity):
    assert weight(saved * 1_000_000, 1_000_000_000, least) == severity
    assert weight(0, 0) == "low"


@pytest.mark.parametrize("saved, unpacked, severity", [
    (20_300_000, 22_200_000, "medium"), (60_000, 70_000, "low"), (763_000_000, 818_000_000, "high")])
def test_most_of_a_small_image_is_not_urgent(saved, unpacked, severity):
    assert weight(saved, unpacked) == severity


def test_a_finding_as_json():
    facts = Finding("secret", "high", 3, "what", "why", "how", None, (4,)).facts()
    assert facts == {"rule": "secret", "severity": "high", "line": 3, "also": [4], "title": RULES["secret"].title,
                     "what": "what", "why": "why", "remedy": "how", "saves": None, "lesson": "05"}
    assert json.loads(json.dumps(facts)) == facts
