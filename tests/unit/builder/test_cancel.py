"""Processes of a cancelled build: those with its mark in their environment are killed, and no other."""

import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from helpers import dockerfile
from helpers.builder import cancel as module
from helpers.builder.cancel import cancel
from helpers.builder.events import StepSeen
from helpers.builder.request import _marking, mark_of
from helpers.limits import MARKED, word
from tests.unit.builder.test_build import state

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc here")


@pytest.fixture
def asleep(monkeypatch, spawn):
    """Starts a process that sleeps, with that environment."""
    monkeypatch.setattr(module, "_QUIET", 0.2)

    def one(**environment):
        process = spawn(sys.executable, "-c", "import time; print(flush=True); time.sleep(600)", env=environment,
                        stdout=subprocess.PIPE)
        process.stdout.readline()
        return process

    return one


def test_processes_with_the_mark_are_killed_and_no_other(asleep):
    ours = word()
    assert not cancel(ours)     # nothing has it yet
    first, second = asleep(**{MARKED: ours}), asleep(**{MARKED: f"localhost,.example.org,{ours}", "HOME": "/"})
    others = [asleep(**{MARKED: word()}), asleep(OTHER=ours), asleep(**{MARKED: f"{ours}.example"}), asleep()]
    assert cancel(ours)
    assert first.wait(5) < 0 and second.wait(5) < 0
    assert [each.poll() for each in others] == [None] * 4


def test_a_process_that_may_not_be_killed_is_reported(asleep, monkeypatch):
    process = asleep(**{MARKED: (ours := word())})
    monkeypatch.setattr(module.signal, "pidfd_send_signal", Mock(side_effect=PermissionError))
    assert not cancel(ours) and process.poll() is None


@pytest.mark.parametrize("no_word", ["", "multistage-", "localhost", "multistage-0123456789abcdef.invalid,x"])
def test_what_any_process_might_have_in_its_environment_is_refused(no_word):
    with pytest.raises(ValueError, match="marks no build"):
        cancel(no_word)


def at_work(instruction, builder="buildah"):
    return state(f"FROM scratch\n{instruction}\n", builder, StepSeen("1/2", instruction, started=1.0))


@pytest.mark.parametrize("progress, ended, words", [
    (at_work("RUN sleep 5"), False, "stops it later.\nWhy: Podman waits for the command of line 2"),
    (at_work("RUN sleep 5"), True, "stopped, in the engine too"), (at_work("COPY a b"), False, "stopped, in the engine too"),
    (at_work("RUN sleep 5", "buildkit"), False, "stopped, in the engine too")])
def test_the_learner_reads_what_still_runs_and_what_was_stopped(monkeypatch, progress, ended, words):
    monkeypatch.setattr(module, "cancel", lambda mark: ended)
    assert words in str(module.interrupted(progress, "a mark"))


@pytest.mark.parametrize("text, builder, marked", [
    ("FROM scratch", "buildah", True), ("FROM scratch", "buildkit", False),
    ("ARG no_proxy\nFROM scratch", "buildah", False), ("FROM scratch\nARG X NO_PROXY=a", "buildah", False)])
def test_a_build_is_marked_where_that_is_of_use_and_changes_nothing(text, builder, marked):
    assert bool(mark_of(dockerfile.parse(text), None, builder)) == marked


@pytest.mark.parametrize("args, builder, expected", [
    ({}, "buildkit", "m"), ({"no_proxy": "a,b"}, "buildkit", "a,b,m"), ({"NO_PROXY": "a"}, "buildah", "a,m"),
    ({}, "buildah", "outer,m")])
def test_the_mark_is_one_more_host_without_a_proxy(monkeypatch, args, builder, expected):
    monkeypatch.setenv("NO_PROXY", "outer")
    assert _marking("m", args, builder) == {"NO_PROXY": expected} and _marking("", args, builder) == {}
