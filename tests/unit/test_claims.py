"""All claims: which lesson gives which verdict, and the tables that show them."""

import ast
import json

import pytest

from helpers import claims
from helpers.claims import (
    CLAIMS,
    LESSONS,
    SENTENCES,
    Lesson,
    Sentence,
    Standing,
    Verdict,
    kept,
    lesson,
    sentences,
    standings,
    verdict,
)
from helpers.views.claims import sentences_text, sentences_view, standings_text, standings_view
from tests.unit.test_project import NOTEBOOKS, code, each_notebook
from tests.unit.widgets.test_widgets import NASTY, page


def given(path) -> set[str]:
    """The claims on which a lesson's cells give a verdict."""
    return {node.args[0].value for cell in code(path) for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "verdict"}


@each_notebook
def test_a_lesson_gives_the_verdicts_that_it_owns_and_no_other(path):
    assert given(path) == {claim for claim, number in LESSONS.items() if path.name[:2] == number}


def test_every_claim_has_a_lesson():
    assert LESSONS.keys() == CLAIMS.keys()
    assert {*LESSONS.values()} <= {f"{n:02}" for n in range(14)}


def test_the_check_of_the_lessons_reads_their_cells():
    assert given(next(path for path in NOTEBOOKS if path.name.startswith("01"))) == {"C1", "C2"}


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of notebooks of the test's own."""
    monkeypatch.setattr(claims, "NOTEBOOKS", tmp_path)
    return tmp_path


def write(path, source):
    path.write_text(json.dumps({"cells": [{"source": source}]}))


def test_a_lesson_is_called_as_its_notebook_calls_itself(shelf):
    write(shelf / "04-x.ipynb", ["# Delete the compiler\n", "\n", "more"])
    write(shelf / "05-y.ipynb", "# Leave nothing")
    assert lesson("04") == Lesson("04", "Delete the compiler", "04-x.ipynb")
    assert str(lesson("05")) == "05 Leave nothing"
    assert lesson("06") == Lesson("06") and str(lesson("06")) == "06"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": []}', '{"cells": [{"source": 7}]}', "\udcff"])
def test_a_notebook_that_is_half_saved_is_passed_over(shelf, content):
    (shelf / "04-x.ipynb").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert lesson("04") == Lesson("04")
    write(shelf / "04-y.ipynb", "# Delete the compiler")      # the next of that number is looked at
    assert lesson("04") == Lesson("04", "Delete the compiler", "04-y.ipynb")


def test_the_lessons_that_are_here_have_titles():
    for path in NOTEBOOKS:
        assert lesson(path.name[:2]).file == path.name and lesson(path.name[:2]).title[0].isupper()


def of(claim, found="holds", because="Because.", engine=""):
    return Verdict(claim, found, because, "2026-11-24", engine)


def test_every_claim_stands_in_the_table_in_order(home):
    empty = standings()
    assert [each.claim for each in empty] == list(CLAIMS)
    assert empty.tested == () and len(empty.open) == len(CLAIMS)
    verdict("C13", True, "One layer.", partly=True, engine="An engine")
    table = standings()
    only, = table.tested
    assert (only.claim, only.verdict.found, only.verdict.engine) == ("C13", "partly", "An engine")
    assert table.of("C13") is only and len(table.open) == len(CLAIMS) - 1
    assert table.of("C7").lesson.number == "03" and table.of("C1").text == CLAIMS["C1"]


def test_a_verdict_kept_by_an_older_version_is_still_read(home):
    verdict("C1", True, "so")
    file = home / "state" / "verdicts.json"
    records = json.loads(file.read_text())
    del records["C1"]["engine"]
    file.write_text(json.dumps(records))
    assert kept()["C1"].engine == ""


MIXED = {"C1": of("C1"), "C4": of("C4", "partly", NASTY), "C20": of("C20", "fails", "It skipped one.", "An engine")}


def test_the_table_says_what_was_found_and_where_the_rest_is_tested():
    text, read = standings_text(standings(MIXED)), page(standings_view(standings(MIXED)))
    sums = f"{len(CLAIMS)} claims: 1 holds, 1 holds in part, 1 does not hold and {len(CLAIMS) - 3} are not tested yet"
    assert text.startswith(sums) and sums in read.text
    for claim, words in CLAIMS.items():
        assert f" {claim:<4} {words}" in text and words in read.text
    assert "does not hold. It skipped one. (2026-11-24) Lesson 04." in text
    assert read.text.count("not tested yet") == len(CLAIMS) - 3 + 1
    assert NASTY in read.text and "Measured 2026-11-24 on An engine." in read.text
    rows = sum(tag == "tr" for tag, _ in read.tags)
    assert rows == len(CLAIMS) + 1


def test_a_claim_that_nobody_tested_links_to_its_lesson(shelf):
    write(shelf / "02-b.ipynb", "# Leave <b> behind")
    links = [facts for tag, facts in page(standings_view(standings({}))).tags if tag == "a"]
    assert links and all(facts["href"] == "02-b.ipynb" and facts["title"] == "Leave <b> behind" for facts in links)
    # In its own column and in the sentence: for each claim that lesson 02 owns.
    assert len(links) == 2 * list(LESSONS.values()).count("02")


def sentence(*founds):
    return Sentence("x", tuple(Standing(f"C{n}", Lesson("01"), of(f"C{n}", found) if found else None)
                               for n, found in enumerate(founds, 1)))


@pytest.mark.parametrize("founds, found, words", [
    (("holds",), "holds", "holds"), (("holds", "holds"), "holds", "holds"), (("fails", "fails"), "fails", "does not hold"),
    (("holds", "fails"), "partly", "holds in part"), (("partly", "holds"), "partly", "holds in part"),
    (("partly",), "partly", "holds in part"), (("holds", ""), "", "not tested yet"), (("", ""), "", "not tested yet")])
def test_a_sentence_is_as_true_as_what_it_stands_on(founds, found, words):
    assert (sentence(*founds).found, sentence(*founds).words) == (found, words)


def test_every_sentence_stands_on_claims_that_there_are():
    assert all(claims and set(claims) <= CLAIMS.keys() for _, claims in SENTENCES)
    assert [each.text for each in sentences({})] == [text for text, _ in SENTENCES]
    assert {each.found for each in sentences({claim: of(claim) for claim in CLAIMS})} == {"holds"}


def test_the_table_of_sentences():
    known = sentences({claim: of(claim, "partly" if claim == "C5" else "holds", NASTY) for claim in CLAIMS})
    text, read = sentences_text(known), page(sentences_view(known))
    assert "holds in part: C18 holds, C5 holds in part" in text
    # Only what does not hold as it stands is explained.
    assert read.text.count(NASTY) == sum("C5" in claims for _, claims in SENTENCES)
    assert "not tested yet" in sentences_text(sentences({}))
