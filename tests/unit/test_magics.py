"""The magics, in a shell without an engine."""

import shlex
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from helpers import magics
from helpers.checks import Fail, Verdict, progress
from helpers.errors import BuildFailed, CourseError, DockerfileError, ExerciseError, Unsupported
from helpers.views.exercises import MarkedDockerfile, progress_text, progress_view, verdict_view
from tests.unit.checks.test_checks import folder  # noqa: F401
from tests.unit.test_project import Tags

VERDICT = Verdict("99-thing", "Dockerfile", ("syntax", "stages"), (Fail("absent", "A <gcc>.", 2),), ("A note.",), "A hint.",
                  text="FROM scratch\nCOPY . . # <b>\n", goals=("stages", "absent", "size"))


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTISTAGE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "helpers.magics")
    monkeypatch.setattr(magics.ExerciseMagics, "_name", "")
    yield shell
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("name, kind", [("dockerfile", "cell"), ("dockerfile", "line"), ("in_step", "cell"), ("check", "line"), ("hint", "line"), ("progress", "line"), ("class", "line")])
def test_each_has_a_docstring(shell, name, kind):
    assert len(shell.find_magic(name, kind).__doc__) > 80


def test_a_line_that_cannot_be_read_is_marked_and_nothing_is_built(shell, folder, monkeypatch):
    monkeypatch.setattr(magics, "connect", lambda: pytest.fail("the engine was asked"))
    with capture_output() as seen, pytest.raises(DockerfileError) as caught:
        shell.run_cell_magic("dockerfile", shlex.quote(str(folder)), "FROM scratch\n  COPPY . /\n")
    shown, = seen.outputs
    assert caught.value.line == 2 and not (folder / "work").exists()
    text = shown.data["text/plain"].splitlines()
    assert text[1].startswith(">  2 |   COPPY") and text[2].index("^") == text[1].index("COPPY")
    assert "role='alert'" in shown.data["text/html"]


def test_a_long_dockerfile_is_kept_and_built_as_a_file(shell, folder, monkeypatch):
    built = []
    monkeypatch.setattr(magics, "build", lambda exercise, text, *_: built.append(text))
    work = folder / "work" / "Dockerfile"
    shell.run_line_magic("dockerfile", shlex.quote(str(folder)))
    assert work.read_text() == built[0] == (folder / "Dockerfile").read_text()
    work.write_text("FROM scratch AS mine\n")
    shell.run_line_magic("dockerfile", "")
    assert work.read_text() == built[1] == "FROM scratch AS mine\n"


def test_a_verdict_is_given_on_the_learners_own_file(shell, folder):
    (folder / "work").mkdir()
    (folder / "work" / "Dockerfile").write_text("FROM golang:1.22\n")
    verdict = shell.run_line_magic("check", shlex.quote(str(folder)))
    assert not verdict.passed and verdict.dockerfile.endswith("work/Dockerfile")
    assert verdict.fails[0].rule == "single-stage" and "Hint 1 of 2" in repr(verdict)
    again = shell.run_line_magic("check", "")     # the same exercise
    assert again.exercise == "99-thing" and progress.load().record("99-thing").attempts == 2


def test_a_path_with_a_space_is_given_in_quotes(shell, folder, tmp_path):
    (tmp_path / "a b").mkdir()
    moved = folder.rename(tmp_path / "a b" / folder.name)
    (tmp_path / "a b" / "my file").write_text("FROM golang:1.22\n")
    verdict = shell.run_line_magic("check", f"'{moved}' --dockerfile \"a b/my file\"")
    assert verdict.exercise == "99-thing" and verdict.dockerfile.endswith("my file") and verdict.fails[0].rule == "single-stage"


def test_hints_come_one_at_a_time(shell, folder):
    told = []
    for _ in range(3):
        with capture_output() as seen:
            shell.run_line_magic("hint", shlex.quote(str(folder)))
        told.append(seen.outputs[0].data["text/markdown"])
        assert seen.outputs[0].data["text/plain"] == told[-1]
    assert told == ["**Hint 1 of 2**\n\nFirst `a`.", "**Hint 2 of 2**\n\nSecond.", "**Hint 2 of 2**\n\nSecond."]
    assert progress.load().record("99-thing").hints == 2


def test_a_button_shows_the_hints_in_turn(shell, folder):
    button = shell.run_line_magic("hint", f"{shlex.quote(str(folder))} --button")
    box = button._widget()
    press, out = box.children
    assert press.description == "Hint 1 of 2" and progress.load().record("99-thing").hints == 0
    press.click()
    assert press.description == "Hint 2 of 2" and progress.load().record("99-thing").hints == 1
    press.click()
    assert press.description == "No more hints" and press.disabled
    assert [each["data"]["text/markdown"] for each in out.outputs] == ["**Hint 1 of 2**\n\nFirst `a`.", "**Hint 2 of 2**\n\nSecond."]
    button._widget().children[0].click()     # seen again, and not counted again
    assert progress.load().record("99-thing").hints == 2


def test_without_widgets_the_button_is_a_sentence(shell, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    shown = shell.run_line_magic("hint", f"{shlex.quote(str(folder))} --button")._repr_mimebundle_()
    assert shown.keys() == {"text/plain", "text/html"} and "2 hints, the smallest first. %hint 99-thing" in shown["text/plain"]


def test_progress_goes_out_and_comes_back(shell, tmp_path):
    progress.attempted(VERDICT)
    with capture_output():
        shell.run_line_magic("progress", "export out.json")
    progress.path().unlink()
    done = shell.run_line_magic("progress", "import out.json")
    assert done.record("99-thing").attempts == 1 and "1 of 3 goals met" in progress_text(done)
    with pytest.raises(CourseError, match="cannot be read"):
        shell.run_line_magic("progress", "import nowhere.json")


def test_the_class_view_is_switched_off_and_on(shell, home, monkeypatch, capsys):
    with pytest.raises(CourseError, match="not a session in a class"):
        shell.run_line_magic("class", "off")
    monkeypatch.setenv(magics.client.ADDRESS, "http://127.0.0.1:9/")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "token")
    for word, sends in (("off", False), ("on", True)):
        shell.run_line_magic("class", word)
        assert magics.client.sending() is sends
    assert capsys.readouterr().out.splitlines() == ["Nothing is sent from now on.", "Your answers are sent to the instructor."]
    assert shell.run_cell("class Mine: pass").success     # still Python's own word
    assert "Mine" in shell.user_ns


def test_a_check_in_a_class_is_sent(shell, folder, monkeypatch):
    sent = []
    monkeypatch.setattr(magics.client, "_send", sent.append)
    (folder / "work").mkdir()
    (folder / "work" / "Dockerfile").write_text("FROM golang:1.22\n")
    shell.run_line_magic("check", shlex.quote(str(folder)))
    event, = sent
    assert event["exercise"] == "99-thing" and event["passed"] is False and event["fails"][0] == "single-stage"
    assert set(event) == {"kind", "exercise", "passed", "fails"}


def test_without_a_name_the_exercises_are_told(shell):
    with pytest.raises(CourseError) as caught:
        shell.run_line_magic("check", "")
    assert "01-split-the-stage" in caught.value.remedy
    with pytest.raises(ExerciseError):
        shell.run_line_magic("check", "zz")


@pytest.mark.parametrize("line, wanted", [
    ("%check 01", "01-split-the-stage"), ("%%dockerfile 01", "01-split-the-stage"),
    ("%%dockerfile 01-split-the-stage --bu", "--builder"), ("%%dockerfile 01-split-the-stage --builder le", "legacy"),
    ("%check --d", "--dockerfile"), ("%progress ex", "export"), ("%class o", "off"), ("%hint 01", "01-split-the-stage")])
def test_a_tab_completes(shell, line, wanted):
    assert wanted in shell.complete("", line, len(line))[1]


def test_a_tab_knows_the_stages(shell, folder):
    (folder / "work").mkdir()
    (folder / "work" / "Dockerfile").write_text("FROM a AS first\nFROM b AS last\n")
    line = f"%%dockerfile ./{folder.name} --target la"     # in the current folder
    assert "last" in shell.complete("", line, len(line))[1]


def test_a_verdict_reads_well_aloud():
    page = verdict_view(VERDICT)
    tags = Tags(page).found
    assert ("section", {"role": "status", "aria-label": "Verdict"}) in tags
    assert [tag for tag, _ in tags if tag in ("h3", "h4", "ol", "ul")] == ["h3", "h4", "ol", "h4", "ul", "ul"]
    assert "<gcc>" not in page and "<b>" not in page and "COPY . . # &lt;b&gt;" in page
    marks = [attributes for tag, attributes in tags if tag == "span"]
    assert len(marks) == 3 and all(each.get("aria-hidden") == "true" for each in marks)


def test_code_in_a_sentence_is_code():
    shown = verdict_view(Verdict("x", "Dockerfile", (), (Fail("bases", "`# syntax=<b>` is read."),), hint="Ask `%hint x`."))
    assert "<code># syntax=&lt;b&gt;</code> is read." in shown and "Ask <code>%hint x</code>." in shown and "`" not in shown


def test_a_passed_one_says_so():
    passed = Verdict("x", "Dockerfile", ("syntax",), ())
    assert "Passed: x" in str(passed) and "To fix" not in verdict_view(passed)


def test_progress_is_a_table():
    done = progress.ExerciseProgress({"<x>": progress.Record(2, 1, "2026-01-02T00:00:00+00:00", None, 3, 3)}, "/aside")
    assert progress_text(done).splitlines()[0] == "<x>  passed 2026-01-02  2 attempts  1 hint"
    page = progress_view(done)
    assert "<caption" in page and "<th" in page and "&lt;x&gt;" in page and "/aside" in page
    assert "Nothing has been tried" in progress_view(progress.ExerciseProgress())


def test_the_mark_stands_below_the_line():
    assert repr(MarkedDockerfile("A\nB c\n", 2, "No.")).splitlines() == ["   1 | A", ">  2 | B c", "       ^^^", "       No."]


def test_the_buttons_take_progress_out_and_in(shell, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("ipywidgets.HBox", lambda children: made.extend(children))
    progress.attempted(VERDICT)
    with capture_output():
        magics._buttons()
        give, take = made
        give.click()
    kept = (tmp_path / "multistage-progress.json").read_bytes()
    progress.path().unlink()
    with capture_output():
        take.value = ({"name": "p.json", "type": "application/json", "size": len(kept), "content": memoryview(kept),
                       "last_modified": datetime.now(UTC)},)
    assert progress.load().record("99-thing").attempts == 1
    assert all(each.tooltip and each.description for each in made)


class Entered:
    """A snapshot that notes what is run in it."""

    summary = "Stage builder: working directory /app, user root."

    def __init__(self, exit_code=0):
        self.asked, self._exit_code = [], exit_code

    def entered(self, image):
        self.asked.append(image)
        return self

    def run(self, command):
        self.asked.append(command)
        return SimpleNamespace(output="said\n", exit_code=self._exit_code)


def failed_build(state):
    failure = BuildFailed("It failed.", line=3)
    failure.snapshots = SimpleNamespace(failed=lambda line: state, at=lambda line: state, stage=lambda name: state)
    return failure


def test_a_cell_runs_where_the_last_build_failed(shell, monkeypatch, capsys):
    state = Entered(exit_code=3)
    monkeypatch.setattr(magics.recent, "failure", failed_build(state))
    shell.run_cell_magic("in_step", "--shell-from alpine:3", "ls\npwd\n")
    assert state.asked == ["alpine:3", "ls\npwd\n"] and shell.user_ns["_exit_code"] == 3
    assert capsys.readouterr().out == f"{Entered.summary}\nsaid\nExit code 3.\n"


def test_a_variable_a_stage_and_a_line_say_where_a_cell_runs(shell, monkeypatch, capsys):
    asked = []
    failure = failed_build(Entered())
    failure.snapshots.at = lambda line: asked.append(line) or Entered()
    failure.snapshots.stage = lambda name: asked.append(name) or Entered()
    monkeypatch.setattr(magics.recent, "last", None)
    shell.user_ns["mine"] = failure
    for options in ("mine --line 4", "mine --stage builder", "mine"):
        shell.run_cell_magic("in_step", options, "ls")
    assert asked == [4, "builder"] and capsys.readouterr().out.count("said") == 3


def test_a_cell_that_has_no_build_says_what_to_do(shell, monkeypatch):
    monkeypatch.setattr(magics.recent, "failure", None)
    monkeypatch.setattr(magics.recent, "last", None)
    for options, words in (("", "Nothing has been built"), ("--stage x", "Nothing has been built"), ("nobody", "nobody is neither a build")):
        with pytest.raises(CourseError, match=words):
            shell.run_cell_magic("in_step", options, "ls")
    shell.user_ns["legacy"] = BuildFailed("x", line=3)
    with pytest.raises(Unsupported, match="This failure left no state"):
        shell.run_cell_magic("in_step", "legacy", "ls")
    with pytest.raises(Unsupported, match="cannot be inspected"):
        shell.run_cell_magic("in_step", "legacy --line 2", "ls")
