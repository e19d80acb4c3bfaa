"""How many learners a machine can take, and the check before a class."""

import json
from types import SimpleNamespace

import pytest

from helpers.classroom import rehearsal, sizing
from helpers.errors import CourseError

from .test_room import made


def engine(**facts):
    return SimpleNamespace(client=SimpleNamespace(api=SimpleNamespace(info=lambda: facts)))


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    one = sizing.Measured(30, 15, 42.0, 400_000_000, 500_000_000, 1_000_000_000)
    monkeypatch.setattr(rehearsal.sizing, "measured", lambda: one)
    monkeypatch.setattr(rehearsal.shutil, "disk_usage", lambda path: SimpleNamespace(free=100_000_000_000))


@pytest.mark.parametrize("processors, memory, learners", [
    (2, 24_000_000_000, 30), (32, 6_000_000_000, 10), (2, 1_000_000_000, 0)])
def test_the_scarcest_resource_decides(processors, memory, learners):
    found = rehearsal.capacity(engine(NCPU=processors, MemTotal=memory, DockerRootDir="/"))
    assert (found.learners, found.disk) == (learners, 200)
    assert f"Room for {learners} learners who take two lessons and an exercise in 15 minutes" in str(found)


def test_the_measured_class_is_the_one_in_the_docs():
    one = sizing.Measured(**json.loads(sizing.FILE.read_text()))
    assert one.learners_on(2, 24_000_000_000, 100_000_000_000) > (0, 0, 0)
    page = (sizing.FILE.parents[1] / "docs" / "class.md").read_text()
    assert f"{one.seconds:.1f} processor seconds" in page and f"{one.learners} learners" in page


def test_the_check_reads_the_kit(monkeypatch, tmp_path):
    monkeypatch.setattr(rehearsal.requests, "get", lambda *_, **__: SimpleNamespace(raise_for_status=lambda: None))
    monkeypatch.setattr(rehearsal.store, "refs", lambda *_: [])
    described = SimpleNamespace(describe=lambda: "Docker Engine 28")
    found, kit, *_ = rehearsal.condition(described, made())
    assert found == "Engine: Docker Engine 28." and kit.startswith("Kit: none")
    with pytest.raises(CourseError, match="kit .* is not complete"):
        rehearsal.condition(described, made(kit=str(tmp_path)))
