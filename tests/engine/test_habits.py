"""The mistakes of the lesson on habits, and their opposites: what each verdict rests on can turn.

Small images of debian with shell commands stand for the lesson's own, which compile.
"""

import contextlib
import os
import shutil
import uuid

import pytest
from docker.errors import NotFound

from helpers.builder import build
from helpers.container import run
from helpers.errors import BuildFailed
from helpers.experiments.incremental import executed_steps, rebuild, steps, write
from helpers.image import inspect, layer_by_path, read_file
from helpers.inventory import inventory
from helpers.registry import Registry

BASE = "debian:bookworm-slim"
FILES = {"greet/greet": b"Hello", "main": b"the world", "demo": b"a demonstration", ".env": b"PASSWORD=x"}
TEXTS = {
    # which files come along
    "everything": f"FROM {BASE} AS builder\nWORKDIR /app\nCOPY . .\nRUN cat greet/greet main > app\n\n"
                  "FROM scratch\nCOPY --from=builder /app /app\n",
    "artifact": f"FROM {BASE} AS builder\nWORKDIR /app\nCOPY . .\nRUN cat greet/greet main > app\n\n"
                "FROM scratch\nCOPY --from=builder /app/app /app/app\n",
    # what is repaired afterwards
    "repaired": f"FROM {BASE}\nCOPY . /app\nRUN rm /app/.env\nRUN chown -R www-data /app\n",
    "chosen": f"FROM {BASE}\nCOPY --chown=www-data main demo greet/greet /app/\n",
    # whose user
    "builder's user": f"FROM {BASE} AS builder\nUSER www-data\n\nFROM {BASE}\n",
    "user": f"FROM {BASE}\nUSER www-data\n",
    # numbers and names
    "numbers": f"FROM {BASE}\nCOPY demo /app\n\nFROM {BASE}\nCOPY main /app\n\nFROM scratch\nCOPY --from=0 /app /app\n",
    "names": f"FROM {BASE} AS demo\nCOPY demo /app\n\nFROM {BASE} AS builder\nCOPY main /app\n\n"
             "FROM scratch\nCOPY --from=builder /app /app\n",
    # the order of COPY
    "everything first": f"FROM {BASE} AS builder\nWORKDIR /app\nCOPY . .\nRUN cat greet/greet > dependency\n"
                        "RUN cat main > app\n\nFROM scratch\nCOPY --from=builder /app/app /app/dependency /\n",
    "dependencies first": f"FROM {BASE} AS builder\nWORKDIR /app\nCOPY greet greet\nRUN cat greet/greet > dependency\n"
                          "COPY . .\nRUN cat main > app\n\nFROM scratch\n"
                          "COPY --from=builder /app/app /app/dependency /\n",
    "one stage": f"FROM {BASE}\nWORKDIR /app\nCOPY greet greet\nRUN cat greet/greet > dependency\n"
                 "COPY . .\nRUN cat main > app\n",
    # a stage with tests
    "untested": f"FROM {BASE} AS builder\nCOPY . /app\n\nFROM builder AS test\nRUN grep world /app/main\n\n"
                "FROM scratch\nCOPY --from=builder /app/main /main\n",
    "tested": f"FROM {BASE} AS builder\nCOPY . /app\n\nFROM builder AS test\nRUN grep world /app/main\n\n"
              "FROM scratch\nCOPY --from=test /app/main /main\n",
    # a base that moves
    "moving": "ARG ON\nFROM ${ON}\nCOPY main /main\n",
}
SOURCE, DEPENDENCY = ("main", "world"), ("greet/greet", "Hello")


@pytest.fixture
def make(engine, tmp_path):
    """Builds one of the texts over files, under a name of the test's own. All names go again."""
    names = []

    def made(text, files=FILES, *, tag="", **words):
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        write(files, folder)
        tag = tag or f"course-test:habits-{uuid.uuid4().hex[:12]}"
        names.append(tag)
        return build(folder, text=TEXTS.get(text, text), tag=tag, engine=engine, **words)
    yield made
    _forget(engine, names)


@pytest.fixture
def edit(engine):
    """Rebuilds one of the texts after edits: {what: (build, image)}."""
    tags = []

    def done(text, **edits):
        tags.append(f"course-test:habits-{uuid.uuid4().hex[:12]}")
        return rebuild({**FILES, "Dockerfile": TEXTS.get(text, text).encode(), ".dockerignore": b"Dockerfile\n"},
                       edits, tag=tags[-1], engine=engine)
    done.tags = tags
    yield done
    _forget(engine, [f"{tag}-{number}" for tag in tags for number in range(4)])


def _forget(engine, names):
    for name in dict.fromkeys(names):
        with contextlib.suppress(NotFound):
            engine.client.images.remove(name, force=True)


def ran(result) -> list[str]:
    return [step.instruction for step in executed_steps(result)]


# -- copies ----------------------------------------------------------------------------

def test_the_whole_folder_brings_the_password_and_the_artifact_alone_does_not(engine, make):
    found = {text: set(layer_by_path(inspect(make(text).tag, engine), engine)) for text in ("everything", "artifact")}
    assert found["artifact"] == {"/app", "/app/app"}
    assert {"/app/.env", "/app/main", "/app/greet/greet"} <= found["everything"]


def test_a_change_of_owner_writes_the_files_again_and_choosing_it_does_not(engine, make):
    files = {**FILES, "main": os.urandom(100_000)}
    repaired, chosen = (inventory(make(text, files).tag, engine) for text in ("repaired", "chosen"))
    grown = repaired.image.own_bytes - chosen.image.own_bytes
    assert 100_000 <= grown < 110_000 and repaired.wasted - chosen.wasted >= 100_000
    first = repaired.image.own_layers[0]
    assert read_file(repaired.image, "/app/.env", first, engine) == b"PASSWORD=x"
    assert "/app/.env" not in repaired.tree and "/app/.env" not in chosen.tree
    owners = [(each.tree["/app/main"].entries.uids[each.tree["/app/main"].row]) for each in (repaired, chosen)]
    assert owners[0] == owners[1] != 0


def test_a_user_stays_in_its_stage(engine, make):
    said = [run(make(text).tag, ["id", "-un"], engine=engine).output.strip() for text in ("builder's user", "user")]
    assert said == ["root", "www-data"]


# -- numbers ---------------------------------------------------------------------------

def test_a_number_copies_the_wrong_file_and_a_name_the_right_one(engine, make):
    shipped = {}
    for text in ("numbers", "names"):
        result = make(text)
        shipped[text] = read_file(inspect(result.tag, engine), "/app", None, engine), [s.status for s in result.stages]
    assert shipped["numbers"][0] == FILES["demo"] and shipped["numbers"][1][1] == "skipped"
    assert shipped["names"][0] == FILES["main"] and shipped["names"][1][0] == "skipped"


# -- the cache -------------------------------------------------------------------------

def test_nothing_edited_runs_nothing(edit):
    for text in ("everything first", "dependencies first"):
        assert ran(edit(text, nothing=None)["nothing"]) == []


def test_only_the_good_order_spares_the_dependency_when_the_source_is_edited(edit):
    bad, good = (edit(text, source=SOURCE)["source"] for text in ("everything first", "dependencies first"))
    assert ran(bad) == ["COPY . .", "RUN cat greet/greet > dependency", "RUN cat main > app",
                        "COPY --from=builder /app/app /app/dependency /"]
    assert ran(good) == ["COPY . .", "RUN cat main > app", "COPY --from=builder /app/app /app/dependency /"]
    assert len(steps(bad)) == 5 and len(steps(good)) == 6


def test_an_edited_dependency_runs_all_that_follows_in_both_orders(edit):
    bad, good = (edit(text, dependency=DEPENDENCY)["dependency"] for text in ("everything first", "dependencies first"))
    assert len(ran(bad)) == 4 and ran(good)[:2] == ["COPY greet greet", "RUN cat greet/greet > dependency"]
    assert len(ran(good)) == 5


def test_several_stages_spare_layers_of_the_image_but_no_steps(engine, edit):
    new, count = [], []
    for text in ("one stage", "dependencies first"):
        result = edit(text, source=SOURCE)["source"]
        before = set(inspect(f"{edit.tags[-1]}-0", engine).layers)
        new.append(len(set(inspect(result.tag, engine).layers) - before))
        count.append(len(ran(result)))
    assert new == [2, 1] and count == [2, 3]


def test_a_cache_mount_is_kept_from_build_to_build_and_is_in_no_layer(engine, edit):
    mount = f"--mount=type=cache,id=course-test-{uuid.uuid4().hex},target=/kept"
    result = edit(f"FROM {BASE}\nCOPY . /app\nRUN {mount} ls /kept > /seen; touch /kept/$(wc -l < /seen)\n",
                  first=SOURCE, second=SOURCE)
    seen = [read_file(inspect(each, engine), "/seen", None, engine).split()
            for each in (f"{edit.tags[-1]}-0", result["first"].tag, result["second"].tag)]
    assert seen == [[], [b"0"], [b"0", b"1"]]
    assert not any(path.startswith("/kept/") for path in layer_by_path(inspect(result["second"].tag, engine), engine))


def test_a_folder_that_is_not_mounted_begins_anew(engine, edit):
    """The same without the mount: an edit takes away what the step before had left."""
    result = edit(f"FROM {BASE}\nCOPY . /app\nRUN mkdir -p /kept; ls /kept > /seen; touch /kept/$(wc -l < /seen)\n",
                  first=SOURCE, second=SOURCE)
    found = inspect(result["second"].tag, engine)
    assert read_file(found, "/seen", None, engine) == b"" and "/kept/0" in layer_by_path(found, engine)


# -- tests -----------------------------------------------------------------------------

def saying(words: bytes) -> dict[str, bytes]:
    """The files with a `main` that no build has seen: what is built is not cached."""
    return {**FILES, "main": words + uuid.uuid4().hex.encode()}


def test_failing_tests_that_nothing_needs_are_skipped_and_the_image_is_shipped(engine, make):
    files = saying(b"nothing ")
    result = make("untested", files)
    assert (result.stage("test").status, result.stage("stage-2").status) == ("skipped", "built")
    assert read_file(inspect(result.tag, engine), "/main", None, engine) == files["main"]


@pytest.mark.parametrize("text, target", [("untested", "test"), ("tested", None)])
def test_failing_tests_that_are_needed_fail_the_build(engine, make, text, target):
    with pytest.raises(BuildFailed) as failure:
        make(text, saying(b"nothing "), tag="course-test:habits-gate", target=target)
    assert (failure.value.stage, failure.value.exit_code) == ("test", 1)
    with pytest.raises(NotFound):
        engine.client.images.get("course-test:habits-gate")


def test_passing_tests_let_the_image_through(engine, make):
    files = saying(b"the world ")
    result = make("tested", files)
    assert result.stage("test").status == "built"
    assert read_file(inspect(result.tag, engine), "/main", None, engine) == files["main"]


# -- names that move -------------------------------------------------------------------

@pytest.fixture
def registry(engine):
    if not shutil.which("docker-registry"):
        if os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1":
            pytest.fail("docker-registry is not installed")
        pytest.skip("docker-registry is not installed")
    with Registry(1e9, engine) as made:
        yield made


def test_a_name_leads_elsewhere_and_a_digest_does_not(engine, make, registry):
    name = f"localhost/multistage.course/test-{uuid.uuid4().hex[:12]}:1"
    release = f"FROM {BASE}\nCOPY main /release\n"
    make(release, {"main": b"January"}, tag=name)
    pin = registry.pinned(registry.push(name))
    built = [make("moving", args={"ON": name}), make("moving", args={"ON": pin})]
    make(release, {"main": b"February"}, tag=name)
    registry.push(name)
    built += [make("moving", args={"ON": name}), make("moving", args={"ON": pin})]
    said = [read_file(inspect(each.tag, engine), "/release", None, engine) for each in built]
    assert said == [b"January", b"January", b"February", b"January"]
    assert inspect(built[1].tag, engine).layers == inspect(built[3].tag, engine).layers
    assert registry.address in pin and engine.client.images.get(pin)
    registry.close()
    with pytest.raises(NotFound):
        engine.client.images.get(pin)


def test_a_digest_that_was_never_needed_is_no_trouble(engine, make, registry):
    registry.pinned(registry.push(make("user").tag))
    registry.close()
