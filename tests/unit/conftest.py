import pytest


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of the test's own where the course keeps what it makes."""
    folder = tmp_path / "home"
    monkeypatch.setenv("MULTISTAGE_HOME", str(folder))
    return folder
