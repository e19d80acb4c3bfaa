"""One browser and one JupyterLab for the tests of the lessons.

Both end with this folder: Playwright holds this thread's event loop, and the
tests after it want one of their own.
"""

import contextlib
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from helpers.engine import connect
from helpers.errors import NoEngine
from tests.waiting import lacks

from .browser import open_browser, program
from .notebook import Notebook
from .server import add_kernel, copy_lessons, serve

SHOTS = Path(__file__).parent / "shots"
LESSON = "notebooks/02-two-stages.ipynb"
expect.set_options(timeout=60_000)    # other tests may run beside these
WITHOUT_ENGINE = "without-engine"    # the kernel of a session that has none


@pytest.fixture(scope="package")
def engine():
    try:
        return connect()
    except NoEngine as error:
        lacks(str(error))


@pytest.fixture(scope="package")
def window(tmp_path_factory):
    path = program() or lacks("there is no Chromium: python -m tests.prepare")
    with open_browser(path, tmp_path_factory.mktemp("profile")) as window:
        window.set_default_timeout(60_000)
        yield window


@pytest.fixture(scope="package")
def course(tmp_path_factory):
    """Folder with a copy of the lessons: the checkout's own are not touched."""
    root = tmp_path_factory.mktemp("course")
    copy_lessons(root)
    return root


@pytest.fixture(scope="package")
def lab(course, tmp_path_factory):
    """(address, token) of a running JupyterLab."""
    home = tmp_path_factory.mktemp("jupyter") / "home"
    add_kernel(home, WITHOUT_ENGINE, MULTISTAGE_NO_ENGINE="1", MULTISTAGE_REQUIRE_ENGINE="", MULTISTAGE_HOME=str(home / "state"))
    with serve(course / LESSON, home) as where:
        yield where


@pytest.fixture(scope="package")
def without_engine(window, course, lab):
    """without_engine(path): a lesson, run from the menu in a session without an engine. Its file is then as it was."""
    @contextlib.contextmanager
    def opened(path):
        kept = (course / path).read_text()
        sheet = nbformat.reads(kept, as_version=4)
        sheet.metadata.kernelspec.name = WITHOUT_ENGINE
        nbformat.write(sheet, course / path)
        page = window.new_page()
        try:
            notebook = Notebook.open(page, *lab, str(path))
            notebook.restart_and_run_all()
            notebook.await_run()
            notebook.show_all(1280)
            yield notebook
        finally:
            page.close()
            (course / path).write_text(kept)

    return opened
