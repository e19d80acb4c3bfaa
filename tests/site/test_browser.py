"""Every page of the built site in Chromium: no error, nothing too wide, nothing that axe objects to."""

import re

import pytest
from playwright.sync_api import expect

from .building import ROOT, pages

pytestmark = pytest.mark.nightly
WIDTHS = (360, 768, 1200)
THEMES = ("light", "dark")
LIMIT = 1_500_000    # bytes
UNFOLD = "() => document.querySelectorAll('main details').forEach(fold => { fold.open = true; })"
# Every picture is there; the promise of a broken one fails.
PICTURES = """() => Promise.all([...document.images].map(each => { each.loading = 'eager'; return each.decode(); }))"""
# What reaches out of the page at the right, unless it lies in something that scrolls in itself.
WIDE = """() => {
  const edge = document.documentElement.clientWidth + 1;
  const scrolls = part => part && (['auto', 'scroll', 'hidden'].includes(getComputedStyle(part).overflowX)
    && part.clientWidth <= edge || part !== document.body && scrolls(part.parentElement));
  return [document.documentElement.scrollWidth > edge ? [`the page: ${document.documentElement.scrollWidth}`] : [],
    [...document.querySelectorAll('article *')].filter(part => part.getBoundingClientRect().right > edge && !scrolls(part.parentElement))
      .map(part => `${part.tagName} ${part.className}: ${part.textContent.slice(0, 40)}`)].flat();
}"""


# Lines of code that are not wrapped.
UNWRAPPED = """() => [...document.querySelectorAll('article pre')].filter(each => each.scrollWidth > each.clientWidth + 1)
  .map(each => each.textContent.slice(0, 60))"""
# Names of options and of short files that go on in the next line.
BROKEN = """() => [...document.querySelectorAll('article code .pre')].flatMap(word => {
  const part = document.createRange(), text = word.firstChild;
  const found = /^(--?[\\w-]{1,24}|[\\w.]{1,14})(?![\\w.-])/.exec(word.textContent);
  if (!found) return [];
  part.setStart(text, 0);
  part.setEnd(text, found[0].length);
  return new Set([...part.getClientRects()].map(each => Math.round(each.top))).size > 1 ? [word.textContent] : [];
})"""


@pytest.fixture(scope="module")
def names(whole):
    return [path.relative_to(whole).as_posix() for path in pages(whole)]


@pytest.fixture
def page(window):
    page = window.new_page()
    yield page
    page.close()


def test_no_page_says_an_error_or_asks_anything_of_another_machine(page, address, names):
    said = []
    page.on("console", lambda message: said.append(f"{page.url}: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on("request", lambda request: said.append(f"{page.url} asks {request.url}")
            if not request.url.startswith((address, "data:", "blob:")) else None)
    for name in names:
        page.goto(f"{address}/{name}")
        page.evaluate(UNFOLD)
        page.evaluate(PICTURES)
    assert len(names) > 30 and said == []


def test_no_page_loads_more_than_a_phone_bears(window, address, names):
    """In bytes before compression, with nothing kept from the page before. Pictures further down come when they are near."""
    heavy = {}
    for name in names:
        page, sizes = window.new_page(), []
        page.on("response", lambda response, sizes=sizes: sizes.append(int(response.headers.get("content-length", 0))))
        page.route("**/*", lambda route: route.continue_())     # this turns the browser's cache off
        page.goto(f"{address}/{name}")
        page.close()
        heavy |= {name: sum(sizes)} if not 100_000 < sum(sizes) < LIMIT else {}
    assert heavy == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_page_and_no_short_word_of_code_is_broken(page, address, names, width):
    page.set_viewport_size({"width": width, "height": 900})
    wrong = {}
    for name in names:
        page.goto(f"{address}/{name}")
        page.evaluate(UNFOLD)
        wrong |= {name: found} if (found := page.evaluate(WIDE) + page.evaluate(UNWRAPPED) + page.evaluate(BROKEN)) else {}
    assert wrong == {}


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_no_violation(page, address, names, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=theme)
    violations = {}
    for name in names:
        page.goto(f"{address}/{name}")
        page.evaluate(UNFOLD)
        found = Axe().run(page).response["violations"]
        violations |= {name: [(each["id"], each["nodes"][0]["html"][:200], len(each["nodes"])) for each in found]} if found else {}
    assert violations == {}


def lesson(address):
    """The first lesson that asks for a prediction with choices, and has a question."""
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        if re.search(r"predict\([^)]*\[", text := path.read_text()) and "ask(" in text:
            return f"{address}/notebooks/{path.stem}.html"
    raise AssertionError("no lesson asks anything")


def test_a_question_is_answered_on_the_page(page, address):
    page.goto(lesson(address))
    form = page.locator("form.course-question[data-right]").first
    right = form.get_attribute("data-right")
    wrong = next(value for each in form.locator("input").all() if (value := each.get_attribute("value")) != right)
    form.locator(f"input[value={wrong!r}]").check()
    expect(form.get_by_role("status")).to_contain_text(f"Not quite. It is: {right}")
    form.locator(f"input[value={right!r}]").check()
    expect(form.get_by_role("status")).to_contain_text("Yes.")


def test_what_came_out_is_folded_until_the_reader_has_predicted(page, address):
    page.goto(lesson(address))
    fold = page.locator("details.hide").first
    expect(fold.locator(".cell_output")).to_be_hidden()
    fold.locator("summary").first.click()
    expect(fold.locator(".cell_output")).to_be_visible()


def test_the_search_finds_a_lesson(page, address):
    page.goto(f"{address}/search.html?q=compiler")
    expect(page.locator("#search-results li").first).to_be_visible()


def test_paper_is_white_and_nothing_on_it_is_folded_or_cut(page, address):
    page.emulate_media(color_scheme="dark", media="print")
    page.set_viewport_size({"width": 700, "height": 900})
    page.goto(lesson(address))
    theme = page.locator("html").get_attribute("data-theme")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (theme, page.locator("html").get_attribute("data-theme")) == ("dark", "light")
    assert page.locator("main details:not([open])").count() == 0
    cut = "parts => parts.filter(part => part.scrollWidth > part.clientWidth + 1).map(part => part.textContent.slice(0, 60))"
    assert page.evaluate(WIDE) == page.locator("article pre, article .course-scroll").evaluate_all(cut) == []
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
