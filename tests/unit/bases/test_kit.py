"""A kit's archives and index, without an engine."""

import hashlib
import json

import pytest
import requests

from helpers import paths
from helpers.bases import kit, saving
from helpers.errors import CourseError

ARCHIVE = [b"a" * 5000, b"b" * 7000]
CONTENT = saving._Content("sha256:" + "c" * 64, "amd64", {}, ("sha256:" + "1" * 64,), "")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv(kit.VARIABLE, raising=False)
    monkeypatch.setenv("MULTISTAGE_HOME", str(tmp_path))
    monkeypatch.setattr(paths, "_PROJECT", tmp_path / "project")
    return tmp_path


def kept(folder, ref="golang:1.22", pieces=ARCHIVE, **content):
    """Saved into the kit in `folder` as `save` does it."""
    return saving._keep(pieces, folder, ref, "pulled", CONTENT._replace(**content))


def test_an_archive_is_packed_and_comes_back(home):
    entry = kept(home / "kit")
    data = entry.path.read_bytes()
    assert (entry.size, entry.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert (entry.config, entry.layers, entry.architecture) == (CONTENT.id, CONTENT.layers, "amd64")
    assert b"".join(entry.archive()) == b"".join(ARCHIVE) and entry.unpacked == 12000


def test_the_folders_of_kits(home, monkeypatch):
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


def test_a_configured_folder_that_is_not_a_kit_is_refused(home, monkeypatch):
    monkeypatch.setenv(kit.VARIABLE, str(home / "typo"))
    with pytest.raises(kit.KitDamaged, match="not a kit") as caught:
        kit.find("golang:1.22")
    assert kit.VARIABLE in caught.value.remedy
    assert kit.entries(home / "typo", required=False) == ()


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2, "bases": []}', '{"format": 1}', '{"format": 1, "bases": [{}]}',
                                  '{"format": 1, "bases": [1]}'])
def test_an_invalid_index_is_refused(home, text):
    with pytest.raises(kit.KitDamaged, match="cannot be read"):
        kit.read(text, home)


def test_an_index_cannot_name_files_elsewhere(home):
    facts = kept(home / "kit").facts()
    for file in ("../secret", "/etc/passwd", "a/b"):
        with pytest.raises(kit.KitDamaged, match="cannot be read"):
            kit.read(json.dumps({"format": 1, "bases": [{**facts, "file": file}]}), home)


def test_saving_again_replaces_the_entry_and_its_file(home):
    folder = home / "kit"
    first, other = kept(folder), kept(folder, "debian:bookworm-slim")
    second = kept(folder, "docker.io/golang:1.22", [b"another"], architecture="arm64")
    assert kit.entries(folder) == (other, second) and second.architecture == "arm64"
    assert not first.path.exists() and sorted(path.name for path in folder.glob("*.zst")) == sorted(
        [second.file, other.file])


def test_an_interrupted_save_does_not_change_the_kit(home):
    folder = home / "kit"
    first = kept(folder)
    def broken():
        yield b"half"
        raise requests.exceptions.ChunkedEncodingError("broken off")

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        kept(folder, pieces=broken())
    assert kit.entries(folder) == (first,)
    assert {path.name for path in folder.iterdir()} == {".lock", kit.INDEX, first.file}
    first.check()


def test_an_unwritable_folder_is_reported(home):
    (home / "file").write_text("")
    with pytest.raises(CourseError, match="cannot be saved") as caught:
        kept(home / "file" / "kit")
    assert caught.value.remedy


def test_a_changed_byte_is_detected(home):
    entry = kept(home / "kit")
    data = bytearray(entry.path.read_bytes())
    data[len(data) // 2] ^= 1
    entry.path.write_bytes(data)
    with pytest.raises(kit.KitDamaged, match="cannot be used"):
        entry.check()
    entry.path.unlink()
    with pytest.raises(kit.KitDamaged, match="cannot be used"):
        entry.check()


@pytest.mark.parametrize("digests, found", [
    (["golang@sha256:" + "1" * 64], True), (["docker.io/library/golang@sha256:" + "1" * 64], True),
    (["127.0.0.1:5000/golang@sha256:" + "1" * 64], False), ([], False), (None, False)])
def test_the_digest_in_an_images_own_registry(digests, found):
    assert saving.registry_digest({"RepoDigests": digests}, "golang:1.22") == ("sha256:" + "1" * 64 if found else "")
