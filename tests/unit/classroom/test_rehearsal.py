"""For how many learners a machine has room."""

from types import SimpleNamespace

import pytest

from helpers.classroom import rehearsal


def engine(**facts):
    return SimpleNamespace(client=SimpleNamespace(api=SimpleNamespace(info=lambda: facts)))


@pytest.fixture(autouse=True)
def disk(monkeypatch):
    monkeypatch.setattr(rehearsal.shutil, "disk_usage", lambda path: SimpleNamespace(free=100_000_000_000))


def test_the_scarcest_part_decides():
    small = rehearsal.capacity(engine(NCPU=2, MemTotal=24_000_000_000, DockerRootDir="/"))
    assert (small.processors, small.memory, small.disk, small.learners) == (10, 55, 200, 10)
    assert rehearsal.capacity(engine(NCPU=32, MemTotal=6_000_000_000, DockerRootDir="/")).learners == 10
    assert "Room for 10 learners" in str(small)


def test_a_machine_without_memory_has_room_for_nobody():
    assert rehearsal.capacity(engine(NCPU=2, MemTotal=1_000_000_000, DockerRootDir="/")).learners == 0
