"""hadolint's findings beside a Dockerfile's lines, and its word on several files."""

import pytest

from helpers import lesson
from helpers import lint as linter
from helpers.errors import LinterUnavailable
from helpers.lint import Finding
from helpers.views.lint import Linted, Opinions
from tests.unit.widgets.test_widgets import NASTY, page

TEXT = "FROM debian\n\nRUN cd /x\n"
FOUND = (Finding(1, "DL3006", "warning", "Always tag"), Finding(3, "DL3003", "error", "Use WORKDIR"),
         Finding(3, "SC2164", "info", "In case cd fails"))


def test_each_finding_stands_below_its_line():
    assert repr(Linted("Dockerfile", TEXT, FOUND)).splitlines() == [
        "Dockerfile: hadolint has 3 findings",
        "  1  FROM debian",
        "     ▲ warning DL3006: Always tag",
        "  2  ",
        "  3  RUN cd /x",
        "     ✘ error DL3003: Use WORKDIR",
        "     • info SC2164: In case cd fails"]


def test_the_page_says_the_same():
    linted = Linted("Dockerfile", TEXT, FOUND)
    words = page(linted._repr_html_()).text
    assert words.replace(linted._head, "", 1).splitlines() == repr(linted).splitlines()[1:]


def test_whatever_the_text_and_the_words_the_page_is_whole():
    linted = Linted(NASTY, NASTY + "\n", [Finding(1, NASTY, "style", NASTY)])
    assert page(linted._repr_html_()).text.count(NASTY) == 4


def test_a_finding_past_the_end_is_shown_at_the_last_line():
    assert repr(Linted("D", "FROM a\n", [Finding(9, "DL1000", "error", "unexpected end")])).endswith(
        "  1  FROM a\n     ✘ error DL1000: unexpected end")


@pytest.mark.parametrize("findings, words", [((), "hadolint has nothing to say"), (FOUND[:1], "hadolint has 1 finding")])
def test_the_head_says_how_many(findings, words):
    assert repr(Linted("D", TEXT, findings)).splitlines()[0] == f"D: {words}"


def test_rules_each_once():
    assert Linted("D", TEXT, FOUND + FOUND[:1]).rules == ["DL3006", "DL3003", "SC2164"]


def test_opinions_are_a_row_a_file_and_a_column_a_rule():
    said = Opinions({"copies all": (), "forgets": FOUND[:2], "forgets more": (*FOUND[:1], Finding(7, "DL3006", "info", "x"))})
    assert repr(said).splitlines() == [
        "              DL3003  DL3006", "copies all", "forgets       3       1", "forgets more          1, 7",
        "DL3003: Use WORKDIR", "DL3006: Always tag"]
    read = page(said._repr_html_())
    assert [tag for tag, _ in read.tags].count("tr") == 4 and "1, 7" in read.text and "Always tag" in read.text


def test_opinions_with_odd_words():
    assert NASTY in page(Opinions({NASTY: [Finding(1, "X", "info", NASTY)]})._repr_html_()).text


def test_without_a_linter_it_says_so_and_nothing_else():
    said = Opinions({"copies all": ()}, "hadolint is not installed.")
    assert repr(said) == "hadolint is not installed." and page(said._repr_html_()).text == repr(said)
    assert "nothing to say" not in repr(Linted("D", TEXT, without="It is not installed."))


def test_a_lesson_goes_on_without_a_linter(monkeypatch):
    def missing(text):
        raise LinterUnavailable("hadolint is not installed.")
    monkeypatch.setattr(linter, "lint", missing)
    alone = lesson.lint("greeter")
    assert alone.findings == () and "FROM golang:1.22 AS builder" in alone.lines
    assert alone.without == "hadolint is not installed. The lesson goes on without it."
    said = lesson.opinions("greeter", {"copies everything": "Dockerfile.everything"})
    assert said.without == alone.without and said.found == {"copies everything": ()}


def test_a_lesson_shows_every_finding_of_each_file(monkeypatch):
    says = {"RUN chown": [FOUND[1], FOUND[0]], "": [FOUND[0]]}
    monkeypatch.setattr(linter, "lint", lambda text: says["RUN chown" if "RUN chown" in text else ""])
    said = lesson.opinions("greeter", {"repairs": "Dockerfile.repaired", "the good one": "Dockerfile"})
    assert said.found == {"repairs": (FOUND[1], FOUND[0]), "the good one": (FOUND[0],)} and said.without == ""
