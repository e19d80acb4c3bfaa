"""How the test run is divided: groups, what is left to the night, and who is alone with the engine."""

import fcntl
import os
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest

from helpers.recorded import COMMANDS
from tests import plugin

ROOT = plugin.ROOT

SUITE = """
import pytest
@pytest.mark.nightly
def test_slow(): pass
def test_quick(): pass
@pytest.mark.alone
def test_sees_all(): pass
"""


def run(folder, *arguments):
    """A run of pytest with this plugin and xdist alone, which waits for nobody who uses the engine."""
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-p", "tests.plugin", "-p", "no:cacheprovider",
                           "--rootdir", str(folder), *arguments, str(folder)], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, plugin.HELD: "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}).stdout


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "test_some.py").write_text(SUITE)
    return tmp_path


def test_a_nightly_test_is_left_out_and_the_last_line_reports_the_seconds_of_each_group(suite):
    said = run(suite)
    assert "2 passed, 1 deselected" in said
    assert said.splitlines()[-1].startswith("Seconds by group: ") and "(2 tests)" in said.splitlines()[-1]


def test_of_a_notebook_s_outputs_all_but_the_docker_commands_are_compared(tmp_path):
    source = "from IPython.display import display\nprint(1)\ndisplay({{'text/plain': 'x'}}, raw=True, metadata={{{!r}: True}})"
    cells = [nbformat.v4.new_code_cell(source.format(mark), execution_count=number, outputs=[
        nbformat.v4.new_output("stream", name="stdout", text="1\n")]) for number, mark in enumerate((COMMANDS, "other"), 1)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "some.ipynb")
    said = run(tmp_path, "-p", "nbval.plugin", "--nbval", "--nbval-current-env", "--nbval-kernel-name", "python3")
    assert "1 failed, 1 passed" in said and said.count("some.ipynb::Cell 1") and "::Cell 0" not in said


def test_two_workers_run_every_test_and_each_file_stays_with_one(suite):
    (suite / "test_many.py").write_text(f"""
import os
import pytest
@pytest.mark.parametrize("n", range(12))
def test_one_of_many(n):
    with open({str(suite / 'workers')!r}, "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
""")
    assert "15 passed" in run(suite, "--nightly", "-n", "2", "--dist", "loadfile")
    assert len(set((suite / "workers").read_text().split())) == 1


def test_a_run_in_the_background_can_interrupt_what_it_starts(suite):
    (suite / "test_some.py").write_text("""
import subprocess, sys
def test_interrupt():
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"True\\n"
""")
    command = f"trap '' INT; {sys.executable} -m pytest -q -p tests.plugin -p no:cacheprovider --rootdir {suite} {suite}"
    assert "1 passed" in subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True,
                                        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}).stdout


def test_what_is_alone_comes_first_and_the_unit_tests_beside_it(suite):
    (suite / "test_whole.py").write_text("import pytest\npytestmark = pytest.mark.alone\ndef test_cleans(): pass\n")
    said = run(suite, "--collect-only")
    assert said.index("test_cleans") < said.index("test_quick") < said.index("test_sees_all")    # one test moves no file
    assert sorted(["notebooks/01.ipynb::Cell 1", "tests/unit/test_a.py::test", "tests/engine/test_b.py::test"],
                  key=plugin._rank)[0].startswith("tests/unit")


@pytest.mark.parametrize("alone, other, waits", [
    (True, fcntl.LOCK_SH, True), (True, fcntl.LOCK_EX, True), (False, fcntl.LOCK_EX, True), (False, fcntl.LOCK_SH, False)])
def test_a_test_that_is_alone_with_the_engine_keeps_others_out(monkeypatch, tmp_path, alone, other, waits):
    monkeypatch.setattr(plugin, "LOCK", tmp_path / "lock")
    monkeypatch.delenv(plugin.HELD, raising=False)
    item = SimpleNamespace(nodeid="tests/engine/test_a.py::test", get_closest_marker=lambda name: alone)
    with plugin._engine_lock(item), open(plugin.LOCK) as second:
        if waits:
            with pytest.raises(BlockingIOError):
                fcntl.flock(second, other | fcntl.LOCK_NB)
        else:
            fcntl.flock(second, other | fcntl.LOCK_NB)


def test_unit_tests_and_runs_inside_a_test_take_no_lock(monkeypatch, tmp_path):
    monkeypatch.setattr(plugin, "LOCK", tmp_path / "lock")
    monkeypatch.delenv(plugin.HELD, raising=False)
    with plugin._engine_lock(SimpleNamespace(nodeid="tests/unit/test_a.py::test", get_closest_marker=lambda name: None)):
        assert not plugin.LOCK.exists()
    monkeypatch.setenv(plugin.HELD, "1")
    with plugin._engine_lock(SimpleNamespace(nodeid="tests/engine/test_a.py::test", get_closest_marker=lambda name: None)):
        assert not plugin.LOCK.exists()
