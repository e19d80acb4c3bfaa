"""The build context: what is found, what is refused, and the tar byte by byte."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import pytest

from helpers.builder.context import Context
from helpers.errors import ContextError, DockerfileError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path):
    """A small context; each test adds what it needs."""
    root = tmp_path / "app"
    root.mkdir()
    (root / "Dockerfile").write_text("FROM scratch\n")
    return root


def put(root, path, content=b""):
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def paths(context):
    return [entry.path for entry in context.entries]


def tar_of(context, **options):
    return tarfile.open(fileobj=io.BytesIO(b"".join(context.stream(**options))), mode="r:")


def refused(*args, **options):
    with pytest.raises((ContextError, DockerfileError)) as caught:
        Context.scan(*args, **options)
    return caught.value


def in_a_process(code, *args, as_user=False):
    """Runs `code` in a Python of its own, and its output. `as_user`: root may do no more there than
    what a file's mode allows its owner."""
    preamble = ("import ctypes\nctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522), (ctypes.c_uint32 * 6)())\n"
                if as_user else "")
    done = subprocess.run(
        [sys.executable, "-B", "-c", preamble + textwrap.dedent(code), *map(str, args)],
        capture_output=True, text=True, timeout=60, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_scan(folder, tmp_path, monkeypatch):
    put(folder, "b/two.txt", b"22")
    put(folder, "a.txt", b"1")
    (folder / "b" / "link").symlink_to("two.txt")
    (folder / "empty").mkdir()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    for root in (folder, tmp_path / "link", "."):
        context = Context.scan(root)
        assert [(e.path, e.kind, e.size, e.target) for e in context.entries] == [
            ("Dockerfile", "file", 13, ""), ("a.txt", "file", 1, ""), ("b", "dir", 0, ""),
            ("b/link", "symlink", 0, "two.txt"), ("b/two.txt", "file", 2, ""), ("empty", "dir", 0, "")]
        assert (context.size, context.files, context.dockerfile) == (16, 3, "Dockerfile")
        assert (context.root, context.dockerfile_text) == (folder.resolve(), "FROM scratch\n")


@pytest.mark.parametrize("there, ignore, dockerfile, sent", [
    ("keep drop.log docs/a docs/keep/b docs/deep/er/x node_modules/m/i.js", "*.log\ndocs\n!docs/keep\nnode_modules\n", "Dockerfile",
     "docs docs/keep docs/keep/b keep"),
    ("a/b/c/x.go a/b/y.c z/q.c", "*\n!**/*.go\n", "Dockerfile", "a a/b a/b/c a/b/c/x.go"),    # found deep down
    ("x", "*\n", "Dockerfile", ""),                                                          # both files are sent even if ignored
    ("ci/Dockerfile", "*\n", "ci/Dockerfile", "")])
def test_scan_honours_the_ignore_file(folder, there, ignore, dockerfile, sent):
    for path in there.split():
        put(folder, path, b"FROM a\n")
    (folder / ".dockerignore").write_text(ignore)
    assert paths(Context.scan(folder, dockerfile)) == [dockerfile, ".dockerignore", *sent.split()]


def test_a_folder_that_an_exception_brings_back_keeps_its_mode(folder):
    put(folder, "a/x.go").parent.chmod(0o711)
    (folder / ".dockerignore").write_text("*\n!**/*.go\n")
    assert Context.scan(folder).entries[2].mode == 0o711


def test_links_are_never_followed_sockets_left_out_and_fifos_headers(folder, monkeypatch):
    (folder / "out").symlink_to("/etc")
    (folder / "loop").symlink_to(".")
    (folder / "dangling").symlink_to("nothing")
    monkeypatch.chdir(folder)  # a socket's name is limited to some 100 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("sock")
        os.mkfifo(folder / "pipe", 0o600)
        context = Context.scan(folder)
    assert [(e.path, e.kind, e.target) for e in context.entries[1:]] == [
        ("dangling", "symlink", "nothing"), ("loop", "symlink", "."), ("out", "symlink", "/etc"), ("pipe", "fifo", "")]
    with tar_of(context) as tar:
        assert tar.getmember("pipe").isfifo() and tar.getmember("pipe").size == 0


@pytest.mark.parametrize("there", [True, False])
def test_given_text_takes_the_place_of_the_file_and_needs_none(folder, there):
    (folder / "Dockerfile").chmod(0o600)
    if not there:
        (folder / "Dockerfile").unlink()
    context = Context.scan(folder, dockerfile_text="FROM é\n")
    assert (context.dockerfile, context.files, context.size) == ("Dockerfile", 1, 8)
    assert context.entries[0].mode == (0o600 if there else 0o644)
    with tar_of(context) as tar:
        assert tar.extractfile("Dockerfile").read() == "FROM é\n".encode()
        assert tar.getnames() == (["Dockerfile"] if there else ["Dockerfile", ".dockerignore"])
    assert not there or (folder / "Dockerfile").read_text() == "FROM scratch\n"


def test_a_dockerfile_outside_gets_a_name_of_its_own(folder, tmp_path):
    put(tmp_path, "Dockerfile.ci", b"FROM ci\n")
    by_path = Context.scan(folder, "../Dockerfile.ci")
    assert by_path.dockerfile.startswith(".dockerfile.") and len(by_path.dockerfile) == 32
    assert paths(by_path) == [by_path.dockerfile, "Dockerfile"]
    assert Context.scan(folder, tmp_path / "Dockerfile.ci").dockerfile == by_path.dockerfile
    other = Context.scan(folder, "../Dockerfile.ci", "FROM x\n")
    assert other.dockerfile != by_path.dockerfile
    with tar_of(other) as tar:
        assert tar.extractfile(other.dockerfile).read() == b"FROM x\n"
        assert tar.extractfile(".dockerignore").read() == f".dockerignore\n{other.dockerfile}\n".encode()
    put(folder, ".dockerignore", b"# mine\n")
    with tar_of(Context.scan(folder, "../Dockerfile.ci")) as tar:
        assert tar.extractfile(".dockerignore").read() == b"# mine\n"


def test_a_dockerfile_in_a_subfolder_or_behind_a_link(folder):
    put(folder, "ci/Dockerfile.prod", b"FROM prod\n")
    (folder / "D").symlink_to("ci/Dockerfile.prod")
    for name in ("ci/Dockerfile.prod", "./ci/../ci/Dockerfile.prod", "D", folder / "D"):
        context = Context.scan(folder, name)
        assert context.dockerfile == "ci/Dockerfile.prod"
        assert context.dockerfile_text == "FROM prod\n"
        assert paths(context) == ["ci/Dockerfile.prod", "D", "Dockerfile", "ci"]


def test_a_dockerfile_that_is_not_utf8_travels_unchanged(folder):
    content = b"\xef\xbb\xbfFROM a\r\n# caf\xe9\r\n"
    (folder / "Dockerfile").write_bytes(content)
    with tar_of(Context.scan(folder)) as tar:
        assert tar.extractfile("Dockerfile").read() == content


def test_no_folder(tmp_path):
    assert refused(tmp_path / "none").what == f"There is no folder {tmp_path / 'none'}."
    error = refused(put(tmp_path, "file"))
    assert "is not a folder" in error.what and str(tmp_path) in error.remedy


@pytest.mark.parametrize("there", ["dockerfile", "Dockerfile.txt", "Containerfile", "prod.Dockerfile", "DOCKERFILE"])
def test_no_dockerfile_but_a_similar_name(tmp_path, there):
    put(tmp_path, there)
    put(tmp_path, "Dockerfile.dockerignore")
    error = refused(tmp_path)
    assert error.what == f"There is no Dockerfile in {tmp_path}." and there in error.why and f"dockerfile={there!r}" in error.remedy


@pytest.mark.parametrize("name", ["Dockerfile", "gone/Dockerfile", "../Dockerfile"])
def test_no_dockerfile_at_all(folder, name):
    (folder / "Dockerfile").unlink()
    error = refused(folder, name)
    assert "There is no Dockerfile in" in error.what and error.why == ""


SCAN = """
import json
import sys
from pathlib import Path
from helpers.builder.context import Context
from helpers.errors import ContextError
folder, *ignored = sys.argv[1:]
said = []
for lines in (None, *ignored):
    if lines:
        Path(folder, ".dockerignore").write_text(lines)
    try:
        said.append(" ".join(e.path for e in Context.scan(folder).entries))
    except ContextError as error:
        said.append(str(error))
print(json.dumps(said))
"""


@pytest.mark.parametrize("path, mode", [("secret", 0), ("dir", 0), ("dir", 0o444)])
def test_what_cannot_be_read_is_named(folder, path, mode):
    put(folder, "dir/inner/x")
    put(folder, "secret")
    (folder / path).chmod(mode)
    # The remedy must work, also where an exception makes the scan look inside.
    said, *remedied = json.loads(in_a_process(SCAN, folder, f"{path}\n", f"{path}\n!**/x\n", as_user=True))
    (folder / path).chmod(0o755)      # else pytest could not remove it
    named = "dir/inner" if mode else path
    assert "in the build context cannot be read" in said
    assert said.startswith((f"{named} in", f"{path} in"))
    assert "to .dockerignore" in said and "chmod -R u+rX" in said
    assert len(remedied) == 2 and all(now.startswith("Dockerfile .dockerignore") for now in remedied)


def test_the_largest_parts_of_a_context_that_is_too_large(folder):
    for path, size in {"web/node_modules/a/x.js": 40_000, "web/node_modules/b/y.js": 50_000, "web/app.js": 1_000, "images/disk.ISO": 60_000,
                       "src/one/a.go": 5_000, "src/two/b.go": 4_000, "data.bin": 20_000}.items():
        put(folder, path, b"x" * size)
    context = Context.scan(folder)
    assert context.largest(10) == [("web/node_modules/", 90_000), ("images/disk.ISO", 60_000), ("data.bin", 20_000), ("src/", 9_000),
                                   ("Dockerfile", 13)]
    assert context.largest(1) == [("web/node_modules/", 90_000)]
    context.check(context.size)
    context.check(None)
    with pytest.raises(ContextError) as caught:
        context.check(context.size - 1)
    assert caught.value.what == "The build context is 180 kB in 8 files; the limit is 180 kB."
    assert caught.value.remedy.endswith(": **/node_modules, images/disk.ISO, data.bin, src")
    assert "\n   90.0 kB  web/node_modules/\n" in caught.value.evidence


@pytest.mark.parametrize("path, line", [
    ("x/deep/.git/objects/p", "**/.git"), ("disk.iso", "**/*.iso"), ("a/b/backup.tar.gz", "**/*.gz"),
    ("a/b/c", "a/b/c")])
def test_what_check_proposes_works(folder, path, line):
    put(folder, path, b"x" * 100_000)
    context = Context.scan(folder)
    with pytest.raises(ContextError) as caught:
        context.check(1_000)
    assert caught.value.remedy.endswith(f": {line}")
    (folder / ".dockerignore").write_text(line + "\n")
    Context.scan(folder).check(1_000)


LONG = ["n" * 99, "n" * 100, "n" * 101, "d" * 120 + "/" + "e" * 150 + "/" + "f" * 200, "é" * 80]


def test_the_tar_is_what_is_on_disk(folder):
    put(folder, "bin/run", b"#!/bin/sh\n").chmod(0o4755)
    put(folder, "exact", b"x" * 512)
    put(folder, "big", os.urandom(300_001))
    put(folder, "zero")
    (folder / "sticky").mkdir()
    (folder / "sticky").chmod(0o1777)
    (folder / "long-link").symlink_to("t" * 180)
    for name in LONG:
        put(folder, name, name.encode())
    os.link(folder / "exact", folder / "twin")
    os.utime(folder / "zero", (1, 1_700_000_000.9))
    context = Context.scan(folder)
    assert all(type(entry.mtime) is int for entry in context.entries)
    assert b"".join(context.stream(chunk=4096)) == b"".join(context.stream())
    with tar_of(context, chunk=4096) as tar:
        assert tar.getnames() == paths(context) and paths(context)[0] == "Dockerfile"
        for member in tar:
            path = folder / member.name
            status = path.lstat()
            assert (member.mode, member.mtime) == (status.st_mode & 0o7777, int(status.st_mtime))
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
            assert member.isdir() == path.is_dir() or member.issym()
            if member.isreg():
                assert tar.extractfile(member).read() == path.read_bytes()
            elif member.issym():
                assert member.linkname == os.readlink(path)
        assert tar.getmember("twin").isreg()
        assert set(LONG) < set(tar.getnames())


def test_headers_are_gnu_and_the_first_is_plain(folder):
    for name in LONG:
        put(folder, name)
    os.utime(folder / "Dockerfile", (1, 1.5))
    data = b"".join(Context.scan(folder).stream())
    assert len(data) % 512 == 0 and data.endswith(bytes(1024))
    assert data[:10] == b"Dockerfile" and data[156:157] == b"0"
    at, types = 0, []
    while data[at:at + 512] != bytes(512):
        assert data[at + 257:at + 265] == b"ustar  \0"      # GNU's magic
        types.append(data[at + 156:at + 157])
        at += 512 + -(-int(data[at + 124:at + 135], 8) // 512) * 512
    assert set(types) == {b"0", b"5", b"L"}                  # never x or g, which are PAX


def test_a_name_that_is_not_utf8(folder):
    name = os.fsdecode(b"caf\xe9")
    put(folder, name, b"1")
    (folder / "link").symlink_to(name)
    data = b"".join(Context.scan(folder).stream())
    assert b"caf\xe9\0" in data
    with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as tar:
        assert tar.getnames() == ["Dockerfile", name, "link"]
        assert tar.getmember("link").linkname == name
    with pytest.raises(ContextError) as caught:
        Context.scan(folder).check(0)
    assert b"caf\\xe9" in str(caught.value).encode()  # an error can be printed all the same


def test_small_files_travel_together_and_large_ones_in_pieces(folder):
    for number in range(300):
        put(folder, f"{number:03}", b"x" * 10)
    put(folder, "zz", b"y" * 1_000_000)
    sizes = [len(piece) for piece in Context.scan(folder).stream(chunk=100_000)]
    assert all(100_000 <= size < 201_024 for size in sizes[:-1])
    assert sum(sizes) == 301 * 1024 + 512 + 1_000_448 + 1024


def test_progress_ends_at_the_size(folder):
    put(folder, "a", b"x" * 250_000)
    put(folder, "b", b"x" * 10)
    context, seen = Context.scan(folder), []
    for _ in context.stream(chunk=100_000, progress=seen.append):
        pass
    assert seen == sorted(seen) and seen[-1] == context.size and len(seen) > 2


@pytest.mark.parametrize("become", [lambda p: None, lambda p: p.symlink_to("/etc/passwd"), os.mkfifo, lambda p: p.mkdir()],
                         ids=["vanished", "a link", "a FIFO", "a folder"])
def test_a_file_that_vanished_or_became_something_else(folder, become):
    file = put(folder, "f", b"1")
    context = Context.scan(folder)
    file.unlink()
    become(file)
    with pytest.raises(ContextError) as caught:
        list(context.stream())
    assert caught.value.what == "f changed while the build context was being sent." and caught.value.why


@pytest.mark.parametrize("content", [b"", b"short", b"long" * 100_000])
def test_a_file_that_changed_before_its_turn_is_sent_as_it_is(folder, content):
    file = put(folder, "f", b"12345678")
    put(folder, "g", b"after")
    context = Context.scan(folder)
    file.write_bytes(content)
    with tar_of(context) as tar:
        assert [tar.extractfile(name).read() for name in "fg"] == [content, b"after"]


def in_the_middle(folder, act):
    """Streams a file of 1,000,003 bytes and calls `act` on it after the first pieces."""
    file = put(folder, "f", b"x" * 1_000_003)
    put(folder, "g", b"after")
    stream = Context.scan(folder).stream(chunk=10_000)
    start = next(stream) + next(stream)
    act(file)
    return start, stream


def test_a_file_that_grows_while_it_is_read_is_cut(folder):
    start, stream = in_the_middle(folder, lambda file: file.write_bytes(b"x" * 2_000_000))
    with tarfile.open(fileobj=io.BytesIO(start + b"".join(stream))) as tar:
        assert [tar.extractfile(name).read() for name in "fg"] == [b"x" * 1_000_003, b"after"]


def test_a_file_that_shrinks_while_it_is_read(folder):
    _, stream = in_the_middle(folder, lambda file: os.truncate(file, 30_000))
    with pytest.raises(ContextError, match="^f changed") as caught:
        list(stream)
    assert caught.value.why == "It became shorter while it was read."


def test_a_stream_that_is_dropped_closes_its_file(folder):
    before = len(os.listdir("/proc/self/fd"))
    _, stream = in_the_middle(folder, lambda file: None)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    stream.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_sizes_above_8_gb(folder):
    with open(folder / "huge", "wb") as file:
        file.truncate(9 * 10**9)
    stream = Context.scan(folder).stream()
    start = next(stream)
    stream.close()
    at = start.index(b"huge\0")
    assert start[at + 124] == 0o200                                   # base-256
    assert int.from_bytes(start[at + 125:at + 136], "big") == 9 * 10**9
    assert start[at + 156:at + 157] == b"0"


@pytest.mark.parametrize("name, told", [("new\nline", r"new\nline"), ("a\x1b[2Jb", r"a\x1b[2Jb"),
                                        ("caf\udce9", r"caf\xe9")])
def test_the_table_of_the_heaviest_parts_has_one_line_for_each(folder, name, told):
    with open(folder / name, "wb") as file:
        file.truncate(10_000_000)
    with pytest.raises(ContextError) as caught:
        Context.scan(folder).check(1_000)
    assert caught.value.evidence.splitlines()[1] == f"   10.0 MB  {told}"
    assert told in caught.value.remedy


def test_a_dockerfile_whose_name_is_no_utf_8_travels_under_another(folder):
    (folder / "Docker\udcfffile").write_bytes(b"FROM a\n")
    context = Context.scan(folder, "Docker\udcfffile")
    assert re.fullmatch(r"\.dockerfile\.[0-9a-f]{20}", context.dockerfile)
    assert {context.dockerfile, "Docker\udcfffile"} <= set(paths(context))
