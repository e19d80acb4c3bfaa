"""What builders refuse or build otherwise than it reads: what the reader says of it is what they do."""

import contextlib
import uuid

import pytest
from docker.errors import ImageNotFound

from helpers.builder import build
from helpers.errors import BuildFailed, DockerfileError
from helpers.image import inspect, read_file

BASE = "debian:bookworm-slim"
UPPER = f"FROM {BASE} AS TEST\nFROM TEST\n"
TWO = f"FROM {BASE} AS b\nRUN echo 1 > /x\nFROM b AS b\nRUN echo 2 >> /x\nFROM {BASE}\nCOPY --from=b /x /x\n"
BELOW = f"FROM {BASE} AS a\nCOPY --from=b /x /x\nFROM {BASE} AS b\nRUN echo 2 > /x\nFROM a\n"
TRIGGER = (f"FROM {BASE} AS assets\nRUN echo hi > /hi\n"
           f"FROM {BASE} AS base\nONBUILD COPY --from=assets /hi /hi\nFROM base\n")
UNSET = f"ARG V=1\nFROM {BASE} AS a\nARG W=2\nRUN echo [$V$W] > /x\nFROM a\nRUN echo [$V$W] >> /x\n"


@pytest.fixture
def make(engine, tmp_path):
    tags, said = [], []

    def made(text, builder="buildkit"):
        if builder not in engine.builders:
            pytest.skip(f"{engine.name} has no {builder}")
        tags.append(f"course-test:reader-{uuid.uuid4().hex[:12]}")
        return build(tmp_path, text=text, tag=tags[-1], builder=builder, engine=engine, report=said.append)

    made.said = said
    yield made
    for tag in tags:
        with contextlib.suppress(ImageNotFound):
            engine.client.images.remove(tag, force=True)


def content(engine, result, path):
    return read_file(inspect(result.tag, engine), path, None, engine)


@pytest.mark.parametrize("text, builder, line, words", [
    (UPPER, "buildkit", 2, "Write FROM test"), (TWO, "legacy", 3, "another name"),
    (BELOW, "buildkit", 2, "Move the stage b above line 1"), (BELOW, "legacy", 2, "Move the stage b above line 1"),
])
def test_what_a_builder_refuses_is_said_with_its_line_before_it_is_asked(make, text, builder, line, words):
    with pytest.raises(DockerfileError) as caught:
        make(text, builder)
    assert caught.value.line == line and words in caught.value.remedy


@pytest.mark.parametrize("text", [UPPER, TWO, BELOW])
def test_the_builder_itself_would_fail(make, text, monkeypatch):
    monkeypatch.setattr("helpers.dockerfile.problems_met", lambda *_: ())
    with pytest.raises(BuildFailed):
        make(text, "legacy" if text == TWO else "buildkit")


def test_the_legacy_builder_finds_a_stage_in_any_case(make):
    assert make(UPPER, "legacy").image


def test_of_two_stages_of_one_name_buildkit_takes_the_last(engine, make):
    assert content(engine, make(TWO), "/x") == b"1\n2\n"
    assert any("a second stage has the name b" in each for each in make.said)


def test_an_onbuild_takes_from_a_stage_as_the_reader_has_it(engine, make):
    assert content(engine, make(TRIGGER, "legacy"), "/hi") == b"hi\n"


def test_an_onbuild_that_finds_nothing_is_named_by_its_line(engine, make):
    try:
        assert content(engine, make(TRIGGER), "/hi") == b"hi\n"      # since Dockerfile 1.11
    except BuildFailed as error:
        assert (error.line, error.stage) == (4, "stage-2") and "into stage-2 itself" in error.remedy


def test_an_argument_has_a_value_where_the_reader_says_so(engine, make):
    assert content(engine, make(UNSET), "/x") == b"[2]\n[2]\n"
    warned = [each for each in make.said if each.startswith("Warning: Line")]
    assert [each.split(":")[1].strip() for each in warned] == ["Line 4", "Line 6"]
