"""The live class view in a real browser, with ten learners who send through the sessions' client."""

import json

import pytest
from playwright.sync_api import expect

from tests.classroom.classes import CONTENT, NAMES, SIZE, take_part, view

from .conftest import SHOTS

NASTY = "<img src=x onerror=alert(1)>"
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with view(tmp_path_factory.mktemp("view")) as address:
        yield address


@pytest.fixture(scope="module")
def learners(address):
    """Ten learners, the last with markup as a name."""
    tokens = {name: f"{name} token" for name in (*NAMES[:9], NASTY)}
    take_part(address, tokens.values())
    return tokens


@pytest.fixture(scope="module")
def open_page(window, address):
    """Opens the page as the instructor."""
    pages = []

    def opened(path=""):
        page = window.new_page()
        page.set_extra_http_headers({"Authorization": "token instructor token"})
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
        page.goto(address + path)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def page(open_page, learners):
    return open_page()


def article(page, title):
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=title, exact=True))


def shot(page, name):
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def test_an_empty_class(open_page):
    empty = open_page()
    expect(empty.get_by_role("status")).to_have_text("0 learners so far. Live.")
    expect(empty.get_by_text("Nothing yet.")).to_have_count(3)


def test_answers_are_hidden_until_the_instructor_reveals_them(page, learners):
    expect(page.get_by_role("status")).to_have_text("10 learners so far. Live.")
    asked = article(page, SIZE)
    expect(asked).to_contain_text("10 of 10 learners")
    assert "300 MB" not in page.content() and "837 MB" not in page.content()
    shot(page, "class-hidden")
    asked.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(asked.get_by_role("listitem")).to_have_count(7)
    assert [each.split("\n")[0] for each in asked.get_by_role("listitem").all_inner_texts()] == [
        "100 MB", "300 MB", "500 MB", "800 MB", "837 MB ⚙ the engine", "1.00 GB", "2.00 GB"]
    expect(asked.get_by_role("listitem").nth(1)).to_contain_text("bob, cem, dana")
    expect(asked.get_by_role("button")).to_be_focused()     # focus survives the redraw
    expect(asked.get_by_role("button")).to_have_attribute("aria-expanded", "true")
    assert "3 or 4" not in page.content()


def test_passed_trying_and_stuck_learners_are_shown(page):
    tried = article(page, "Exercise 01 split the stage")
    expect(tried).to_contain_text("passed: 4 dana, eve, finn, gita")
    expect(tried).to_contain_text("trying: 3 ada, bob, cem")
    expect(tried).to_contain_text("stuck, size: 3 ada, bob, cem")
    expect(page.get_by_role("region", name="Who is where")).to_contain_text("Lesson 01 one stage: 3")


def test_a_name_is_never_markup(page):
    expect(page.get_by_role("region", name="Who is where")).to_contain_text(NASTY)
    assert page.locator("img").count() == 0 and page.faults == []


def test_the_projector_shows_no_names_and_follows_the_instructor(open_page, page, learners):
    projected = open_page("?projector")
    expect(article(projected, SIZE).get_by_role("listitem")).to_have_count(7)
    assert [name for name in learners if name in projected.locator("main").inner_text().split()] == []
    expect(projected.get_by_role("link", name="Export as CSV")).to_be_hidden()
    article(page, CONTENT).get_by_role("button").click()
    expect(article(projected, CONTENT).get_by_role("listitem")).to_have_count(4)
    shot(projected, "class-projector")
    page.get_by_role("button", name="Projector").click()
    expect(article(page, SIZE).get_by_role("listitem").nth(1)).to_have_text("300 MB3")
    assert "bob" not in page.content() and page.url.endswith("?projector")
    page.get_by_role("button", name="Projector").click()
    expect(article(page, SIZE)).to_contain_text("bob")
    assert projected.faults == []


def test_a_lesson_is_chosen_by_keyboard(page):
    chosen = page.get_by_role("combobox", name="Lesson")
    expect(chosen.get_by_role("option")).to_have_count(2)
    chosen.select_option("01-one-stage")
    expect(page.get_by_role("region", name="Questions").get_by_role("article")).to_have_count(2)
    chosen.select_option("")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_readable_at_every_width(page, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=theme)
    for width in (360, 600, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDE) <= 0
        shot(page, f"class-{theme}-{width}")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


def test_the_class_is_exported_as_csv(page, learners):
    with page.expect_download() as started:
        page.get_by_role("link", name="Export as CSV").click()
    lines = started.value.path().read_text().splitlines()
    assert len(lines) == 1 + 20 + 9 + 8 and started.value.suggested_filename == "class.csv"


def test_a_learner_reads_revealed_answers(address, learners):
    import requests

    read = requests.get(f"{address}mine", headers={"Authorization": f"token {learners['ada']}"}, timeout=10).json()
    assert [each["question"] for each in read] == [SIZE, CONTENT] and "bob" not in json.dumps(read)
