"""One browser and one JupyterLab for all tests of lessons.

Both are closed after this folder: Playwright blocks this thread's event loop, which later tests need.
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
expect.set_options(timeout=60_000)    # other tests may run at the same time
WITHOUT_ENGINE = "without-engine"    # name of a kernel without an engine


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
    """A folder with a copy of the lessons."""
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
    """without_engine(path): a lesson run without an engine. Its file is restored afterwards."""
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
