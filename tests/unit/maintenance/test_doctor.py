"""The doctor's report on base images and the disk."""

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


def test_only_the_first_lessons_bases_are_required(monkeypatch):
    found = report(monkeypatch, *FIRST)
    assert [base.ref for base in found.bases] == list(FIRST) and found.problems == ()


def test_other_bases_are_listed_if_present(monkeypatch):
    found = report(monkeypatch, *FIRST[1:], "node:20")
    assert {base.ref: base.present for base in found.bases} == {
        FIRST[0]: False, **dict.fromkeys(FIRST[1:], True), "node:20": True}
    (problem,) = found.problems
    assert FIRST[0] in problem.what and "node" not in problem.what and not problem.fatal


@pytest.mark.parametrize("free, problems", [(50_000_000_000, []), (3_000_000_000, [False]), (10_000_000, [True])])
def test_a_nearly_full_disk_is_reported(monkeypatch, home, free, problems):
    asked = []
    home.parent.mkdir(exist_ok=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: asked.append(place) or SimpleNamespace(free=free))
    monkeypatch.setattr(doctor.paths, "state", lambda: home / "not" / "there" / "yet")
    assert [each.fatal for each in doctor._room(SimpleNamespace(owned=True))] == problems
    assert asked == [home.parent]
    assert list(doctor._room(SimpleNamespace(owned=False))) == [] and len(asked) == 1
