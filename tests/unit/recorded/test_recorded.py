"""Recorded results: when they are shown instead of measurements, and how."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient

from helpers.errors import CourseError, NoEngine, Unsupported
from helpers.lesson.session import ThisRun
from helpers.recorded import Cells, Missing, NeedsEngine, Recording, frames, register
from helpers.recorded.recordings import COMMANDS, MARK, RUN, recording, recordings
from helpers.widgets.ask import COMPARED, predict, retold
from tests.unit.recorded.without_engine import run_cells

ROOT = Path(__file__).resolve().parents[3]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
FACTS = {"engine": "Docker Engine 28.5 (API 1.51, overlay2), started by the course", "date": "2026-11-24"}


def value(text, html=None, **metadata):
    return {"output_type": "execute_result", "execution_count": 1, "metadata": metadata,
            "data": {"text/plain": text} | ({"text/html": html} if html else {})}


def notebook(*cells, facts=FACTS):
    """A notebook with these (source, outputs) after a cell with engine and date."""
    every = [("this_run()", [value("It ran.", **{RUN: facts})]), *cells]
    return json.dumps({"cells": [
        {"cell_type": "code", "source": source.splitlines(True), "outputs": outputs, "metadata": {},
         "execution_count": 1} for source, outputs in every], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def kernel():
    """kernel(source) runs a cell in a shell with a recorded lesson: (published and printed output, result)."""
    recorded = recording("01-x", notebook(
        ("image = engine()\nimage", [value("700 MB", "<b>700 MB</b>")]), ("chart = image.size", []),
        ("print(chart)", [{"output_type": "stream", "name": "stdout", "text": ["drawn\n"]}]),
        ("twice()", [value("first")]), ("twice()", [value("second")]),
        ("old('legacy')", [value("legacy says")]), ("old('buildah')", [value("buildah says")]),
        ("engine() or 1", [value("Hello"), value("In a terminal: docker run x", "<p>docker</p>", **{COMMANDS: True})]),
        ("guess.compare(engine())", [value("You made no prediction. Measured: 700 MB.", **{
            COMPARED: {"question": "How large?", "measured": 700_000_000}})])))
    shell = InteractiveShell()
    cells = Cells(shell, [recorded], retold)
    shell.events.register("pre_run_cell", cells.begin)
    shell.ast_transformers.append(cells)

    def engine():
        raise NeedsEngine("There is no engine.")

    def old(builder):
        raise Unsupported(f"The builder {builder} is not here.")

    shell.push({"engine": engine, "twice": engine, "old": old})

    def run(source):
        shell.display_pub = CapturingDisplayPublisher()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            result = shell.run_cell(source, store_history=True)
        outputs = [SimpleNamespace(**each) for each in shell.display_pub.outputs]
        return SimpleNamespace(outputs=outputs, stdout=printed.getvalue()), result
    run.shell, run.cells = shell, cells
    return run


def texts(seen):
    return [output.data["text/plain"] for output in seen.outputs]


@pytest.mark.parametrize("source, expected", [
    ("x = 20\nx + 1", 21), ("def f(a):\n    return a * 2\n\nx = 20\nf(4)", 8),
    ("from __future__ import annotations\nx = 20", None)])
def test_a_cell_that_needs_no_engine_runs_normally(kernel, source, expected):
    _, result = kernel(source)
    assert result.success and result.result == expected and kernel("x")[1].result == 20
    assert kernel("print('here')")[0].stdout == "here\n"
    assert isinstance(kernel("1 / 0")[1].error_in_exec, ZeroDivisionError)


def test_a_recorded_cell_shows_date_and_engine(kernel):
    seen, result = kernel("image = engine()\nimage")
    assert result.success and result.result is None
    banner, shown = seen.outputs
    assert "There is no engine." in banner.data["text/plain"]
    for kind in ("text/plain", "text/html"):
        assert "Recorded on 24 November 2026 on Docker Engine 28.5" in shown.data[kind]
        assert "Not measured here." in shown.data[kind] and "700 MB" in shown.data[kind]
    assert "<b>700 MB</b>" in shown.data["text/html"] and "role='note'" in shown.data["text/html"]
    assert all(output.metadata == {MARK: True} for output in seen.outputs)


def test_docker_commands_have_no_frame(kernel):
    _, hello, command = kernel("engine() or 1")[0].outputs
    assert "Not measured here." in hello.data["text/html"]
    assert command.data == {"text/plain": "In a terminal: docker run x", "text/html": "<p>docker</p>"}


def test_a_cell_that_uses_a_recorded_one_does_not_run(kernel):
    kernel("image = engine()\nimage")
    seen, result = kernel("chart = image.size")
    assert result.success and seen.outputs == [] and type(kernel.shell.user_ns["chart"]) is Missing
    seen, _ = kernel("print(chart)")
    assert seen.stdout == "" and texts(seen) == [f"[{frames.when(kernel.cells._recorded[0])}]\ndrawn"]


def test_locals_of_functions_and_comprehensions_are_not_missing(kernel):
    kernel("image = [engine() for each in range(2)]")
    assert kernel("[each for each in range(3)]")[1].result == [0, 1, 2]
    assert kernel("def f(image):\n    return image\nf(3)")[1].result == 3
    seen, _ = kernel("g = lambda: image.size\ng()")
    assert "nothing is recorded" in texts(seen)[0]


def test_a_changed_cell_has_no_recording(kernel):
    seen, result = kernel("mine = engine()")
    assert result.success and texts(seen)[0].startswith("[Not run, and nothing is recorded for this cell.]")
    assert type(kernel.shell.user_ns["mine"]) is Missing


def test_names_set_before_the_engine_was_needed_are_kept(kernel):
    kernel("here = [1, 2]\nthere = engine()")
    assert kernel("sum(here)")[1].result == 3
    kernel("there = 5")
    assert kernel("there + 1")[1].result == 6


def test_a_repeated_cell_has_its_own_recording_and_the_reason_is_given_once(kernel):
    seen = [texts(kernel("twice()")[0]) for _ in range(3)]
    assert [each[-1].splitlines()[-1] for each in seen] == ["first", "second", "first"]
    assert [len(each) for each in seen] == [2, 1, 1]


def test_a_cell_that_expects_an_error_does_not_catch_this_one(kernel):
    seen, result = kernel("try:\n    engine()\nexcept Exception:\n    print('as expected')")
    assert result.success and seen.stdout == "" and "nothing is recorded" in texts(seen)[0]


@pytest.mark.parametrize("mine, said", [
    (300, "You predicted 300 MB. Measured: 700 MB, 2.33 times more."),
    (None, "You made no prediction. Measured: 700 MB.")])
def test_a_recorded_measurement_is_compared_with_this_session_s_prediction(home, kernel, mine, said):
    guess = predict("How large?", unit="MB")
    kernel.shell.push({"guess": guess})
    kernel("guess.compare(engine())")
    guess.value = mine   # the widget is filled in, and the cell run again
    seen, _ = kernel("guess.compare(engine())")
    shown, = seen.outputs
    assert texts(seen) == [f"[{frames.when(kernel.cells._recorded[0])}]\n{said}"]
    assert f"<p>{said}</p>" in shown.data["text/html"]


def test_each_missing_feature_of_the_engine_is_reported_once(kernel):
    for builder in ("legacy", "buildah"):
        first, second = (texts(kernel(f"old('{builder}')")[0]) for _ in range(2))
        assert f"The builder {builder} is not here." in first[0] and f"{builder} says" in first[1]
        assert len(second) == 1 and f"{builder} says" in second[0]
    assert isinstance(kernel("old('other')")[1].error_in_exec, Unsupported)     # nothing is recorded


@pytest.mark.parametrize("use", [
    str, repr, len, bool, iter, hash, lambda m: m.size, lambda m: m(), lambda m: m == 1, lambda m: m + 1,
    lambda m: 1 + m, lambda m: m[0], lambda m: 1 in m, lambda m: f"{m:>3}", lambda m: setattr(m, "x", 1),
    lambda m: m < 1, os.fspath, float])
def test_any_use_of_a_missing_value_raises(use):
    with pytest.raises(NeedsEngine, match="image was recorded"):
        use(Missing("image"))


def test_a_recording_has_the_run_s_engine_and_date():
    found = recording("02-y", notebook(("1", [])))
    assert (found.engine, found.date) == (FACTS["engine"], "2026-11-24")
    assert found.lesson == "02-y" and found.sources == ["this_run()", "1"]


def test_outputs_have_the_metadata_of_a_recording():
    """JupyterLab saves it with the output, and IPython still shows the text."""
    show = InteractiveShell().display_formatter.format
    data, metadata = show(ThisRun(FACTS["engine"], FACTS["date"]))
    assert data["text/html"].startswith("<p>Docker Engine 28.5") and data["text/plain"].endswith(". 2026-11-24.")
    assert metadata[RUN] == FACTS
    data, metadata = show(predict("How large?", unit="MB").compare(700_000_000))
    assert data["text/plain"] == "You made no prediction. Measured: 700 MB."
    assert metadata[COMPARED] == {"question": "How large?", "measured": 700_000_000}
    assert json.loads(json.dumps(show(predict("Who?", ["a"]).compare(Path("a")))[1]))[COMPARED]["measured"] == "a"


def test_every_lesson_is_recorded():
    assert [each.lesson for each in recordings(ROOT / "notebooks")] == [path.stem for path in LESSONS]


@pytest.mark.parametrize("text", [
    "", "[]", "{}", "no JSON", notebook(facts={}), notebook(facts=FACTS | {"date": "today"}), notebook(facts="it ran"),
    json.dumps({"cells": [{"cell_type": "code"}]}), json.dumps({"cells": [{"cell_type": "code", "source": "1", "outputs": []}]}),
    notebook(("1", [value("2") | {"metadata": {MARK: True}}]))])
def test_a_notebook_without_measurements_is_no_recording(text):
    assert recording("x", text) is None


def test_a_kernel_shows_recordings_of_its_own_notebook(tmp_path, monkeypatch):
    """JupyterLab names it; otherwise the cells run so far identify the lesson."""
    for name in ("01-x", "02-y"):
        (tmp_path / f"{name}.ipynb").write_text(notebook((f"'{name}'", []), ("engine()", [value(f"of {name}")])))

    def shown(session, *sources):
        shell = InteractiveShell()
        monkeypatch.setattr("IPython.get_ipython", lambda: shell)
        monkeypatch.setenv("JPY_SESSION_NAME", session)
        cells = register(tmp_path, lambda output: output)
        assert register(tmp_path, lambda output: output) is cells   # once in a kernel
        shell.push({"engine": lambda: cells.missing("x")})
        for source in sources:
            shell.display_pub = CapturingDisplayPublisher()
            shell.run_cell(source)
        return shell.display_pub.outputs[-1]["data"]["text/plain"]

    assert shown("notebooks/02-y.ipynb", "engine()").endswith("of 02-y")
    assert shown("notebooks/other.ipynb", "engine()").endswith("of 01-x")
    assert shown("", "'02-y'", "engine()").endswith("of 02-y")


def test_git_s_copy_is_read_instead_of_a_learner_s(tmp_path):
    path = tmp_path / "01-x.ipynb"
    path.write_text(notebook(("1", [value("kept")])))
    without, = recordings.__wrapped__(tmp_path)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    path.write_text(notebook(("1", [value("2") | {"metadata": {MARK: True}}])))
    found, = recordings.__wrapped__(tmp_path)
    assert found == without and found.outputs[1][0]["data"]["text/plain"] == "kept"


def test_a_banner_has_a_line_for_each_sentence():
    told = frames.banner("Not here.", "No engine.\nWhy: <none>", "", "Then run it.")
    assert told["text/plain"] == "[Not here.]\nNo engine.\nWhy: <none>\nThen run it."
    lines = [words.partition("</p>")[0] for words in told["text/html"].split("'>") if "</p>" in words]
    assert lines == ["No engine.", "Why: &lt;none&gt;", "Then run it."]


@pytest.mark.parametrize("output, page", [
    ({"output_type": "stream", "name": "stdout", "text": ["a <b>\n"]}, "<pre style='margin:0;white-space:pre-wrap;word-break:normal'>a &lt;b&gt;"),
    ({"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "A bar"}}, "<img alt='A bar' src='data:image/png;base64,AAAA'>"),
    ({"output_type": "error", "ename": "E", "evalue": "it broke", "traceback": []}, "E: it broke"),
    ({"output_type": "display_data", "data": {"image/svg+xml": ["<svg>", "</svg>"]}}, "<svg></svg>")])
def test_every_kind_of_output_is_framed(output, page):
    framed = frames.framed(output, Recording("x", "Docker Engine 1", "2026-01-02", [], []))
    assert page in framed["text/html"] and "2 January 2026" in framed["text/html"]
    assert framed["text/plain"].startswith("[Recorded on 2 January 2026 on Docker Engine 1.")


LIVE = ("from helpers", "doctor()", "predict(", "guess = predict", "show(", "ask(", "with_supported_bases(", "lint(",
        "interview()", "verdicts()", "claims.tested", "mine = files", "opinions(", "said.without", "predictions()")


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_without_an_engine_shows_what_was_recorded(path, tmp_path):
    """Every cell succeeds, shows what the committed lesson shows, and is marked if it needs an engine."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    marked = 0
    for before, outputs in zip(cells, run_cells([cell.source for cell in cells], path.parent, tmp_path), strict=True):
        recorded = [output for output in outputs if output.get("metadata", {}).get(MARK)]
        marked += len(recorded)
        live = [output for output in outputs if output not in recorded and (
            output.get("text") or output.get("data", {}).get("text/plain") or output.get("data", {}).get("text/html"))]
        assert len(live) + len(recorded) >= len(before.outputs), before.source
        assert not live or any(word in before.source for word in LIVE), f"shown as live: {before.source}"
        assert not (live and recorded), before.source
        framed = [output["data"]["text/html"] for output in recorded]
        assert all("ecorded" in page or "In a terminal" in page for page in framed)
    assert marked > 5


def test_outside_a_notebook_a_missing_engine_is_an_error():
    done = subprocess.run([sys.executable, "-c", "from helpers.lesson import *\nthis_run()"], cwd=ROOT,
                          env={**os.environ, "MULTISTAGE_NO_ENGINE": "1"}, capture_output=True, text=True)
    assert done.returncode and "NoEngine" in done.stderr and "Codespaces" in done.stderr
    assert issubclass(NoEngine, CourseError)


def test_where_tests_require_an_engine_its_absence_is_an_error():
    """In a kernel too, where recorded outputs would pass for measured ones."""
    cells = ["from helpers.lesson import *", "this_run()"]
    run = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    client = NotebookClient(run, timeout=120, kernel_name="python3", allow_errors=True)
    needed = {"MULTISTAGE_NO_ENGINE": "1", "MULTISTAGE_REQUIRE_ENGINE": "1", "PYTHONPATH": str(ROOT)}
    with client.setup_kernel(env={**os.environ, **needed}):
        for index, cell in enumerate(run.cells):
            client.execute_cell(cell, index)
    assert [output.ename for output in run.cells[1].outputs] == ["NoEngine"]


def test_where_tests_require_an_engine_missing_features_are_still_recorded(monkeypatch):
    monkeypatch.delenv("MULTISTAGE_REQUIRE_ENGINE", raising=False)
    assert NoEngine in Cells(None, []).wanting
    monkeypatch.setenv("MULTISTAGE_REQUIRE_ENGINE", "1")
    assert Cells(None, []).wanting == (NeedsEngine, Unsupported)
