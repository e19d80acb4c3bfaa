"""Containers that run for a moment."""

import pytest

from helpers import container
from helpers.errors import CourseError, ImageNotFound
from helpers.labels import COURSE, RUN

BASE = "debian:bookworm-slim"


@pytest.fixture(autouse=True)
def no_container_stays(engine):
    def ours():
        return {c.id for c in engine.client.containers.list(all=True, filters={"label": f"{COURSE}={RUN}"})}
    before = ours()
    yield
    assert ours() <= before


def test_output_and_exit_code(engine):
    ran = container.run(BASE, ["sh", "-c", "echo out; echo err >&2; exit 3"], engine=engine)
    assert sorted(ran.output.split()) == ["err", "out"]
    assert ran.exit_code == 3 and ran.seconds > 0


def test_a_hidden_folder_is_empty_and_cannot_be_written(engine):
    ran = container.run(BASE, ["sh", "-c", "ls -A /usr/share | wc -l; touch /usr/share/x"], hide=["/usr/share"], engine=engine)
    assert ran.output.splitlines()[0] == "0" and "Read-only" in ran.output


def test_there_is_no_network_unless_asked(engine):
    ran = container.run(BASE, ["cat", "/proc/net/dev"], engine=engine)
    assert "lo:" in ran.output and "eth0:" not in ran.output


def test_a_program_that_is_not_in_the_image_is_said_to_be_missing(engine):
    with pytest.raises(CourseError, match="not in the image"):
        container.run(BASE, ["/no/such/program"], engine=engine)


def test_one_that_hangs_is_stopped(engine):
    with pytest.raises(CourseError, match="did not end within 1 s"):
        container.run(BASE, ["sleep", "600"], timeout=1, engine=engine)


def test_an_image_that_is_not_there(engine):
    with pytest.raises(ImageNotFound):
        container.run("course-test:no-such-image", engine=engine)
