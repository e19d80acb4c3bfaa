"""What `make sandbox` says in the end, and when it says no."""

import contextlib

import pytest

from tests.sandbox import __main__ as command

HERE = {"seconds": {"two stages": 10.0, "one stage": 20.0}}
THERE = {"rung": "podman-one-id", "store": "overlay", "built": ["two stages", "one stage"],
         "seconds": {"start": 5.0, "load": 1.0, "two stages": 15.0, "one stage": 20.0, "run": 1.0}}
GOOD = {"00-is-everything-ready": {"passed": 13}, "01-one-stage": {"passed": 21}}
NOTHING = {"rung": None, "store": "", "built": [], "seconds": {"start": 0.2}, "error": {"what": "There is no Docker engine here."}}


def test_a_line_says_the_rung_how_soon_what_and_in_what_time():
    assert command.line("hub", THERE, HERE, GOOD) == (
        "(hub) rung podman-one-id, overlay, ready in 6.0 s: built for real: two stages: 15.0 s, 1.5 times the plain engine's "
        "10.0 s; one stage: 20.0 s, 1.0 times the plain engine's 20.0 s. Lessons that ran: 00, 01 of 00, 01.")


def test_a_line_of_one_that_could_not_build_says_why():
    cells = {"00-is-everything-ready": {"passed": 13}, "01-one-stage": {"passed": 20, "failed": 1}}
    assert command.line("b", NOTHING, HERE, cells) == (
        "(b) rung none: nothing built (There is no Docker engine here.). Lessons that ran: 00 of 00, 01.")


@pytest.mark.parametrize("there, cells, code", [
    (THERE, GOOD, 0),
    (THERE | {"rung": "small"}, GOOD, 1),       # it builds, and not with what this session allows
    (THERE | {"error": {"what": "x"}}, GOOD, 1),
    (THERE, {"01-one-stage": {"passed": 20, "failed": 1}}, 1),
    (THERE, {"01-one-stage": {"passed": 20, "xfailed": 3}}, 1),   # cells after one that took too long
    (THERE, {"01-one-stage": {}}, 1),           # no cell at all
    (NOTHING, GOOD, 1),                         # recorded results alone are no engine
])
def test_it_says_no_unless_all_was_for_real(monkeypatch, capsys, there, cells, code):
    monkeypatch.setattr(command, "connect", lambda: type("Engine", (), {"describe": lambda self: "Docker"})())
    monkeypatch.setattr(command.inside, "story", lambda: HERE)
    monkeypatch.setattr(command, "sandbox", lambda engine, kind: contextlib.nullcontext(kind))
    monkeypatch.setattr(command, "told", lambda pod: there)
    monkeypatch.setattr(command, "lessons", lambda pod: cells)
    assert command.main(["hub"]) == code
    assert capsys.readouterr().out.startswith("(hub) rung ")


@pytest.mark.parametrize("output, counted", [
    ("..F\n1 failed, 20 passed, 2 warnings in 12.30s\n", {"failed": 1, "passed": 20}),
    ("13 passed in 1.20s (0:01:02)\n\nSeconds by group: notebooks 12 (13 tests)\n", {"passed": 13}),
    ("no tests ran in 0.01s\n", {}), ("", {})])
def test_the_cells_are_counted_wherever_the_summary_stands(output, counted):
    assert command.counts(output) == counted
