"""Buildah's lines, as Podman 4.3.1 wrote them for the course's own applications."""

import pytest

from helpers.builder.events import Failed, ImageCreated, Output, StepSeen
from helpers.builder.failure import failed
from helpers.builder.text_stream import buildah
from tests.unit.builder.test_build import state, ticking

TWO_STAGES = """\
FROM golang:1.22 AS builder
WORKDIR /app
COPY . .
RUN go build -o app
FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/app /app/app
CMD ["/app/app"]
"""
COLD = ["[1/2] STEP 1/4: FROM golang:1.22 AS builder", "[1/2] STEP 2/4: WORKDIR /app", "--> e0be41b8c28",
        "[1/2] STEP 3/4: COPY . .", "--> e3e3fd3733b", "[1/2] STEP 4/4: RUN go build -o app", "hello", "--> 9b03a1768b6",
        "[2/2] STEP 1/4: FROM gcr.io/distroless/base-debian12",
        "[2/2] STEP 2/4: COPY --from=builder /app/app /app/app", "--> b2928aa307b",
        '[2/2] STEP 3/4: CMD ["/app/app"]', "--> b998e68b12a",
        '[2/2] STEP 4/4: LABEL "multistage.course"="build"', "[2/2] COMMIT docker.io/library/x:1", "--> 78e7530ee65",
        "Successfully tagged docker.io/library/x:1",
        "78e7530ee65e0ed3d08efc1a5e83e60bfcbb4bee1f08e2efa2430f1ee9cde5dc"]
IMAGE = {"aux": {"ID": "sha256:78e7530ee65e0ed3d08efc1a5e83e60bfcbb4bee1f08e2efa2430f1ee9cde5dc"}}
TAIL = [{"stream": "Successfully built 78e7530ee65e\n"}, {"stream": "Successfully tagged x:1\n"}]


def answers(lines):
    return [{"stream": f"{line}\n"} for line in lines]


def folded(text, said):
    return state(text, "buildah", *buildah(said, clock=ticking()))


def test_two_stages_step_by_step():
    progress = folded(TWO_STAGES, [*answers(COLD), IMAGE, *TAIL])
    told = [(step.stage, step.line, step.status, step.log) for step in progress.steps() if step.stage]
    assert told == [
        ("builder", 1, "cached", ()), ("builder", 2, "done", ()), ("builder", 3, "done", ()),
        ("builder", 4, "done", ("hello",)),
        ("stage-1", 5, "cached", ()), ("stage-1", 6, "done", ()), ("stage-1", 7, "done", ())]
    assert [(stage.name, stage.status) for stage in progress.stages()] == [("builder", "built"), ("stage-1", "built")]
    assert progress.images[-1] == IMAGE["aux"]["ID"] and not progress.failure
    first, second, *_, label = progress.steps()
    assert (label.stage, label.line) == ("", None) and label.instruction.startswith("LABEL")
    # A step ends with its image, and a FROM with the next step.
    assert (first.started, first.completed, first.inputs) == (0, 1, ())
    assert (second.started, second.completed, second.inputs) == (1, 2, (first.key,))


def test_a_cached_step_is_reported_once_and_its_image_is_not_new():
    said = ["[1/2] STEP 1/4: FROM golang:1.22 AS builder", "[1/2] STEP 2/4: WORKDIR /app",
            "--> Using cache db20ba6c1e6806c34052e09f9f5921982e323ce3234d0c9e4771120169c1c28a", "--> db20ba6c1e6",
            "[1/2] STEP 3/4: COPY . .", "--> e3e3fd3733b"]
    progress = folded(TWO_STAGES, answers(said))
    assert [step.status for step in progress.steps()] == ["cached", "cached", "done"]
    assert progress.images == ["db20ba6c1e6", "e3e3fd3733b"] and progress.made == ["e3e3fd3733b"]


def test_a_stage_that_nothing_needs_is_skipped():
    text = TWO_STAGES.replace("COPY --from=builder /app/app /app/app\n", "")
    progress = folded(text, answers(["[2/2] STEP 1/2: FROM gcr.io/distroless/base-debian12",
                                     '[2/2] STEP 2/2: CMD ["/app/app"]', "--> a7be6f45d56"]))
    assert [(stage.name, stage.status) for stage in progress.stages()] == [("builder", "skipped"), ("stage-1", "built")]
    assert [step.line for step in progress.steps()] == [5, 6]


def test_what_a_command_prints_is_not_taken_for_news():
    said = ["STEP 1/2: FROM debian", "STEP 2/2: RUN make", "--> not an image", "STEPS 3/4: none", "COMMIT it to memory",
            "STEP 2/2: RUN make", "STEP 3/3: RUN no step", "[2/2] STEP 1/2: FROM nothing", "--> 0123456789a", "STEP 1/1: FROM x",
            "--> 7f886c1b5b8", "COMMIT docker.io/library/x:1"]
    progress = folded("FROM debian\nRUN make\n", answers(said))
    assert [(step.stage, step.line, step.status) for step in progress.steps()] == [
        ("stage-0", 1, "cached"), ("stage-0", 2, "done")]      # one stage has no number
    assert progress.steps()[1].log == tuple(said[2:-2])
    assert progress.made == ["7f886c1b5b8"]   # what the command printed is no image of the build's


def test_a_command_that_prints_an_end_and_fails_has_not_ended():
    said = [*answers(["STEP 1/2: FROM debian", "STEP 2/2: RUN make", "--> 0123456789a"]), {"error": "exit status 2"}]
    progress = folded("FROM debian\nRUN make\n", said)
    assert (progress.steps()[1].status, progress.steps()[1].log) == ("failed", ("--> 0123456789a",))
    assert progress.images == []


@pytest.mark.parametrize("code, why", [(2, "exit code 2"), (137, "memory ran out")])
def test_a_command_that_fails(code, why):
    message = f'building at STEP "RUN make": while running runtime: exit status {code}\n'
    said = [*answers(["STEP 1/2: FROM debian", "STEP 2/2: RUN make", "no rule"]),
            {"error": message, "errorDetail": {"message": message}}]
    error = failed(folded("FROM debian\nRUN make\n", said))
    assert (error.stage, error.line, error.exit_code, error.log) == ("stage-0", 2, code, ("no rule",))
    assert why in error.why


def test_a_source_that_is_not_there_is_the_step_s_failure():
    message = ('building at STEP "COPY --from=builder /app/app /app/app": checking on sources under "/x/dir": '
               'copier: stat: "/app/app": no such file or directory')
    said = [*answers(COLD[:10]), {"errorDetail": {"message": message}}]
    error = failed(folded(TWO_STAGES, said))
    assert (error.stage, error.line) == ("stage-1", 6) and error.instruction.startswith("COPY --from=builder")
    assert "--target" in error.remedy


def test_events_in_order():
    told = list(buildah([*answers(["Trying to pull", "STEP 1/1: FROM debian"]), IMAGE, *TAIL,
                                {"error": "gone"}, {"stream": "STEP 9/9: RUN never"}], clock=lambda: 1.0))
    assert [type(each) for each in told] == [StepSeen, ImageCreated, StepSeen, Failed]
    assert told[2].error == "gone" and told[-1] == Failed("gone")
    assert Output not in map(type, told)
