"""Outputs and widgets of every lesson in JupyterLab: nothing that axe-core objects to, in either theme.

The lessons run without an engine, so that each shows its questions and what was recorded. test_lab has the widgets that need one.
"""

import nbformat
import pytest

from .conftest import WITHOUT_ENGINE
from .notebook import Notebook
from .server import CHECKOUT

pytestmark = pytest.mark.nightly
LESSONS = sorted(path.relative_to(CHECKOUT) for path in CHECKOUT.glob("notebooks/*.ipynb"))
THEMES = ("JupyterLab Dark", "JupyterLab Light")    # the tests after these find the second


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def notebook(request, window, course, lab):
    """A lesson, run in a session without an engine."""
    path, page = course / request.param, window.new_page()
    kept = path.read_text()
    sheet = nbformat.reads(kept, as_version=4)
    sheet.metadata.kernelspec.name = WITHOUT_ENGINE
    nbformat.write(sheet, path)
    notebook = Notebook.open(page, *lab, str(request.param))
    notebook.restart_and_run_all()
    notebook.await_run()
    notebook.show_all(1280)
    yield notebook
    page.close()
    path.write_text(kept)


def test_axe_finds_no_violation(notebook):
    found = {}
    for theme in THEMES:
        notebook.choose_theme(theme)
        found[theme] = notebook.violations()
    assert notebook.view.locator(".widget-radio-box").count() > 1
    assert found == {theme: [] for theme in THEMES}
