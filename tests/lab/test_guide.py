"""The instructor's guide, printed by a real browser."""

import pytest

from helpers.classroom import guide

from .browser import program

pytestmark = pytest.mark.nightly


def test_the_guide_is_printed_with_every_lesson(tmp_path, monkeypatch):
    browser = program() or pytest.fail("there is no Chromium: python -m tests.prepare")
    monkeypatch.setattr(guide, "_BROWSERS", (browser,))
    page, printed = guide.write(tmp_path / "guide.html")
    assert printed.name == "guide.pdf" and printed.read_bytes().startswith(b"%PDF-")
    assert printed.read_bytes().count(b"/Type /Page\n") > 5     # fourteen lessons with their remarks
    assert page.stat().st_size > 10_000
