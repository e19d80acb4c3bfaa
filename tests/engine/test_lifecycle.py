"""The life of a container, on a real engine."""

import subprocess
import sys

import pytest

from helpers import labels
from helpers.container import lifecycle
from helpers.errors import CourseError, ImageNotFound

BASE = "debian:bookworm-slim"


@pytest.fixture
def life(engine):
    made = lifecycle.create(BASE, ["sleep", "600"], engine)
    yield made
    made._remove_quietly()


def test_created_running_exited_gone(life):
    assert (life.state, life.exit_code) == ("created", None)
    life.start()
    assert (life.state, life.exit_code) == ("running", None)
    life.stop()
    # sleep does not listen to the request, as the first process of a container: it was killed.
    assert (life.state, life.exit_code) == ("exited", 137)
    life.remove()
    assert (life.state, life.exit_code) == ("gone", None)
    assert repr(life) == f"{life.name} of {BASE}: gone"


def test_a_stopped_container_keeps_its_files_and_a_new_one_does_not(engine):
    command = ["sh", "-c", "ls /left 2>/dev/null || touch /left"]
    first = lifecycle.create(BASE, command, engine)
    try:
        outputs = []
        for _ in range(2):
            first.start()
            assert engine.client.api.wait(first.name)["StatusCode"] == 0
            outputs.append(engine.client.api.logs(first.name).decode())
        assert outputs == ["", "/left\n"]
    finally:
        first._remove_quietly()


def test_what_runs_is_not_removed(life):
    life.start()
    with pytest.raises(CourseError, match="still runs"):
        life.remove()
    assert life.state == "running"


def test_a_container_has_the_label_of_the_course_and_no_network(engine, life):
    inspected = engine.client.api.inspect_container(life.name)
    assert inspected["Config"]["Labels"][labels.COURSE] == labels.RUN
    assert inspected["HostConfig"]["NetworkMode"] == "none"
    assert inspected["HostConfig"]["Memory"] == 512 * 2 ** 20


def test_an_image_that_is_not_there(engine):
    with pytest.raises(ImageNotFound):
        lifecycle.create("multistage-no-such-image:1", engine=engine)


def test_one_that_was_forgotten_is_gone_when_python_ends(engine):
    code = ("from helpers.container import lifecycle\n"
            f"life = lifecycle.create({BASE!r}, ['sleep', '600'])\nlife.start()\nprint(life.name)\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    listed = engine.client.api.containers(all=True, filters={"name": done.stdout.strip()})
    assert done.stdout.startswith("multistage-run-") and listed == []
