"""Processes of the course's engines: resumed, waited for and ended."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time

import pytest

from helpers.engine import processes
from helpers.engine.backends import PODMAN
from helpers.errors import EngineError

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
MILD = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def process(spawn):
    def start(code):
        made = spawn(sys.executable, "-c", code, stdout=subprocess.PIPE, text=True)
        assert made.stdout.readline() == "up\n"
        return made

    return start


def alive(*processes):
    return [each.pid for each in processes if each.poll() is None]


def test_processes_get_sigterm_and_then_sigkill(process):
    mild, stubborn, stranger = process(MILD), process(STUBBORN), process(MILD)
    processes.end(lambda: alive(mild, stubborn), 0.3, 5)
    assert (mild.wait(1), stubborn.wait(1)) == (-signal.SIGTERM, -signal.SIGKILL)
    assert stranger.poll() is None


def test_a_stopped_process_can_be_ended(process):
    stopped = process(MILD)
    os.kill(stopped.pid, signal.SIGSTOP)
    processes.end(lambda: alive(stopped), 5, 5)
    assert stopped.wait(1) == -signal.SIGTERM


def test_a_process_that_is_not_listed_any_more_gets_no_signal(process):
    """Another process may have reused its id."""
    stubborn = process(STUBBORN)
    asked = iter([[stubborn.pid]])
    processes.end(lambda: next(asked, []), 0.2, 0.2)
    assert stubborn.poll() is None


def test_a_stopped_engine_is_resumed_and_waited_for(process):
    engine, said = process(MILD), []
    os.kill(engine.pid, signal.SIGSTOP)
    os.waitpid(engine.pid, os.WUNTRACED)
    state = lambda: open(f"/proc/{engine.pid}/stat").read().rpartition(")")[2].split()[0]
    assert processes.wait_until_responsive(lambda: alive(engine), lambda: state() != "T", said.append, 20)
    assert len(said) == 1 and "waiting" in said[0]


def test_waiting_ends_when_the_engine_is_gone_or_the_time_is_up(process):
    said = []
    assert not processes.wait_until_responsive(list, lambda: True, said.append, 60) and said == []
    silent = process(MILD)
    assert not processes.wait_until_responsive(lambda: alive(silent), lambda: False, said.append, 0.2) and silent.poll() is None


@pytest.mark.parametrize("spent", [itertools.count(1), itertools.repeat(0)], ids=["at work", "idle"])
def test_an_engine_that_is_at_work_has_more_time_to_start(tmp_path, monkeypatch, process, spent):
    engine, looks = type(PODMAN), itertools.count(1)
    monkeypatch.setattr(engine, "start_seconds", 0.5)
    monkeypatch.setattr(engine, "folder", lambda self: tmp_path)
    monkeypatch.setattr(engine, "_answers", lambda self: next(looks) > 15)     # a look takes a twentieth of a second
    monkeypatch.setattr(processes, "cpu_seconds", lambda pid: next(spent))
    with pytest.raises(EngineError, match="did not start") if next(spent) == 0 else contextlib.nullcontext():
        PODMAN._await(process(MILD))


def test_the_processor_time_of_a_process():
    assert 0 < processes.cpu_seconds(os.getpid()) <= time.process_time() + 0.02
    assert processes.cpu_seconds(2 ** 30) == 0


def test_too_long_a_socket_path_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTISTAGE_HOME", str(tmp_path / ("x" * 100)))
    with pytest.raises(EngineError) as caught:
        PODMAN._check_socket_length()
    assert "104" in caught.value.why and "/tmp/multistage" in caught.value.remedy
    monkeypatch.setenv("MULTISTAGE_HOME", "/tmp/m")
    PODMAN._check_socket_length()


def test_nothing_answers_where_nothing_is(tmp_path):
    assert not processes.answers(f"unix://{tmp_path}/none.sock", 1)
