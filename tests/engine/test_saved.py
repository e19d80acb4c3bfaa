"""Images as engines save them: both layouts, every compression, many readers at once."""

import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path

import pytest
import zstandard

from helpers import paths
from helpers.builder import build
from helpers.image import archive_reader, contents, inspect
from helpers.image import cache as layer_cache
from helpers.inventory import inventory

DEBIAN = "debian:bookworm-slim"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setattr(paths, "cache", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def image(engine, tmp_path_factory):
    """An image of several layers, with whiteouts, links and a layer without files."""
    tag = f"course-test:{uuid.uuid4().hex[:12]}"
    build(tmp_path_factory.mktemp("context"), tag=tag, engine=engine, text=f"FROM {DEBIAN}\nWORKDIR /work\n"
          "RUN seq 200000 > numbers && ln numbers hard && ln -s numbers soft\nRUN rm numbers && rm -r /usr/share/doc && mkdir /usr/share/doc\n")
    yield tag
    engine.client.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def parts(engine, image):
    """(configuration, layers' archives in their order) of the saved image, however the engine lays it out."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(engine.client.api.get_image(image)))) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive.getmembers() if member.isreg()}
    by_digest = {digest(data): data for name, content in files.items()
                 for data in [gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content]}
    manifest = json.loads(files["manifest.json"])[0]
    config = files[manifest["Config"]]
    return config, [by_digest[each] for each in json.loads(config)["rootfs"]["diff_ids"]]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# -- layouts ---------------------------------------------------------------------------------

def in_members(data: bytes) -> bytes:
    """gzip's members one after another, as eStargz has them."""
    return b"".join(gzip.compress(data[at:at + 1_000_000], 1) for at in range(0, len(data), 1_000_000))


def in_frames(data: bytes) -> bytes:
    """zstd's frames one after another, and one that a reader skips: as zstd:chunked has them."""
    pack = zstandard.ZstdCompressor(level=1).compress
    frames = b"".join(pack(data[at:at + 1_000_000]) for at in range(0, len(data), 1_000_000))
    return frames + b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"table"


def with_a_long_window(data: bytes) -> bytes:
    settings = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, enable_ldm=True)
    return zstandard.ZstdCompressor(compression_params=settings).compress(data)


FORMS = {"plain": bytes, "gzip": lambda data: gzip.compress(data, 1), "gzip in members": in_members,
         "zstd": lambda data: zstandard.ZstdCompressor(level=1).compress(data), "zstd in frames": in_frames,
         "zstd --long": with_a_long_window}


def archive(files: dict[str, bytes], format=tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as opened:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def oci(config: bytes, layers: list[bytes], pack) -> bytes:
    """An OCI image layout, its blobs in the order of their digests and the index last."""
    packed = list(map(pack, layers))
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config), "size": len(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(each), "size": len(each)}
                   for each in packed]}).encode()
    index = json.dumps({"schemaVersion": 2, "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest(manifest), "size": len(manifest)}]}).encode()
    blobs = {f"blobs/sha256/{digest(each)[7:]}": each for each in (config, manifest, *packed)}
    return archive({**dict(sorted(blobs.items())), "index.json": index, "oci-layout": b'{"imageLayoutVersion": "1.0.0"}'})


def old(config: bytes, layers: list[bytes]) -> bytes:
    """What `docker save` wrote up to version 24."""
    files = {f"{number:064x}/layer.tar": data for number, data in enumerate(layers)}
    manifest = [{"Config": f"{digest(config)[7:]}.json", "RepoTags": [DEBIAN], "Layers": list(files)}]
    return archive({**files, f"{digest(config)[7:]}.json": config, "manifest.json": json.dumps(manifest).encode()})


def pieces(data: bytes, size: int):
    return (data[at:at + size] for at in range(0, len(data), size))


@pytest.fixture(scope="module")
def from_engine(engine, image, tmp_path_factory):
    """(layers, what is in each of them) as the engine saves the image."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "cache", lambda folder=tmp_path_factory.mktemp("cache"): folder)
        inspected = inspect(image, engine)
        return inspected.layers, contents(inspected, engine)


def same(read: archive_reader.Saved, from_engine, config: bytes) -> bool:
    """Whether an archive made here was read as the engine's own is."""
    layers, entries = from_engine
    return read.configs == {digest(config): json.loads(config)} and {
        key: (each.entries, each.unpacked, each.files) for key, each in read.layers.items()} == {
        layer.digest: (inside, layer.unpacked, layer.files) for layer, inside in zip(layers, entries, strict=True)}


@pytest.mark.parametrize("form", FORMS)
def test_an_oci_layout_says_the_same_as_the_engine(engine, parts, from_engine, form):
    config, layers = parts
    assert len(layers) >= (3 if "buildah" in engine.builders else 4)   # to Buildah a WORKDIR is no layer
    assert same(archive_reader.read(pieces(oci(config, layers, FORMS[form]), 1 << 20)), from_engine, config)


@pytest.mark.parametrize("size", [509, 65536])
def test_the_old_layout_says_the_same_as_the_engine(parts, from_engine, size):
    config, layers = parts
    assert same(archive_reader.read(pieces(old(config, layers), size)), from_engine, config)


# -- many readers, and what they remember ------------------------------------------------------

def asked(engine, home: Path, image: str, *, count: int = 1) -> list[str]:
    """The answers of so many processes that are asked for the inventory at the same time."""
    command = [sys.executable, "-m", "helpers", "inventory", image, "--files", "--json"]
    settings = {**os.environ, "MULTISTAGE_HOME": str(home), "DOCKER_HOST": engine.host, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen(command, cwd=ROOT, env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
               for _ in range(count)]
    answers = [each.communicate() for each in running]
    assert [(each.returncode, said) for each, (_, said) in zip(running, answers)] == [(0, "")] * count
    return [answer for answer, _ in answers]


def test_processes_that_read_at_once_read_the_same(engine, image, tmp_path):
    first = asked(engine, tmp_path, image, count=3)
    again = asked(engine, tmp_path, image)
    assert len({*first, *again}) == 1 and len(json.loads(first[0])["listing"]) > 2000
    kept = sorted(path.name for path in (tmp_path / "cache" / "layers").iterdir())
    digests = {layer["digest"].replace(":", "-") for layer in json.loads(first[0])["layers"]}
    assert kept == sorted(f"{each}.{kind}" for each in digests for kind in ("json", "entries"))   # no half of a file stays


def flipped(data: bytes, source: random.Random) -> bytes:
    at = source.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << source.randrange(8)]) + data[at + 1:]


DAMAGE = {"a bit": flipped, "cut": lambda data, source: data[:source.randrange(len(data))], "empty": lambda data, source: b"",
          "more": lambda data, source: data + b"\0", "another": lambda data, source: source.randbytes(len(data))}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_was_remembered_and_is_damaged_is_read_again(engine, image, cache, damage):
    whole = inventory(image, engine).facts(files=True)
    source = random.Random(3)
    kept = {path: path.read_bytes() for path in (cache / "layers").iterdir()}
    for path, data in kept.items():
        path.write_bytes(DAMAGE[damage](data, source))
        assert layer_cache.load(digest_of(path)) is None or path.suffix == ".entries"
        assert layer_cache.entries(digest_of(path)) is None or path.suffix == ".json"
    assert inventory(image, engine).facts(files=True) == whole
    assert {path: path.read_bytes() for path in (cache / "layers").iterdir()} == kept


def digest_of(path: Path) -> str:
    return path.stem.replace("-", ":", 1)


def test_a_cache_that_cannot_be_written_costs_only_time(engine, image, cache):
    cache.write_text("a file where a folder is wanted")
    assert inventory(image, engine).tool("bash")
    assert cache.read_text().startswith("a file")
