"""Where a build's result and its cache go: to this machine, a registry, another build. What this engine cannot do is
refused before anything is sent."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import uuid

import pytest

from helpers.builder import build, cache
from helpers.builder.control import Control
from helpers.builder.tunnel import upgradable
from helpers.errors import BuildFailed, CourseError, Interrupted, Unsupported
from helpers.experiments.variants import APPS
from helpers.registry import server
from helpers.registry.client import Client, entries
from tests.waiting import until

BASE = "debian:bookworm-slim"
TAG = "course-test:outputs"
EPOCH = 1_000_000_000
PLAIN = "FROM scratch\nCOPY Dockerfile /\n"


@pytest.fixture(scope="module", autouse=True)
def buildkit(engine):
    if not upgradable(engine):
        pytest.skip("this engine has no BuildKit")


@pytest.fixture(scope="module")
def word():
    return uuid.uuid4().hex


@pytest.fixture(scope="module")
def folder(tmp_path_factory, word):
    made = tmp_path_factory.mktemp("context")
    (made / "Dockerfile").write_text(f"""FROM {BASE} AS kitchen
RUN mkdir -p /out/bin && echo {word} > /out/bin/word && ln -s /etc/hostname /out/link && chmod 4755 /out/bin/word
FROM scratch
COPY --from=kitchen /out /
""")
    return made


@pytest.fixture
def image(engine):
    """The name for an image that goes when the test has ended."""
    yield TAG
    with contextlib.suppress(Exception):
        engine.client.images.remove(TAG, force=True)


def build_if(ability, engine, folder, **options):
    """The result where the engine has the ability; None where it is refused for the lack of it, as it has to be."""
    if ability in engine.exports:
        return build(folder, engine=engine, **options)
    with pytest.raises(Unsupported, match="This engine cannot"):
        build(folder, engine=engine, **options)
    return None


def test_the_last_stage_s_files_are_written_to_a_folder(engine, folder, word, tmp_path):
    result = build(folder, engine=engine, output=tmp_path / "out")
    assert (result.image, result.output) == ("", tmp_path / "out") and str(result).startswith("out: ")
    assert sorted(os.listdir(tmp_path / "out")) == ["bin", "link"] and os.readlink(tmp_path / "out/link") == "/etc/hostname"
    assert (tmp_path / "out/bin/word").read_text().strip() == word
    assert [stage.status for stage in result.stages] != ["skipped"] * 2


def test_they_are_written_to_an_archive(engine, folder, tmp_path):
    result = build(folder, engine=engine, output=f"type=tar,dest={tmp_path / 'app.tar'}")
    with tarfile.open(result.output) as tar:
        assert {each.removeprefix("./").rstrip("/") for each in tar.getnames()} >= {"bin", "bin/word", "link"}


def test_the_command_line_writes_them_too(engine, folder, word, tmp_path):
    done = subprocess.run([sys.executable, "-m", "helpers", "build", str(folder), "--output", str(tmp_path / "out"), "--json"],
                          capture_output=True, text=True, env={**os.environ, "DOCKER_HOST": engine.host})
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["image"], facts["output"]) == ("", str(tmp_path / "out"))
    assert (tmp_path / "out/bin/word").read_text().strip() == word


def test_a_build_that_fails_writes_nothing(engine, folder, tmp_path):
    with pytest.raises(BuildFailed) as caught:
        build(folder, text=f"FROM {BASE}\nRUN exit 7\n", engine=engine, output=f"type=tar,dest={tmp_path / 'app.tar'}")
    assert (caught.value.line, caught.value.exit_code) == (2, 7) and os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_the_error(engine, folder, tmp_path):
    (tmp_path / "bin").write_text("a file")
    (tmp_path / "out").symlink_to("bin")
    with pytest.raises(CourseError, match="could not be written"):
        build(folder, engine=engine, output=tmp_path / "out")


def test_an_interrupt_ends_the_command_and_writes_nothing(engine, folder, tmp_path):
    mark = uuid.uuid4().hex

    def running():
        with Control(engine) as control:
            return any(each.in_use and mark in each.description for each in control.disk_usage())

    def interrupt():
        if until(running):
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted):
        build(folder, text=f"FROM {BASE}\nRUN echo {mark}; sleep 600\n", engine=engine, output=tmp_path / "out")
    assert until(lambda: not running()) and not list(tmp_path.glob("out/*"))


def test_each_platform_has_a_folder_of_its_own(engine, folder, tmp_path):
    build(folder, text=PLAIN, engine=engine, output=tmp_path / "out", platform="linux/amd64,linux/arm64")
    assert sorted(os.listdir(tmp_path / "out")) == ["linux_amd64", "linux_arm64"]


def test_an_image_carries_its_cache_inline(engine, folder, image):
    build(folder, tag=image, engine=engine, cache_to=["type=inline"])
    assert any(b"moby.buildkit.cache.v0" in each for each in _blobs(engine, image).values())


@pytest.mark.nightly
def test_a_cache_inside_a_pushed_image_serves_another_build(engine, folder, image, word):
    with _registry(needed=True) as address:
        name, text = f"{address}/course-test:inline", f"FROM {BASE}\nRUN echo {word} > /inline\n"
        build(folder, text=text, tag=name, engine=engine, cache_to=["type=inline"])
        assert "error" not in engine.client.images.push(name)
        _forget(engine, name, word)
        result = build(folder, text=text, tag=image, engine=engine, cache_from=[name])
    assert result.stages[0].status == "cached"


# -- what takes the containerd store ---------------------------------------------------------

def test_a_cache_in_a_folder_serves_another_build(engine, folder, image, word, tmp_path):
    text = f"FROM {BASE}\nRUN echo {word} > /local\n"
    if not build_if("caches", engine, folder, text=text, tag=image, cache_to=[f"type=local,dest={tmp_path / 'cache'}"]):
        return
    _forget(engine, image, word)
    result = build(folder, text=text, tag=image, engine=engine, cache_from=[f"type=local,src={tmp_path / 'cache'}"])
    assert result.stages[0].status == "cached"


@pytest.mark.parametrize("mode, statuses", [("min", ["built", "built"]), ("max", ["cached", "cached"])])
def test_a_cache_in_a_registry_serves_another_build(engine, folder, image, word, mode, statuses):
    with _registry("caches" in engine.exports) as address:
        name = f"{address}/cache:{mode}"
        if not build_if("caches", engine, folder, tag=image, cache_to=[f"type=registry,ref={name},mode={mode}"]):
            return
        _forget(engine, image, word)
        changed = (folder / "Dockerfile").read_text().replace("/out /\n", "/out /elsewhere/\n")
        result = build(folder, text=changed, tag=image, engine=engine, cache_from=[name])
        # min keeps the last stage's layers alone: what they were copied from runs again
        assert result.stages[0].status == statuses[0]


def test_two_platforms_are_one_image(engine, folder, image):
    if build_if("platforms", engine, folder, text=PLAIN, tag=image, platform="linux/amd64,linux/arm64"):
        assert {each["platform"]["architecture"] for each in _manifests(engine, image)} == {"amd64", "arm64"}


def test_a_provenance_lies_beside_the_image(engine, folder, image):
    if build_if("provenance", engine, folder, tag=image, provenance="mode=max"):
        # the steps themselves are in that of mode max alone
        assert any(b"https://slsa.dev/provenance" in each and b"llbDefinition" in each for each in _blobs(engine, image).values())


def test_an_sbom_lies_beside_the_image(engine, folder):
    """It lists the packages of the last stage, and none of the builder's."""
    with _registry("sbom" in engine.exports) as address:
        generator = f"{address}/course-test:generator"
        if "sbom" in engine.exports:
            build(APPS / "sbom", engine=engine, tag=generator, output="type=registry")
        if not build_if("sbom", engine, folder, text="FROM gcc:12 AS kitchen\nFROM alpine:3.20\nCOPY --from=kitchen /etc/passwd /x\n",
                        tag=f"{address}/course-test:listed", output="type=registry", sbom=f"generator={generator}"):
            return
        image, note = entries(Client(address), "course-test", "listed")
        packages = {each["name"] for each in note.statements[0]["predicate"]["packages"]}
        assert note.about == image.platform and "musl" in packages and "g++" not in packages
        for tag in ("generator", "listed"):
            engine.client.images.remove(f"{address}/course-test:{tag}", force=True)


def test_a_provenance_lies_beside_the_files(engine, folder, tmp_path):
    if build_if("provenance-file", engine, folder, output=tmp_path / "out", provenance="mode=max"):
        assert json.loads((tmp_path / "out/provenance.json").read_text())["predicateType"].startswith("https://slsa.dev/")


def test_the_files_of_a_folder_are_dated(engine, folder, tmp_path):
    if build_if("epoch", engine, folder, output=tmp_path / "out", args={"SOURCE_DATE_EPOCH": str(EPOCH)}):
        assert (tmp_path / "out/bin/word").stat().st_mtime == EPOCH


def test_the_files_of_an_image_are_dated(engine, folder, image):
    if not build_if("timestamps", engine, folder, tag=image, output="type=image,rewrite-timestamp=true",
                    args={"SOURCE_DATE_EPOCH": str(EPOCH)}):
        return
    times = {member.mtime for each in _blobs(engine, image).values() for member in _members(each)}
    assert times == {EPOCH}
    assert engine.client.api.inspect_image(image)["Created"].startswith("2001-09-09")


def test_an_image_is_pushed_by_the_build(engine, folder):
    with _registry("push" in engine.exports) as address:
        name = f"{address}/pushed:1"
        if build_if("push", engine, folder, tag=name, output="type=registry"):
            engine.client.images.remove(name, force=True)
            engine.client.images.pull(name)
            engine.client.images.remove(name, force=True)


@contextlib.contextmanager
def _registry(needed):
    """The address of a registry, which runs where it is needed."""
    if not needed:
        yield "127.0.0.1:1"
        return
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed")
    with server.serve(print) as one:
        yield one.address


def _forget(engine, image, word):
    """Remove the image, and the records that this file's builds left in the cache, and no other."""
    engine.client.images.remove(image, force=True)
    for _ in range(3):    # a record that others are built on stays
        cache.prune(engine, [each.id for each in cache.marked(cache.records(engine), word)])
    assert not cache.marked(cache.records(engine), word)


def _blobs(engine, image):
    """The files of a saved image."""
    saved = io.BytesIO(b"".join(engine.client.api.get_image(image)))
    with tarfile.open(fileobj=saved) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar if each.isfile()}


def _manifests(engine, image):
    blobs = _blobs(engine, image)
    (top,) = json.loads(blobs["index.json"])["manifests"]
    return json.loads(blobs[f"blobs/{top['digest'].replace(':', '/')}"])["manifests"]


def _members(blob):
    """The members of a layer; none of what is no archive."""
    with contextlib.suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        return tar.getmembers()
    return []
