"""One image is the same in two engines: its sizes to the byte, and all that is found in it. Run by `suite` on another
engine, beside this machine's own, which is named by MULTISTAGE_OTHER_ENGINE. Each engine is measured anew, into a
memory of its own."""

import json
import os
import random
import uuid
from collections import Counter

import pytest

from helpers import paths
from helpers.builder import build
from helpers.engine import connect
from helpers.image import inspect, start, transfer, unique
from helpers.inventory import inventory

BASE = "debian:bookworm-slim"
_MOUNTED = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")   # where Podman 4 leaves empty mount points
# Without WORKDIR: of it Docker makes a layer with nothing in it, and Buildah none.
TEXT = f"""\
FROM {BASE} AS builder
COPY words noise /in/
RUN cat /in/words /in/words > /twice && chmod 4755 /twice && ln /twice /hard && ln -s /twice /soft
FROM {BASE}
COPY --from=builder /twice /hard /soft /app/
COPY words /app/
RUN rm /app/words && rm -r /usr/share/doc && mkdir /usr/share/doc
CMD ["cat", "/app/twice"]
"""


@pytest.fixture(scope="module")
def plain():
    """This machine's own engine."""
    host = os.environ.get("MULTISTAGE_OTHER_ENGINE")
    if not host:
        pytest.skip("there is no second engine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", host)
        return connect()


@pytest.fixture
def context(tmp_path):
    folder = tmp_path / "context"
    folder.mkdir()
    # A word of its own: no layer of it is one that another image has.
    (folder / "words").write_text(f"{uuid.uuid4()} {' '.join(map(str, range(100_000)))}")
    (folder / "noise").write_bytes(random.Random(1).randbytes(100_000))
    return folder


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """What is found in an image of an engine, with nothing known of any layer before."""
    def one(reference, engine):
        monkeypatch.setattr(paths, "cache", lambda: tmp_path / uuid.uuid4().hex)
        image = inspect(reference, engine)
        found = inventory(reference, engine).facts(files=True)
        return image, found, transfer(image, engine)

    return one


@pytest.fixture
def name(engine, plain):
    tag = f"course-test:{uuid.uuid4().hex[:12]}"
    yield tag
    for each in (engine, plain):
        for image in each.client.images.list(filters={"reference": tag}):
            each.client.images.remove(image.id, force=True)


def facts(image, found: dict, *without: str) -> dict:
    """What `inventory --json` says, each layer by its place instead of its digest."""
    text = json.dumps({key: value for key, value in found.items() if key not in ("image", "id", *without)})
    for place, layer in enumerate(image.layers):
        text = text.replace(layer.digest, f"layer {place}")
    return json.loads(text)


def without(found: dict, empties) -> tuple[dict, Counter]:
    """The facts without the empty files that an engine says it leaves in the layer of a RUN;
    how many those are, by their layer."""
    left = [each for each in found["listing"] if each["path"] in empties and each["size"] == 0]
    listing = [each for each in found["listing"] if each not in left]
    return ({**found, "listing": listing, "files": found["files"] - len(left)}, Counter(each["layer"] for each in left))


def test_a_saved_image_is_the_same_in_both(engine, plain, context, name, measured):
    build(context, text=TEXT, tag=name, engine=plain)
    engine.client.api.load_image(plain.client.api.get_image(name))
    here, there = measured(name, plain), measured(name, engine)
    assert here[0].layers == there[0].layers and here[0].unpacked > 74_000_000
    assert (here[0].base, here[0].base_layers) == (there[0].base, there[0].base_layers)
    assert start(here[0], plain) == start(there[0], engine) and here[0].labels == there[0].labels
    assert here[2] == there[2] < here[0].unpacked
    assert unique(here[0], plain) == unique(there[0], engine) > 0
    assert facts(*here[:2]) == facts(*there[:2])


def test_a_dockerfile_builds_the_same_in_both(engine, plain, context, name, measured):
    for each in (plain, engine):
        build(context, text=TEXT, tag=name, engine=each, no_cache=True)
    here, there = measured(name, plain), measured(name, engine)

    # Each builder words the instruction of a layer in its way; what layers weigh is compared here.
    ours, theirs = (facts(*each[:2], "transfer", "layers") for each in (here, there))
    empties = _MOUNTED if any(_MOUNTED[0] in limit for limit in engine.limits) else ()
    theirs, left = without(theirs, empties)

    def layers(image, left):
        return [(layer.unpacked, layer.files - left[f"layer {place}"]) for place, layer in enumerate(image.layers)]

    assert layers(here[0], Counter()) == layers(there[0], left)
    assert len(here[0].own_layers) == len(there[0].own_layers) >= 3
    assert left.total() == len(empties) and here[0].base == there[0].base == BASE
    assert {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]} == {}
    # Their times differ, and so does what compresses them: a few bytes of many millions.
    assert here[2] == pytest.approx(there[2], rel=0.0001)
