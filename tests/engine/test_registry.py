"""Push and pull through a real registry, behind a line of known speed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from docker.errors import NotFound

from helpers import labels, paths
from helpers.builder import build
from helpers.errors import CourseError, Interrupted, RegistryUnavailable, TransferFailed
from helpers.image import inspect, layer_by_path
from helpers.maintenance import clean
from helpers.registry import Registry, is_transfer_name, lesson_registry, server, throttle
from tests.waiting import commands, lacks, until

FAST = 1e9
SLOW = 2e6      # bytes a second: an image of tens of megabytes takes long enough to be stopped
BASE = "gcr.io/distroless/base-debian12"
NAME, LARGE, OTHER = "course-test:ship", "course-test:large", "course-test:other"
OVERHEAD = 100_000   # bytes of HTTP around the blobs of a small image


@pytest.fixture(scope="module")
def program(engine):
    """Skips where the registry's program is not installed: no test installs it."""
    if not shutil.which("docker-registry"):
        lacks("docker-registry is not installed")


def made(engine, folder, tag, *sizes):
    """An image of the course with a layer of each of `sizes`, whose bytes no compression makes less."""
    for number, size in enumerate(sizes):
        (folder / f"{number}").write_bytes(random.Random(number).randbytes(size))
    lines = [f"COPY {number} /{number}" for number in range(len(sizes))]
    build(folder, text="\n".join(["FROM scratch", *lines]), tag=tag, engine=engine)


@pytest.fixture(scope="module")
def image(engine, program, tmp_path_factory):
    """A small image of two layers, each larger than what HTTP adds to it."""
    made(engine, tmp_path_factory.mktemp("small"), NAME, 2_000_000, 300_000)
    yield NAME
    engine.client.images.remove(NAME)


@pytest.fixture(scope="module")
def large(engine, program, tmp_path_factory):
    """An image that holds more than the sockets between a registry and an engine do: a registry
    that dies early leaves the rest unsent."""
    made(engine, tmp_path_factory.mktemp("large"), LARGE, 24_000_000)
    yield LARGE
    engine.client.images.remove(LARGE)


@pytest.fixture(scope="module")
def other(engine, tmp_path_factory):
    """Another image."""
    made(engine, tmp_path_factory.mktemp("other"), OTHER, 1000)
    yield OTHER
    engine.client.images.remove(OTHER)


def travellers(engine) -> list[str]:
    return [tag for each in engine.client.api.images() for tag in each["RepoTags"] or () if is_transfer_name(tag)]


def folders() -> set[str]:
    return {path.name for path in paths.cache().glob("registry-*")}


def programs() -> set[str]:
    """The settings of registries that were started for a folder of the course."""
    return {words[2] for words in commands() if words[1:2] == ["serve"] and words[2].startswith(str(paths.cache()))}


@pytest.fixture(autouse=True)
def nothing_stays(engine):
    before = set(travellers(engine)), folders(), programs()
    yield
    assert set(travellers(engine)) <= before[0]
    assert folders() <= before[1] and programs() <= before[2]
    assert not [t for t in threading.enumerate() if t.name == "line"]


@pytest.fixture
def shop(engine, program):
    with Registry(FAST, engine) as made:
        yield made


def test_the_bytes_counted_are_those_of_the_manifest(shop, image):
    up = shop.push(image)
    assert (up.way, up.known, up.name) == ("push", 0, NAME) and up.layers == len(inspect(image).layers)
    assert up.payload <= up.moved <= up.payload + OVERHEAD
    copy = shop.fresh(up)
    assert copy.place == f"{up.place}-fresh"
    with shop.pulled(copy) as down:
        assert (down.transfer.known, down.transfer.layers) == (0, up.layers)
        assert down.transfer.payload <= down.transfer.moved <= down.transfer.payload + OVERHEAD
        # the comments in front are all that makes it larger
        assert 0 < down.transfer.payload - up.payload < 2000 * (up.layers + 1)


def test_what_was_pulled_has_the_same_files_and_no_layer_of_the_first(engine, shop, image):
    with shop.pulled(shop.fresh(shop.push(image))) as down:
        one, copy = inspect(image, engine), inspect(down.reference, engine)
        assert set(layer_by_path(copy, engine)) == set(layer_by_path(one, engine))
        assert copy.unpacked == one.unpacked
        assert not {layer.digest for layer in one.layers} & {layer.digest for layer in copy.layers}
        assert copy.labels[labels.COURSE] == labels.BUILD and copy.labels[labels.NAME] == down.reference


def test_pulled_again_it_moves_again(shop, image):
    copy = shop.fresh(shop.push(image))
    moved = []
    for _ in range(2):
        with shop.pulled(copy) as down:
            moved.append((down.transfer.moved, down.transfer.known))
    assert moved[0][1] == moved[1][1] == 0
    assert abs(moved[0][0] - moved[1][0]) < OVERHEAD


def test_without_the_copy_nothing_would_move(shop, image):
    """Why there is a copy: an engine has the layers of what it has built."""
    up = shop.push(image)
    with shop.pulled(up) as down:
        assert down.transfer.known == up.layers or down.transfer.moved < OVERHEAD
    assert inspect(image)   # and it is not removed with its second name


def test_a_second_push_finds_its_layers_there(engine, shop, image):
    first, second = shop.push(image), shop.push(image)
    # Podman does not say which layers stayed: only what is larger than all that moved is sure to have.
    sure = 1 if "buildah" in engine.builders else second.layers
    assert sure <= second.known <= second.layers and second.moved < OVERHEAD < first.moved
    assert first.digest == second.digest


def test_a_name_can_move_and_a_digest_cannot(engine, shop, image, other):
    first = shop.push(image, "shop:1.0")
    second = shop.push(other, "shop:1.0")
    assert first.place == second.place == "multistage-course/shop:1.0"
    assert shop.digest(first.place) == second.digest != first.digest
    assert shop.holds(first.place, first.digest)
    assert not shop.holds(first.place, "sha256:" + "0" * 64)
    assert engine.client.images.get(other)


def test_a_pinned_base_stays_what_it_was_and_its_name_goes_with_the_registry(engine, shop, temporary, image, other, tmp_path):
    name = f"localhost/multistage.course/test-{tmp_path.name}:1"
    engine.client.images.get(image).tag(name)
    pin = shop.pinned(shop.push(name))
    text = "ARG ON\nFROM ${ON}\nLABEL on=it\n"
    january = temporary(tmp_path, text=text, args={"ON": pin})
    engine.client.images.get(other).tag(name)
    shop.push(name)
    moved, pinned = (temporary(tmp_path, text=text, args={"ON": base}) for base in (name, pin))
    first, elsewhere, again = (inspect(each.tag, engine).layers for each in (january, moved, pinned))
    assert first == again != elsewhere and shop.address in pin and engine.client.images.get(pin)
    shop.close()
    engine.client.images.remove(name)
    with pytest.raises(NotFound):
        engine.client.images.get(pin)


def test_a_digest_that_was_never_needed_takes_no_name_away(engine, shop, image, temporary, tmp_path):
    with Registry(FAST, engine) as another:
        temporary(tmp_path, text=f"FROM {another.pinned(another.push(image))}\nLABEL on=it\n")
    shop.pinned(shop.push(image))
    shop.close()
    assert engine.client.images.get(image)


def test_an_image_without_a_name_is_not_pushed(engine, shop, tmp_path):
    made = build(tmp_path, text=f"FROM {BASE}\nLABEL now={time.time_ns()}\n", engine=engine)
    try:
        with pytest.raises(CourseError, match="has no name"):
            shop.push(made.image)
        assert engine.client.images.get(made.image)
    finally:
        engine.client.images.remove(made.image)


def test_an_image_that_is_not_there(shop):
    from helpers.errors import ImageNotFound
    with pytest.raises(ImageNotFound):
        shop.push("course-test:no-such-image")


def test_the_last_name_of_a_learner_s_image_is_not_taken(engine, program, image):
    """Its own name went away while it travelled: the image stays."""
    client = engine.client
    made = client.containers.create(BASE, ["true"])
    made.commit("learners-ship", "1", changes=f"LABEL now={time.time_ns()}")
    made.remove()
    name = "127.0.0.1:1/multistage-course/learners-ship:1"
    own = client.images.get("learners-ship:1")
    try:
        own.tag(name.rpartition(":")[0], "1")
        client.images.remove("learners-ship:1")
        lesson_registry.forget(engine, name)
        assert client.images.get(own.id)
    finally:
        client.images.remove(own.id, force=True)


def ends_soon(registry: Registry, moved) -> threading.Thread:
    """Ends the registry's program once something has `moved`."""
    children = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(registry._server.process.pid)],
                              capture_output=True, text=True).stdout.splitlines()
    program, = [line.split()[0] for line in children if not line.split()[1].endswith("sh")]

    def end():
        until(moved, 30)
        os.kill(int(program), signal.SIGKILL)
    thread = threading.Thread(target=end)
    thread.start()
    return thread


@pytest.mark.parametrize("way, counted", [("push", "sent"), ("pull", "received")])
def test_a_registry_that_dies_in_the_middle(engine, large, way, counted):
    with Registry(SLOW, engine) as registry:
        if way == "pull":
            registry._line._up = throttle.Bucket(FAST, FAST)   # what is slow is the way back
            copy = registry.fresh(registry.push(large))
        before = getattr(registry._line, counted)
        ending = ends_soon(registry, lambda: getattr(registry._line, counted) > before + 1_000_000)
        with pytest.raises(TransferFailed, match=f"could not {way} {LARGE}") as raised:
            registry.push(large) if way == "push" else registry.pulled(copy).__enter__()
        ending.join()
    assert raised.value.why == "the registry has ended" and raised.value.remedy


def test_the_user_stops_a_push(engine, large):
    with Registry(SLOW, engine) as registry:
        before = registry._line.sent

        def watch(_):
            if registry._line.sent > before + 1_000_000:
                raise KeyboardInterrupt
        with pytest.raises(Interrupted, match=f"`push {LARGE}` was stopped"):
            registry.push(large, watch=watch)


def test_what_was_closed_says_so(shop, image):
    shop.close()
    shop.close()
    with pytest.raises(TransferFailed, match="could not push"):
        shop.push(image)


def test_an_engine_that_cannot_reach_it_is_reported_at_once(engine, program, monkeypatch):
    monkeypatch.setattr(lesson_registry.Line, "received", property(lambda self: 0, lambda self, value: None), raising=False)
    with pytest.raises(RegistryUnavailable, match="cannot reach a registry"):
        Registry(FAST, engine)


def test_a_killed_process_leaves_no_registry_behind(engine, program):
    script = ("from helpers.registry import Registry\nimport sys, time\n"
              "made = Registry(1e6)\nprint('open', flush=True)\ntime.sleep(600)\n")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "open\n"
            assert folders() and programs()
        finally:
            process.kill()
    until(lambda: not folders() and not programs(), 10)     # what is left is looked at by the fixture


def test_the_names_of_an_interrupted_transfer_are_found_and_removed(engine, image):
    """As after a killed process: the name for the push, and an image that was pulled."""
    client, api = engine.client, engine.client.api
    pushing = "127.0.0.1:1/multistage-course/course-test:ship"
    client.images.get(image).tag(pushing.rpartition(":")[0], "ship")
    with Registry(FAST, engine) as registry:
        pulling = registry.pulled(registry.fresh(registry.push(image)))
        pulled = pulling.__enter__().reference
        gone = client.images.get(pulled).id
        assert {pushing, pulled} <= set(clean._in_transfer(api))
        for name in (pushing, pulled):
            lesson_registry.forget(engine, name)
        assert not {pushing, pulled} & set(clean._in_transfer(api))
        pulling.__exit__(None, None, None)
    assert client.images.get(image)
    with pytest.raises(NotFound):
        client.images.get(gone)


def test_a_named_registry_gets_back_what_it_was(engine, image, registry, monkeypatch):
    import requests
    monkeypatch.setenv(server.NAMED, registry)
    with Registry(FAST, engine) as shop:
        up = shop.push(image)
        copy = shop.fresh(up)
        with shop.pulled(copy) as down:
            assert down.transfer.known == 0
        tags = requests.get(f"http://{registry}/v2/multistage-course/course-test/tags/list").json()["tags"]
        assert sorted(tags) == sorted(["ship", copy.place.rpartition(":")[2]])
    listed = requests.get(f"http://{registry}/v2/multistage-course/course-test/tags/list").json()
    assert not listed.get("tags")
