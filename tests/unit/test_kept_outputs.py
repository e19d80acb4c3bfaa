"""The outputs that people read on the web: builds that built, on an engine of today."""

import base64
import io
import json
import re

from PIL import Image

from helpers.lesson import show
from tests.unit.test_project import NOTEBOOKS, each_notebook, outputs

OLDEST = 28    # of Docker Engine
# Kept as cached with good reason: it runs nothing in its last stage; it was built twice just before.
NOTHING_TO_BUILD = ("go-hello:no-bridge:", "go-tiny:ada:")

_BUILD = re.compile(r"^\S.* with (?:buildkit|legacy)\n(?:  .+\n?)+", re.MULTILINE)
_TITLE = re.compile(r"^(\S+): .* with (?:buildkit|legacy)$", re.MULTILINE)
_TIMED = re.compile(r"\b(?:took|takes|after|in) \d+(?:\.\d+){2,}")    # a version, where a reader expects a time
_SHOWN = re.compile(r'show\("([\w-]+)"(?:, "([\w.-]+)")?\)')
_ENGINE = re.compile(r"Docker Engine (\d+)")
_PICTURE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")


def texts(found: list[dict]) -> list[str]:
    return ["".join(each.get("data", {}).get("text/plain", each.get("text", ""))) for each in found]


def first_build(found: list[dict]) -> str:
    """The first build among some outputs that has something to build, in words: a line for each stage."""
    return next((build[0] for text in texts(found) if (build := _BUILD.search(text))
                 and not build[0].startswith(NOTHING_TO_BUILD)), "")


def titles_twice(cells: list[dict]) -> list[str]:
    """The titles that two builds of one cell have: which is which, nobody can tell."""
    found = [(at, title) for at, cell in enumerate(cells)
             for text in texts(cell.get("outputs", ())) for title in _TITLE.findall(text)]
    return sorted({title for at, title in found if found.count((at, title)) > 1})


def sources(found: list[dict]) -> list[str]:
    """The source line of each picture, '' where it has none."""
    return [about.get("Source", "") for about in pictures(found)]


def pictures(found: list[dict]) -> list[dict]:
    """What each picture says of itself: Title, Description and Source."""
    return [Image.open(io.BytesIO(base64.b64decode(data))).info for each in found
            for data in _PICTURE.findall("".join(each.get("data", {}).get("text/html", "")))]


def too_old(text: str) -> list[int]:
    return [int(version) for version in _ENGINE.findall(text) if int(version) < OLDEST]


@each_notebook
def test_the_headline_build_of_a_lesson_is_kept_as_built(path):
    build = first_build(outputs(path))
    assert not build or re.search(r"\bbuilt\b", build), build


@each_notebook
def test_charts_and_first_lines_name_an_engine_of_today(path):
    found = outputs(path)
    lines = [text for text in texts(found) if text.startswith("Docker Engine ")]
    assert lines and [text for text in [*lines[:1], *sources(found)] if too_old(text)] == []


@each_notebook
def test_the_builds_of_one_cell_have_titles_of_their_own(path):
    assert titles_twice(json.loads(path.read_text())["cells"]) == []


def test_a_title_that_two_builds_of_a_cell_have_is_seen():
    built = {"data": {"text/plain": "ci:app: 4.8 s with buildkit\n  builder        built    3.8 s\n"}}
    assert titles_twice([{"outputs": [built, built]}, {"outputs": [built]}]) == ["ci:app"]
    assert titles_twice([{"outputs": [built]}, {"outputs": [built]}]) == []


@each_notebook
def test_a_file_is_kept_as_it_is(path):
    for cell in json.loads(path.read_text())["cells"]:
        if shown := _SHOWN.fullmatch("".join(cell["source"])):
            assert texts(cell["outputs"])[:1] == [repr(show(shown[1], shown[2] or "Dockerfile"))], "".join(cell["source"])


@each_notebook
def test_no_version_stands_where_a_time_would(path):
    assert [text for text in texts(outputs(path)) if _TIMED.search(text)] == []


def test_a_version_in_place_of_a_time_is_seen():
    assert _TIMED.search("npm install took 10.29.8.")
    assert not _TIMED.search("npm install took 2.5 s.") and not _TIMED.search("npm install: Preact 10.29.8.")


@each_notebook
def test_no_chart_is_kept_with_a_title_in_lower_case(path):
    titles = [about["Title"] for about in pictures(outputs(path)) if "Title" in about]
    assert [title for title in titles if title[0].islower()] == []


def test_most_charts_say_where_their_numbers_come_from():
    said = [line for path in NOTEBOOKS for line in sources(outputs(path))]
    assert len(said) > 40 and sum(bool(_ENGINE.search(line)) for line in said) > len(said) / 2


def test_what_is_cached_or_of_an_older_engine_is_seen():
    told = {"text": "app:1: 0.2 s with buildkit\n  builder        cached\n  stage-1        cached\n"}
    assert first_build([told]) and not re.search(r"\bbuilt\b", first_build([told]))
    assert too_old("Measured on Docker Engine 20.10.24 (overlay2).") == [20] and not too_old("Docker Engine 28.5.2")
