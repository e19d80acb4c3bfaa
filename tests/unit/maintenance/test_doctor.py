"""What the doctor says of the base images."""

import shutil
from types import SimpleNamespace

import pytest

from helpers.bases import ALL, FIRST, ResolvedBase
from helpers.maintenance import doctor

ENGINE = SimpleNamespace(limits=(), memory=8_000_000_000, owned=False, builders=("buildkit",))


def report(monkeypatch, *here):
    def status(engine, refs):
        assert tuple(refs) == ALL
        return tuple(ResolvedBase(ref, ref in here, "local" if ref in here else None, ref) for ref in refs)

    monkeypatch.setattr(doctor, "status", status)
    return doctor.doctor(ENGINE)


def test_of_the_bases_only_those_of_the_first_lessons_are_missed(monkeypatch):
    found = report(monkeypatch, *FIRST)
    assert [base.ref for base in found.bases] == list(FIRST) and found.problems == ()


def test_others_are_listed_once_they_are_here(monkeypatch):
    found = report(monkeypatch, *FIRST[1:], "node:20")
    assert {base.ref: base.present for base in found.bases} == {
        FIRST[0]: False, **dict.fromkeys(FIRST[1:], True), "node:20": True}
    (problem,) = found.problems
    assert FIRST[0] in problem.what and "node" not in problem.what and not problem.fatal


@pytest.mark.parametrize("free, problems", [(50_000_000_000, []), (3_000_000_000, [False]), (10_000_000, [True])])
def test_a_disk_that_is_nearly_full_is_reported_where_the_state_is_to_be(monkeypatch, home, free, problems):
    asked = []
    home.parent.mkdir(exist_ok=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: asked.append(place) or SimpleNamespace(free=free))
    monkeypatch.setattr(doctor.paths, "state", lambda: home / "not" / "there" / "yet")
    assert [each.fatal for each in doctor._room(SimpleNamespace(owned=True))] == problems
    assert asked == [home.parent]
    assert list(doctor._room(SimpleNamespace(owned=False))) == [] and len(asked) == 1
