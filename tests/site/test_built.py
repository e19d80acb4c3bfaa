"""The built site as files: pages, links, pictures, and what a link to a page shows elsewhere."""

import re

import pytest

from .building import ROOT, Page, build, dead_links, pages

LESSON = min(ROOT.glob("notebooks/*.ipynb")).relative_to(ROOT)
EXERCISE = min(ROOT.glob("exercises/*/*.ipynb")).relative_to(ROOT)


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    """The first page, a lesson, an exercise and the claims."""
    return build(tmp_path_factory.mktemp("some"), "index.md", str(LESSON), str(EXERCISE), "docs/claims.md")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return build(tmp_path_factory.mktemp("site"))


def text(path):
    return path.read_text(encoding="utf-8")


def test_a_lesson_is_shown_with_its_kept_outputs_and_its_engine(some):
    page = text(some / LESSON.with_suffix(".html"))
    assert 'class="course-run"' in page and "Docker Engine" in page
    assert '<div class="course-terminal">' in page or "%" not in page


def test_a_cell_of_an_exercise_is_highlighted_as_a_dockerfile(some):
    page = text(some / EXERCISE.with_suffix(".html"))
    assert "highlight-dockerfile-cell" in page
    assert re.search(r'<span class="k">FROM</span>', page)


def test_the_claims_stand_in_one_table_with_the_verdicts_of_the_lessons(some):
    from helpers.claims import CLAIMS

    page = text(some / "docs" / "claims.html")
    assert all(f">{claim}<" in page for claim in CLAIMS)
    assert "not tested yet" not in page
    assert 'href="../notebooks/' in page


def test_a_page_says_what_it_is_about_and_has_a_picture(some):
    metas = Page(some / LESSON.with_suffix(".html")).metas
    assert len(metas["og:description"]) > 60 and metas["description"]
    assert metas["og:image"].startswith("https://") and metas["og:url"].endswith(f"{LESSON.stem}.html")


@pytest.mark.nightly
def test_every_lesson_exercise_and_document_is_a_page(site):
    sources = [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("exercises/*/*.ipynb"), *ROOT.glob("docs/*.md")]
    assert [path for path in sources if not (site / path.relative_to(ROOT)).with_suffix(".html").is_file()] == []


@pytest.mark.nightly
def test_no_link_and_no_anchor_leads_nowhere(site):
    assert dead_links(site) == []


@pytest.mark.nightly
def test_every_picture_has_a_text_and_lies_in_a_file(site):
    shown = [(path.name, *picture) for path in pages(site) for picture in Page(path).pictures]
    assert len(shown) > 30
    assert [each for each in shown if not ((each[2] or "").strip() or each[3] == "chart-dark") or each[1].startswith("data:")] == []
