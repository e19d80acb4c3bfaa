"""What builders refuse or build otherwise than it reads: what the reader says of it is what they do."""

import uuid

import pytest

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
def make(engine, temporary, tmp_path):
    said = []

    def made(text, builder="buildkit"):
        if builder not in engine.builders:
            pytest.skip(f"{engine.name} has no {builder}")
        return temporary(tmp_path, text=text, builder=builder, report=said.append)

    made.said = said
    return made


def content(engine, result, path):
    return read_file(inspect(result.tag, engine), path, None, engine)


@pytest.mark.parametrize("text, builder, line, words", [
    (UPPER, "buildkit", 2, "Write FROM test"), (TWO, "legacy", 3, "Rename one"),
    (BELOW, "buildkit", 2, "Move the stage b above line 1"), (BELOW, "legacy", 2, "Move the stage b above line 1")])
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
    assert any("a second stage is named b" in each for each in make.said)


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


BUILT = f"FROM {BASE} AS b\nWORKDIR /src\nRUN mkdir bin && touch bin/server\nFROM {BASE}\n"


@pytest.mark.parametrize("text, words", [
    (f"FROM {BASE}\nCOPY --from={BASE} /etc/paswd /x\n", f"The image {BASE} has /etc/passwd: did you mean that?"),
    (BUILT + "COPY --from=b /server /x\n", "The stage b has /src/bin/server: did you mean that?"),
    (BUILT + "COPY --from=b src/bni/server /x\n", "The stage b has /src/bin/server: did you mean that?"),
    (BUILT + "COPY --from=b /src/bin/tool /x\n", "In /src/bin the stage b has server."),
    (BUILT + "COPY --from=b /nowhere/x.bin /x\n", "Look at what that stage really made")])
def test_a_source_that_a_copy_did_not_find_is_looked_for(make, text, words):
    with pytest.raises(BuildFailed) as caught:
        make(text)
    assert words in caught.value.remedy and caught.value.line == len(text.splitlines())


def test_what_only_a_cache_mount_held_is_not_in_the_stage(engine, make):
    text = (f"FROM {BASE} AS b\nRUN --mount=type=cache,id={uuid.uuid4()},target=/c/t mkdir -p /c/t/x && touch /c/t/x/y\n"
            f"FROM {BASE}\nCOPY --from=b /c/t{{}} /t\nRUN ls -A /t | wc -l > /n\n")
    try:
        assert content(engine, make(text.format("")), "/n") == b"0\n"
    except BuildFailed as error:       # BuildKit of Docker 28 leaves no empty folder either
        assert error.line == 4 and "Copy it out of the cache in the same RUN" in error.remedy
    assert any("only in a cache mount" in each for each in make.said)
    with pytest.raises(BuildFailed) as caught:
        make(text.format("/x/y"))
    assert caught.value.line == 4 and "Copy it out of the cache in the same RUN" in caught.value.remedy


PYTHON = "python:3.11-slim"
_SET = "import os,struct; os.setxattr('/p', 'security.capability', struct.pack('<5I', 0x02000001, 1 << 10, 0, 0, 0))"


@pytest.mark.nightly    # test_copies holds what is said of these; here, that it is true
@pytest.mark.parametrize("builder, kept", [("buildkit", b"2\n"), ("legacy", b"1\n")])
def test_a_copied_file_keeps_its_capabilities_with_buildkit_alone(engine, make, builder, kept):
    text = (f'FROM {PYTHON} AS b\nRUN cp /bin/true /p && python3 -c "{_SET}" && : setcap cap_net_bind_service=ep /p\n'
            f"FROM {PYTHON}\nCOPY --from=b /p /d/p\nCOPY --from=b --chown=1:1 /p /e/p\n"
            'RUN python3 -c "import os; print(1 + all(os.listxattr(each) for each in (\'/d/p\', \'/e/p\')))" > /n\n')
    assert content(engine, make(text, builder), "/n") == kept
    assert any("without its capabilities" in each for each in make.said) is (builder == "legacy")


@pytest.mark.nightly    # test_copies holds what is said of these; here, that it is true
@pytest.mark.parametrize("last, works", [(BASE, b"no\n"), (PYTHON, b"yes\n")])
def test_a_virtual_environment_works_with_its_own_interpreter_alone(engine, make, last, works):
    text = (f"FROM {PYTHON} AS b\nRUN python3 -m venv --without-pip /v\nFROM {last}\nCOPY --from=b /v /v\n"
            'RUN (/v/bin/python -c "" && echo yes || echo no) > /n\n')
    assert content(engine, make(text), "/n") == works
    assert any("is copied without its Python" in each for each in make.said) is (last == BASE)
