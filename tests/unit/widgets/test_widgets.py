"""Widgets and views: with widgets, without them, and whatever the text is."""

import builtins
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import ipywidgets
import pytest

from helpers import dockerfile, labels
from helpers.bases import ResolvedBase
from helpers.builder import BuildResult, Progress
from helpers.builder.events import Failed, Output, StepSeen
from helpers.image import Image, Layer
from helpers.lesson import predictions
from helpers.lint import Finding
from helpers.views import register as views
from helpers.views.build import build_view, progress_view
from helpers.views.lesson import Attributes, Bases, Finds, Listing, say
from helpers.views.lists import image_view
from helpers.views.markup import _BLOCK, code, paragraph, status, table, whole_names, whole_words
from helpers.views.terminal import Script
from helpers.widgets import live
from helpers.widgets.ask import Question, predict
from helpers.widgets.live import LiveBuild

VIEW = "application/vnd.jupyter.widget-view+json"
VOID = {"br", "img", "hr", "wbr"}
NASTY = "<script>alert('x')</script> & \"q\""


class Page(HTMLParser):
    """Checks that every tag is closed in order, and keeps cells and text."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words).replace("\u00a0", " ")   # as one reads it


def page(text: str) -> Page:
    read = Page(text)
    assert all(facts.get("scope") == "col" for tag, facts in read.tags if tag == "th")
    assert not any(tag == "script" for tag, _ in read.tags)
    return read


@pytest.fixture
def no_widgets(monkeypatch):
    real = builtins.__import__

    def refuse(name, *arguments, **words):
        if name.startswith("ipywidgets"):
            raise ImportError(name)
        return real(name, *arguments, **words)

    monkeypatch.setattr(builtins, "__import__", refuse)


@pytest.mark.parametrize("question, text", [
    (predict("How large?", unit="MB"), "Your prediction: How large? (in MB)"),
    (predict("How many?", unit="programs"), "Your prediction: How many? (a number)"),
    (predict("Which?", ["a", "b"]), "Your prediction: Which? (a / b)"),
])
def test_a_prediction_is_plain_text_and_html_too(no_widgets, question, text):
    bundle = question._repr_mimebundle_()
    assert bundle["text/plain"] == text
    assert page(bundle["text/html"]).text == text
    assert set(bundle) == {"text/plain", "text/html"}


def test_a_prediction_as_a_widget_takes_the_value():
    guess = predict("How large?", unit="MB")
    _, entry = guess._widget().children
    assert isinstance(entry, ipywidgets.FloatText) and entry.description == "MB"
    assert guess.value is None
    entry.value = 300
    assert guess.value == 300


def test_a_choice_as_a_widget_is_open_until_made():
    guess = predict("Which?", ["a", "b"])
    _, entry = guess._widget().children
    assert (entry.options, entry.value, guess.value) == (("a", "b"), None, None)
    entry.value = "b"
    assert guess.value == "b"


@pytest.mark.parametrize("thing", [predict("Which?", ["a"]), Question("Which?", ("a",), "a", "so")])
def test_a_notebook_gets_the_widget_and_the_plain_form(thing):
    bundle = thing._repr_mimebundle_()
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert bundle["text/plain"].endswith("a)") or "  - a" in bundle["text/plain"]


@pytest.mark.parametrize("unit, value, measured, said", [
    ("MB", None, 958_300_000, "You made no prediction. Measured: 958 MB."),
    ("MB", 300, 958_300_000, "You predicted 300 MB. Measured: 958 MB, 3.19 times more."),
    ("MB", "300", 958_300_000, "You predicted 300 MB. Measured: 958 MB, 3.19 times more."),
    ("MB", 2000, 958_300_000, "You predicted 2.00 GB. Measured: 958 MB, 2.09 times less."),
    ("B", 7, 14, "You predicted 7 B. Measured: 14 B, 2 times more."),
    ("kB", 7, 14e3, "You predicted 7.00 kB. Measured: 14.0 kB, 2 times more."),
    ("GB", 7, 14e9, "You predicted 7.00 GB. Measured: 14.0 GB, 2 times more."),
    ("MB", 5, 5_000_000, "You predicted 5.00 MB. Measured: 5.00 MB. Well guessed!"),
    ("programs", 1000.0, 2500, "You predicted 1,000. Measured: 2,500, 2.5 times more."),
    ("programs", 7.0, 7, "You predicted 7. Measured: 7. Well guessed!"),
    *(("programs", none, 825, "You made no prediction. Measured: 825.") for none in (None, "", "many", 0, -3, "nan"))])
def test_a_number_beside_the_measurement(home, unit, value, measured, said):
    compared = predict("How large?", unit=unit, value=value).compare(measured)
    assert repr(compared) == page(compared._repr_html_()).text == said
    assert (predictions().made == {}) == said.startswith("You made no prediction")


@pytest.mark.parametrize("value, said", [
    (None, "You made no prediction. Measured: b."),
    ("a", "You predicted: a. Measured: b. Not what you expected."),
    ("b", "You predicted: b. Measured: b. Well guessed!"),
])
@pytest.mark.parametrize("measured", ["b", {"a": False, "b": True}, {"b": 2, "a": 1}])
def test_a_choice_beside_what_came_out(home, value, said, measured):
    assert repr(predict("Which?", ["a", "b"], value=value).compare(measured)) == said


def test_what_is_none_of_the_choices_can_come_out(home):
    assert predict("Which?", ["a"], value="a").compare({"a": False}).found == "none of these"
    with pytest.raises(ValueError, match="'c'.* none of the choices"):
        predict("Which?", ["a"]).compare({"c": True})


@pytest.mark.parametrize("asked", [predict("Which?", ["a"], value="a"), predict("How many?", unit="MB", value=3)])
@pytest.mark.parametrize("nothing", [None, {}, ()])
def test_where_nothing_could_be_measured_nothing_is_kept(home, asked, nothing):
    assert repr(asked.compare(nothing)) == "Nothing was measured here, so there is nothing to compare."
    assert predictions().made == {}


FIRST = "How large is the image?"     # lesson 01 asks it


def test_nothing_predicted_is_said_so(home):
    assert repr(predictions()).startswith("You have made no prediction yet.")
    assert page(predictions()._repr_html_()).text == repr(predictions())


def test_what_was_predicted_is_kept_for_the_review(home):
    predict("No lesson asks this.", ["a", "b"], value="a").compare("b")
    predict(FIRST, unit="MB", value=300).compare(836_000_000)
    predict(NASTY, [NASTY], value=NASTY).compare({NASTY: True})
    predict("Empty?", ["a"]).compare("a")
    scores = predictions()
    assert [(lesson, question) for lesson, question, _ in scores.rows] == [
        ("01", FIRST), ("", NASTY), ("", "No lesson asks this.")]
    assert repr(scores).splitlines()[:3] == [
        "3 predictions: 1 right, 1 not right, 1 number off.", f"01  {FIRST}",
        "      You: 300 MB. Engine: 836 MB. 2.79 times more."]
    shown = page(scores._repr_html_())
    assert NASTY in shown.text and "2.79 times more" in shown.text


def test_the_newest_prediction_counts_and_none_leaves_the_earlier_one(home):
    for value in ("a", "b", None):
        predict("Which?", ["a", "b"], value=value).compare("b")
    assert [(each.said, each.how) for each in predictions().made.values()] == [("b", "right")]
    predict("Which?", ["a"], value="a").compare("a", recorded=True)
    assert predictions().made["Which?"].found == "a (recorded)"


def test_a_lesson_goes_on_where_nothing_can_be_kept(home):
    (home / "state").parent.mkdir(parents=True)
    (home / "state").write_text("in the way")
    assert predict("Which?", ["a"], value="a").compare("a").how == "right"


@pytest.mark.parametrize("content", [b"{", b'{"version": 1, "exercises": {}, "predictions": 7}',
                                     b'{"version": 1, "exercises": {}, "predictions": {"Q": {"said": "a"}}}',
                                     b'{"version": 1, "exercises": {}, "predictions": {"Q": {"said": 1, "found": "", "how": "", "when": ""}}}'])
def test_a_damaged_file_is_set_aside(home, content):
    file = home / "state" / "progress.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    predict("Which?", ["a"], value="a").compare("a")
    assert list(predictions().made) == ["Which?"]
    assert [each.read_bytes() for each in file.parent.glob("progress.damaged-*")] == [content]


def test_two_learners_do_not_share_their_predictions(monkeypatch, tmp_path):
    for name in ("ada", "bob"):
        monkeypatch.setenv("MULTISTAGE_HOME", str(tmp_path / name))
        assert predictions().made == {}
        predict("Who?", ["ada", "bob"], value=name).compare("ada")
    assert predictions().made["Who?"].said == "bob"


QUESTION = Question("Which?", ("a", "b"), "b", "It says so.")


def test_the_answer_must_be_among_the_choices():
    with pytest.raises(ValueError, match="'c' is none of the choices"):
        Question("Which?", ("a", "b"), "c", "")


def test_a_question_without_widgets_folds_its_answer_away(no_widgets):
    bundle = QUESTION._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == "Which?\n  - a\n  - b"
    shown = page(bundle["text/html"])
    assert [tag for tag, _ in shown.tags if tag in ("li", "details", "summary")] == ["li", "li", "details", "summary"]
    assert "b. It says so." in shown.text


def test_a_question_as_a_widget_answers_each_choice():
    _, entry, told = QUESTION._widget().children
    assert (entry.value, told.value) == (None, "")
    entry.value = "a"
    assert page(told.value).text == "Not quite. It is: b. It says so."
    assert "role='status'" in told.value
    entry.value = "b"
    assert page(told.value).text == "Yes. It says so."
    assert QUESTION._widget().children[1].value is None     # each view begins without a choice


def test_what_a_question_says_is_escaped_everywhere(home):
    question = Question(NASTY, (NASTY, "b"), NASTY, NASTY)
    label, entry, told = question._widget().children
    entry.value = "b"
    guess = predict(NASTY, [NASTY], value=NASTY)
    for text in (label.value, told.value, question._repr_mimebundle_()["text/html"],
                 guess._repr_mimebundle_()["text/html"], guess._widget().children[0].value,
                 guess.compare(NASTY)._repr_html_()):
        assert NASTY in page(text).text


TEXT = "FROM a AS builder\nRUN one\nFROM scratch\nCOPY --from=builder /a /a\n"


def state() -> Progress:
    return Progress(dockerfile.parse(TEXT), None, "buildkit")


BASE, ONE = "[builder 1/2] FROM a", "[builder 2/2] RUN one"
COPY = "[stage-1 1/1] COPY --from=builder /a /a"
STORY = [
    StepSeen("0", "[internal] load build context", 0), StepSeen("0", "[internal] load build context", 0, 0.5),
    StepSeen("1", BASE), StepSeen("2", ONE), StepSeen("3", COPY), StepSeen("1", BASE, 1, 1, cached=True),
    StepSeen("2", ONE, 1), Output("2", "working\n"), StepSeen("2", ONE, 1, 3.5),
    StepSeen("3", COPY, 4), StepSeen("3", COPY, 4, 4.25), StepSeen("9", "exporting to image", 5)]


def result(progress: Progress, **other) -> BuildResult:
    return BuildResult(**{**dict(
        image="sha256:" + "0" * 64, tag="t:1", builder="buildkit", seconds=5, stages=tuple(progress.stages()),
        steps=tuple(progress.steps()), bases=(), target=None, dockerfile=progress.dockerfile, engine=None), **other})


TOLD = ["  cached  builder: FROM a", "  running builder: RUN one", "  done    builder: RUN one 2.5 s",
        "  running stage-1: COPY --from=builder /a /a", "  done    stage-1: COPY --from=builder /a /a 250 ms"]


def watched(pause, monkeypatch, events=STORY) -> tuple[list[str], list[str]]:
    """The lines that a build without widgets gives while these events come, and all when it has finished."""
    monkeypatch.setattr(live, "_PAUSE", pause)
    out, progress = io.StringIO(), state()
    with LiveBuild(out) as shown:
        for event in events:
            progress.add(event)
            shown.watch(progress)
        before = out.getvalue().splitlines()
        shown.finish(result(progress))
    return before, out.getvalue().splitlines()


def test_text_tells_each_step_once_when_it_begins_and_once_when_it_ends(monkeypatch):
    before, after = watched(0, monkeypatch)
    assert before == TOLD and after == TOLD + str(result(done())).splitlines()


def test_text_that_comes_fast_is_told_at_the_end(monkeypatch):
    before, after = watched(1000, monkeypatch)
    assert before == []
    assert after == [line for line in TOLD if "running" not in line] + str(result(done())).splitlines()


def test_a_failure_is_told_at_once(monkeypatch):
    events = [*STORY[:7], StepSeen("2", ONE, 1, 2, error="exit code: 1"), Failed("exit code: 1")]
    assert watched(1000, monkeypatch, events)[0][-1] == "  failed  builder: RUN one 1.0 s"


def test_outside_of_a_notebook_it_is_text_on_standard_error(capsys):
    shown = LiveBuild()
    shown.say("Fetching golang:1.22 ...")
    assert type(shown) is LiveBuild
    assert capsys.readouterr() == ("", "Fetching golang:1.22 ...\n")


@pytest.mark.parametrize("shell, widgets", [("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False),
                                            ("NoneType", False)])
def test_only_a_notebook_has_widgets(monkeypatch, shell, widgets):
    monkeypatch.setattr("IPython.get_ipython", lambda: type(shell, (), {})())
    assert live._has_widgets() is widgets


def test_without_ipywidgets_there_are_none(no_widgets):
    assert live._has_widgets() is False


@pytest.fixture
def notebook(monkeypatch):
    """A notebook's display: what was shown, and what took its place."""
    shown = []

    def display(thing, display_id):
        shown.append(thing)
        return SimpleNamespace(update=lambda data, raw: shown.append(data))

    monkeypatch.setattr(live, "_has_widgets", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(live, "_PAUSE", 0)
    return shown


def test_in_a_notebook_a_widget_gives_way_to_a_plain_table(notebook):
    progress = state()
    with LiveBuild() as shown:
        for event in STORY[:8]:
            progress.add(event)
            shown.watch(progress)
        now = page(notebook[0].value).text
        assert "Building with BuildKit: 1 of 3 steps" in now and "working" in now
        for event in STORY[8:]:
            progress.add(event)
        shown.finish(result(progress))
    widget, final = notebook
    assert final["text/html"] == build_view(result(progress))
    assert final["text/plain"] == str(result(progress))


def test_in_a_notebook_a_build_that_failed_stays_in_sight(notebook):
    progress = state()
    with pytest.raises(RuntimeError):
        with LiveBuild() as shown:
            for event in STORY[:8]:
                progress.add(event)
                shown.watch(progress)
            raise RuntimeError
    assert "RUN one" in page(notebook[-1]["text/html"]).text


def test_in_a_notebook_a_build_that_never_began_leaves_nothing(notebook):
    with pytest.raises(RuntimeError):
        with LiveBuild():
            raise RuntimeError
    assert notebook == []


def test_in_a_notebook_a_view_can_be_taken_away(notebook):
    with LiveBuild() as shown:
        shown.clear()            # none is there yet
        progress = state()
        progress.add(STORY[0])
        shown.watch(progress)
        shown.clear()
    assert len(notebook) == 2 and notebook[-1] == {"text/html": "", "text/plain": ""}


def test_in_a_notebook_a_sentence_is_escaped(notebook):
    with LiveBuild() as shown:
        shown.say(NASTY)
        assert page(notebook[0].value).text == NASTY


def done() -> Progress:
    progress = state()
    for event in STORY:
        progress.add(event)
    return progress


@pytest.mark.parametrize("status, caption", [("built", "t:1: built in 5.0 s"), ("cached", "t:1: from the cache in 5.0 s")])
def test_a_build_that_ran_nothing_is_not_said_to_be_built(status, caption):
    made = done()
    stages = tuple(replace(each, status=status) for each in made.stages())
    assert caption in page(build_view(replace(result(made), stages=stages))).text


def test_a_finished_build_as_html():
    swapped = ResolvedBase("a", True, "made", "localhost/multistage.course/a")
    shown = page(build_view(result(done(), bases=(swapped,))))
    assert "t:1: built in 5.0 s with BuildKit" in shown.text
    assert "a is localhost/multistage.course/a in this engine." in shown.text
    assert "3 steps" in shown.text and "0 of 1" in shown.text   # of its own steps: FROM is none
    assert [word for word in shown.words if word.strip() in ("built", "cached", "done")]
    assert {"caption", "details", "summary", "th"} <= {tag for tag, _ in shown.tags}
    assert "white-space:nowrap\">2.5 s</td>" in build_view(result(done()))     # not broken at its blank
    assert "000000000000: built in" in page(build_view(result(done(), tag=""))).text


@pytest.mark.parametrize("note", ["", "file capabilities"])
def test_attributes_have_a_column_for_notes_where_there_is_one(note):
    found = tuple.__new__(Attributes, [("/a", "-rw-r--r--", "0:0", ""), ("/b", "-rw-r--r--", "0:0", note), None])
    found.image = SimpleNamespace(reference="a:1")
    read = page(found._repr_html_())
    assert [word in read.words for word in ("owner", "note")] == [True, bool(note)] and found.capable == bool(note)
    assert sum(tag == "td" for tag, _ in read.tags) == 2 * (3 + bool(note))


def test_a_build_into_a_folder_has_the_folder_s_name_as_its_title():
    built = result(done(), tag="", output=Path("/tmp/multistage-lesson-x1/secret-provenance-min"))
    assert page(build_view(built)).text.startswith("secret-provenance-min: built in")
    assert str(built).startswith("secret-provenance-min: 5.0 s with buildkit")


SHARED = """FROM a:1 AS one
RUN one
FROM a:1 AS two
RUN two
FROM b:1 AS other
RUN other
FROM a:1 AS unused
RUN unused
FROM one
COPY --from=two /a /
COPY --from=other /b /
"""


def test_stages_that_begin_with_the_same_base_share_the_row_of_their_from():
    progress = Progress(dockerfile.parse(SHARED), None, "buildkit")
    for number, name in enumerate(["[two 1/2] FROM docker.io/library/a:1", "[one 2/2] RUN one", "[two 2/2] RUN two",
                                   "[other 1/2] FROM b:1", "[other 2/2] RUN other",
                                   "[stage-4 1/2] COPY --from=two /a /", "[stage-4 2/2] COPY --from=other /b /"]):
        progress.add(StepSeen(str(number), name, 0.0, 1.0, False))
    rows = re.findall(r"<tr>(.*?)</tr>", build_view(result(progress)).partition("<details>")[2])
    told = [re.findall("<td[^>]*>(.*?)</td>", row)[:2] for row in rows[1:]]
    assert [(line, page(names).text) for line, names in told] == [
        ("1, 3", "one, two"), ("2", "one"), ("4", "two"), ("5", "other"), ("6", "other"), ("10", "stage-4"),
        ("11", "stage-4")]


WARNED = """FROM a AS builder
ARG V=1
FROM a
COPY --from=biulder /a /a
RUN echo $V
LABEL v=$V
"""
CHECKS = (Finding(6, "JSONArgsRecommended", "warning", "JSON <arguments>", "https://example.org/json"),
          Finding(5, "UndefinedVar", "warning", "Usage of undefined variable '$V'", "https://example.org/var"))


def test_a_finished_build_shows_each_warning_once_with_its_line_and_link():
    warned = result(Progress(dockerfile.parse(WARNED), None, "buildkit"), warnings=CHECKS)
    assert [(each.line, each.rule) for each in warned.findings] == [
        (4, "similar-name"), (5, "unset-argument"), (6, "JSONArgsRecommended")]
    assert "  line 4: warning similar-name: biulder is not a stage of this file." in str(warned)
    assert "JSON <arguments>" in str(warned) and "UndefinedVar" not in str(warned)
    shown = page(build_view(warned))
    assert "3 warnings" in shown.text and "Did you mean builder (line 1)?" in shown.text
    assert "JSON <arguments>" in shown.text and "UndefinedVar" not in shown.text
    assert [values["href"] for tag, values in shown.tags if tag == "a"] == ["https://example.org/json"]
    assert "warning" not in page(build_view(result(done()))).text and "warning" not in str(result(done()))


def test_a_warning_of_a_stage_that_was_not_built_or_of_another_builder_is_not_shown():
    text = "FROM a AS x\nCOPY --from=y / /\nFROM b AS y\nRUN setcap cap_chown=ep /p\nFROM c\nCOPY --from=y /p /p\n"
    read = Progress(dockerfile.parse(text), None, "buildkit")
    assert result(read).findings == ()
    text = text.replace("COPY --from=y / /\n", "")
    assert [each.rule for each in result(Progress(dockerfile.parse(text), None, "legacy"), builder="legacy").findings] == [
        "lost-capabilities"]


def test_a_build_under_way_as_html():
    progress = state()
    progress.sent = 1_500_000
    assert page(progress_view(progress, 1)).text == "Sending the build context: 1.50 MB"
    for event in STORY[:7]:
        progress.add(event)
    progress.add(Output("2", "".join(f"line {n}\n" for n in range(20))))
    shown = page(progress_view(progress, 61)).text
    assert "1 of 3 steps, 1 min 01 s" in shown
    assert "line 19" in shown and "line 13" not in shown


def test_a_build_that_ended_before_its_first_step_has_done_none_of_none():
    assert page(progress_view(state(), 1, ended=True)).text == "Ended after 1.0 s, before the first step"
    progress = state()
    for event in STORY[:7]:
        progress.add(event)
    assert "Ended after 1.0 s, with 1 of 3 steps done" in page(progress_view(progress, 1, ended=True)).text


def test_steps_under_way_are_listed_as_in_the_dockerfile():
    progress = state()
    for event in reversed(STORY[:7]):
        progress.add(event)
    shown = page(progress_view(progress, 61)).text
    lines = [step.instruction for step in sorted(progress.steps(), key=lambda step: step.line or 0) if step.stage]
    assert len(lines) > 1 and lines != [step.instruction for step in progress.steps() if step.stage]
    assert [shown.index(line) for line in lines] == sorted(shown.index(line) for line in lines)


def test_a_long_step_keeps_its_stage_whole():
    progress = Progress(dockerfile.parse("FROM a AS builder\nRUN --mount=type=cache,target=/x \\\n    b\n"), None, "buildkit")
    progress.add(StepSeen("1", "[builder 2/2] RUN --mount=type=cache,target=/x     b", 1))
    for shown in (progress_view(progress, 1), build_view(result(progress))):
        assert "RUN --mount=type=cache,target=/x b" in page(shown).text
        assert '<code style="white-space:nowrap">builder</code>' in shown
    whole, steps = build_view(result(progress)).split("<details>")
    assert all('<code style="white-space:nowrap">builder</code>' in table for table in (whole, steps))


def image(**other) -> Image:
    layers = (Layer("sha256:1", "ADD rootfs /", 5_000_000, 1234), Layer("sha256:2", NASTY, 7, 1))
    return Image(**{"reference": "a:1", "id": "sha256:x", "layers": layers, "created": "", "labels": {},
                    "base": "b", "base_layers": 1, **other})


def test_an_image_as_html():
    shown = page(image_view(image(labels={labels.STAND_IN: "golang:1.22"})))
    assert "a:1: 5.00 MB unpacked in 2 layers" in shown.text
    assert "1,234" in shown.text and NASTY in shown.text
    assert "Its base stands in for golang:1.22." in shown.text
    assert shown.words.count("base") == 1


def test_a_long_instruction_is_cut_where_files_are_found():
    layer = Layer("sha256:2", f"RUN apt-get install {' '.join(map(str, range(100)))}", 7, 1)
    shown = page(Finds(image(), {"tool": "/tool"}, {"/tool": layer})._repr_html_()).text
    assert "RUN apt-get install 0 1" in shown and "\u2026" in shown and " 90 " not in shown


def test_bases_say_their_name_in_the_engine_where_it_is_another():
    same = ResolvedBase("a:1", True, "pulled", "a:1")
    other = ResolvedBase("b:1", True, "made", "localhost/multistage.course/b:1", True, "packages")
    assert "name in this engine" not in page(Bases([same])._repr_html_()).text
    shown = page(Bases([same, other])._repr_html_()).text
    assert "name in this engine" in shown and "localhost/multistage.course/b:1" in shown and "packages" in shown


def test_every_view_escapes_what_it_shows():
    progress = Progress(dockerfile.parse("FROM a\nRUN b\n"), None, "buildkit")
    progress.add(StepSeen("1", f"[2/2] RUN {NASTY}", 1))
    progress.add(Output("1", NASTY))
    other = ResolvedBase(NASTY, True, "made", NASTY + "2", made_of=NASTY)
    layer = image().layers[1]
    for text in (progress_view(progress, 1), build_view(result(progress, tag=NASTY, bases=(other,))),
                 image_view(image(reference=NASTY, labels={labels.STAND_IN: NASTY})),
                 table((NASTY,), [], NASTY), code(NASTY), say(NASTY)._repr_html_(),
                 Bases([other])._repr_html_(), Listing(NASTY, NASTY)._repr_html_(),
                 Finds(image(reference=NASTY, base=NASTY), {NASTY: "/a"}, {"/a": layer})._repr_html_()):
        assert NASTY in page(text).text


def test_a_table():
    assert table(("a", "b"), [("1", "<b>2</b>")], "c", right=(1,)) == (
        '<table><caption style="text-align:left">c</caption><thead><tr>'
        '<th scope="col" style="text-align:left">a</th><th scope="col" style="text-align:right">b</th>'
        '</tr></thead><tbody><tr><td style="text-align:left">1</td>'
        '<td style="text-align:right;white-space:nowrap"><b>2</b></td></tr></tbody></table>')
    assert "<caption" not in table((), [])


@pytest.mark.parametrize("text, whole", [
    ("9f4b3189c220", True), ("FROM golang:1.22", True), ("", True), ("/usr/local/go/bin/go", True), ("f" * 64, False),
    ("RUN " + "x" * 21, False)])
def test_a_short_word_of_code_is_not_broken_in_a_table(text, whole):
    assert ("overflow-wrap:break-word" in code(text)) == whole and page(code(text)).text == text


def test_names_within_a_tag_are_left_alone():
    assert whole_names('<b style="a-b:c">a-b</b>') == '<b style="a-b:c"><span style="white-space:nowrap">a-b</span></b>'


def test_a_word_of_a_command_is_broken_only_where_a_line_does_not_hold_it():
    whole, block = '<span style="white-space:nowrap">', f'<span style="{_BLOCK}">'
    assert whole_words("plain --no-cache\nid=token,env=TOKEN") == f"plain {whole}--no-cache</span>\n{whole}id=token,env=TOKEN</span>"
    assert whole_words("type=oci,dest=/tmp/a.tar,name=twice:first") == (
        f"{block}{whole}type=oci,</span>{whole}dest=/tmp/a.tar,</span>{whole}name=twice:first</span></span>")
    longest = whole_words(f"127.0.0.1:5000/base@sha256:{'0' * 64}")
    assert longest.startswith(block) and longest.count("<span") == 1 and f"{'0' * 32}<wbr>" in longest


def test_the_end_of_a_log_keeps_its_indents():
    assert page(paragraph("Why:\n   8 | ARG a\n>  9 | RUN")).text == "Why:   8 | ARG a>  9 | RUN"
    assert "<br>&nbsp;&nbsp;&nbsp;8 |" in paragraph("Why:\n   8 | ARG a")


def test_a_long_word_of_code_may_be_broken_where_it_is_joined_and_nowhere_else():
    assert "<wbr>" not in code("COPY --from=builder /app/app /app/app")
    assert "/usr/<wbr>local/<wbr>lib/<wbr>node_modules" in code("ADD /usr/local/lib/node_modules")
    assert "apps/<wbr>greeter/<wbr>Dockerfile.moving" in code("notebooks/apps/greeter/Dockerfile.moving")
    assert "from=<wbr>builder,<wbr>source=<wbr>/a" in code("--mount=type=bind,from=builder,source=/a")
    assert "predicate.<wbr>buildDefinition.<wbr>externalParameters" in code("predicate.buildDefinition.externalParameters")
    assert "http://127.0.0.1:8080/<wbr>menu" in code("ADD http://127.0.0.1:8080/menu")
    assert "python3.11/<wbr>" in code("/usr/lib/python3.11/site")
    assert not code("a" * 30 + "/").endswith("<wbr></code>")
    assert page(code("<" * 30 + "/b&=c")).text == "<" * 30 + "/b&=c"


@pytest.mark.parametrize("text, option", [
    ("COPY --from=builder /app /app", "--from"), ("docker run --rm x", "--rm"), ("docker build -f a-b .", "-f"),
    ("RUN --mount=type=bind,from=builder,source=/a", "--mount"), ("docker build --build-arg=GO=1 .", "--build-arg"),
    ("curl --retry-connrefused", "--retry-connrefused")])
def test_the_name_of_an_option_is_never_broken(text, option):
    for shown in (code(text), paragraph(text), say(text)._repr_html_()):
        assert f'<span style="white-space:nowrap">{option}</span>' in shown
        assert page(shown).text == text


def test_dollars_in_a_sentence_are_no_formula_and_backticks_mean_code():
    shown = paragraph("Line 9 expands $TASTE. Write `RUN x`, or $FLAVOUR.")
    assert "<code>RUN x</code>" in shown
    assert re.search(r"[$][^<]*[$]", shown) is None    # JupyterLab typesets what stands between two in one element
    assert page(shown).text == "Line 9 expands $TASTE. Write RUN x, or $FLAVOUR."


@pytest.mark.parametrize("text, names", [
    ("FROM debian:bookworm-slim AS a-b", ["bookworm-slim", "a-b"]), ("cp -r /tmp/multistage-copy-1/Dockerfile.one-stage .",
     ["-r", "multistage-copy-1", "Dockerfile.one-stage"]), ("ls -rw-r--r--", ["-rw-r--r--"]), ("docker cp a:/b -", []),
    ("FROM gcr.io/distroless/base-debian12@sha256:" + "f" * 64, ["base-debian12"]), ("x" * 26 + "-y", ["x" * 26 + "-y"]), ("x" * 27 + "-y", []),
    ("a-" * 30, [])], ids=repr)
def test_no_line_ends_at_a_hyphen_in_a_name(text, names):
    for shown in (code(text), paragraph(f"Run `{text}`."), paragraph(text)):
        assert re.findall(r'<span style="white-space:nowrap">(.*?)</span>', shown) == names
        assert text in page(shown).text


@pytest.mark.parametrize("text", ["RUN a \\\n    b", "\n\na\n", "  <b> -x\n", ""])
def test_each_line_of_commands_hangs_below_its_own_beginning(text):
    shown = Script(text)._repr_html_()
    assert page(shown).text == f"In your terminal{text}"
    found = re.findall(r"display:block;padding-left:(.+?)em;padding-left:min\((\d+)ch,100vw - 36ch\);"
                       r"text-indent:-(.+?)em;text-indent:max\(-(\d+)ch,36ch - 100vw\)", shown)
    columns = [len(line) - len(line.lstrip()) + 2 for line in text.split("\n")]
    assert found == [(f"{0.6 * each:.4g}", str(each)) * 2 for each in columns]


def test_a_digest_is_shown_as_docker_shows_one():
    base = "host:1/a@sha256:" + "0123456789abcdef" * 4
    progress = Progress(dockerfile.parse(f"FROM {base} AS builder\n"), None, "buildkit")
    progress.add(StepSeen("1", f"[builder 1/1] FROM {base}", 1))
    shown = page(build_view(result(progress))).text
    assert shown.count("host:1/a@sha256:0123456789ab\u2026") == 2 and base not in shown


def test_a_sentence_has_no_quotation_marks_and_its_digests_are_short():
    assert repr(say("It's so.")) == "It's so."
    said = say("FROM a@sha256:" + "0123456789abcdef" * 4 + ".")
    assert repr(said) == "FROM a@sha256:0123456789ab\u2026." and said._repr_html_() == f"<p>{said!r}</p>"


def test_a_paragraph_may_break_in_the_middle_of_a_digest():
    digest = "sha256:" + "0123456789abcdef" * 4
    assert paragraph(f"FROM a@{digest}.") == f"<p>FROM a@<wbr>{digest[:39]}<wbr>{digest[39:]}.</p>"
    assert "<wbr>" not in paragraph("0123456789abcdef0123456789abcdef in short")


def test_a_sentence_may_break_within_an_address():
    assert "/<wbr>images/<wbr>" in paragraph("(docs.docker.com/building/images/stages)")


@pytest.mark.parametrize("word", ["waiting", "running", "cached", "done", "failed", "built", "skipped"])
def test_a_status_is_a_word_and_its_mark_is_silent(word):
    assert page(status("odd")).text == " odd"     # one that has no mark
    shown = page(status(word))
    assert shown.text.endswith(f" {word}")
    # The words have the colour of the page, be it white or dark: the mark alone has one of its own.
    (_, words), (_, mark) = shown.tags
    assert "color" not in words["style"] and "color" in mark["style"] and mark["aria-hidden"] == "true"
    assert [facts.get("aria-hidden") for tag, facts in shown.tags] == [None, "true"]
    assert len(shown.words[0]) == 1


def test_outside_of_a_notebook_there_is_nothing_to_register():
    views.register()


@pytest.mark.parametrize("text", ["FROM a AS b\n# note\nRUN x \\\n  && y\n", "RUN cat <<E > /a\n<b> & c\nE\n", "FROM\tx\n\n\nCMD [\"a\"]",
                                  "RUN " + "x" * 300, "\n" * 1200])
def test_a_listing_has_colours_and_every_letter_of_the_file_in_a_monospace_face(text):
    listing = Listing("Dockerfile", text)
    assert repr(Listing("Dockerfile", "FROM a\n\nRUN b\n")) == "  1  FROM a\n  2  \n  3  RUN b"
    shown = page(listing._repr_html_())
    assert shown.text == "Dockerfile" + repr(listing)
    assert [tag for tag, _ in shown.tags][:4] == ["figure", "figcaption", "pre", "code"]     # without styles monospace too
    assert "monospace" in shown.tags[2][1]["style"]
    for line in listing._repr_html_().split("\n</span>"):
        assert line.count("<span") - line.count("</span>") in (0, 1)     # a line's element, which ends with it


def test_a_keyword_a_comment_and_an_image_have_three_looks():
    shown = page(Listing("Dockerfile", "# syntax\nFROM golang:1.22\n")._repr_html_())
    looks = {facts["style"] for tag, facts in shown.tags if tag == "span" and facts["style"].startswith("color")
             and "user-select" not in facts["style"]}
    assert len(looks) == 3


def test_finds_name_what_brought_each():
    layer = Layer("sha256:1", "COPY . .", 5, 1)
    below = image().layers[0]
    finds = Finds(image(), {"source": "/s", "gcc": "/gcc", "go": "/go"}, {"/s": layer, "/gcc": below})
    assert finds.present == ["source", "gcc"]
    assert [line.split() for line in repr(finds).splitlines()] == [
        ["source", "/s", "this", "Dockerfile", "COPY", ".", "."], ["gcc", "/gcc", "FROM", "b", "ADD", "rootfs", "/"],
        ["go", "not", "there"]]
    shown = page(finds._repr_html_())
    assert shown.text.endswith("source/sthis DockerfileCOPY . .gcc/gccFROM bADD rootfs /gonot there")
    assert [tag for tag, _ in shown.tags].count("code") == 5   # paths, FROM and instructions; plain words are none
