"""Saving, removing and restoring a learner's home."""

import tarfile
from dataclasses import replace

import pytest
from docker.errors import NotFound

from helpers.classroom import containers, disks, homes, image
from helpers.errors import CourseError
from tests.unit.classroom.test_room import made

pytestmark = pytest.mark.nightly


@pytest.fixture
def classroom(engine, tmp_path):
    if "buildkit" not in engine.builders:
        pytest.skip("the learners' image takes BuildKit")
    name = "multistage-class-homes"
    found = made(name=name, engine=engine.host, image=image.make(engine, name, print), homes=str(tmp_path / "homes"))
    found = replace(found, limited=disks.available(engine.client.api, found, print))
    yield found
    disks.remove(engine.client.api, found, [each for each in homes.volumes(engine, name) if "-home-" in each])
    for volume in homes.volumes(engine, name):
        engine.client.api.remove_volume(volume)
    engine.client.api.remove_image(f"{name}:latest")


def run(engine, classroom, volume, command):
    """The output of a command in a container with this home."""
    with containers.container(engine, classroom, {volume: "/home/jovyan"}) as container:
        engine.client.api.start(container)
        return containers.run(engine, container, ["sh", "-c", command], "/home/jovyan")


def test_a_saved_home_is_restored(engine, classroom):
    api, volume = engine.client.api, f"{classroom.name}-home-ada"
    disks.make(api, classroom, {volume: "home"})
    run(engine, classroom, volume, "echo mine > mine.txt && chmod 750 mine.txt")
    (saved,) = homes.save(engine, classroom, print)
    with tarfile.open(saved) as archive:
        assert archive.extractfile("jovyan/mine.txt").read() == b"mine\n"
    assert homes.restore(engine, classroom, print) == []     # it still exists
    disks.remove(api, classroom, [volume])
    assert homes.restore(engine, classroom, print) == ["ada"]
    assert run(engine, classroom, volume, "cat mine.txt; stat -c '%U %a' mine.txt") == "mine\njovyan 750\n"


def test_a_home_that_cannot_be_saved_stays(engine, classroom, tmp_path):
    volume = f"{classroom.name}-home-ada"
    disks.make(engine.client.api, classroom, {volume: "home"})
    (tmp_path / "homes").write_text("a file where the folder should be")
    with pytest.raises(CourseError, match="home of ada could not be saved"):
        homes.save(engine, classroom, print)
    assert volume in homes.volumes(engine, classroom.name)


def test_removing_waits_until_a_container_is_gone(engine, classroom):
    with containers.container(engine, classroom, {}) as container:
        containers.remove(engine, container)
        with pytest.raises(NotFound):
            engine.client.api.inspect_container(container)
