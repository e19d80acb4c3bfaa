"""What GitHub reads: workflows, issue forms, the version that a citation names."""

import re
from pathlib import Path

import pytest
import yaml

import helpers

ROOT = Path(__file__).resolve().parents[2]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
each_workflow = pytest.mark.parametrize("path", sorted(ROOT.glob(".github/workflows/*.yml")), ids=lambda path: path.stem)
FORMS = [path for path in sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml")) if path.stem != "config"]


@each_workflow
def test_a_workflow_asks_make_for_what_there_is(path):
    asked = set(re.findall(r"run: .*?\bmake ([a-z-]+)", path.read_text()))
    assert asked <= TARGETS and (asked or "uses:" in path.read_text())


@each_workflow
def test_a_workflow_may_write_nothing_but_what_it_says_and_ends_by_itself(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_asks_for_what_happened(path):
    """The keys that GitHub's form schema wants."""
    form = yaml.safe_load(path.read_text())
    assert form["name"] and form["description"] and form["body"]
    assert all(each["type"] in ("input", "textarea", "dropdown", "checkboxes") and each["attributes"]["label"] for each in form["body"])
    assert len({each["id"] for each in form["body"]}) == len(form["body"])
    assert any(each.get("validations", {}).get("required") for each in form["body"])


def test_the_citation_names_the_version_of_the_helpers():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == helpers.__version__
