"""The web site's own parts: pages in their order, questions as forms, the table of claims, docstrings."""

import html
import json
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "docs" / "_ext"))
from course_site import docstrings, icons, listings, notebooks, pages, questions, tables  # noqa: E402

README = (ROOT / "README.md").read_text()
LESSONS = sorted(ROOT.glob("notebooks/*.ipynb"))
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def test_every_lesson_stands_once_in_the_table_of_contents_in_order_and_with_its_number():
    found = [entry for _, entries in pages.parts(README) for entry in entries]
    assert [re.search(r"<notebooks/(.+)>", entry)[1] for entry in found] == [path.stem for path in LESSONS]
    assert all(entry[:2] == path.name[:2] for entry, path in zip(found, LESSONS))


def test_a_bold_row_of_the_readme_begins_a_part():
    table = f"| [00 A](notebooks/{LESSONS[0].name}) | |\n| **Later** | | |\n| [x](notebooks/{LESSONS[2].name}) | |\n"
    parts = dict(pages.parts(table))
    assert list(parts) == ["Lessons", "Later"]
    assert (len(parts["Lessons"]), len(parts["Later"])) == (2, len(LESSONS) - 2)


def test_every_document_has_one_place_in_the_table_of_contents():
    toc = pages.contents(README).split("\n")
    for path in ROOT.glob("docs/*.md"):
        assert toc.count(f"docs/{path.stem}") == 1


def test_a_section_that_the_readme_lacks_is_an_error():
    assert pages.split("a\n## B\nb\n## C\nc", "B") == ("a\n## C\nc", "b\n")
    with pytest.raises(ValueError, match="no section 'D'"):
        pages.split("a\n## B\nb", "D")


def forms(path):
    notebook = json.loads(path.read_text())
    questions.adapt(notebook)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return cells, [form for cell in cells for output in cell.get("outputs", ())
                   if (form := "".join(output.get("data", {}).get("text/html", ""))).startswith("<form")]


@each_lesson
def test_every_question_of_a_lesson_is_a_form_that_knows_its_answer(path):
    cells, found = forms(path)
    sources = ["".join(cell["source"]) for cell in cells]
    asked = sum(len(re.findall(r"(?m)^ask\(", source)) for source in sources)
    assert sum("data-right=" in form for form in found) == asked > 0
    assert len(found) - asked == sum("predict(" in source for source in sources)


@each_lesson
def test_every_prediction_unfolds_what_was_measured_which_is_one_of_its_choices(path):
    for form in forms(path)[1]:
        if "Your prediction" in form:
            choices = [html.unescape(each).rstrip(".") for each in re.findall(r'value="(.*?)"', form)]
            measured = html.unescape(re.search(r"What was measured</summary><p>(.*?)\.?</p>", form)[1])
            assert not choices or measured in [*choices, "none of these"]


def notebook(*cells):
    return {"metadata": {"language_info": {"name": "python"}}, "cells": [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": outputs} for source, *outputs in cells]}


def shown(text, **metadata):
    return {"output_type": "execute_result", "data": {"text/html": text}, "metadata": metadata}


def test_what_an_experiment_brought_is_folded_up_to_the_comparison():
    lesson = notebook(
        ['guess = predict("How?", ["a", "b"])', shown("<p><b>Your prediction:</b> How? (a / b)</p>")],
        ['other = predict("Why?", ["c"])', shown("<p><b>Your prediction:</b> Why? (c)</p>")],
        ["build()", shown("<p>built</p>")],
        ["guess.compare('b')", shown("<p>You made no prediction. Measured: b.</p>", **{questions.COMPARED: {"question": "How?"}})],
        ["more()", shown("<p>more</p>")])
    questions.adapt(lesson)
    assert [questions.FOLDED in cell["metadata"].get("tags", ()) for cell in lesson["cells"]] == [
        False, False, True, True, False]
    form = lesson["cells"][0]["outputs"][0]["data"]["text/html"]
    assert 'value="a"' in form and "<p>b.</p>" in form


def test_no_line_of_a_question_ends_within_an_option():
    lesson = notebook(['guess = predict("COPY --from?", ["with --link"])', shown("<p><b>Your prediction:</b> COPY --from? (...)</p>")])
    questions.adapt(lesson)
    form = lesson["cells"][0]["outputs"][0]["data"]["text/html"]
    assert 'value="with --link"' in form
    assert re.findall(r'<span style="white-space:nowrap">(.*?)</span>', form) == ["--from", "--link"]


def test_a_cell_that_left_nothing_to_see_is_not_folded():
    lesson = notebook(
        ['guess = predict("How many?", unit="programs")', shown("<p><b>Your prediction:</b> How many? (a number)</p>")],
        ["slow()", shown([])],
        ["guess.compare(3)", shown("<p>You made no prediction. Measured: 3.</p>", **{questions.COMPARED: {"question": "How many?"}})])
    questions.adapt(lesson)
    assert [questions.FOLDED in cell["metadata"].get("tags", ()) for cell in lesson["cells"]] == [False, False, True]
    assert "<label>programs <input" in lesson["cells"][0]["outputs"][0]["data"]["text/html"]


def test_pictures_go_into_files_and_links_to_notebooks_lead_to_pages(tmp_path):
    from helpers.charts import sizes
    from tests.unit.layers import image

    picture = sizes([image(2)])._repr_mimebundle_()["text/html"]
    lesson = notebook(["chart", shown(picture)], ["table", shown('<table><tr><td><a href="05-x.ipynb#y">05</a></td></tr></table>')])
    notebooks.Page(tmp_path, "notebooks/01-x").adapt(lesson)
    chart, table = (cell["outputs"][0]["data"]["text/html"] for cell in lesson["cells"])
    files = re.findall(r'src="\.\./(_images/chart-[0-9a-f]{8}\.png)', chart)
    assert len(files) == 2 and all((tmp_path / file).read_bytes().startswith(b"\x89PNG") for file in files)
    assert "base64" not in chart and chart.count('loading="lazy"') == 2
    light, dark = ((int(width), int(height)) for height, width in re.findall(r' height="(\d+)".*?width="(\d+)"', chart))
    assert light[0] == 860 and light[0] / light[1] == pytest.approx(dark[0] / dark[1], rel=0.01)    # nor does a dark page jump
    assert 'href="05-x.html#y"' in table and table.startswith('<div class="course-scroll" tabindex="0">')


def test_a_cell_that_writes_a_dockerfile_is_lexed_as_one():
    tokens = list(notebooks.DockerfileCell().get_tokens("%%dockerfile 01-split\nFROM golang:1.22\n"))
    assert tokens[0][1].startswith("%%dockerfile 01-split")
    assert "Keyword" in str(next(kind for kind, word in tokens if word == "FROM"))


def test_each_line_of_a_listing_hangs_below_its_own_beginning_and_breaks_no_option():
    from tests.unit.widgets.test_widgets import page

    listing = '<span></span><span class="k">if</span> a:\n<span class="w">    </span>run(<span class="s">&quot;--no-cache&quot;</span>)\n\n'
    context = {"body": f'<p>\n</p><div class="highlight"><pre>{listing}</pre></div><pre>a\nb</pre>'}
    listings.hang(None, "", "", context, None)
    assert re.findall(r"padding-left:min\((\d+)ch", context["body"]) == ["2", "6", "2"]
    assert "><span style=\"white-space:nowrap\">&quot;--no-cache&quot;</span></span>" in context["body"]
    assert page(context["body"]).text == '\nif a:\n    run("--no-cache")\na\nb'
    listings.hang(None, "", "", search := {}, None)
    assert search == {"body": ""}


def test_icons_that_no_page_shows_are_left_out():
    script = 'f={"big-cat":[1,2,[],"f1","M1"],rocket:[1,2,["ship"],"f2",["M1","M2"]],sun:[1,2,[9728],"f3","M3"]};'
    assert icons.without(script, {"ship"}) == 'f={rocket:[1,2,["ship"],"f2",["M1","M2"]],};'
    assert icons.without(script, {"big-cat", "sun"}) == 'f={"big-cat":[1,2,[],"f1","M1"],sun:[1,2,[9728],"f3","M3"]};'


def test_the_verdicts_are_those_that_the_lessons_were_kept_with():
    from helpers.claims import CLAIMS

    found = tables.verdicts()
    assert set(found) == set(CLAIMS)
    assert all(each.because and each.engine and re.fullmatch(r"\d{4}-\d\d-\d\d", each.when) for each in found.values())


@each_lesson
def test_every_lesson_has_remarks_for_the_instructor(path):
    section = tables._remarks(path)
    assert pages.title(path) in section[0].astext() and "Say: " in section.astext()
    cells = nbformat.read(path, as_version=4).cells
    said = [each.metadata.instructor for each in cells if "instructor" in each.metadata]
    assert all(set(each) <= {"minutes", *tables._REMARKS} for each in said)


def test_columns_of_a_docstring_become_definitions():
    lines = ["What it is.", "", "name   its name,", "       or ''", "a, b  both", "", "Raises X."]
    docstrings.adapt(None, "class", "X", None, None, lines)
    assert lines == ["What it is.", "", "", "``name``", "    its name,", "    or ''", "", "``a, b``", "    both", "", "Raises X."]
