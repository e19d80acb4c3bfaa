import os

import pytest


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """The servers of these tests are here: none is reached through the user's proxy."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of the test's own where the course keeps what it makes."""
    folder = tmp_path / "home"
    monkeypatch.setenv("MULTISTAGE_HOME", str(folder))
    return folder
