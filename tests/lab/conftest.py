"""A browser and a JupyterLab for the tests of the lessons.

Both end with the module: Playwright holds this thread's event loop, and the
tests after it want one of their own.
"""

import os
from pathlib import Path

import pytest

from helpers.engine import connect
from helpers.errors import NoEngine

from .browser import open_browser, program
from .server import copy_lessons, serve

SHOTS = Path(__file__).parent / "shots"
LESSON = "notebooks/02-two-stages.ipynb"


def _without(what):
    """Skip for want of `what`, or fail where nothing may be skipped."""
    if os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def engine():
    try:
        return connect()
    except NoEngine as error:
        _without(str(error))


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    path = program() or _without("there is no Chromium: python -m tests.prepare")
    with open_browser(path, tmp_path_factory.mktemp("profile")) as window:
        window.set_default_timeout(60_000)
        yield window


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Folder with a copy of the lessons: the checkout's own are not touched."""
    root = tmp_path_factory.mktemp("course")
    copy_lessons(root)
    return root


@pytest.fixture(scope="module")
def lab(engine, course, tmp_path_factory):
    """(address, token) of a running JupyterLab."""
    with serve(course / LESSON, tmp_path_factory.mktemp("jupyter") / "home") as where:
        yield where
