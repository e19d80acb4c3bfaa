"""A lesson in JupyterLab in a real browser, as a learner sees and uses it."""

import re
import secrets
import time

import nbformat
import pytest
from playwright.sync_api import expect

from tests.waiting import running, until

from .conftest import LESSON, SHOTS
from .notebook import ERROR, Notebook
from .server import CHECKOUT

IDLE_SECONDS = 10    # from interrupting to an idle kernel
SLACK = 2            # pixels of rounding
BAD = f"{ERROR}, .jupyter-widgets-error-widget"
LONG = [f"{number}: all that, and a shell, a package manager and the caches of both" for number in (1, 2)]

# Outputs whose content is wider or overflows on the right.
WIDE = """(view, slack) => {
  view.querySelectorAll('details').forEach(fold => fold.open = true);
  const wide = [];
  for (const output of view.querySelectorAll('.jp-OutputArea-output')) {
    const edge = output.getBoundingClientRect().right + slack;
    const shown = [...output.querySelectorAll('img, table, pre, .jupyter-widgets')];
    const scrolls = part => getComputedStyle(part).overflowX === 'auto';   // a listing, in itself
    if (output.scrollWidth > output.clientWidth + slack
        || shown.some(part => part.getBoundingClientRect().right > edge
                              || !scrolls(part) && part.scrollWidth > part.clientWidth + slack))
      wide.push(`${output.scrollWidth} in ${output.clientWidth}: ${output.textContent.slice(0, 60)}`);
  }
  return wide;
}"""
# The button is on the first line of its label, and the whole row is in the box.
BESIDE = """row => {
  const words = document.createRange();
  words.selectNodeContents(row);
  const button = row.querySelector('input').getBoundingClientRect();
  const text = [...words.getClientRects()].filter(rect => rect.width > 20)[0];
  const box = row.closest('.widget-radio-box').getBoundingClientRect();
  return button.top < text.bottom && button.bottom > text.top
    && row.getBoundingClientRect().bottom <= box.bottom + 2 && button.bottom <= box.bottom + 2;
}"""
TABLES = """tables => tables.map(table => [...table.rows[0].cells].map(
  cell => cell.tagName === 'TH' && cell.scope === 'col'))"""
IMAGES = "images => images.map(image => [image.alt, image.complete && image.naturalWidth])"


@pytest.fixture(scope="module")
def lesson(window, engine, lab):
    """Lesson 02, opened and run once from the menu."""
    notebook = Notebook.open(window.new_page(), *lab, LESSON)
    notebook.run_all()
    notebook.await_run()
    notebook.show_all(1400)
    return notebook


@pytest.fixture
def scratch(request, window, engine, lab, course):
    """A function that opens a new notebook with the given cells."""
    page = window.new_page()

    def opened(*cells):
        name = f"scratch-{secrets.token_hex(4)}.ipynb"
        sheet = nbformat.v4.new_notebook(metadata={"kernelspec": {
            "name": "python3", "display_name": "Python 3", "language": "python"}})
        sheet.cells = [nbformat.v4.new_code_cell(source) for source in cells]
        nbformat.write(sheet, course / "notebooks" / name)
        return Notebook.open(page, *lab, f"notebooks/{name}")

    yield opened
    page.screenshot(path=_shot(request.node.name))
    page.close()


# -- a lesson, run from the menu ------------------------------------------------

def test_every_cell_ran_in_order_without_errors(lesson):
    cells = [cell for cell in nbformat.read(CHECKOUT / LESSON, as_version=4).cells if cell.cell_type == "code"]
    assert lesson.counts() == [str(number + 1) for number in range(len(cells))]
    _assert_clean(lesson)
    assert lesson.view.get_by_text("Building with").count() == 0, "a finished build is shown as running"


def test_each_build_ends_as_a_table(lesson):
    built = lesson.output(lesson.cell('multi = build("go-hello"'))
    expect(built.locator("caption")).to_contain_text(re.compile(r"go-hello:multi: (built|from the cache) in .+ with \w+"))
    assert built.locator("thead th").all_text_contents()[:3] == ["stage", "from", "status"]
    assert built.get_by_text("builder", exact=True).count() >= 1
    assert built.locator(".jupyter-widgets").count() == 0, "the live view is still there"


def test_charts_are_drawn_with_their_findings_as_text(lesson):
    sizes = lesson.output(lesson.cell("charts.sizes([one, two]")).locator("img.chart")
    (alt, width), = sizes.evaluate_all(IMAGES)
    assert re.match(r"One stage: \S+ [MG]B, two stages: \S+ [kMG]B, \S+ times smaller\.", alt)
    assert width > 0
    graph = lesson.output(lesson.cell("charts.stages(multi)")).locator("img.chart")
    (alt, width), = graph.evaluate_all(IMAGES)
    assert alt.startswith("Only stage-1 is shipped") and width > 0


# -- accessibility, and small screens ----------------------------------------------

def test_every_image_has_alternative_text(lesson):
    images = lesson.view.locator(".jp-OutputArea-output img:not(.chart-dark)").evaluate_all(IMAGES)
    assert len(images) >= 2
    assert all(len(alt) > 20 and width for alt, width in images), images


def test_every_table_names_its_columns(lesson):
    tables = lesson.view.locator(".jp-OutputArea-output table").evaluate_all(TABLES)
    assert len(tables) >= 5
    assert all(heads and all(heads) for heads in tables), tables


def test_axe_finds_no_violation(lesson):
    assert lesson.violations() == []


def test_a_listing_is_wrapped_between_its_words(lesson):
    ways = lesson.view.locator(".jp-OutputArea-output figure code").evaluate_all(
        "listings => listings.map(each => getComputedStyle(each)).map(each => `${each.whiteSpace} ${each.wordBreak}`)")
    assert set(ways) == {"pre-wrap normal"}


@pytest.mark.parametrize("width", [1400, 700])
def test_nothing_overflows(lesson, width):
    lesson.fold_files()   # as on a small screen
    lesson.show_all(width)
    try:
        lesson.page.screenshot(path=_shot(f"lesson-{width}"))
        assert lesson.view.evaluate(WIDE, SLACK) == []
    finally:
        lesson.fold_files()
        lesson.show_all(1400)


# -- questions and predictions ------------------------------------------------------

def test_a_question_is_answered(lesson):
    output = lesson.output(lesson.cell('ask("02-compiler-stays-out")'))
    output.get_by_role("radio", name="as much as strace alone").check()
    expect(output.get_by_role("status")).to_contain_text("Not quite. It is: no larger.")
    output.get_by_role("radio", name="no larger").check()
    expect(output.get_by_role("status")).to_contain_text("Yes. What is installed in a stage stays there.")


def test_a_build_is_browsed_by_mouse_and_by_keyboard(lesson):
    rooms = lesson.output(lesson.cell("multi.browse()"))
    rooms.get_by_role("button", name="app/").first.click()
    program = rooms.get_by_role("button", name=re.compile(r"app \(.*copied to stage-1, line 7"))
    expect(program).to_have_count(1)
    field = rooms.get_by_role("textbox", name="builder")
    expect(field).to_have_value("/app")
    field.focus()
    for key in ["Tab"] * 4 + ["Enter"]:      # past the folder above, app and go.mod
        lesson.page.keyboard.press(key)
    expect(rooms.get_by_role("region", name="/app/main.go")).to_contain_text("package main")

    lines = lesson.output(lesson.cell("multi.lines()"))
    lines.get_by_role("button", name="FROM gcr.io").click()
    expect(lines).to_contain_text("nothing of the lines above")
    lines.get_by_role("button", name="Next line").press("Enter")
    expect(lines).to_contain_text("+ /app/app")


@pytest.mark.nightly      # by day the lesson without an engine is restarted and run
def test_a_second_run_has_the_same_outcome(lesson):
    before = _outcome(lesson)
    lesson.restart_and_run_all()
    lesson.await_run()
    assert lesson.counts()[-1] == str(len(lesson.counts()))
    deadline = time.monotonic() + 20   # widgets are drawn some time after their cell has run
    while _outcome(lesson) != before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _outcome(lesson) == before
    _assert_clean(lesson)


def test_long_choices_can_be_read_and_clicked(scratch):
    notebook = scratch("from helpers.widgets.ask import Question, predict", f"predict('Which?', {LONG})",
                       f"Question('Which?', {LONG}, {LONG[0]!r}, 'So it is.')")
    notebook.run_all()
    notebook.await_run()
    notebook.fold_files()
    for width in (1400, 700):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        assert notebook.view.evaluate(WIDE, SLACK) == []
        rows = notebook.view.locator(".widget-radio-box label")
        assert rows.count() == 2 * len(LONG)
        beside = [row.evaluate(BESIDE) for row in rows.all()]
        assert all(beside), f"at {width} pixels a button is not beside its words: {beside}"


def test_dollar_signs_are_not_a_formula(scratch):
    notebook = scratch("from helpers.views.lesson import say", "say('$TASTE is not $FLAVOUR.')")
    notebook.run_all()
    notebook.await_run()
    expect(notebook.output(notebook.cell("FLAVOUR"))).to_have_text(re.compile(r"\$TASTE is not \$FLAVOUR\.$"))
    assert notebook.view.locator("mjx-container").count() == 0


# -- failures ---------------------------------------------------------------------

def test_a_build_can_be_stopped(scratch, course):
    mark = f"asleep-{secrets.token_hex(6)}"
    _sleeper(course, mark)
    notebook = scratch("from helpers.lesson import *", 'build("sleeper", no_cache=True)',
                       'ready = build("ready")')
    cell = notebook.cell("sleeper")
    notebook.run(notebook.cell("import"))
    notebook.start(cell)
    expect(notebook.output(cell)).to_contain_text("Building with")
    expect(notebook.output(cell)).to_contain_text(mark)
    seen = until(lambda: running(mark), 10)   # False if the engine is in a virtual machine

    notebook.interrupt()
    notebook.await_idle(IDLE_SECONDS)
    expect(notebook.output(cell)).to_contain_text("Interrupted")
    assert not seen or until(lambda: not running(mark), IDLE_SECONDS), "the engine still runs the step"
    expect(notebook.output(cell)).not_to_contain_text("Building with")

    following = notebook.cell('build("ready")')
    notebook.run(following)
    expect(notebook.output(following).locator("caption")).to_contain_text(re.compile(r"in .+ with \w+"))


def test_a_failed_build_explains_itself(scratch):
    notebook = scratch("from helpers.lesson import *", 'build("go-hello", "Dockerfile.shifted")', '"not reached"')
    notebook.choose("Run", "Run All Cells")
    cell = notebook.cell("Dockerfile.shifted")
    error = notebook.output(cell).locator(BAD)
    expect(error).to_have_count(1)
    expect(error).to_contain_text("BuildFailed")
    expect(error).to_contain_text("line 9")
    expect(error).to_contain_text("stage-2")
    for frame in ("Traceback", "urllib3", "http.client", "site-packages"):
        expect(notebook.output(cell)).not_to_contain_text(frame)
    expect(notebook.output(cell)).not_to_contain_text("Building with")
    notebook.await_idle(IDLE_SECONDS)
    expect(notebook.output(notebook.cell('"not reached"'))).to_have_text("")


# -- helpers ---------------------------------------------------------------------

def _assert_clean(notebook):
    bad = notebook.view.locator(BAD)
    assert bad.count() == 0, bad.all_text_contents()
    assert notebook.view.get_by_text("Error displaying widget").count() == 0


def _outcome(notebook):
    """The verdicts, and the kind of each cell's output."""
    verdicts = notebook.view.locator(".jp-OutputArea-output p", has_text=re.compile(r"Claim \d+ (holds|does)"))
    kinds = notebook.view.locator(".jp-CodeCell").evaluate_all("""cells => cells.map(cell =>
      ['.jupyter-widgets', 'img', 'table', 'pre', 'p'].find(kind =>
        cell.querySelector(`.jp-OutputArea-output ${kind}`)))""")
    assert verdicts.count() >= 6
    return verdicts.all_text_contents(), kinds


def _sleeper(course, mark):
    """Add an application whose single step prints `mark` and sleeps."""
    folder = course / "notebooks" / "sleeper"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM debian:bookworm-slim\nRUN echo {mark} && sleep 60\n")


def _shot(name):
    SHOTS.mkdir(exist_ok=True)
    return SHOTS / f"{name}.png"
