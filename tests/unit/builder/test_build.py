"""What builders say, folded: on answers recorded from a real engine (tests/unit/data)."""

import base64
import json
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers import dockerfile as dockerfiles
from helpers.bases import ResolvedBase
from helpers.builder import BuildResult, buildkit, legacy_images
from helpers.builder.events import Failed, Output, StepSeen, TransferProgress
from helpers.builder.failure import failed
from helpers.builder.progress import Progress, StepLog
from helpers.builder.step_lines import step_lines
from helpers.builder.steps import Step
from helpers.builder.text_stream import legacy
from helpers.errors import DockerfileError

DATA = Path(__file__).resolve().parents[1] / "data"
CASES = sorted(path.stem for kind in ("buildkit", "legacy") for path in DATA.glob(f"{kind}-*.json"))
PARSERS = {"buildkit": buildkit.events, "legacy": legacy}
RUN_TWO = "RUN echo one && sleep 0.2 && echo two >&2 && cp hello.txt out.txt"
COPY_OUT = "COPY --from=builder /app/out.txt /out.txt"


def recorded(name: str) -> dict:
    return json.loads((DATA / f"{name}.json").read_text())


def ticking():
    """A clock that is one second later at each look."""
    moments = iter(range(1000))
    return lambda: float(next(moments))


def events(name: str) -> list:
    builder, answers = name.split("-")[0], recorded(name)["answers"]
    return list(legacy(answers, ticking()) if builder == "legacy" else buildkit.events(answers))


def state(text: str, builder: str = "buildkit", *seen, target: str | None = None) -> Progress:
    made = Progress(dockerfiles.parse(text), target, builder)
    for event in seen:
        made.add(event)
    return made


def progress(name: str) -> Progress:
    kept = recorded(name)
    return state(kept["dockerfile"], name.split("-")[0], *events(name), target=kept["parameters"].get("target"))


def said(*lines: str) -> list[dict]:
    """The legacy builder's answer of these lines."""
    return [{"stream": line} for line in lines]


def steps(name: str) -> list[tuple]:
    return [(s.stage, s.line, s.instruction, s.status) for s in progress(name).steps() if s.stage]


def test_a_recording_names_no_machine():
    for name in CASES:
        answers = recorded(name)["answers"]
        text = json.dumps(answers) + "".join(
            base64.b64decode(a["aux"]).decode("latin-1") for a in answers if isinstance(a.get("aux"), str))
        # the page of one of BuildKit's checks, and its name for the context
        text = text.replace("https://docs.docker.com/go/dockerfile/rule/", "").replace("http://build-context-", "")
        assert [word for word in ("/root", "/home/", "/var/lib", "/tmp/", "://", "registry") if word in text] == [], name


def test_buildkit_reports_when_a_step_began_what_it_needs_and_that_something_moves():
    assert events("buildkit-cold")[0].started == pytest.approx(1795464456.723135, abs=1e-6)
    seen = {e.name: e for e in events("buildkit-cold") if isinstance(e, StepSeen)}
    copy, workdir = seen["[builder 3/4] COPY hello.txt ."], seen["[builder 2/4] WORKDIR /app"]
    assert copy.inputs == (workdir.key, seen["copy /context /"].key)
    assert TransferProgress(seen["exporting to image"].key) in events("buildkit-cold")


@pytest.mark.parametrize("builder", PARSERS)
@pytest.mark.parametrize("answer", [
    {}, {"id": "moby.something.new", "aux": "AAAA"}, {"status": "Pulling"}, {"stream": ""},
    {"stream": "chatter of a later version\n"}, {"aux": None}, {"aux": {}}, {"id": "x", "progressDetail": {}}])
def test_lines_of_another_kind_are_passed_over(builder, answer):
    assert list(PARSERS[builder]([answer])) == []


@pytest.mark.parametrize("builder", PARSERS)
@pytest.mark.parametrize("answer, event", [
    ({"error": "short"}, Failed("short")),
    ({"errorDetail": {"message": "long"}}, Failed("long")),
    ({"errorDetail": {"message": "long", "code": 3}, "error": "short"}, Failed("long", 3)),
    ({"errorDetail": {}, "error": "short"}, Failed("short")),
    ({"errorDetail": None, "error": "short"}, Failed("short"))])
def test_an_error_comes_in_several_forms(builder, answer, event):
    assert list(PARSERS[builder]([answer])) == [event]


@pytest.mark.parametrize("line", [
    "Successfully built 0123456789ab\n", "Successfully tagged a:b\n", " ---> [Warning] IPv4 forwarding is disabled.\n", "\n",
    " ---> Running in 0123456789ab\n", "Removing intermediate container 0123456789ab\n", " ---> Removed intermediate container 0123456789ab\n"])
def test_the_legacy_builder_s_chatter_is_no_output(line):
    assert len(list(legacy(said("Step 1/1 : RUN true", line)))) == 1


@pytest.mark.parametrize("engine", ["", "-28"])
def test_a_command_that_prints_the_builder_s_own_lines_changes_nothing(engine):
    told = progress(f"legacy-says-step{engine}")
    assert [(s.line, s.status) for s in told.steps()] == [(1, "cached"), (2, "done"), (3, "failed")]
    assert told.steps()[1].log == ("Step 3/9 : FROM nothing", " ---> Using cache", " ---> 0123456789ab",
                                   "Step 3/5 : RUN no step")
    assert "0123456789ab" not in told.images and failed(told).line == 3


@pytest.mark.parametrize("line", ["Step 3/3 : RUN true", "Step 1/3 : FROM x", "Step 3/9 : RUN x", " ---> 0123456789ab\n",
                                  "Removing intermediate container 000000000000\n", " ---> Using cache\n",
                                  " ---> Running in 111111111111\n", "Successfully built 0123456789ab\n", "\n"])
def test_all_that_comes_while_a_command_runs_is_its_output(line):
    begun = "Step 1/3 : FROM a", " ---> aaaaaaaaaaaa\n", "Step 2/3 : RUN b", " ---> Running in 222222222222\n"
    after = " ---> Removed intermediate container 222222222222\n", " ---> bbbbbbbbbbbb\n"
    plain, found = (list(legacy(said(*lines), ticking())) for lines in ([*begun, *after], [*begun, line, *after]))
    assert [e for e in found if e not in plain] == [Output("2", line)]
    assert [e for e in found if not isinstance(e, Output)] == plain


@pytest.mark.parametrize("line", ["Step 3/9 : RUN c", "Step 4/3 : RUN c", "Step 2/3 : RUN c", "Step 1/3 : FROM a"])
def test_a_step_line_counts_only_with_this_build_s_total_and_the_next_number(line):
    answers = said("Step 1/3 : FROM a", " ---> aaaaaaaaaaaa\n", "Step 2/3 : COPY b c", line, "Step 3/3 : RUN d")
    begun = [e.name for e in legacy(answers, ticking()) if isinstance(e, StepSeen) and not e.completed]
    assert begun == ["FROM a", "COPY b c", "RUN d"]


def test_a_stage_that_is_left_out_takes_its_numbers_along():
    """As with the engine over PRoot; the step that fails is then on its line."""
    answers = said("Step 1/4 : FROM a", " ---> aaaaaaaaaaaa\n", "Step 3/4 : FROM c", " ---> cccccccccccc\n", "Step 4/4 : COPY --from=0 /x /")
    told = state("FROM a\nFROM b\nFROM c\nCOPY --from=0 /x /\n", "legacy", *legacy([*answers, {"error": "no /x"}], ticking()))
    assert [(step.line, step.status) for step in told.steps()] == [(1, "cached"), (3, "cached"), (4, "failed")]
    assert failed(told).line == 4


def trace(**fields) -> dict:
    """A line of BuildKit's trace, made by the message class itself."""
    status = buildkit.PROTO.StatusResponse(**fields)
    return {"id": "moby.buildkit.trace", "aux": base64.b64encode(status.SerializeToString()).decode()}


@pytest.mark.parametrize("pieces, text", [((b"5 \xe2", b"\x82\xac\n"), "5 €\n"), ((b"\xff\xfe\n",), "\ufffd\ufffd\n")])
def test_a_character_may_be_cut_between_two_messages_or_be_none(pieces, text):
    answers = [trace(logs=[{"vertex": "k", "msg": piece}]) for piece in pieces]
    assert "".join(e.text for e in buildkit.events(answers)) == text


def test_fields_of_a_later_buildkit_are_passed_over():
    status = buildkit.PROTO.StatusResponse(vertexes=[{"digest": "k", "name": "n"}]).SerializeToString()
    later = status + bytes([0x7A, 2, 0x08, 1])   # field 15, of which nothing is known yet
    answer = {"id": "moby.buildkit.trace", "aux": base64.b64encode(later).decode()}
    assert list(buildkit.events([answer])) == [StepSeen("k", "n")]


@pytest.mark.parametrize("name, found", [
    *((f"{builder}-{build}", found) for builder in PARSERS for build, found in [
        ("cold", "built built"), ("cached", "cached cached"), ("target", "cached skipped")]),
    ("buildkit-skipped", "skipped skipped built"), ("legacy-skipped", "built built built")])   # it runs every stage
def test_stages_are_built_cached_or_skipped(name, found):
    seen = progress(name).stages()
    assert " ".join(stage.status for stage in seen) == found
    assert len(seen) == 3 or [(each.name, each.base, each.line) for each in seen] == [
        ("builder", "debian:bookworm-slim", 1), ("stage-1", "scratch", 6)]


@pytest.mark.parametrize("name, status", [("buildkit-cold", "done"), ("buildkit-cached", "cached"), ("legacy-cold", "done"),
                                          ("legacy-cached", "cached")])
def test_steps_have_their_lines(name, status):
    """BuildKit calls the FROM of the one build cached and of the other done: neither made anything."""
    base = "FROM docker.io/library/debian:bookworm-slim" if name.startswith("buildkit") else "FROM debian:bookworm-slim AS builder"
    scratch = [] if name.startswith("buildkit") else [("stage-1", 6, "FROM scratch", "cached")]
    assert steps(name) == [("builder", 1, base, "cached"), ("builder", 2, "WORKDIR /app", status), ("builder", 3, "COPY hello.txt .", status),
                           ("builder", 4, RUN_TWO, status), *scratch, ("stage-1", 7, COPY_OUT, status)]


@pytest.mark.parametrize("seconds, status", [(0.01, "cached"), (20, "done")])
def test_a_from_that_has_fetched_its_image_is_done_and_one_that_had_it_is_cached(seconds, status):
    seen = StepSeen("k", "[1/1] FROM docker.io/library/debian:bookworm-slim", 0, seconds)
    assert [step.status for step in state("FROM debian:bookworm-slim\n", "buildkit", seen).steps()] == [status]


@pytest.mark.parametrize("name, lines", [
    ("buildkit-arg", [("stage-0", 2, "FROM docker.io/library/debian:bookworm-slim"),
                      ("stage-0", 5, "RUN echo hello you")]),
    ("legacy-arg", [("stage-0", 2, "FROM ${BASE}"), ("stage-0", 3, "ARG WHO=you"),
                    ("stage-0", 5, "RUN echo hello ${WHO}"), ("stage-0", 6, "ENV WHO=${WHO}")])])
def test_lines_are_right_after_an_arg_before_the_first_from_and_a_comment(name, lines):
    assert sorted((stage, line, text) for stage, line, text, _ in steps(name)) == lines


@pytest.mark.parametrize("name", [name for name in CASES if not progress(name).failure])
def test_nothing_is_left_running_or_waiting_when_a_build_has_ended(name):
    assert {s.status for s in progress(name).steps()} <= {"done", "cached"}


@pytest.mark.parametrize("name, unplaced, placed", [
    # Where `WORKDIR .` and `WORKDIR ..` lead, only the base knows.
    *((f"buildkit-workdir{engine}", [], [
        (4, "RUN echo 2"), (5, "WORKDIR /app"), (7, "RUN echo again"), (8, "WORKDIR //"), (9, "RUN echo again"),
        (11, "WORKDIR /srv"), (12, "RUN echo 3 && false")]) for engine in ("", "-28")),
    # Triggers of the base are on no line and shift none. Docker 20.10 writes '[6/5]' here: its total lacks them.
    *((f"buildkit-onbuild{engine}", [f"{word}RUN echo one", f"{word}WORKDIR /base"], [
        (2, "WORKDIR ."), (3, "RUN echo one"), (5, "RUN echo two && false")]) for engine, word in (("", ""), ("-28", "ONBUILD ")))])
def test_workdirs_that_lead_to_the_root_and_triggers_shift_no_line(name, unplaced, placed):
    found = [(line, text) for _, line, text, _ in steps(name)]
    assert sorted(text for line, text in found if line is None) == unplaced
    assert sorted((line, text) for line, text in found if line)[1:] == placed
    assert failed(progress(name)).line == placed[-1][0]


@pytest.mark.parametrize("text, seen, lines", [
    # before anything else is known, a WORKDIR is taken for a step unless it is /
    ("FROM a\nWORKDIR /x/..\nRUN b\n", {3: "RUN b"}, {2: 2, 3: 3}),
    ("FROM a\nWORKDIR /\nRUN b\n", {2: "RUN b"}, {2: 3}),
    ("FROM a\nWORKDIR /x/..\nRUN b\n", {2: "RUN b"}, {2: 3}),
    ("FROM a\nWORKDIR ../x\nRUN b\n", {2: "WORKDIR ../x", 3: "RUN b"}, {2: 2, 3: 3}),
    ("FROM a\nWORKDIR $A/x\nWORKDIR /b/$B\nRUN b\n", {2: "WORKDIR /b/c", 3: "RUN b"}, {2: 3, 3: 4}),
    ("FROM a\nWORKDIR .\nRUN echo $A\nWORKDIR .\nRUN echo c\n", {2: "RUN echo b", 3: "RUN echo c"}, {2: 3, 3: 5}),
    # variables, blanks and heredocs are written otherwise in the trace
    ("FROM a\nRUN x\nRUN y ${A:-b}  $C \\\n  z\n", {2: "WORKDIR /t", 3: "RUN x", 4: "RUN y 1 2   z"}, {3: 2, 4: 3}),
    ("FROM a\nWORKDIR .\nRUN <<E\nx\nE\nRUN y\n", {2: "RUN <<E (x)", 3: "RUN y"}, {2: 3, 3: 6}),
    ("FROM a\nRUN <<E\nx\nE\nRUN <<F\ny\nF\n", {2: "RUN t", 3: "RUN <<E (x)", 4: "RUN <<F (y)"}, {3: 2, 4: 5}),
])
def test_steps_are_laid_beside_the_file_by_keyword_and_text(text, seen, lines):
    stage = dockerfiles.parse(text).stages[0]
    assert step_lines(stage, {1: "FROM a", **seen}, len(stage.instructions)) == {1: 1, **lines}


def test_the_label_that_the_course_adds_belongs_to_no_stage():
    added = [s for s in progress("legacy-target").steps() if s.instruction.startswith("LABEL")]
    assert [(s.stage, s.line) for s in added] == [("", None)]


def test_the_images_of_a_build_are_known_and_which_of_them_it_made():
    assert progress("buildkit-cold").images == ["sha256:0184d6f93e36619f4c4b4541dac219944013512efea80aaf966298b194741af4"]
    old = progress("legacy-cold")
    assert old.images[-1] == "sha256:326d6b79b59b0a56b80da9b3892a153fed29afafecc8d4d213cd544fb1004321"
    assert old.images[:2] == ["dd1a2275416c", "257637ec92e8"] and old.made == old.images[1:]
    assert [step.inputs for step in old.steps()] == [(), *((str(before),) for before in range(1, 7))]


def test_times_count_from_the_first_step():
    told = progress("legacy-cold").steps()
    assert (told[0].started, told[0].completed) == (0.0, 1.0)
    assert [s.seconds for s in told] == [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0]    # a FROM makes nothing
    real = progress("buildkit-cold")
    assert min(s.started for s in real.steps()) == 0.0
    assert next(s for s in real.steps() if s.instruction == RUN_TWO).seconds == pytest.approx(0.5425, abs=1e-3)
    assert [stage.seconds for stage in real.stages()] == pytest.approx([0.0102 + 0.0128 + 0.5425, 0.0069], abs=1e-3)
    assert {s.seconds for s in progress("buildkit-cached").stages()} == {0.0}


@pytest.mark.parametrize("builder", PARSERS)
@pytest.mark.parametrize("build, lines", [("cold", ("one", "two")), ("not-found", ("/bin/sh: 1: nosuchtool: not found",))])
def test_a_log_is_put_together_from_its_pieces(builder, build, lines):
    assert next(s.log for s in progress(f"{builder}-{build}").steps() if s.instruction.startswith("RUN")) == lines


@pytest.mark.parametrize("chunks, log", [
    (["a\nb\n"], ("a", "b")), (["a", "\n", "b"], ("a", "b")), (["a\n\n", "b\n"], ("a", "", "b")),
    (["a\r\nb"], ("a", "b")), ([""], ()), (["\n"], ("",)), (["x" * 5, "y\n"], ("xxxxxy",)), ([], ()),
    (["a\r", "\nb\n"], ("a", "b")), (["\x1b[91mred\n\x1b[0m", "plain\n"], ("red", "plain")),
    (["\x1b[91mred\n\x1b[0m"], ("red",)), (["10 %\r", "55 %\r100 %\r\n"], ("100 %",)), (["\x1b[2K\x1b[1Gdone\n"], ("done",)),
    (["x" * 1999, "y\n"], ("x" * 1999 + "y",)),
    (["a" * 1500, "b" * 500, "c" * 999, "d\n"], ("a" * 1000 + " ... 1,000 characters cut ... " + "c" * 999 + "d",)),
    (["a" * 5000 + "\n" + "b\n"], ("a" * 1000 + " ... 3,000 characters cut ... " + "a" * 1000, "b"))])
def test_a_log_s_lines(chunks, log):
    made = state("FROM a\nRUN b\n", "buildkit", StepSeen("k", "[2/2] RUN b"), *(Output("k", c) for c in chunks))
    assert made.steps()[0].log == log


def test_a_log_without_end_keeps_its_end():
    made = state("FROM a\nRUN b\n", "buildkit", StepSeen("k", "[2/2] RUN b"))
    for start in range(0, 30_000, 1000):
        made.add(Output("k", "".join(f"{n}\n" for n in range(start, start + 1000))))
    log = made.steps()[0].log
    assert log[-1] == "29999" and len(log) <= 10_000 and log[0] == str(30_000 - len(log))


def test_a_line_without_end_takes_no_more_room_the_longer_it_gets():
    log = StepLog()
    piece = "x" * 32_768
    for _ in range(2_000):
        log.add(piece)
    tracemalloc.start()
    for _ in range(100):
        log.add(piece)
        log.lines()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200_000
    line, = log.lines()
    assert len(line) < 2_100 and f"{2_100 * 32_768 - 2_000:,} characters cut" in line


@pytest.mark.parametrize("first, second, started, completed, cached, error", [
    # (started, completed, cached, error), as reported one after the other
    ((1, 5, False, ""), (6, 6.1, False, ""), 1, 5, False, ""),     # looked up again: the long run counts
    ((6, 6.1, False, ""), (1, 5, False, ""), 1, 5, False, ""),
    ((1, 5, False, ""), (None, None, False, ""), 1, 5, False, ""),
    ((1, 5, False, ""), (6, None, False, ""), 1, 5, False, ""),
    ((1, None, False, ""), (1, 5, False, ""), 1, 5, False, ""),
    ((None, None, False, ""), (1, None, False, ""), 1, None, False, ""),
    ((1, 2, True, ""), (3, 4.5, True, ""), 3, 4.5, True, ""),
    ((1, 2, False, ""), (3, 3.1, True, ""), 1, 2, False, ""),      # it did run
    ((1, None, True, ""), (1, 5, False, ""), 1, 5, True, ""),      # its layers were fetched from an imported cache
    ((1, 2, True, ""), (3, 4.5, False, ""), 3, 4.5, True, ""),
    ((1, None, True, ""), (1, 5, False, "no"), 1, 5, False, "no"),
    ((1, 5, False, ""), (6, 6.1, False, "no"), 6, 6.1, False, "no"),
    ((1, 5, False, "no"), (6, 6.1, False, ""), 1, 5, False, "no"),
])
def test_a_step_that_is_reported_again(first, second, started, completed, cached, error):
    _, step = told("FROM a\nRUN b\n", vertex("zero", "copy", 0, 0), *(
        vertex("k", "[2/2] RUN b", *report) for report in (first, second)))
    assert (step.started, step.completed, step.cached, step.error) == (started, completed, cached, error)


def vertex(digest, name, started=None, completed=None, cached=False, error="", inputs=()) -> dict:
    """BuildKit's news of a vertex."""
    moments = {key: {"seconds": int(at), "nanos": round(at % 1 * 1e9)}
               for key, at in (("started", started), ("completed", completed)) if at is not None}
    return trace(vertexes=[{"digest": digest, "name": name, "cached": cached, "error": error, "inputs": inputs, **moments}])


def told(text: str, *answers: dict) -> list[Step]:
    """The steps of a build that BuildKit tells so."""
    return state(text, "buildkit", *buildkit.events(answers)).steps()


def test_a_step_that_is_found_in_the_cache_under_two_keys_is_listed_once():
    b, c, copy = told("FROM a AS one\nRUN b\nRUN c\nFROM scratch\nCOPY --from=one /c /\n",
                      vertex("b", "[one 2/3] RUN b", 1, 1, True), vertex("c", "[one 3/3] RUN c", 1, 1, True, "", ("b",)),
                      vertex("c2", "[one 3/3] RUN c", 1, 1, True, "", ("b",)),
                      vertex("d", "[stage-1 1/1] COPY --from=one /c /", 1, 2, inputs=("c2",)))
    assert (b.inputs, c.inputs, copy.inputs) == ((), (b.key,), (c.key,))


ADD, COPY_LINK = "[2/3] ADD http://x/y /", "[3/3] COPY --link z /"


@pytest.mark.parametrize("add, second, told_so", [
    ((1, 3), (4, 5), ("done", 4)),                  # fetched, then added
    ((1, 3), (4, 5, True), ("done", 2)),            # cached only if all is
    ((1, 1, True), (4, 5), ("done", 1)),
    ((1, 1, True), (4, 4, True), ("cached", 0)),
    ((1, 3), (None, None), ("done", 2)),            # one that was never looked up
    ((1, 1, True), (4, None), ("running", 0)),
    ((1, 1, True), (4, 5, False, "no"), ("failed", 1)),
])
def test_an_instruction_of_several_vertices_is_cached_only_if_all_are(add, second, told_so):
    step, = told("FROM a\nADD http://x/y /\n", vertex("get", ADD, *add), vertex("add", ADD, *second))
    assert ((step.status, step.seconds), step.instruction, step.inputs) == (told_so, "ADD http://x/y /", ())


@pytest.mark.parametrize("copied, status", [((4, 4, True), "cached"), ((4, 5), "done")])
def test_copy_link_is_copied_and_then_linked(copied, status):
    """Seen on 28.5. What it links takes no time, and it has to link again whatever the cache has."""
    add, copy = told("FROM a\nADD http://x/y /\nCOPY --link z /\n", vertex("add", ADD, 1, 3), vertex("copy", COPY_LINK, *copied),
                     vertex("link", COPY_LINK.replace("COPY", "LINK COPY", 1), 5, 6, inputs=("add", "copy")))
    assert (copy.line, copy.instruction, copy.status, copy.inputs) == (3, "COPY --link z /", status, (add.key,))


def test_a_step_of_two_platforms_runs_as_long_as_one_of_them_does_and_mixes_no_lines():
    logs = [trace(logs=[{"vertex": key, "msg": piece}]) for key, piece in (("one", b"1"), ("two", b"2"), ("one", b"1\n"))]
    step, = told("FROM a\nRUN b\n", vertex("one", "[2/2] RUN b", 1, 3), vertex("two", "[2/2] RUN b", 2), *logs)
    assert (step.status, step.started, step.log) == ("running", 0, ("11", "2"))


def test_a_base_that_another_build_took_before_does_not_move_the_clock_back():
    made = state("FROM a\nRUN b\n", "buildkit", StepSeen("load", "[internal] load build definition", 100, 100.1),
                 StepSeen("from", "[1/2] FROM a", 77.5, 77.6), StepSeen("k", "[2/2] RUN b", 100.2, 103))
    assert [(s.started, s.completed) for s in made.steps()] == [
        (0.0, pytest.approx(0.1)), (0.0, 0.0), (pytest.approx(0.2), 3.0)]


@pytest.mark.parametrize("first", ["unused", "last"])
def test_an_image_taken_for_another_stage_starts_no_skipped_one(first):
    """BuildKit takes an image once and names any of the stages on it, even one that is skipped: seen on 20.10."""
    made = state("FROM a AS unused\nRUN b\nFROM a AS last\nRUN c\n", "buildkit",
                 StepSeen("from", f"[{first} 1/2] FROM a", 1, 2), StepSeen("c", "[last 2/2] RUN c", 2, 3))
    assert [(stage.name, stage.status, len(stage.steps)) for stage in made.stages()] == [
        ("unused", "skipped", 0), ("last", "built", 2)]


def test_a_stage_of_a_from_alone_is_what_its_from_is():
    made = state("FROM a AS base\nFROM base\nRUN b\n", "buildkit", StepSeen("from", "[base 1/1] FROM a", 1, 1.01),
                 StepSeen("b", "[stage-1 1/1] RUN b", 2, 3))
    base, _ = made.stages()
    assert base.status == base.steps[0].status == "cached"


@pytest.mark.parametrize("name, text, stage, line", [
    ("[builder 1/3] ", "FROM a", "builder", 2), ("[builder 2/3] ", "WORKDIR /x", "builder", 3),
    *((f"[{name}] ", "RUN a", "builder", 5) for name in ("builder 3/3", "linux/arm64 builder 3/3", "BUILDER 3/3", "builder  3/13")),
    ("[builder 4/4] ", "RUN a", "builder", 5), ("[builder 2/4] ", "RUN from a trigger", "builder", None),   # of ONBUILD
    ("[builder  3/13] ", "COPY t", "builder", None), ("[builder 3/3] ", "COPY --from=another.image t", "builder", None),
    ("[stage-1 1/1] ", "COPY a b", "stage-1", 8), ("[stage-1 2/1] ", "COPY a b", "stage-1", None), ("[nosuch 1/1] ", "COPY a b", "", None),
    ("", "[internal] load metadata", "", None), ("", "exporting to image", "", None),
    ("[builder 3/3] ", "RUN cat <<E\nx\nE", "builder", 5)])
def test_a_step_s_place_in_the_dockerfile(name, text, stage, line):
    read = "# head\nFROM a AS Builder\nWORKDIR /x\nENV b=c\nRUN a\n\nFROM scratch\nCOPY --from=builder /a /b\n"
    step, = state(read, "buildkit", StepSeen("k", name + text)).steps()
    assert (step.stage, step.instruction, step.line) == (stage, text, line)


@pytest.mark.parametrize("text", ["FROM a AS stage-1\nRUN x\nFROM b\nRUN y\n", "FROM a AS b\nRUN x\nFROM c AS b\nRUN y\n"])
def test_of_two_stages_that_the_builder_calls_alike_the_text_decides(text):
    first, second = dockerfiles.parse(text).stages
    name = first.name
    told = state(text, "buildkit", StepSeen("x", f"[{name} 2/2] RUN x"), StepSeen("y", f"[{name} 2/2] RUN y")).steps()
    assert [(step.stage, step.line) for step in told] == [(first.label, 2), (second.label, 4)]


@pytest.mark.parametrize("facts, status", [((False, None, None), "waiting"), ((False, 0.0, None), "running"), ((False, 0.0, 1.0), "done"),
                                           ((True, None, None), "cached"), ((True, None, None, "no"), "failed")])
def test_the_words_for_a_step_at_any_time(facts, status):
    assert Step("s", "RUN", 1, *facts).status == status


@pytest.mark.parametrize("cached, begin, end, took", [(False, 1, 3, 2), (True, 1, 3, 0), (False, 1, None, 0), (False, 3, 1, 0)])
def test_a_cached_or_unfinished_step_took_no_time(cached, begin, end, took):
    assert Step("s", "RUN", 1, cached, begin, end).seconds == took


@pytest.mark.parametrize("second, statuses", [
    (StepSeen("2", "[b 3/3] RUN c"), "cached cached"), (StepSeen("2", "[b 3/3] RUN c", 1), "built cached"),    # once it runs
    (StepSeen("2", "[b 3/3] RUN c", 1, 2), "built cached"), (StepSeen("2", "[b 3/3] RUN c", 1, 1, cached=True), "cached cached")])
def test_a_stage_is_built_if_one_of_its_steps_ran(second, statuses):
    made = state("FROM a AS b\nRUN b\nRUN c\nFROM b\n", "buildkit", StepSeen("1", "[b 2/3] RUN b", 1, 1, cached=True), second)
    assert " ".join(stage.status for stage in made.stages()) == statuses   # the last has no steps at all


@pytest.mark.parametrize("name, stage, line, instruction, code, log, why, remedy", [
    *((f"{builder}-run-fails", "builder", 3, "RUN echo trying && echo cannot >&2 && exit 7", 7,
       ("trying", "cannot"), "Its command ended with exit code 7.", "Read the end of the log") for builder in PARSERS),
    *((f"{builder}-not-found", "stage-0", 2, "RUN nosuchtool --version", 127,
       ("/bin/sh: 1: nosuchtool: not found",), "Its command was not found (exit code 127)", "Install the tool") for builder in PARSERS),
    *((f"{builder}-no-source", "builder", 3, "COPY missing.txt .", None, (), why, "spelled as in the build context") for builder, why in [
        ("buildkit", '"/missing.txt" not found'),
        ("legacy", "COPY failed: file not found in build context or excluded by .dockerignore: stat missing.txt")]),
    ("legacy-no-bridge-source", "stage-1", 5, "COPY --from=builder /app/missing /app", None, (),
     "COPY failed: stat app/missing: file does not exist", "build it with --target")])
def test_a_recorded_failure_is_explained(name, stage, line, instruction, code, log, why, remedy):
    error = failed(progress(name))
    assert (error.stage, error.line, error.instruction, error.exit_code, error.log) == (
        stage, line, instruction, code, log)
    assert error.what == f"The build failed in stage {stage!r}, line {line}: {instruction}"
    assert why in error.why and remedy in error.remedy
    assert error.evidence == ("The end of its log:\n" + "\n".join(f"    {each}" for each in log) if log else "")


COPY_FILE = "FROM a AS b\nRUN c\n\nFROM scratch\nCOPY --from=b /app/x /x\nCOPY ../y /\n"


def failing(message: str, *seen, text: str = COPY_FILE):
    return failed(state(text, "buildkit", *seen, Failed(message)))


@pytest.mark.parametrize("message, seen, line", [
    # not marked by BuildKit: known by the file
    ('failed to compute cache key: "/app/x" not found: not found',
     [("[b 2/2] RUN c", 1, 2), ("[stage-1 1/2] COPY --from=b /app/x /x",)], 5),
    # merely cancelled, and failed
    ("process did not complete: exit code: 2", [("[b 2/2] RUN c", 1, 2, False, "context canceled"),
                                                ("[stage-1 1/2] COPY --from=b /app/x /x", 1, 2, False, "exit code: 2")], 5),
    ("it broke", [("[b 2/2] RUN c", 1), ("exporting", 1)], 2)])    # the one that still ran is the last guess
def test_the_step_that_failed_is_found(message, seen, line):
    assert failing(message, *(StepSeen(str(key), *facts) for key, facts in enumerate(seen))).line == line


@pytest.mark.parametrize("message, line, what", [
    ("failed to solve with frontend dockerfile.v0: it is cold", None, "The build failed before its first step."),
    ("dockerfile parse error line 3: unknown instruction: RUM", 3, "The builder refused line 3."),
    ("dockerfile parse error on line 12: unknown flag: x", 12, "The builder refused line 12.")])
def test_a_build_that_failed_before_it_began(message, line, what):
    error = failing(message)
    assert (error.what, error.line, error.stage, error.instruction) == (what, line, None, None)
    assert error.why == message.removeprefix("failed to solve with frontend dockerfile.v0: ")


@pytest.mark.parametrize("message", [    # as Docker 20.10 and 26 word it
    "failed to compute cache key: failed to walk /srv/state/engine/data/tmp/buildkit-mount369/app: "
    "lstat /srv/state/engine/data/tmp/buildkit-mount369/app: no such file or directory",
    "lstat /var/lib/docker/overlay2/0a1b/merged/app: no such file or directory"])
def test_where_an_engine_keeps_a_stage_is_not_shown(message):
    error = failing(message, StepSeen("2", "[stage-1 1/2] COPY --from=b /app/x /x", 1, 2, error=message))
    assert "buildkit-mount" not in error.why and "merged" not in error.why
    assert "/app: no such file or directory" in error.why and "--target" in error.remedy


@pytest.mark.parametrize("message, step, words", [
    ("write: no space left on device", "[b 2/2] RUN c", "helpers clean"),
    ("failed to get layer sha256:73ea5a9c853e: layer does not exist", "[b 1/2] FROM x", "no_cache=True"),
    ("forbidden path outside the build context", "[stage-1 2/2] COPY ../y /", "below the build context only"),
    ('"/y" not found: not found', "[stage-1 2/2] COPY ../y /", "below the build context only")])
def test_what_to_do(message, step, words):
    error = failing(message, StepSeen("1", step, 1, 2, error=message))
    assert words in error.remedy


@pytest.mark.parametrize("of_step, of_build", [("exit code: 3", "it broke"), ("it broke", "exit code: 3")])
def test_the_exit_code_may_stand_in_the_step_s_error_or_in_the_build_s(of_step, of_build):
    assert failing(of_build, StepSeen("1", "[b 2/2] RUN c", 1, 2, error=of_step)).exit_code == 3


def test_an_error_shows_the_end_of_a_long_log():
    seen = StepSeen("1", "[b 2/2] RUN c", 1, 2, error="exit code: 1")
    error = failing("exit code: 1", seen, Output("1", "".join(f"{n}\n" for n in range(50))))
    assert len(error.log) == 50
    assert error.evidence.splitlines() == ["The end of its log:", *(f"    {n}" for n in range(30, 50))]


def result(name: str, **other) -> BuildResult:
    made = progress(name)
    facts = dict(image="sha256:" + "0" * 64, tag="t", builder=made.builder, seconds=1.23456,
                 stages=tuple(made.stages()), steps=tuple(made.steps()), target=made.target,
                 bases=(ResolvedBase("debian:bookworm-slim", True, "local", "debian:bookworm-slim"),),
                 dockerfile=made.dockerfile, engine=None)
    return BuildResult(**{**facts, **other})


def test_the_facts_of_a_build_have_the_keys_of_the_design():
    facts = result("legacy-cold").facts()
    # `unpacked` is added by the command line, which looks at the image; `substitutions` is ours.
    assert set(facts) == set("ok image tag builder seconds stages steps error output substitutions handed_over warnings checks".split())
    assert (facts["ok"], facts["error"], facts["seconds"]) == (True, None, 1.235)
    assert facts["stages"][1] == {"name": "stage-1", "base": "scratch", "status": "built", "seconds": 1.0}
    assert facts["steps"][1] == {"stage": "builder", "instruction": "WORKDIR /app", "line": 2, "cached": False,
                                 "started": 2.0, "completed": 3.0}
    json.dumps(facts)


def test_a_build_in_words():
    swapped = ResolvedBase("golang:1.22", True, "made", "localhost/multistage.course/golang:1.22")
    made = result("legacy-cold", bases=(swapped,))
    assert str(made).splitlines() == [
        "t: 1.2 s with legacy", "  builder        built    3.0 s", "  stage-1        built    1.0 s",
        "  golang:1.22 is localhost/multistage.course/golang:1.22 here"]
    assert made.substitutions == {"golang:1.22": "localhost/multistage.course/golang:1.22"}
    assert str(result("legacy-cold", tag="")).startswith("000000000000: ")


def test_a_stage_is_asked_for_by_name_or_number_and_a_build_knows_if_it_was_cached():
    made = result("buildkit-cold")
    assert made.stage("BUILDER") == made.stage("0") == made.stages[0]
    assert [result(name).cached for name in ("buildkit-cold", "legacy-cached", "buildkit-target")] == [False, True, True]
    with pytest.raises(DockerfileError, match="no stage nosuch"):
        made.stage("nosuch")


def test_leftovers_are_remembered_newest_first_and_once(home):
    here, there = SimpleNamespace(host="unix:///s"), SimpleNamespace(host="unix:///other")
    legacy_images.note(here, [])
    assert legacy_images.noted(here) == [] and not home.exists()
    legacy_images.note(here, ["sha256:" + "a" * 64, "b" * 12])
    legacy_images.note(here, ["a" * 12, "c" * 64])
    assert legacy_images.noted(here) == ["c" * 12, "a" * 12, "b" * 12] and legacy_images.noted(there) == []
    for _ in range(2):
        legacy_images.forget(here)
    assert legacy_images.noted(here) == []
