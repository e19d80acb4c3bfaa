"""What is found out about a build before anything is sent, and what is then asked of the engine."""

import io
import json
import tarfile
from types import SimpleNamespace

import pytest

from helpers import dockerfile as dockerfiles
from helpers.bases import ResolvedBase
from helpers.builder import BuildRequest, building, preflight
from helpers.builder.context import Context
from helpers.builder.exchange import answers, packed
from helpers.builder.request import parameters, stands_on
from helpers.dockerfile import parse
from helpers.errors import CourseError, DockerfileError
from tests.unit import engines


def engine(*builders):
    return SimpleNamespace(builders=builders, describe=lambda: "An engine", host="unix:///s")


@pytest.mark.parametrize("builders, wanted, used", [
    ("buildkit legacy", None, "buildkit"), ("buildkit legacy", "legacy", "legacy"), ("legacy", None, "legacy"),
    ("buildah legacy", None, "buildah"), ("buildah", None, "buildah")])
def test_the_builder_is_the_one_asked_for_or_the_first(builders, wanted, used):
    assert building.choose_builder(engine(*builders.split()), wanted) == used


@pytest.mark.parametrize("builders, wanted, remedy", [("buildkit legacy", "nosuch", "buildkit"), ("legacy", "buildkit", "legacy")])
def test_a_builder_that_is_not_there_is_refused(builders, wanted, remedy):
    with pytest.raises(CourseError, match=wanted) as caught:
        building.choose_builder(engine(*builders.split()), wanted)
    assert repr(remedy) in caught.value.remedy


@pytest.mark.parametrize("one, builder", [(engines.docker(), "legacy"), (engines.podman("5.8.6"), "buildah")])
def test_an_ssh_agent_needs_buildkit(one, builder):
    with pytest.raises(CourseError, match="cannot be handed") as caught:
        building._secrets(BuildRequest(ssh={"default": "/s"}), parse("FROM a\n"), one, builder)
    assert "needs BuildKit" in caught.value.remedy


UNNAMED = "FROM a:1\nRUN x\nFROM b AS Last\nFROM c\n"


@pytest.mark.parametrize("text, target, remedy", [
    *((UNNAMED, target, "in line 1, FROM a:1 AS builder,") for target in ("0", "stage-0", "STAGE-0")),    # no names
    (UNNAMED, "2", "Omit the target"), (UNNAMED, "stage-2", "Omit the target"),
    (UNNAMED, "1", "Did you mean last?"), (UNNAMED, "lst", "Did you mean last?"), (UNNAMED, "7", "Use one of these names."),
    ("FROM a\nFROM b AS builder\nFROM c\n", "0", "FROM a AS builder2"), ("FROM a\nFROM b\n", "x", "Name a stage")])
def test_only_real_names_are_offered(text, target, remedy):
    with pytest.raises(DockerfileError, match=f"no stage {target}") as caught:
        parse(text).named(target)
    assert remedy in caught.value.remedy and (text != UNNAMED or caught.value.why == "Its named stages are: last.")


@pytest.mark.parametrize("target, index", [(None, None), ("last", 1), ("LAST", 1)])
def test_a_stage_is_a_target_by_its_name_in_any_case(target, index):
    stage = parse(UNNAMED).named(target)
    assert (stage and stage.index) == index


BASES = """\
ARG G=golang:1.22
FROM $G AS builder
FROM node:20 AS unused
COPY --from=busybox /a /a
FROM scratch AS last
COPY --from=builder /a /a
FROM alpine AS after
"""


@pytest.mark.parametrize("builder, target, needed", [
    ("buildkit", "last", ("golang:1.22",)), ("buildkit", None, ("alpine",)),
    ("buildkit", "unused", ("node:20", "busybox")),
    ("legacy", "last", ("golang:1.22", "node:20", "busybox")),
    ("legacy", None, ("golang:1.22", "node:20", "busybox", "alpine")), ("legacy", "builder", ("golang:1.22",))])
def test_the_bases_that_a_builder_will_ask_for(builder, target, needed):
    assert preflight.bases_needed(parse(BASES), builder, target) == needed


@pytest.fixture
def empty(monkeypatch):
    """An engine with the image `heer` and no other."""
    monkeypatch.setattr(preflight, "status", lambda engine, refs: [ResolvedBase(ref, ref == "heer", None, ref) for ref in refs])


def check(text, builder="buildkit", target=None):
    return preflight.check(parse(text), engines.docker(), builder, target)


VARIABLE = "FROM a AS b\nFROM a AS c\nARG X=b\nCOPY --from=$X /x /\nFROM a\n"


@pytest.mark.parametrize("text, builder, what, remedy", [
    ("FROM Docker.io/Library/Alpine\n", "buildkit", "Line 1: .* is not the name", "Write docker.io/library/alpine."),
    ("FROM a\nFROM alpine:3.19:x\n", "buildkit", "Line 2: .* is not the name", "Correct the name."),
    ("FROM a\nCOPY --from=Up/Per /x /\n", "buildkit", "Line 2: .* is not the name", "Write up/per."),
    *((f"FROM a AS build\nFROM a\n{line}\n", "buildkit", "Line 3: biuld is not a stage of this file", "Did you mean build (line 1)?")
      for line in ("COPY --from=biuld /x /", "RUN --mount=from=biuld,target=/x x")),
    ("FROM deps AS build\nFROM a\nFROM b AS deps\nFROM build\n", "buildkit", "Line 1: the stage deps begins below, in line 3",
     "Move the stage deps above line 1"),
    (VARIABLE, "buildkit", r"Line 4: only Buildah expands \$X in --from.", "FROM $X AS source"),
    (VARIABLE, "legacy", r"Line 4: only Buildah expands \$X in --from.", "FROM $X AS source")])
def test_what_would_be_asked_of_a_registry_in_vain_is_refused_at_its_line(empty, text, builder, what, remedy):
    with pytest.raises(DockerfileError, match=what) as caught:
        check(text, builder, "c" if text == VARIABLE else None)
    assert remedy in caught.value.remedy and str(caught.value.line) == what.split()[1].strip(":")


@pytest.mark.parametrize("text", [
    "FROM A::b AS x\nFROM a\n", VARIABLE,    # in a stage that is not needed
    "FROM heer AS build\nFROM b AS heer\nFROM build\n", "FROM a AS here\nFROM a\nCOPY --from=heer /x /\n"])    # an image that is here
def test_what_no_registry_is_asked_for_is_left_to_the_builder(empty, text):
    check(text)


@pytest.mark.parametrize("arg, args, source", [
    ("ARG X=b", {}, "b"), ("ARG X", {"X": "b"}, "b"), ("ARG X=z", {"X": "b"}, "b"), ("ARG X", {}, "b"),
    ("ARG Y", {}, "$X"),
    ("ARG X=0", {"X": "debian:12"}, "debian:12"), ("ARG X=0", {"X": "0"}, "b")])
def test_buildah_expands_a_variable_in_from_by_the_arguments_of_the_stage(empty, arg, args, source):
    read = parse(f"ARG X=b\nFROM a AS b\nFROM a\n{arg}\nCOPY --from=$X /x /\n", args)
    assert [edge.source for edge in read.edges if edge.via == "COPY"] == [source]
    if source == "$X":
        with pytest.raises(DockerfileError, match="Line 5"):
            preflight.check(read, engines.podman("5.8.6"), "buildah", None)
    else:
        assert "variable-from" in [each.rule for each in preflight.check(read, engines.podman("5.8.6"), "buildah", None)]


@pytest.mark.parametrize("one, builder, reads", [
    (engines.docker("20.10.24+dfsg1"), "buildkit", False), (engines.docker("20.10.24+dfsg1"), "legacy", False),
    (engines.docker("23.0.1"), "buildkit", True), (engines.docker("28.5.2+dfsg4"), "buildkit", True),
    (engines.docker("28.5.2+dfsg4"), "legacy", False), (engines.docker("dev"), "buildkit", True),
    (engines.podman("4.9.3"), "buildah", False), (engines.podman("5.8.6"), "buildah", True)])
def test_a_heredoc_is_refused_where_nobody_would_read_it(one, builder, reads):
    for text, line in ((RUN := "FROM a\nRUN <<EOF\nmake\nEOF\n", 2), ("FROM a\nCOPY a b\nCOPY <<EOF /b\nc\nEOF\n", 3)):
        parsed = dockerfiles.parse(text)
        if reads:
            preflight.check_heredocs(parsed, one, builder)
            continue
        with pytest.raises(DockerfileError, match="does not read heredocs") as caught:
            preflight.check_heredocs(parsed, one, builder)
        assert f"> {line} | " in caught.value.evidence
        assert caught.value.line == line and ("&&" in caught.value.remedy) == (text == RUN)
        assert ("buildkit" in caught.value.remedy) == (builder == "legacy" and one.version > "23")


def test_what_reads_heredocs_by_itself_is_asked():
    text = "FROM a\nRUN <<EOF\nmake\nEOF\n"
    old = engines.docker("20.10.24")
    preflight.check_heredocs(parse("FROM a\nRUN make\n"), old, "legacy")
    preflight.check_heredocs(parse("# syntax=docker/dockerfile:1\n" + text), old, "buildkit")    # a reader of its own
    preflight.check_heredocs(parse(text), engines.proot(), "legacy")     # says so at the line
    with pytest.raises(DockerfileError):
        preflight.check_heredocs(parse("# syntax=docker/dockerfile:1\n" + text), old, "legacy")


OUTSIDE = ["COPY ../x /", "COPY a ../../x /", "COPY a/../../x /", "ADD ../x /", "COPY .. /", 'COPY ["../x", "/y"]',
           'COPY ["../x","/y"]', 'COPY ["a","../x","/y"]', "COPY --chown=1:1 ../x /"]


@pytest.mark.parametrize("instruction", OUTSIDE)
def test_a_copy_from_outside_the_context_is_refused_or_warned_of(empty, instruction):
    for builder in ("legacy", "buildah"):
        with pytest.raises(DockerfileError, match="Line 2: .*is outside the build context") as caught:
            check(f"FROM a\n{instruction}\n", builder)
        assert caught.value.line == 2
    met, = check(f"FROM a\n{instruction}\n")
    assert (met.rule, met.line) == ("outside-context", 2) and "cuts the dots" in met.why


def test_a_copy_from_outside_in_a_stage_that_is_not_built_is_not_met(empty):
    text = "FROM a AS b\nCOPY ../x /\nFROM a AS c\nFROM b\n"
    assert check(text, target="c") == () and len(check(text)) == 1
    with pytest.raises(DockerfileError):    # it runs every stage above the target
        check(text, "legacy", "c")


@pytest.mark.parametrize("instruction", [
    "COPY . .", "COPY a/../b /", "COPY ..x /", "COPY a ../b", "COPY a/.. /", "COPY --from=b ../x /",
    "RUN cd ../x", "ADD https://example.com/a /", 'COPY ["a", "../b"]', "COPY /../x /", "WORKDIR ../x"])
def test_a_copy_from_inside_is_not(empty, instruction):
    assert check(f"FROM a\n{instruction}\n", "legacy") == ()


@pytest.mark.parametrize("mount, overlooked", [
    ("--mount=type=bind,target=/given", True), ("--mount=target=/given,source=src", True),
    ("--mount=from=one,target=/given", True), ("--mount=type=bind,from=image:1,target=/given", False),
    ("--mount=type=cache,target=/given", False), ("--mount=type=secret,id=a", False), ("", False)])
def test_what_podman_4_takes_from_its_cache_unseen(mount, overlooked):
    read = parse(f"FROM a AS one\nRUN make\nFROM b\nRUN {mount} make\n")
    assert building._overlooks_mounts(engines.podman("4.3.1"), read) is overlooked
    assert not building._overlooks_mounts(engines.podman("5.8.6"), read)


@pytest.fixture
def sent(tmp_path):
    """A function: the query of a build of `FROM base:1 AS builder`."""
    (tmp_path / "Dockerfile").write_text("FROM base:1 AS builder\n")
    context = Context.scan(tmp_path)
    return lambda builder, **options: parameters(
        BuildRequest(tmp_path, builder=builder, **options), context, parse(context.dockerfile_text))


def test_parameters(sent):
    plain = sent("buildkit")
    assert json.loads(plain.pop("labels"))["multistage.course"] == "build"
    assert plain == {"version": "2", "dockerfile": "Dockerfile", "rm": "1", "forcerm": "1"}
    full = sent("legacy", tag="a:b", target="builder", args={"X": "1"}, no_cache=True, network="none")
    assert json.loads(full.pop("labels")) == {
        "multistage.course": "build", "multistage.course.name": "a:b", "multistage.course.stands-on": "base:1"}
    assert full == {**plain, "version": "1", "t": "a:b", "target": "builder", "buildargs": '{"X": "1"}', "nocache": "1", "networkmode": "none"}


@pytest.mark.parametrize("tag, name", [
    ("", ""), ("app", "app:latest"), ("app:1", "app:1"), ("host:5000/app", "host:5000/app:latest"),
    ("host:5000/app:1", "host:5000/app:1")])
def test_the_label_names_the_image_as_an_engine_lists_it(sent, tag, name):
    assert json.loads(sent("buildkit", tag=tag)["labels"])["multistage.course.name"] == name


@pytest.mark.parametrize("text, target, base", [
    ("FROM a:1\nRUN x\n", None, "a:1"),
    ("FROM a:1 AS one\nFROM b:latest\nCOPY --from=one x y\n", None, "b"),
    ("FROM a:1 AS one\nFROM b\n", "one", "a:1"),
    ("FROM a:1 AS one\nFROM one AS two\nFROM Two\n", None, "a:1"),
    ("FROM a AS one\nFROM scratch\n", None, "scratch")])
def test_what_an_image_stands_on_in_the_end(text, target, base):
    assert stands_on(parse(text), target) == base


def test_each_line_of_an_answer_is_json_and_empty_ones_are_passed_over():
    assert list(answers([b'{"a": 1}', b"", b"  \r\n", b'{"b": 2}\r\n'])) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("line", [b'{"stream": "ha', b"<html>", b"\xff"])
def test_a_line_that_was_cut_is_an_error_of_the_course(line):
    """The connection broke, or something between us and the engine answered."""
    with pytest.raises(CourseError):
        list(answers([line]))


def test_each_secret_is_a_file_that_a_parameter_names():
    files, parameters = packed({"token": b"a word" * 100, "trust": b""})
    more = io.BytesIO()
    with tarfile.open(fileobj=more, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("Dockerfile"))
    told = [dict(word.split("=") for word in each.split(",")) for each in json.loads(parameters["secrets"])]
    with tarfile.open(fileobj=io.BytesIO(files + more.getvalue())) as archive:
        held = {member.name: archive.extractfile(member).read() for member in archive}
        assert all(member.mode == 0o600 for member in archive.getmembers()[:-1])
    assert [each["id"] for each in told] == ["token", "trust"] and held.pop("Dockerfile") == b""
    assert [held.pop(each["src"]) for each in told] == [b"a word" * 100, b""] and not held


def test_names_do_not_repeat_and_nothing_is_sent_for_nothing():
    assert packed({"a": b"b"})[1] != packed({"a": b"b"})[1]
    assert packed({}) == (b"", {})
