"""Cleaning removes what the course made, and nothing else."""

import json
import subprocess
import sys

import pytest

from helpers import container, labels
from helpers.bases.references import short
from helpers.builder import build, legacy_images
from helpers.maintenance.clean import clean

pytestmark = pytest.mark.alone    # it cleans the whole engine
BASE = "debian:bookworm-slim"


@pytest.fixture
def learners_own(engine):
    """Things that the course did not make. The image and the container stand on a
    stand-in, whose labels they inherit."""
    client = engine.client
    committed = client.containers.create(BASE, ["true"])
    committed.commit("learners-own", "1")
    committed.remove()
    made = {
        "container": client.containers.create(BASE, ["true"]),
        "network": client.networks.create("learners-own"), "volume": client.volumes.create("learners-own")}
    yield made
    made["container"].remove(force=True)
    made["network"].remove()
    made["volume"].remove()
    client.images.remove("learners-own:1")


def test_only_what_has_the_label_goes(engine, learners_own, tmp_path):
    client = engine.client
    ours = labels.marked(labels.RUN)
    build(tmp_path, text=f"FROM {BASE}\nRUN touch /x\n", tag="course-test:clean", engine=engine)
    client.api.tag("course-test:clean", "learners-second-name", "1")
    client.containers.create(BASE, ["true"], labels=ours)
    client.networks.create("course-test", labels=ours)
    client.volumes.create("course-test", labels=ours)
    removed = clean(engine)
    assert removed.images >= 1 and removed.containers >= 1
    assert (removed.networks, removed.volumes) >= (1, 1)
    assert not client.images.list(filters={"reference": "course-test:clean"})
    assert client.images.get("learners-second-name:1")
    client.images.remove("learners-second-name:1")
    for _kind, thing in learners_own.items():
        thing.reload()
    assert client.images.get("learners-own:1") and client.images.get(BASE)


def test_the_name_of_a_push_that_was_cut_short_goes_and_the_image_stays(engine, learners_own):
    image = engine.client.images.get("learners-own:1")
    image.tag("127.0.0.1:1/multistage-course/learners-own", "1")
    assert clean(engine).images >= 1
    image.reload()
    assert [short(tag) for tag in image.tags] == ["learners-own:1"]   # Podman writes Docker Hub's name out


def test_what_the_legacy_builder_left_goes_too(engine, tmp_path):
    if "legacy" not in engine.builders:
        pytest.skip("no legacy builder")
    build(tmp_path, text=f"FROM {BASE}\nRUN touch /left-{tmp_path.name}\nRUN touch /over\n",
          builder="legacy", tag="course-test:legacy", engine=engine)
    left = legacy_images.noted(engine)
    assert left and all(engine.client.images.get(i) for i in left[:2])
    clean(engine)
    everything = {i["Id"][7:19] for i in engine.client.api.images(all=True)}
    assert not set(left) & everything
    assert legacy_images.noted(engine) == []


def test_a_base_with_one_name_survives_a_legacy_build_and_cleaning(engine, tmp_path):
    if "legacy" not in engine.builders:
        pytest.skip("no legacy builder")
    container_of_base = engine.client.containers.create(BASE, ["true"])
    own = container_of_base.commit("learners-base", "1")
    container_of_base.remove()
    try:
        build(tmp_path, text="FROM learners-base:1\nRUN true\n", builder="legacy", engine=engine)
        assert own.id[7:19] not in legacy_images.noted(engine)
        legacy_images.note(engine, [own.id])     # and were it noted: it has a name
        clean(engine)
        assert engine.client.images.get("learners-base:1").id == own.id
    finally:
        engine.client.images.remove("learners-base:1", force=True)


def test_the_command_counts_what_it_removed(engine):
    done = subprocess.run([sys.executable, "-m", "helpers", "clean", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["removed"]) == {"images", "containers", "networks", "volumes"}


def test_a_container_of_a_lesson_is_gone_before_cleaning(engine):
    container.run(BASE, ["true"], engine=engine)
    assert clean(engine).containers == 0
