"""Kits: the index, damage, continuing an interrupted one, the expected size."""

import io
import json
import subprocess
import sys
import tarfile
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.bases import kit as archives
from helpers.bases import saving
from helpers.classroom import kit, manifest, opening, packages, services, store
from helpers.errors import CourseError

from .test_room import made

ROOT = Path(__file__).parents[3]
CONTENT = saving._Content("sha256:" + "c" * 64, "amd64", {}, ("sha256:" + "1" * 64,), "")
BASES = ["debian:bookworm-slim", "golang:1.22"]
Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def gathered(tmp_path, monkeypatch):
    """Makes a kit of a few bytes, and records what is fetched, built and saved."""
    noted = []

    def gather(folder, report):
        noted.append("packages")
        for path in ("wheels/one-1.0-py3-none-any.whl", "npm/two-1.0.0.tgz", packages.PROXY):
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(path)

    def save(engine, base, folder, report):
        if base.ref in broken:
            raise CourseError("The registry went away.")
        noted.append(base.ref)
        saving._keep([base.ref.encode()], folder, base.ref, "pulled", CONTENT)

    broken = set()
    monkeypatch.setattr(packages, "gather", gather)
    monkeypatch.setattr(kit, "save", save)
    monkeypatch.setattr(kit, "status", lambda engine, refs: [SimpleNamespace(present=False) for _ in refs])
    monkeypatch.setattr(kit, "ensure_bases", lambda engine, refs, report: [SimpleNamespace(ref=refs[0])])
    monkeypatch.setattr(kit.image, "make", lambda engine, name, report: f"{name}:latest")
    engine = SimpleNamespace(find_image=lambda name: {"Id": CONTENT.id},
                             client=SimpleNamespace(api=SimpleNamespace(remove_image=lambda *a, **b: None)))

    def make(*fail):
        noted.clear()
        broken.clear()
        broken.update(fail)
        return kit.make(engine, tmp_path / "kit", print, BASES)
    return SimpleNamespace(make=make, noted=noted, folder=tmp_path / "kit")


def test_the_index_has_every_file_with_its_size_and_digest(gathered, capsys):
    files = gathered.make()
    there = {path.relative_to(gathered.folder).as_posix(): path.stat().st_size
             for path in gathered.folder.rglob("*") if path.is_file() and path.name not in (".lock", manifest.INDEX)}
    assert {each.path: each.size for each in files} == there and len(there) == 6
    assert archives.INDEX == manifest.INDEX and kit.refs(gathered.folder) == BASES
    assert "fits on a 16 GB stick" in capsys.readouterr().out
    manifest.check(gathered.folder, print)


def test_an_interrupted_kit_is_refused_and_can_be_continued(gathered):
    with pytest.raises(CourseError, match="went away"):
        gathered.make("golang:1.22")
    assert gathered.noted == ["packages", kit.IMAGE, "debian:bookworm-slim"]
    with pytest.raises(CourseError, match="not complete"):
        manifest.check(gathered.folder, print)
    (gathered.folder / ".part-left").write_text("half a file")
    gathered.make()
    assert gathered.noted == ["packages", "golang:1.22"] and not list(gathered.folder.glob(".part-*"))
    manifest.check(gathered.folder, print)


@pytest.mark.parametrize("path", ["wheels/one-1.0-py3-none-any.whl", "golang-1.22-*.tar.zst"])
def test_a_changed_or_missing_file_is_named(gathered, path):
    gathered.make()
    file, = gathered.folder.glob(path)
    content = file.read_bytes()
    file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(CourseError) as caught:
        manifest.check(gathered.folder, print)
    assert caught.value.evidence == f"{file.relative_to(gathered.folder)}: changed"
    file.unlink()
    with pytest.raises(CourseError) as caught:
        manifest.check(gathered.folder, print)
    assert caught.value.evidence.startswith(f"{file.relative_to(gathered.folder)}: No such file")
    gathered.make()
    manifest.check(gathered.folder, print)


def test_a_kit_with_a_changed_base_image_is_not_continued(gathered):
    gathered.make()
    file, = gathered.folder.glob("golang-*.tar.zst")
    file.write_bytes(b"something else")
    with pytest.raises(archives.KitDamaged, match=file.name):
        gathered.make()


def test_the_standard_library_suffices_for_the_check(gathered):
    """`make class KIT=...` runs it before anything is installed."""
    gathered.make()

    def checked():
        return subprocess.run([sys.executable, "-S", "-I", "-c", "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
                               "runpy.run_module('helpers.classroom.manifest', run_name='__main__', alter_sys=True)",
                               ROOT, gathered.folder], capture_output=True, text=True)
    assert checked().returncode == 0
    (gathered.folder / packages.PROXY).write_text("another")
    done = checked()
    assert done.returncode == 1 and "proxy.tar: changed" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("index", ["[]", "{", '{"format": 1, "bases": [{}], "files": []}', '{"bases": [], "files": [1]}'])
def test_an_unreadable_index_is_an_error(tmp_path, index):
    (tmp_path / manifest.INDEX).write_text(index)
    with pytest.raises(CourseError, match="cannot be read|not complete"):
        manifest.check(tmp_path, print)


def test_a_full_disk_is_an_error_before_anything_is_fetched(gathered, monkeypatch):
    monkeypatch.setattr(kit.shutil, "disk_usage", lambda path: Disk(10**10, 10**10 - 10**8, 10**8))
    with pytest.raises(CourseError, match="does not fit in") as caught:
        gathered.make()
    assert "about 710 MB more" in caught.value.why and "100 MB free" in caught.value.why
    assert gathered.noted == [] and not gathered.folder.exists()


def test_the_size_is_estimated_from_local_images(monkeypatch):
    monkeypatch.setattr(kit, "status", lambda engine, refs: [SimpleNamespace(present=ref == "here", name=ref) for ref in refs])
    engine = SimpleNamespace(find_image=lambda name: {"Size": 1_000_000_000})
    there = kit.estimate(engine, ["here", "not here"], session=False) - kit.estimate(engine, [], session=False)
    assert there == 300_000_000 + kit._BASE


# -- packages --------------------------------------------------------------------------

def test_only_packages_for_this_platform_are_taken_from_a_lock_file(monkeypatch):
    monkeypatch.setattr(packages, "architecture", lambda: "amd64")
    entries = {
        "": {"version": "1.0.0"}, "packages/strip": {"version": "1.0.0"}, "node_modules/strip": {"link": True},
        "node_modules/preact": {"version": "10.24.3"}, "node_modules/a/node_modules/@b/c": {"version": "2.0.0"},
        "node_modules/@x/linux": {"version": "1.1.0", "os": ["linux"], "cpu": ["x64"], "libc": ["glibc"]},
        "node_modules/@x/musl": {"version": "1.1.0", "os": ["linux"], "cpu": ["x64"], "libc": ["musl"]},
        "node_modules/@x/arm": {"version": "1.1.0", "os": ["linux"], "cpu": ["arm64"]},
        "node_modules/@x/mac": {"version": "1.1.0", "os": ["darwin"]}}
    assert packages.locked({"packages": entries}) == {"preact@10.24.3", "@b/c@2.0.0", "@x/linux@1.1.0"}


def test_the_applications_of_lessons_and_exercises_are_searched():
    assert {each.parent.name for each in packages._files("package-lock.json")} >= {"node-site", "07-serve-a-site", "web"}
    assert {each.parent.name for each in packages._files("requirements.txt")} >= {"python-wheel", "09-bring-the-wheel"}
    assert any(each.startswith("setuptools") for each in packages.build_requirements())
    assert any(each.startswith("jupyterhub>") for each in packages.class_requirements())


def test_the_course_may_be_in_a_folder_named_work(tmp_path, monkeypatch):
    place = tmp_path / "work" / "course" / "app"
    (place / "node_modules" / "other").mkdir(parents=True)
    (place / "package-lock.json").touch()
    (place / "node_modules" / "other" / "package-lock.json").touch()
    monkeypatch.setattr(packages.paths, "applications", lambda: (place.parent,))
    assert packages._files("package-lock.json") == [place / "package-lock.json"]


def test_a_folder_is_replaced_only_by_a_complete_one(tmp_path):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "old").touch()
    with pytest.raises(CourseError), packages._replaced(tmp_path / "wheels") as new:
        (new / "half").touch()
        raise CourseError("cut short")
    assert [each.name for each in (tmp_path / "wheels").iterdir()] == ["old"]
    with packages._replaced(tmp_path / "wheels") as new:
        (new / "new").touch()
    assert [each.name for each in tmp_path.rglob("*")] == ["wheels", "new"]


def test_saving_a_base_image_keeps_the_rest_of_the_index(gathered):
    gathered.make()
    saving._keep([b"another"], gathered.folder, "golang:1.22", "pulled", CONTENT)
    assert len(json.loads((gathered.folder / manifest.INDEX).read_text())["files"]) == 3
    manifest.check(gathered.folder, print)


# -- the class -------------------------------------------------------------------------

def test_the_store_gets_the_kit_s_archives(gathered):
    gathered.make()
    room = made(kit=str(gathered.folder))
    with store._saved(None, room, [SimpleNamespace(ref="golang:1.22")], print) as folder:
        content = b"".join(store._packed(folder, ["golang:1.22"]))
    archive, = gathered.folder.glob("golang-*.tar.zst")
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        members = {each.name: each for each in packed}
        assert packed.extractfile(f"kit/{archive.name}").read() == archive.read_bytes()
    assert members.keys() == {"kit", f"kit/{manifest.INDEX}", f"kit/{archive.name}"}
    assert {(each.uid, each.gid) for each in members.values()} == {(1000, 1000)}


def test_sessions_get_packages_from_the_kit():
    room = made(kit="/kit", packages_port=4003)
    assert room.environment == {
        "PIP_INDEX_URL": "http://10.0.0.1:4003/simple/", "PIP_TRUSTED_HOST": "10.0.0.1",
        "npm_config_registry": "http://10.0.0.1:4003/registry/", "npm_config_audit": "false"}
    service, = services.packages(room)
    assert service.ready == "http://10.0.0.1:4003/wheels/" and "/kit" in service.command
    assert made().environment == {} and services.packages(made()) == ()


def test_a_damaged_kit_opens_no_class(gathered, monkeypatch):
    gathered.make()
    (gathered.folder / packages.PROXY).write_text("another")
    monkeypatch.setattr(kit, "load_session", None)
    with pytest.raises(CourseError, match="cannot be used"):
        opening._made(None, print, "127.0.0.1", 8000, gathered.folder)
