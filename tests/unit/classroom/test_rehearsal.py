"""For how many learners a machine has room."""

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


def test_the_scarcest_part_decides():
    small = rehearsal.capacity(engine(NCPU=2, MemTotal=24_000_000_000, DockerRootDir="/"))
    assert (small.processors, small.memory, small.disk, small.learners) == (30, 55, 200, 30)
    assert rehearsal.capacity(engine(NCPU=32, MemTotal=6_000_000_000, DockerRootDir="/")).learners == 10
    assert "Room for 30 learners who take two lessons and an exercise in 15 minutes" in str(small)


def test_a_machine_without_memory_has_room_for_nobody():
    assert rehearsal.capacity(engine(NCPU=2, MemTotal=1_000_000_000, DockerRootDir="/")).learners == 0


def test_the_class_that_was_measured_can_be_read():
    one = sizing.Measured(**json.loads(sizing.FILE.read_text()))
    assert one.learners_on(2, 24_000_000_000, 100_000_000_000) > (0, 0, 0)
    page = (sizing.FILE.parents[1] / "docs" / "class.md").read_text()
    assert f"{one.seconds:.1f} processor seconds" in page and f"{one.learners} learners" in page


def test_the_kit_of_a_class_is_read_the_evening_before(monkeypatch, tmp_path):
    monkeypatch.setattr(rehearsal.requests, "get", lambda *_, **__: SimpleNamespace(raise_for_status=lambda: None))
    monkeypatch.setattr(rehearsal.store, "refs", lambda *_: [])
    described = SimpleNamespace(describe=lambda: "Docker Engine 28")
    found, kit, *_ = rehearsal.condition(described, made())
    assert found == "Engine: Docker Engine 28." and kit.startswith("Kit: none")
    with pytest.raises(CourseError, match="kit .* is not complete"):
        rehearsal.condition(described, made(kit=str(tmp_path)))
