"""Outputs and widgets of every lesson in JupyterLab pass axe-core in both themes.

The lessons run without an engine and show questions and recorded results. test_lab has the widgets that need an engine.
"""

import pytest

from .server import CHECKOUT

pytestmark = pytest.mark.nightly
LESSONS = sorted(path.relative_to(CHECKOUT) for path in CHECKOUT.glob("notebooks/*.ipynb"))
THEMES = ("JupyterLab Dark", "JupyterLab Light")    # later tests find the last one


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_axe_finds_no_violation(without_engine, path):
    found = {}
    with without_engine(path) as notebook:
        for theme in THEMES:
            notebook.choose_theme(theme)
            found[theme] = notebook.violations()
        assert notebook.view.locator(".widget-radio-box").count() > 1
    assert found == {theme: [] for theme in THEMES}
