"""Images measured by us, against witnesses that do not share our code."""

import gzip
import io
import json
import os
import random
import re
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path

import pytest

from helpers import paths
from helpers.builder import build
from helpers.image import inspect, transfer, unique
from helpers.inventory import inventory
from tests.unit.layers import digest, tar

BASE = "debian:bookworm-slim"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    """Nothing is known of any layer."""
    monkeypatch.setattr(paths, "cache", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def small(engine, tmp_path):
    """An image with one file, one replaced, one deleted, a hard link and a symlink."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "a.txt").write_bytes(b"a" * 1000)
    (context / "b.txt").write_bytes(b"b" * 2000)
    text = (f"FROM {BASE}\nWORKDIR /work\nCOPY a.txt b.txt ./\nRUN ln a.txt hard && ln -s a.txt soft && printf %500s > "
            "c.txt\nRUN rm b.txt && printf %300s > a.txt\nENV NOTHING=1\n")
    tag = f"course-test:{uuid.uuid4().hex[:12]}"
    yield build(context, text=text, tag=tag, engine=engine)
    engine.client.images.remove(tag, force=True)


def test_layers_have_their_instruction_and_their_bytes(engine, small, fresh_cache):
    image = inspect(small.tag, engine)
    assert image.base == BASE
    # Of a WORKDIR that it makes Docker's builders make a layer; Buildah puts the folder into the next one.
    of_workdir = [] if engine.builders == ("buildah",) else [("WORKDIR", 0)]
    # A link to a file of a lower layer brings that file up: 1000 bytes, counted once.
    assert [(layer.instruction.split(" ")[0], layer.unpacked) for layer in image.own_layers] == [
        *of_workdir, ("COPY", 3000), ("RUN", 500 + 1000), ("RUN", 300)]
    copy = image.own_layers[-3].instruction   # Buildah writes a digest where Docker writes what was copied
    assert re.fullmatch("COPY multi:[0-9a-f]{64} in ./", copy) if of_workdir == [] else copy == "COPY a.txt b.txt ./"
    assert image.unpacked == sum(layer.unpacked for layer in image.layers)


def test_unpacked_is_what_the_classic_store_counts(engine, small, fresh_cache):
    """overlay2 adds up the files of each layer too. In an image that was imported, and not built,
    it counts the length of symbolic links as well."""
    if engine.store != "overlay2":
        pytest.skip(f"{engine.store} counts in another way")
    base, image = inspect(BASE, engine), inspect(small.tag, engine)
    of_base = engine.client.api.inspect_image(BASE)["Size"]
    assert engine.client.api.inspect_image(small.tag)["Size"] - of_base == image.own_bytes
    assert of_base - base.unpacked in (0, sum(map(len, _symlinks(engine, BASE))))


def test_transfer_is_each_layer_compressed_by_gzip(engine, tmp_path, fresh_cache):
    (tmp_path / "words").write_text(" ".join(map(str, range(300_000))))
    (tmp_path / "noise").write_bytes(random.Random(1).randbytes(500_000))
    text = "FROM scratch\nCOPY words /\nCOPY noise /\n"
    built = build(tmp_path, text=text, tag=f"course-test:{uuid.uuid4().hex[:12]}", engine=engine)
    try:
        expected = sum(len(gzip.compress(data, 6, mtime=0)) for data in _layers(engine, built.image))
        measured = transfer(inspect(built.tag, engine), engine)
        assert measured == pytest.approx(expected, rel=0.002)
        assert 500_000 < measured < inspect(built.tag, engine).unpacked
    finally:
        engine.client.images.remove(built.tag, force=True)


def test_unique_is_what_no_other_named_image_has(engine, small, fresh_cache):
    image = inspect(small.tag, engine)
    assert unique(image, engine) == image.own_bytes
    second = f"{small.tag}-second"
    engine.client.images.get(small.tag).tag(*second.split(":"))
    try:   # the same image under a second name shares with nobody
        assert unique(inspect(small.tag, engine), engine) == image.own_bytes
    finally:
        engine.client.images.remove(second, noprune=True)


@pytest.mark.parametrize("above", ["link/.wh.file", "link/.wh..wh..opq", "link/deep/.wh.file", "link/new"])
def test_a_lower_symbolic_link_is_replaced_as_in_a_container(engine, fresh_cache, above):
    """No builder writes such a layer; other tools do."""
    layers = [tar(("folder", "d"), ("folder/file", b"1"), ("link", ("l", "folder"))), tar((above, b""))]
    config = {"os": "linux", "config": {"Cmd": ["/none"]}, "rootfs": {"type": "layers", "diff_ids": list(map(digest, layers))}}
    tag = f"course-test:{uuid.uuid4().hex[:12]}"
    manifest = [{"Config": "config", "RepoTags": [tag], "Layers": ["0/layer.tar", "1/layer.tar"]}]
    engine.client.api.load_image(tar(("config", json.dumps(config).encode()), ("0/layer.tar", layers[0]),
                                     ("1/layer.tar", layers[1]), ("manifest.json", json.dumps(manifest).encode())))
    try:
        tree, exported = inventory(tag, engine).tree, _exported(engine, tag)
    finally:
        engine.client.images.remove(tag, force=True)
    assert exported["/link"].isdir() and exported["/folder/file"].isreg()
    ours = ("/folder", "/folder/file", "/link/file", "/link/new")
    assert [path for path in ours if path in exported] == [path for path in ours if path in tree]
    assert "/link" not in tree and tree.resolve("/link/file") is None


def asked(engine, home: Path, image: str, *, count: int = 1) -> list[str]:
    """The answers of so many processes that are asked for the inventory at the same time."""
    command = [sys.executable, "-m", "helpers", "inventory", image, "--files", "--json"]
    settings = {**os.environ, "MULTISTAGE_HOME": str(home), "DOCKER_HOST": engine.host, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen(command, cwd=ROOT, env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
               for _ in range(count)]
    answers = [each.communicate() for each in running]
    assert [(each.returncode, said) for each, (_, said) in zip(running, answers)] == [(0, "")] * count
    return [answer for answer, _ in answers]


def test_processes_that_read_at_once_read_the_same(engine, small, tmp_path):
    first = asked(engine, tmp_path / "home", small.tag, count=3)
    again = asked(engine, tmp_path / "home", small.tag)
    assert len({*first, *again}) == 1 and len(json.loads(first[0])["listing"]) > 2000
    kept = sorted(path.name for path in (tmp_path / "home" / "cache" / "layers").iterdir())
    digests = {layer["digest"].replace(":", "-") for layer in json.loads(first[0])["layers"]}
    assert kept == sorted(f"{each}.{kind}" for each in digests for kind in ("json", "entries"))   # no half of a file stays


def _exported(engine, image):
    """{absolute path: archive member} of a container's file system."""
    container = engine.client.containers.create(image)
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as archive:
            return {"/" + member.name.strip("/"): member for member in archive}
    finally:
        container.remove(force=True)


def _layers(engine, image):
    """The uncompressed layer archives of a saved image, read all at once."""
    saved = tarfile.open(fileobj=io.BytesIO(b"".join(engine.client.api.get_image(image))))
    for member in saved.getmembers():
        if member.isreg() and member.size >= 1024:
            data = saved.extractfile(member).read()
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            if data[257:262] == b"ustar":
                yield data


def _symlinks(engine, image):
    for data in _layers(engine, image):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            yield from (m.linkname for m in archive.getmembers() if m.issym())
