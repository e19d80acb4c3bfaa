"""Real builds on every builder that the engine has."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import uuid

import pytest

from helpers.builder import build
from helpers.engine.model import major
from helpers.errors import BaseUnavailable, BuildFailed, ContextError, CourseError, DockerfileError
from helpers.image import inspect, read_file
from helpers.labels import COURSE
from tests.waiting import commands, until

BASE = "debian:bookworm-slim"
TWO_STAGES = f"""\
ARG NAME=world
FROM {BASE} AS builder
ARG SALT
ENV GREETING=hello
RUN echo "$GREETING $SALT" > /greeting && echo made it
FROM {BASE} AS unused
RUN echo never asked for $SALT
FROM {BASE}
COPY --from=builder /greeting /greeting
CMD ["cat", "/greeting"]
"""


@pytest.fixture(params=[0, 1], ids=["first", "second"])
def builder(request, engine):
    """Each builder of the engine: BuildKit and the legacy one, or Buildah alone."""
    if request.param >= len(engine.builders):
        pytest.skip(f"{engine.name} has no second builder")
    return engine.builders[request.param]


@pytest.fixture
def context(tmp_path):
    (tmp_path / "file.txt").write_text("content\n")
    return tmp_path


@pytest.fixture
def tag(engine):
    name = f"course-test:{uuid.uuid4().hex[:12]}"
    yield name
    for image in engine.client.images.list(filters={"reference": name}):
        engine.client.images.remove(image.id, force=True)


@pytest.fixture
def nothing_left(engine):
    """No container of the build stays, and no image has the name that was asked for. Other tests
    use the engine meanwhile: of what is new at the end, all has to go within a while."""
    def containers():
        return {each["Id"] for each in engine.client.api.containers(all=True)}

    before = containers()
    yield
    # The legacy builder removes the container of a stopped step in its own time.
    new = containers() - before
    assert until(lambda: not new & containers(), 15)
    assert engine.client.api.images(filters={"reference": "course-test:failed"}) == []


def salted():
    """An argument that no build had before, so that its steps are not cached."""
    return {"SALT": uuid.uuid4().hex}


# -- builds that succeed -----------------------------------------------------------

def test_a_build_names_an_image_with_the_label_of_the_course(engine, builder, context, tag):
    result = build(context, text=TWO_STAGES, builder=builder, tag=tag, engine=engine)
    image = engine.client.images.get(tag)
    assert result.image == image.id
    assert image.labels[COURSE] == "build"
    assert (result.tag, result.builder) == (tag, builder)


def test_stages_tell_what_was_built_and_what_was_skipped(engine, builder, context):
    result = build(context, text=TWO_STAGES, builder=builder, args=salted(), engine=engine)
    told = {stage.name: stage.status for stage in result.stages}
    assert (told["builder"], told["stage-2"]) == ("built", "built")
    # The legacy builder runs what nothing needs; the others do not start it.
    assert (told["unused"] == "skipped") == (builder != "legacy")


def test_each_step_has_its_line_its_times_and_its_log(engine, builder, context):
    result = build(context, text=TWO_STAGES, builder=builder, args=salted(), engine=engine)
    run = next(s for s in result.steps if s.stage == "builder" and s.instruction.startswith("RUN"))
    copy = next(s for s in result.steps if s.stage == "stage-2" and s.instruction.startswith("COPY"))
    assert (run.line, copy.line) == (5, 9)
    assert run.log == ("made it",)
    assert run.status == "done" and 0 < run.seconds < 60
    assert run.completed <= copy.started + 0.05
    assert result.stage("builder").seconds >= run.seconds - 0.01


def test_a_second_build_is_all_from_the_cache(engine, builder, context):
    arguments = salted()
    first = build(context, text=TWO_STAGES, builder=builder, args=arguments, engine=engine)
    second = build(context, text=TWO_STAGES, builder=builder, args=arguments, engine=engine)
    assert not first.cached and second.cached
    # BuildKit writes when it ended, Podman the labels in an order of the moment.
    assert first.image == second.image or builder != "legacy"


def test_a_target_builds_that_stage_and_no_more(engine, builder, context, tag):
    result = build(context, text=TWO_STAGES, target="builder", builder=builder, tag=tag, engine=engine)
    assert {s.stage for s in result.steps if s.stage} == {"builder"}
    assert engine.client.images.get(tag).attrs["Config"]["Env"][-1] == "GREETING=hello"


def test_the_watcher_sees_the_build_under_way(engine, builder, context):
    seen = []
    build(context, text=f"FROM {BASE}\nARG SALT\nRUN sleep 0.5; echo $SALT\n", builder=builder, args=salted(),
          engine=engine, watch=lambda p: seen.append([s.status for s in p.steps() if s.instruction.startswith("RUN")]))
    assert ["running"] in seen and seen[-1] == ["done"]


def test_links_and_modes_arrive_as_they_are(engine, builder, context):
    (context / "tool").write_text("#!/bin/sh\necho ran\n")
    (context / "tool").chmod(0o755)
    (context / "link").symlink_to("tool")
    text = f"FROM {BASE}\nCOPY . /in/\nRUN /in/link && readlink /in/link && stat -c %u:%g /in/tool\n"
    result = build(context, text=text, builder=builder, engine=engine, no_cache=True)
    log = next(s for s in result.steps if s.instruction.startswith("RUN")).log
    assert log == ("ran", "tool", "0:0")


def test_a_base_under_another_name_is_substituted_and_said(engine, builder, context, monkeypatch):
    from helpers.bases import ResolvedBase

    swapped = ResolvedBase("no.such.registry/base:1", True, "made", BASE)
    monkeypatch.setattr("helpers.builder.building.ensure", lambda *_, **__: (swapped,))
    result = build(context, text="FROM no.such.registry/base:1\nCOPY file.txt /\n", builder=builder, engine=engine)
    assert result.substitutions == {"no.such.registry/base:1": BASE}
    assert f"no.such.registry/base:1 is {BASE} here" in str(result)


# -- builds that fail ------------------------------------------------------------------

def test_a_failing_command_tells_stage_line_code_and_log(engine, builder, context, nothing_left):
    text = f"FROM {BASE} AS first\n\nRUN echo one && \\\n    echo two && exit 7\nFROM {BASE}\nCOPY --from=first /x /\n"
    with pytest.raises(BuildFailed) as caught:
        build(context, text=text, builder=builder, tag="course-test:failed", engine=engine)
    error = caught.value
    assert (error.stage, error.line, error.exit_code) == ("first", 3, 7)
    assert error.instruction.startswith("RUN echo one")
    assert error.log == ("one", "two")
    assert "two" in error.evidence and error.remedy
    # And it says how far the build came.
    assert error.progress.builder == builder
    assert {stage.name: stage.status for stage in error.progress.stages()}["first"] == "built"
    assert [s.line for s in error.progress.steps() if s.status == "failed"] == [3]


@pytest.mark.parametrize(("text", "line"), [
    ("FROM scratch\nCOPY nowhere.txt /\n", 2),
    (f"FROM {BASE} AS a\nRUN true\nFROM scratch\nCOPY --from=a /nowhere.txt /\n", 4)])
def test_a_missing_source_of_copy_is_named_with_its_line(engine, builder, context, text, line, nothing_left):
    with pytest.raises(BuildFailed) as caught:
        build(context, text=text, builder=builder, tag="course-test:failed", engine=engine)
    assert caught.value.line == line
    assert "nowhere.txt" in str(caught.value) and caught.value.remedy


@pytest.mark.parametrize(("options", "kind", "said"), [
    ({"text": "FROM scratch\nCOPPY a b\n"}, DockerfileError, "COPPY"),
    ({"text": f"FROM {BASE} AS build\nFROM scratch\nCOPY --from=biuld /x /\n"}, DockerfileError, "Did you mean build (line 1)?"),
    ({"text": "FROM scratch AS x\nFROM 127.0.0.1:1/no/such:base\nRUN true\n"}, BaseUnavailable, "127.0.0.1:1/no/such:base"),
    ({}, DockerfileError, "There is no Dockerfile"),
    ({"text": TWO_STAGES, "target": "stage-2"}, DockerfileError, "no stage stage-2"),
    ({"text": TWO_STAGES, "builder": "kaniko"}, CourseError, "cannot be used")])
def test_what_cannot_be_built_is_refused_before_anything_is_sent(
        engine, builder, context, options, kind, said, nothing_left, monkeypatch):
    monkeypatch.setattr("helpers.builder.building._follow", lambda *_, **__: pytest.fail("it was sent"))
    with pytest.raises(kind) as caught:
        build(context, engine=engine, **{"builder": builder} | options)
    assert said in str(caught.value)
    assert kind is not BaseUnavailable or caught.value.line == 2


HEREDOCS = f"""\
FROM {BASE}
RUN <<EOF
echo one > /told
echo two >> /told
EOF
"""


def test_a_heredoc_is_built_as_it_is_written_or_refused_at_its_line(engine, builder, context, tag):
    def told(**options):
        made = build(context, text=HEREDOCS, tag=tag, builder=builder, engine=engine, **options)
        return read_file(inspect(made.image, engine), "/told", engine=engine)

    if builder in engine.heredocs:
        assert told() == b"one\ntwo\n"
        return
    with pytest.raises(DockerfileError if not engine.rejects_heredocs else BuildFailed) as caught:
        told()
    assert caught.value.line == 2
    # And it is refused with reason: the builder would not have done what is written.
    with pytest.raises(CourseError):
        told(as_is=True)


def test_a_variable_in_from_that_is_refused_is_refused_by_the_builder_too(engine, builder, context, tag):
    text = f"ARG X=here\nFROM {BASE} AS here\nFROM {BASE}\nARG X\nCOPY --from=$X /etc/passwd /\n"
    if builder == "buildah":
        # Podman 4 leaves out stages that nothing names before it looks at variables.
        with pytest.raises(BuildFailed, match="line 5") if major(engine.version) < 5 else contextlib.nullcontext():
            assert build(context, text=text, tag=tag, builder=builder, engine=engine).image
        return
    with pytest.raises(DockerfileError, match="Line 5"):
        build(context, text=text, tag=tag, builder=builder, engine=engine)
    with pytest.raises(BuildFailed, match=r"\$X") as caught:
        build(context, text=text, tag=tag, builder=builder, engine=engine, as_is=True)
    assert caught.value.line == 5


def test_a_copy_from_above_the_context_is_built_as_buildkit_reads_it(engine, context, tag):
    if "buildkit" not in engine.builders:
        pytest.skip("the other builders refuse the line")
    said = []
    made = build(context, text="FROM scratch AS other\nCOPY ../nowhere /\nFROM scratch\nCOPY ../file.txt /\n", tag=tag,
                 engine=engine, report=said.append)
    assert [(each["rule"], each["line"]) for each in made.facts()["warnings"]] == [("outside-context", 4)]
    assert sum("cuts the dots" in each for each in said) == 1
    assert read_file(inspect(made.image, engine), "/file.txt", engine=engine) == b"content\n"


@pytest.mark.parametrize("text, kind, line, remedy", [
    (f"# syntax=example.invalid/reader:1\nFROM {BASE}\nRUN true\n", BuildFailed, 1, "Remove line 1"),
    (f"FROM scratch AS x\nFROM --platform=linux/s390x {BASE}\nRUN true\n", BaseUnavailable, 2, "Leave out --platform")])
def test_what_no_registry_has_is_reported_at_its_line(engine, context, text, kind, line, remedy):
    if "buildkit" not in engine.builders:
        pytest.skip("Buildah reads no syntax line, and takes any platform's image")
    with pytest.raises(kind) as caught:
        build(context, text=text, engine=engine)
    assert caught.value.line == line and remedy in caught.value.remedy and "MULTISTAGE_MIRROR" in caught.value.remedy
    assert "linux/s390x" in caught.value.what or "reader" in caught.value.what


def test_a_huge_context_is_refused_before_it_is_sent(engine, context):
    with open(context / "disk.iso", "wb") as file:
        file.truncate(3_000_000_000)
    with pytest.raises(ContextError) as caught:
        build(context, text="FROM scratch\nCOPY file.txt /\n", engine=engine)
    assert "3.00 GB" in str(caught.value) and "disk.iso" in str(caught.value)


# -- stopping ------------------------------------------------------------------------------

SLEEPER = textwrap.dedent("""\
    import sys
    from helpers.builder import build
    from helpers.errors import Interrupted
    def watch(progress):
        if any(s.status == "running" and s.instruction.startswith("RUN") for s in progress.steps()):
            print("running", flush=True)
    try:
        build(sys.argv[1], text=sys.argv[2], builder=sys.argv[3], watch=watch)
    except Interrupted as error:
        print(f"stopped: {error.what}", flush=True)
        sys.exit(130)
    """)


def test_an_interrupt_stops_the_build_in_the_engine_too(engine, builder, context, nothing_left):
    mark = f"6{uuid.uuid4().int % 10**9}"     # seconds that no other process sleeps
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(context), f"FROM {BASE}\nRUN sleep {mark}\n", builder],
        stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "running\n"
        if _is_local(engine):
            assert until(lambda: ["sleep", mark] in commands(), 10)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130 and "stopped: " in said
    if _is_local(engine):
        assert until(lambda: ["sleep", mark] not in commands(), 15)


def _is_local(engine):
    return engine.host.startswith("unix://") and os.geteuid() == 0
