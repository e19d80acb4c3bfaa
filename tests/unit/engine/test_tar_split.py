"""Layers are read from Docker's and Podman's stores as their original archives."""

import base64
import gzip
import io
import json
import os
import tarfile

import pytest

from helpers.engine.backends import DOCKERD, PODMAN
from helpers.engine.podman import settings
from tests.unit.layers import digest, tar

LAYER = tar(("app/", "d"), ("app/program", b"x" * 3_000_000, 0o755), ("app/empty", b""), ("app/again", ("h", "app/program")),
            ("app/link", ("l", "/etc/passwd")), (b"caf\xe9".decode("utf-8", "surrogateescape"), b"latin"))


def unpacked(folder, data):
    """Keep the files of an archive in a folder; the record of all that is between them."""
    folder.mkdir(parents=True)
    entries, at = [], 0
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as archive:
        for member in archive:
            entries.append({"type": 2, "payload": base64.b64encode(data[at:member.offset_data]).decode()})
            name = os.fsencode(member.name)
            called = {"name": member.name} if name.isascii() else {"name_raw": base64.b64encode(name).decode()}
            size = member.size if member.isreg() else 0
            entries.append({"type": 1, **called, **({"size": size} if size else {}), "payload": None})
            at = member.offset_data + size
            if member.isdir():
                (folder / member.name).mkdir()
            elif member.isreg():
                (folder / member.name).write_bytes(data[member.offset_data:at])
    entries.append({"type": 2, "payload": base64.b64encode(data[at:]).decode()})
    return gzip.compress("\n".join(map(json.dumps, entries)).encode())


def kept(data):
    """Store an archive as Podman does. Returns the folder with its files."""
    store = settings.data(PODMAN.folder(), "overlay", "one")
    folder = store / "overlay" / "one" / "diff"
    record = unpacked(folder, data)
    (store / "overlay-layers").mkdir()
    (store / "overlay-layers" / "one.tar-split.gz").write_bytes(record)
    listed = [{"id": "other", "diff-digest": "sha256:0"}, {"id": "one", "diff-digest": digest(data)}, {"id": "none"}]
    (store / "overlay-layers" / "layers.json").write_text(json.dumps(listed))
    (PODMAN.folder() / "service.json").write_text(json.dumps({"store": "overlay", "ids": "one"}))
    return folder


def test_it_is_the_archive_byte_for_byte(home):
    kept(LAYER)
    pieces = list(PODMAN.layer([digest(LAYER)]))
    assert b"".join(pieces) == LAYER and max(map(len, pieces)) <= 1 << 20
    assert PODMAN.layer(["sha256:unknown"]) is None


def test_a_missing_or_irregular_file_is_an_error(home):
    place = kept(LAYER) / "app" / "program"
    place.unlink()
    with pytest.raises(FileNotFoundError):
        list(PODMAN.layer([digest(LAYER)]))
    os.mkfifo(place)
    with pytest.raises(ValueError, match="not a regular file"):     # and nobody waits for somebody to write into it
        list(PODMAN.layer([digest(LAYER)]))
    place.unlink()
    place.symlink_to("/etc/passwd")
    with pytest.raises(OSError):
        list(PODMAN.layer([digest(LAYER)]))


def test_a_folder_that_leads_out_of_the_layer_is_not_followed(home, tmp_path):
    folder = kept(LAYER)
    (folder / "app").rename(tmp_path / "outside")
    (folder / "app").symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match="outside"):
        list(PODMAN.layer([digest(LAYER)]))


def test_docker_finds_a_layer_by_its_chain_id(home):
    lower, data = digest(b"lower"), DOCKERD.folder() / "data"
    chain = digest(f"{lower} {digest(LAYER)}".encode())
    record, kept = unpacked(data / "overlay2" / "one" / "diff", LAYER), data / "image/overlay2/layerdb" / chain.replace(":", "/")
    kept.mkdir(parents=True)
    (kept / "tar-split.json.gz").write_bytes(record)
    (kept / "cache-id").write_text("one")
    assert b"".join(DOCKERD.layer([lower, digest(LAYER)])) == LAYER
    assert DOCKERD.layer([digest(LAYER)]) is None and DOCKERD.layer([lower, digest(LAYER), lower]) is None
