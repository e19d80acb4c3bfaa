"""The web site: how long it takes to build, and until a reader sees something of its largest lesson."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers.engine import Engine
from tests.lab.browser import open_browser, program
from tests.site.building import build, serve

from .measuring import alone

RUNS = 10
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def site(engine: Engine) -> dict:
    """All of it from nothing. Bound: 180 s."""
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        build(Path(folder))
        return alone("the web site, built", [time.perf_counter() - began])


def first_content(engine: Engine) -> dict:
    """From asking for the largest lesson to its first content in Chromium, over loopback, nothing cached. Bound: 1.5 s."""
    with _browser() as (address, lesson, window):
        return alone("first content of the largest lesson's page", [_painted(window, f"{address}/{lesson}") for _ in range(RUNS)])


@contextmanager
def _browser() -> Iterator[tuple]:
    """(address of the site, its largest lesson, a browser)."""
    path = program()
    assert path, "there is no Chromium: python -m tests.prepare"
    with TemporaryDirectory() as folder:
        made = build(Path(folder, "site"))
        largest = max(made.glob("notebooks/*.html"), key=lambda page: page.stat().st_size)
        with serve(made) as address, open_browser(path, Path(folder, "profile")) as window:
            yield address, largest.relative_to(made), window


def _painted(window, address: str) -> float:
    page = window.new_page()
    page.route("**/*", lambda route: route.continue_())     # this turns the browser's cache off
    page.goto(address)
    page.wait_for_function(PAINTED)
    seconds = page.evaluate(PAINTED) / 1000
    page.close()
    return seconds


MEASURES = (site, first_content)
