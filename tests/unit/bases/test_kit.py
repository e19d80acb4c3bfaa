"""A kit's archives and index, without an engine."""

import hashlib
import io
import json
import tarfile

import pytest
import zstandard

from helpers import cli, paths
from helpers.bases import archive as archives
from helpers.bases import kit, loading, saving
from helpers.engine.podman import additional_store
from helpers.errors import CourseError

LAYER = b"\0" * 10240
CONFIG = json.dumps({"architecture": "amd64", "config": {}, "rootfs": {
    "type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(LAYER).hexdigest()}"]}}).encode()


def archive(*members, config=CONFIG, count=1, layout="old"):
    """`docker save` of one image, in the layout of Docker up to 24 or of 25 and later."""
    name, layer = ("c.json", "a/layer.tar") if layout == "old" else ("blobs/sha256/c", "blobs/sha256/l")
    manifest = [{"Config": name, "RepoTags": ["users/own:1"], "Layers": [layer]}] * count
    whole = [("a/", None), (layer, LAYER), ("a/json", b"{}"), ("a/VERSION", b"1.0"), (name, config),
             ("repositories", b"{}"), ("index.json", b"{}"), ("oci-layout", b"{}"),
             ("manifest.json", json.dumps(manifest).encode()), *members]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in whole:
            head = tarfile.TarInfo(path)
            head.type, head.size = (tarfile.DIRTYPE, 0) if data is None else (tarfile.REGTYPE, len(data))
            tar.addfile(head, io.BytesIO(data or b""))
    return out.getvalue()


def pieces(data, size):
    return [data[at:at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("layout", ["old", "oci"])
@pytest.mark.parametrize("size", [1, 511, 1 << 20])
def test_an_archive_keeps_its_parts_and_gets_the_courses_name(layout, size):
    packed = io.BytesIO()
    told = archives.pack(pieces(archive(layout=layout), size), packed, "localhost/multistage.course/golang:1.22")
    assert (told.size, told.sha256) == (len(packed.getvalue()),
                                               hashlib.sha256(packed.getvalue()).hexdigest())
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(packed.getvalue())
    assert len(plain) == told.unpacked
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        names = tar.getnames()
        (image,) = json.load(tar.extractfile("manifest.json"))
        assert names == [*image["Layers"], image["Config"], "manifest.json"]   # the index last
        assert tar.extractfile(image["Layers"][0]).read() == LAYER
    assert image["RepoTags"] == ["localhost/multistage.course/golang:1.22"]
    assert told.config == f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
    assert list(told.layers) == json.loads(CONFIG)["rootfs"]["diff_ids"]


@pytest.mark.parametrize("data", [b"", b"no tar", archive()[:9000], archive(count=2), archive(config=b"{}"),
                                  archive(config=b"[")], ids=range(6))
def test_what_is_no_archive_of_one_image_is_refused(data):
    with pytest.raises(CourseError, match="not the archive of an image"):
        archives.pack(pieces(data, 512), io.BytesIO(), "golang:1.22")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv(kit.VARIABLE, raising=False)
    monkeypatch.setenv("MULTISTAGE_HOME", str(tmp_path))
    monkeypatch.setattr(paths, "_PROJECT", tmp_path / "project")
    return tmp_path


def kept(folder, ref="golang:1.22", data=None, limit=1 << 20):
    """Saved into the kit in `folder` as `save` does it."""
    return saving._keep(pieces(data or archive(), limit), folder, ref, "pulled", "")


def test_a_kit_is_found_where_it_may_be(home, monkeypatch):
    assert kit.find("golang:1.22") is None
    users = kept(home / "data" / "kit")
    assert kit.find("docker.io/library/golang:1.22") == users and kit.find("golang:1.23") is None
    assert users.path.parent == home / "data" / "kit"
    projects = kept(home / "project" / ".kit")
    assert kit.find("golang:1.22").path == projects.path
    named = kept(home / "named")
    monkeypatch.setenv(kit.VARIABLE, str(home / "named"))
    assert kit.folders() == (home / "named",)
    assert kit.find("golang:1.22").path == named.path


def test_a_folder_that_was_named_and_is_no_kit_is_refused(home, monkeypatch):
    monkeypatch.setenv(kit.VARIABLE, str(home / "typo"))
    with pytest.raises(kit.KitDamaged, match="no kit") as caught:
        kit.find("golang:1.22")
    assert kit.VARIABLE in caught.value.remedy
    assert kit.entries(home / "typo", required=False) == ()


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2, "bases": []}', '{"format": 1}', '{"format": 1, "bases": [{}]}',
                                  '{"format": 1, "bases": [1]}'])
def test_an_index_that_the_course_did_not_write_is_refused(home, text):
    with pytest.raises(kit.KitDamaged, match="cannot be read"):
        kit.read(text, home)


def test_an_index_leads_to_no_file_elsewhere(home):
    facts = kept(home / "kit").facts()
    for file in ("../secret", "/etc/passwd", "a/b"):
        with pytest.raises(kit.KitDamaged, match="cannot be read"):
            kit.read(json.dumps({"format": 1, "bases": [{**facts, "file": file}]}), home)


def test_saving_again_replaces_the_entry_and_its_file(home):
    folder = home / "kit"
    first, other = kept(folder), kept(folder, "debian:bookworm-slim")
    config = CONFIG.replace(b"amd64", b"arm64")
    second = kept(folder, "docker.io/golang:1.22", data=archive(config=config))
    assert kit.entries(folder) == (other, second) and second.architecture == "arm64"
    assert not first.path.exists() and sorted(path.name for path in folder.glob("*.zst")) == sorted(
        [second.file, other.file])


def test_a_saving_that_breaks_off_leaves_the_kit_as_it_was(home):
    folder = home / "kit"
    first = kept(folder)
    with pytest.raises(CourseError):
        kept(folder, data=archive()[:9000])
    assert kit.entries(folder) == (first,)
    assert {path.name for path in folder.iterdir()} == {".lock", kit.INDEX, first.file}
    first.check()


def test_where_nothing_can_be_written_it_says_so(home):
    (home / "file").write_text("")
    with pytest.raises(CourseError, match="cannot be saved") as caught:
        kept(home / "file" / "kit")
    assert caught.value.remedy


def test_a_byte_that_turned_is_seen(home):
    entry = kept(home / "kit")
    data = bytearray(entry.path.read_bytes())
    assert b"".join(entry.archive()) == zstandard.ZstdDecompressor().decompressobj().decompress(bytes(data))
    data[len(data) // 2] ^= 1
    entry.path.write_bytes(data)
    with pytest.raises(kit.KitDamaged, match="cannot be used"):
        entry.check()
    entry.path.unlink()
    with pytest.raises(kit.KitDamaged, match="cannot be used"):
        entry.check()


@pytest.mark.parametrize("digests, origin", [
    (["golang@sha256:" + "1" * 64], "pulled"),
    (["docker.io/library/golang@sha256:" + "1" * 64], "pulled"),
    (["127.0.0.1:5000/golang@sha256:" + "1" * 64], "local"),
    ([], "local"), (None, "local"),
])
def test_where_an_image_came_from_that_was_here(digests, origin):
    assert saving._origin({"RepoDigests": digests}, "golang:1.22") == origin


# -- unpacked, for an engine that loads nothing ----------------------------------------------

def test_a_kit_is_unpacked_once_and_each_has_its_full_name(home):
    kept(home / "kit")
    kept(home / "kit", "gcr.io/distroless/base-debian12")
    said = []
    assert loading.fill_shelf(home / "kit", said.append) == ["gcr.io/distroless/base-debian12:latest", "golang:1.22"]
    assert set(additional_store.names(home / "kit/shelf")) == {"docker.io/library/golang:1.22", "gcr.io/distroless/base-debian12:latest"}
    assert len(said) == 4 and said[0].startswith("Unpacking")
    assert len(loading.fill_shelf(home / "kit", said.append)) == 2 and len(said) == 4


def test_what_was_damaged_is_not_unpacked(home):
    damaged = kept(home / "kit")
    damaged.path.write_bytes(b"\0" + damaged.path.read_bytes()[1:])
    with pytest.raises(kit.KitDamaged, match="cannot be used"):
        loading.fill_shelf(home / "kit", print)
    assert additional_store.names(home / "kit/shelf") == ()


def test_what_cannot_be_unpacked_is_said_and_left_to_loading(home, monkeypatch):
    def unfit(*_):
        raise additional_store.Unfit("it is odd")

    monkeypatch.setattr(additional_store, "put", unfit)
    said = []
    assert loading.shelve(kept(home / "kit"), home / "s", said.append) is None
    assert said[-1] == "golang:1.22 cannot be kept unpacked: it is odd."


def test_one_that_is_known_by_its_digest_gets_a_name_of_the_courses(home):
    ref = "golang@sha256:" + "0" * 64
    loading.shelve(kept(home / "kit", ref), home / "s", print)
    (name,) = additional_store.names(home / "s")
    assert name.startswith("localhost/multistage.course/golang")


def test_unpacking_by_the_command_line_takes_no_engine(home, capsys, monkeypatch):
    monkeypatch.setenv("MULTISTAGE_NO_ENGINE", "1")
    kept(home / "kit")
    assert cli.main(["bases", "--shelve", str(home / "kit"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"bases": ["golang:1.22"]}
    assert cli.main(["bases", "--shelve", str(home / "none")]) != 0
