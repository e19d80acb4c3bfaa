"""A Dockerfile's outline: BuildKit's, on answers recorded from Docker 28.5, and our reader's, which is the same."""

import json
from pathlib import Path

import pytest

from helpers.cli import main
from helpers.dockerfile import outline, parse
from tests.outlines import joined

RECORDED = json.loads((Path(__file__).resolve().parents[1] / "data" / "checks" / "outline.json").read_text())


@pytest.mark.parametrize("target", ["", "build", "test"])
def test_the_reader_and_buildkit_have_the_same_outline(target):
    answers = RECORDED["answers"]
    found = joined(answers[f"outline:{target}"], answers["targets"])
    assert found == outline(parse(RECORDED["dockerfile"]), target or None)
    assert found.args and found.secrets and found.ssh and len(found.targets) == 4


TEXT = """# syntax=docker/dockerfile:1
# escape=\\
# IMAGE is not described by this
#
# V of the base,
# IMAGE to build on
ARG IMAGE=debian:$V V=12
ARG UNUSED=1
FROM $IMAGE AS build
# nothing: MODE

# MODE to build in
#MODE again
ARG MODE="fast"
ENV HOME=/root
ARG PLACE=${HOME}/x
ARG TARGETARCH
RUN --mount=type=secret,id=b,required --mount=type=secret,src=a,id=c \\
    # LATER is none
    true
# runs is what is shipped
FROM --platform=$BUILDPLATFORM scratch AS runs
ARG LATER
RUN --mount=from=build,target=/b --mount=type=ssh,required=true true
"""


def test_an_outline_has_defaults_and_what_comments_say():
    found = outline(parse(TEXT))
    assert (found.target, found.description) == ("runs", "is what is shipped")
    assert [(each.name, each.value, each.description, each.line) for each in found.args] == [
        ("IMAGE", "debian:", "to build on", 7), ("V", "12", "of the base,", 7), ("MODE", "fast", "to build in", 14),
        ("PLACE", "/root/x", "", 16), ("LATER", "", "", 23)]
    assert [(each.name, each.required, each.line) for each in found.secrets] == [("a", False, 18), ("b", True, 18)]
    assert [(each.name, each.required, each.line) for each in found.ssh] == [("default", True, 24)]
    assert [(each.name, each.base, each.platform, each.default) for each in found.targets] == [
        ("build", "$IMAGE", "", False), ("runs", "scratch", "$BUILDPLATFORM", True)]


def test_an_outline_of_a_target_is_without_the_other_stages():
    found = outline(parse(TEXT), "build")
    assert [each.name for each in found.args] == ["IMAGE", "V", "MODE", "PLACE"] and found.ssh == ()


def test_build_arguments_are_the_values_of_an_outline():
    given = {"IMAGE": "alpine", "MODE": "slow", "UNUSED": "2"}
    found = outline(parse(TEXT, given), None, given)
    assert {each.name: each.value for each in found.args} == {
        "IMAGE": "alpine", "MODE": "slow", "PLACE": "/root/x", "LATER": ""}


@pytest.mark.parametrize("text, args, found", [
    ("ARG V=1\nFROM a\nARG V\nARG W=$V-x\n", {}, [("V", "1", 1), ("W", "1-x", 4)]),          # inherited: the one above
    ("ARG V=1\nFROM a\nARG V\nARG W=$V-x\n", {"V": "2"}, [("V", "2", 3), ("W", "2-x", 4)]),  # given: the stage's own
    ("ARG V\nFROM a\nARG V\n", {}, [("V", "", 3)]),
    ("FROM a AS x\nARG V=1\nFROM x\nARG V=2\n", {}, [("V", "2", 4)]),                        # the stage's own, first
    # What a base takes comes before what the stage itself copies from.
    ("FROM a AS x\nARG V=1\nFROM a AS y\nARG V=2\nFROM a AS base\nCOPY --from=y / /\nFROM base\nCOPY --from=x / /\n", {},
     [("V", "2", 4)]),
])
def test_of_several_arguments_of_one_name_the_one_that_buildkit_names(text, args, found):
    assert [(each.name, each.value, each.line) for each in outline(parse(text, args), None, args).args] == found


def test_the_command_prints_it(tmp_path, capsys):
    (tmp_path / "Dockerfile").write_text(TEXT)
    assert main(["lint", "--outline", str(tmp_path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["target"] == "runs" and answer["args"][1] == {
        "name": "V", "value": "12", "description": "of the base,", "line": 7}
    assert main(["lint", "--outline", "--target", "build", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "  MODE   = fast     to build in\n" in said.out and "LATER" not in said.out
    assert main(["lint", "--outline", "--target", "nowhere", str(tmp_path)]) == 1
