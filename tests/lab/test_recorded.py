"""A lesson without an engine in JupyterLab's dark theme: recorded results are marked and readable."""

import re

import pytest
from playwright.sync_api import expect

from .notebook import ERROR, Notebook
from .server import set_theme

LESSON = "notebooks/01-one-stage.ipynb"
HEAD = re.compile(r"Recorded on \d+ \w+ \d{4} on .*Engine.*\. Not measured here\.")
# The colours of a listing, and whether wrapped lines are indented.
LOOKS = """code => ({
  colours: new Set([code, ...code.querySelectorAll('span')].map(each => getComputedStyle(each).color)).size,
  indent: [...code.children].every(line => parseFloat(getComputedStyle(line).paddingLeft) > 40),
})"""


@pytest.fixture(scope="module")
def lesson(without_engine, lab):
    set_theme(*lab, "JupyterLab Dark")
    with without_engine(LESSON) as notebook:
        yield notebook


def test_the_first_frame_says_why_and_what_to_do(lesson):
    first = lesson.view.get_by_role("note").first
    expect(first).to_contain_text("Recorded results follow, not measured here.")
    for way in ("MULTISTAGE_NO_ENGINE is set", "GitHub Codespaces", "install Docker", "another Binder session"):
        expect(first).to_contain_text(way)


def test_cells_that_need_an_engine_are_framed_without_errors(lesson):
    assert lesson.view.locator(ERROR).count() == 0
    frames = lesson.view.get_by_role("note")
    assert frames.count() > 10
    assert all(HEAD.search(text) for text in frames.all_text_contents()[1:])
    for needing in ("single = build(", "charts.layers(image)", 'verdict("C1"'):
        output = lesson.output(lesson.cell(needing))
        measured = output.locator(".jp-OutputArea-output").filter(has_not_text="In a terminal")    # commands have no frame
        assert output.get_by_role("note").count() == measured.count() > 0
    assert lesson.output(lesson.cell("show(\"go-hello\"")).get_by_role("note").count() == 0


def test_a_prediction_is_compared_with_the_recorded_value(lesson):
    compared = lesson.cell("size_guess.compare(image.unpacked)")
    expect(lesson.output(compared)).to_contain_text("You made no prediction. Measured: ")
    entry = lesson.output(lesson.cell("size_guess = predict(")).get_by_role("spinbutton")
    entry.fill("300")
    entry.press("Enter")
    lesson.run(compared)
    expect(lesson.output(compared)).to_contain_text(re.compile(r"Not measured here\.\s*You predicted 300 MB\. Measured: \d+ MB, .* more\."))


def test_axe_finds_no_violation_in_the_dark(lesson):
    assert lesson.page.evaluate("document.body.dataset.jpThemeLight") == "false"
    assert lesson.violations() == []


@pytest.mark.parametrize("theme, dark", [("JupyterLab Light", False), ("JupyterLab Dark", True)])
def test_outputs_are_styled_in_an_untrusted_notebook(window, lab, theme, dark):
    set_theme(*lab, theme)
    page = window.new_page()
    try:
        notebook = Notebook.open(page, *lab, "notebooks/03-bridges.ipynb")
        notebook.show_all(1280)
        outputs = notebook.view.locator(".jp-OutputArea-output")
        assert outputs.locator("style").count() == 0, "it is trusted"
        shown = outputs.locator("img").evaluate_all("images => images.map(each => [each.className, each.clientWidth > 300])")
        assert shown == [["chart", not dark], ["chart-dark", dark]]
        looks = outputs.locator("figure code").first.evaluate(LOOKS)
        assert looks == {"colours": 4, "indent": True}    # of numbers, keywords, strings, and all else
    finally:
        page.close()
