"""Base images where Podman reads them and loads nothing: written without Podman, read as it does."""

import base64
import gzip
import hashlib
import io
import json
import os
import stat
import tarfile

import pytest
from fastcrc.crc64 import go_iso

from helpers.engine.podman import additional_store, layer_files

GOLANG = "docker.io/library/golang:1.22"


def member(name, kind=tarfile.REGTYPE, mode=0o644, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.mtime, info.uid = kind, mode, link, 1_700_000_000, 42
    return info


def layer(*members, **how):
    """A layer's tar: members, or pairs of a member and its bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", **how) as archive:
        for each in members:
            info, data = each if isinstance(each, tuple) else (each, b"")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


LOWER = layer(member("etc", tarfile.DIRTYPE, 0o555), (member("etc/passwd"), b"root:x:0:0\n"), (member("etc/shadow", mode=0o640), b"s"),
              member("bin", tarfile.DIRTYPE, 0o755), (member("bin/su", mode=0o4755), b"\0" * 5000), member("bin/s", tarfile.LNKTYPE, link="bin/su"),
              member("sh", tarfile.SYMTYPE, link="/bin/dash"), (member("long/" + "x" * 150), b"far"), member("null", tarfile.CHRTYPE))
UPPER = layer(member("etc", tarfile.DIRTYPE, 0o755), member("etc/.wh.passwd"), member("bin", tarfile.DIRTYPE, 0o755), member("bin/.wh..wh..opq"),
              (member("go-é"), b"go"), format=tarfile.GNU_FORMAT)


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def archive(*layers, packed=False, **config):
    """What `docker save` gives for one image: (pieces, digests of its layers)."""
    digests = [digest(each) for each in layers]
    text = json.dumps({"created": "2026-11-24T00:00:00Z", "rootfs": {"type": "layers", "diff_ids": digests}, **config}).encode()
    manifest = [{"Config": "config.json", "Layers": [f"{index}/layer.tar" for index in range(len(layers))], "RepoTags": ["other:1"]}]
    files = {f"{index}/layer.tar": gzip.compress(each) if packed else each for index, each in enumerate(layers)}
    whole = layer(*((member(name), data) for name, data in {
        **files, "config.json": text, "manifest.json": json.dumps(manifest).encode()}.items()))
    return [whole[at:at + 700] for at in range(0, len(whole), 700)], digests


def listed(place, kind):
    return json.loads((place / f"overlay-{kind}/{kind}.json").read_text())


def given_back(place, name):
    """A layer's tar as Podman puts it together again from its files."""
    whole, positions = b"", []
    with gzip.open(place / f"overlay-layers/{name}.tar-split.gz", "rt") as lines:
        for entry in map(json.loads, lines):
            positions.append(entry["position"])
            if entry["type"] == 2:
                whole += base64.b64decode(entry["payload"])
            elif entry.get("size"):
                data = (place / "overlay" / name / "diff" / entry["name"]).read_bytes()
                assert len(data) == entry["size"] and go_iso(data).to_bytes(8, "big") == base64.b64decode(entry["payload"])
                whole += data
    assert positions == [*range(len(positions))]
    return whole


@pytest.mark.parametrize("packed", [False, True])
def test_an_image_lies_there_as_podman_would_have_it(tmp_path, packed):
    pieces, digests = archive(LOWER, UPPER, packed=packed)
    additional_store.put(tmp_path, pieces, GOLANG, digests)
    assert additional_store.names(tmp_path) == (GOLANG,)
    below, above = listed(tmp_path, "layers")
    first = digests[0].removeprefix("sha256:")
    # As containers/image derives it: so Podman knows the layer again in what is built on it.
    second = hashlib.sha256(f"{first}+{digests[1].removeprefix('sha256:')}".encode()).hexdigest()
    assert (below["id"], above["id"], above["parent"]) == (first, second, first) and "parent" not in below
    assert [each["diff-size"] for each in (below, above)] == [len(LOWER), len(UPPER)]
    assert given_back(tmp_path, first) == LOWER and given_back(tmp_path, second) == UPPER
    short = (tmp_path / "overlay" / first / "link").read_text()
    assert (tmp_path / "overlay" / second / "lower").read_text() == f"l/{short}" and len(short) == 26
    assert (tmp_path / "overlay/l" / short / "etc/shadow").read_text() == "s"
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".part")]


def test_its_manifest_and_configuration_are_found_by_their_digests(tmp_path):
    pieces, digests = archive(LOWER)
    additional_store.put(tmp_path, pieces, GOLANG, digests)
    (image,) = listed(tmp_path, "images")
    place = tmp_path / "overlay-images" / image["id"]
    for key in image["big-data-names"]:
        data = (place / (key if key == "manifest" else "=" + base64.b64encode(key.encode()).decode())).read_bytes()
        assert (len(data), digest(data)) == (image["big-data-sizes"][key], image["big-data-digests"][key])
    manifest = json.loads((place / "manifest").read_text())
    assert manifest["config"]["digest"] == f"sha256:{image['id']}" and image["layer"] == digests[0].removeprefix("sha256:")
    assert [(each["digest"], each["size"]) for each in manifest["layers"]] == [(digests[0], len(LOWER))]


def test_modes_links_and_times_are_those_of_the_image(tmp_path):
    pieces, digests = archive(LOWER)
    additional_store.put(tmp_path, pieces, GOLANG, digests)
    diff = tmp_path / "overlay" / digests[0].removeprefix("sha256:") / "diff"
    modes = {name: stat.S_IMODE((diff / name).stat().st_mode) for name in ("etc", "etc/shadow", "bin/su")}
    assert modes == {"etc": 0o555, "etc/shadow": 0o640, "bin/su": 0o4755}
    assert (diff / "bin/s").samefile(diff / "bin/su") and os.readlink(diff / "sh") == "/bin/dash"
    assert (diff / "etc").stat().st_mtime == (diff / "bin/su").stat().st_mtime == 1_700_000_000
    assert not (diff / "null").exists()   # nobody may make a device


def test_what_a_layer_hides_is_marked_and_marked_again(tmp_path):
    pieces, digests = archive(LOWER, UPPER)
    additional_store.put(tmp_path, pieces, GOLANG, digests)
    assert additional_store.hides(tmp_path)
    diff = tmp_path / "overlay" / listed(tmp_path, "layers")[1]["id"] / "diff"
    marks = {"etc/passwd": (layer_files.HIDE, b"y"), "etc": (layer_files.OPAQUE, b"x"), "bin": (layer_files.OPAQUE, b"y")}
    assert {name: os.getxattr(diff / name, mark) for name, (mark, _) in marks.items()} == {name: value for name, (_, value) in marks.items()}
    os.removexattr(diff / "etc/passwd", layer_files.HIDE)   # as a push and a pull do
    assert additional_store.settle(tmp_path) and os.getxattr(diff / "etc/passwd", layer_files.HIDE) == b"y"
    (diff / "etc/passwd").unlink()
    assert not additional_store.settle(tmp_path)


def test_a_shelf_without_hidden_files_needs_no_marks(tmp_path):
    pieces, digests = archive(LOWER)
    additional_store.put(tmp_path, pieces, GOLANG, digests)
    assert not additional_store.hides(tmp_path) and additional_store.settle(tmp_path)


def test_a_name_moves_to_the_newer_image_and_layers_are_shared(tmp_path):
    for layers, name in (((LOWER,), "docker.io/library/debian:12"), ((LOWER,), GOLANG), ((LOWER, UPPER), GOLANG)):
        pieces, digests = archive(*layers)
        additional_store.put(tmp_path, pieces, name, digests)
    assert [each["names"] for each in listed(tmp_path, "images")] == [["docker.io/library/debian:12"], [GOLANG]]
    assert len(listed(tmp_path, "layers")) == 2
    before = (tmp_path / "overlay-images/images.lock").read_bytes()
    additional_store.put(tmp_path, *[archive(LOWER)[0], "docker.io/library/b:1", archive(LOWER)[1]])
    assert len(before) == 64 and (tmp_path / "overlay-images/images.lock").read_bytes() != before   # so Podman looks again


@pytest.mark.parametrize("bad, said", [
    ((member("../etc/passwd"), b"x"), "leads out"), ((member("/etc/passwd"), b"x"), "leads out"),
    ((member("a"), b"x"), "twice"), (member("hard", tarfile.LNKTYPE, link="../../x"), "leads out"), ((member("link/x"), b"x"), "leads out")])
def test_what_could_not_be_kept_truly_is_refused(tmp_path, bad, said):
    pieces, digests = archive(layer((member("a"), b"1"), member("link", tarfile.SYMTYPE, link="/"), bad))
    with pytest.raises(additional_store.Unfit, match=said):
        additional_store.put(tmp_path / "shelf", pieces, GOLANG, digests)
    assert additional_store.names(tmp_path / "shelf") == () and listed(tmp_path / "shelf", "layers") == []
    assert not [each for each in (tmp_path / "shelf").iterdir() if each.name.startswith(".part")]


def test_another_image_than_was_named_is_refused(tmp_path):
    pieces, _ = archive(LOWER)
    with pytest.raises(ValueError, match="not those that were saved"):
        additional_store.put(tmp_path, pieces, GOLANG, [digest(UPPER)])
    assert additional_store.names(tmp_path) == ()


def test_an_archive_that_was_cut_off_leaves_nothing(tmp_path):
    pieces, digests = archive(LOWER)
    with pytest.raises((tarfile.TarError, KeyError, OSError)):
        additional_store.put(tmp_path, pieces[:len(pieces) // 2], GOLANG, digests)
    assert additional_store.names(tmp_path) == () and not [each for each in tmp_path.iterdir() if each.name.startswith(".part")]


def test_where_there_is_no_shelf_there_are_no_names(tmp_path):
    assert additional_store.names(tmp_path / "none") == ()
    additional_store.prepare(tmp_path / "new")
    assert additional_store.names(tmp_path / "new") == () and (tmp_path / "new/overlay-layers/layers.lock").exists()
