"""The instructor's guide."""

import json

import pytest

from helpers.classroom import guide
from helpers.errors import CourseError


def lesson(title="01 See", minutes=15, **remarks):
    return guide.Lesson(title, minutes, ("One", "Two"), remarks)


def test_every_lesson_of_the_course_has_minutes_and_remarks():
    found = guide.lessons()
    assert len(found) > 10
    assert [each.title for each in found if not each.minutes or not each.rounds or "say" not in each.remarks] == []


def test_every_remark_is_on_the_page():
    found, page = guide.lessons(), guide.page(guide.lessons())
    assert all(guide._marked(text) in page for each in found for text in (each.title, *each.remarks.values()))


def test_remarks_are_escaped():
    page = guide.page([lesson(say="run `a < b` & wait")])
    assert "run <code>a &lt; b</code> &amp; wait" in page


def test_a_plan_keeps_the_order_and_the_time():
    chosen = guide.plan([lesson("a", 60), lesson("b", 50), lesson("c", 40), lesson("d", 0)], 110)
    assert [each.title for each in chosen] == ["a", "b"]


def test_a_notebook_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "01-a.ipynb").write_text(json.dumps({"cells": [{}]}))
    with pytest.raises(CourseError, match="01-a.ipynb is not a notebook"):
        guide.lessons(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(CourseError, match="cannot be written"):
        guide.write(tmp_path / "none" / "guide.html")
