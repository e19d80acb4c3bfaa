"""What the engine sends back: archives kept or unpacked, and a cache of blobs, over a gRPC connection of its own."""

import hashlib
import io
import json
import os
import stat
import tarfile

import pytest

from helpers.builder import content_store, solving
from helpers.builder.control import CallFailed
from helpers.errors import CourseError
from tests.unit.builder.connected import connected


def packed(*members: tuple[str, int, bytes | str], mode: int = 0o644) -> bytes:
    """An archive of (name, type, content or target)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            link, content = (content, b"") if isinstance(content, str) else ("", content)
            info.type, info.mtime, info.uid, info.linkname, info.size = kind, 1_000_000_000, 12345, link, len(content)
            info.mode = mode
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


FILE, DIR, LINK, HARD, DEVICE = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
ROOT = packed(("app/", DIR, b""), ("app/main", FILE, b"hello"), ("app/again", HARD, "app/main"),
              ("app/os", LINK, "/etc/os-release"), ("null", DEVICE, b""))


def received(kind, path, data, step=7):
    """Send an archive to a receiver as the engine does, in pieces."""
    with kind(path) as write:
        pieces = (data[at:at + step * 1000] for at in range(0, len(data), step * 1000))
        messages = (solving._PROTO.BytesMessage(data=piece).SerializeToString() for piece in pieces)
        assert list(solving.file_send(write)({}, messages)) == []


def test_an_archive_is_unpacked_as_it_comes_without_rights_of_the_files_former_owner(tmp_path):
    received(solving.folder, tmp_path, packed(("tool", FILE, b""), mode=0o6755))
    assert stat.S_IMODE((tmp_path / "tool").stat().st_mode) == 0o755
    received(solving.folder, tmp_path / "out", ROOT)
    main = tmp_path / "out/app/main"
    assert main.read_text() == "hello" and main.samefile(tmp_path / "out/app/again")
    assert os.readlink(tmp_path / "out/app/os") == "/etc/os-release"
    assert (main.stat().st_mtime, main.stat().st_uid) == (1_000_000_000, os.getuid())
    assert not (tmp_path / "out/null").exists()


def test_a_second_output_replaces_the_first_and_leaves_other_files(tmp_path):
    closed = packed(("app/", DIR, b""), mode=0o555)[:512] + packed(("app/main", FILE, b"new"), ("app/os", FILE, b"x"), mode=0o444)
    received(solving.folder, tmp_path, ROOT)
    (tmp_path / "own").write_text("mine")
    for _ in range(2):
        received(solving.folder, tmp_path, closed)
    assert (tmp_path / "app/main").read_text() == "new" and not (tmp_path / "app/os").is_symlink()
    assert (tmp_path / "own").read_text() == "mine" and (tmp_path / "app/again").read_text() == "hello"


@pytest.mark.parametrize("members", [
    [("..", DIR, b"")], [("../outside", FILE, b"")], [("a/../../outside", FILE, b"")],
    [("out", LINK, ".."), ("out/outside", FILE, b"")], [("out", LINK, "/"), ("out/outside", FILE, b"")]])
def test_nothing_is_written_outside_of_the_folder(tmp_path, members):
    received(solving.folder, tmp_path / "in", packed(*members))
    assert os.listdir(tmp_path) == ["in"] and {each.name for each in (tmp_path / "in").iterdir()} <= {"outside", "out"}


@pytest.mark.parametrize("members", [[("copy", HARD, "../secret")], [("own", FILE, b"")]])
def test_no_file_is_linked_into_it_and_no_folder_in_it_is_replaced_by_a_file(tmp_path, members):
    (tmp_path / "in/own").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(CourseError, match="could not be written") as caught:
        received(solving.folder, tmp_path / "in", packed(*members) + bytes(1 << 20))
    assert "Broken pipe" not in caught.value.why    # which is what the sender sees of it
    assert not (tmp_path / "in/copy").exists() and (tmp_path / "in/own").is_dir()


def test_a_link_that_is_in_the_folder_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/app").symlink_to(tmp_path / "elsewhere")
    received(solving.folder, tmp_path / "out", ROOT)
    assert list((tmp_path / "elsewhere").iterdir()) == [] and (tmp_path / "out/app/main").exists()


@pytest.mark.parametrize("kind", [solving.folder, solving.archive])
def test_a_build_that_fails_leaves_its_own_error_and_nothing_else(tmp_path, kind):
    with pytest.raises(ZeroDivisionError), kind(tmp_path / "out"):
        raise ZeroDivisionError
    assert not list(tmp_path.glob("**/*.part")) and not (tmp_path / "out").is_file()


def test_an_archive_is_kept_whole(tmp_path):
    received(solving.archive, tmp_path / "new/app.tar", ROOT)
    assert (tmp_path / "new/app.tar").read_bytes() == ROOT and os.listdir(tmp_path / "new") == ["app.tar"]


@pytest.mark.parametrize("kind", [solving.folder, solving.archive])
def test_a_place_that_cannot_be_written_is_reported(tmp_path, kind):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="could not be written") as caught:
        received(kind, tmp_path / "file/out", ROOT)
    assert caught.value.why


BLOB = bytes(range(256)) * 4000
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"


@pytest.fixture
def store(tmp_path):
    """Calls a method of a store in `tmp_path`, over a connection: `store(method, answer's class, message fields...)`."""
    def call(method, *messages, of=tmp_path):
        kinds = {"Info": ("InfoRequest", "InfoResponse"), "Read": ("ReadContentRequest", "ReadContentResponse"),
                 "Write": ("WriteContentRequest", "WriteContentResponse"), "Status": ("InfoRequest", "InfoResponse")}[method]
        sent = [getattr(content_store._PROTO, kinds[0])(**each).SerializeToString() for each in messages]
        made = connection.call(content_store._SERVICE + method, sent[0], [(content_store._HEADER, f"local:{of}")], end=len(sent) == 1)
        for number, each in enumerate(sent[1:], 2):
            made.send(each, end=number == len(sent))
        return [getattr(content_store._PROTO, kinds[1]).FromString(each) for each in made]

    with connected(content_store.methods([tmp_path])) as (_, connection):
        yield call


def written(expected=DIGEST):
    half = len(BLOB) // 2
    return [dict(action=0, total=len(BLOB), expected=expected), dict(action=1, offset=0, data=BLOB[:half]),
            dict(action=1, offset=half, data=BLOB[half:]), dict(action=2, offset=len(BLOB))]


def test_a_blob_that_was_written_is_read_whole_and_in_part_and_not_taken_twice(store):
    answers = store("Write", *written())
    assert [each.offset for each in answers] == [0, len(BLOB) // 2, len(BLOB), len(BLOB)] and answers[-1].digest == DIGEST
    assert store("Info", dict(digest=DIGEST))[0].info.size == len(BLOB)
    assert b"".join(each.data for each in store("Read", dict(digest=DIGEST))) == BLOB
    part = store("Read", dict(digest=DIGEST, offset=700_000, size=300_000))
    assert b"".join(each.data for each in part) == BLOB[700_000:1_000_000] and part[0].offset == 700_000
    with pytest.raises(CallFailed, match="already exists") as caught:
        store("Write", *written())
    assert caught.value.code == 6


def test_a_blob_that_is_not_what_it_should_be_is_refused_and_nothing_stays(store, tmp_path):
    with pytest.raises(CallFailed, match="the content is sha256"):
        store("Write", *written("sha256:" + "0" * 64))
    assert not [each for each in tmp_path.glob("blobs/**/*") if each.is_file()]


@pytest.mark.parametrize("digest, words", [("sha256:" + "0" * 64, "not found"), ("sha256:../../etc/passwd", "no digest")])
def test_what_is_not_there_is_reported(store, digest, words):
    for method in ("Info", "Read"):
        with pytest.raises(CallFailed, match=words):
            store(method, dict(digest=digest))


def test_another_folder_s_store_is_not_served(store, tmp_path):
    with pytest.raises(CallFailed, match="no store"):
        store("Info", dict(digest=DIGEST), of=tmp_path / "other")


def test_an_exported_cache_is_found_again_by_its_index(tmp_path):
    with pytest.raises(CourseError, match="no exported cache"):
        content_store.latest(tmp_path)
    content_store.finish(tmp_path, json.dumps({"mediaType": "m", "digest": DIGEST, "size": 3}))
    assert content_store.latest(tmp_path) == DIGEST
    assert json.loads((tmp_path / "oci-layout").read_text())["imageLayoutVersion"] == "1.0.0"
