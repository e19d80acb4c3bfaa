"""A browser on the whole site, for the tests of the night."""

import os
from pathlib import Path

import pytest

from tests.lab.browser import open_browser, program
from tests.waiting import lacks

from .building import build, serve

SHOTS = Path(__file__).parent / "shots"


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """Folder of the whole site; one that is there already, where MULTISTAGE_SITE names it."""
    there = os.environ.get("MULTISTAGE_SITE")
    return Path(there).resolve() if there else build(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="package")
def window(tmp_path_factory):
    path = program() or lacks("there is no Chromium: python -m tests.prepare")
    with open_browser(path, tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture(scope="package")
def address(whole):
    with serve(whole) as address:
        yield address
