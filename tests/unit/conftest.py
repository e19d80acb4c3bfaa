import contextlib
import os
import subprocess

import pytest


@pytest.fixture(scope="package", autouse=True)
def no_proxy():
    """The servers of these tests are here: none is reached through the user's proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        yield


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of the test's own where the course keeps what it makes."""
    folder = tmp_path / "home"
    monkeypatch.setenv("MULTISTAGE_HOME", str(folder))
    return folder


@pytest.fixture
def spawn():
    """Starts processes that end with the test."""
    with contextlib.ExitStack() as ended:
        def start(*command, **how):
            process = ended.enter_context(subprocess.Popen(command, **how))
            ended.callback(process.kill)
            return process
        yield start
