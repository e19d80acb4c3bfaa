"""Layers: archives as they stream, the entries kept of them, the file system they add up to."""

import contextlib
import gzip
import io
import itertools
import os
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from helpers.errors import ImageUnreadable
from helpers.formats import Elf, Package
from helpers.image import archive, decompress
from helpers.image.archive import path
from helpers.image.archive_reader import read
from helpers.image.byte_stream import ByteStream, Damaged
from helpers.image.entries import Entries, Program
from helpers.image.filesystem import Tree
from tests.unit.layers import TYPES, digest, layer, listed, patched, scanned, tar

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "PAX": tarfile.PAX_FORMAT}
each_format = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)

MEMBERS = (("./", "d"), ("usr/bin/tool", b"\x7fELF" * 300, 0o4755), ("etc", "d", 0o1777),
           ("etc/a b\tc", b"x" * 512), ("etc/empty", b""), ("etc/link", ("l", "../usr/bin/tool")),
           ("etc/hard", ("h", "etc/a b\tc")), ("dev/null", "c"), ("dev/disk", "b"), ("run/pipe", "p"),
           ("last", b"y" * 513))
LONG = (("d" * 90 + "/" + "e" * 9, b"a"), ("é\u4e16.txt", b"b"))
LONGER = (("x" * 300, b"1"), ("to", ("l", "y" * 400)), ("new\nline", b"2"), ("z/" * 200 + "end", b"3"))


def as_tarfile_sees(data: bytes) -> list:
    kinds = {type: kind for kind, type in TYPES.items()}
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        return [(path(m.name), kinds.get(m.type, "f"), m.mode & 0o7777, m.uid, m.gid, m.size if m.isreg() else 0,
                 m.linkname if m.issym() or m.islnk() else "") for m in opened]


def seen(data: bytes, piece: int = 1000) -> list:
    return [tuple(entry)[:7] for entry in listed(data, piece)]


@each_format
@pytest.mark.parametrize("piece", [1, 511, 512, 10_000])
def test_each_format_is_read_as_tarfile_reads_it(format, piece):
    members = MEMBERS + LONG + (() if format == tarfile.USTAR_FORMAT else LONGER)
    data = tar(*members, format=format, uid=1000, gid=0o7777)
    assert seen(data, piece) == as_tarfile_sees(data)
    assert len(seen(data, piece)) == len(members)


@pytest.mark.parametrize("uid", [2 ** 21 - 1, 2 ** 21, 2 ** 31])
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_numbers_that_do_not_fit_into_octal_digits(format, uid):
    assert listed(tar(("a", b"1"), format=format, uid=uid))[0].uid == uid


def test_a_real_tar_program_agrees(tmp_path):
    """Holes, long names, links: as GNU tar writes them."""
    with open(tmp_path / "holes", "wb") as file:
        for at in (0, 1 << 20, 3 << 20, 9 << 20):
            file.seek(at)
            file.write(b"x" * 4096)
    many = tmp_path / "many"
    with open(many, "wb") as file:
        for at in range(0, 80 << 16, 1 << 16):   # more parts than fit into one header
            file.seek(at)
            file.write(b"y")
    (tmp_path / ("n" * 200)).write_text("long")
    os.link(many, tmp_path / "hard")
    for format in ("gnu", "posix"):
        made = subprocess.run(["tar", "--create", "--sparse", f"--format={format}", "--sort=name", "-C",
                               str(tmp_path), "."], capture_output=True, check=True).stdout
        assert len(made) < 2_000_000
        found = {entry.path: entry for entry in listed(made)}
        assert found.keys() == {"/", "/holes", "/many", "/hard", f"/{'n' * 200}"}
        assert found["/holes"].size == (9 << 20) + 4096
        assert {found["/many"].size, found["/hard"].size} == {(79 << 16) + 1, 0}
        assert seen(made) == as_tarfile_sees(made)


def test_content_is_read_where_it_is_asked_for_and_skipped_elsewhere():
    data = tar(("a", b"a" * 2000), ("b", b"b" * 10), ("c", b"c" * 600), ("d", b""))
    walked = archive.Archive(ByteStream([data]))
    taken = {}
    for entry in walked:
        if entry.path == "/a":
            walked.head(1990)
            taken["a"] = walked.head(100)
        elif entry.path == "/b":
            taken["b"] = walked.head(4) + walked.head(100)
        elif entry.path == "/c":
            taken["c"] = b"".join(walked.content())
    assert taken == {"a": b"a" * 10, "b": b"b" * 10, "c": b"c" * 600}


def test_capabilities_are_kept_in_hexadecimal():
    raw = "\x01\x00\x00\x02\x00\x04\n=\x00\x00"
    data = tar(("ping", b"\x7fELF"), format=tarfile.PAX_FORMAT, pax_headers={"SCHILY.xattr.security.capability": raw})
    assert listed(data)[0].capability == raw.encode()
    assert scanned(data).capabilities == {0: raw.encode().hex()}


def test_links_do_not_leave_the_root():
    tree = Tree([layer(("etc", "d"), ("etc/passwd", b"inside"), ("up", ("l", "../../../etc/passwd")),
                       ("out", ("l", "/../etc/passwd")), ("far", ("l", "/nowhere")), ("hard", ("h", "../../etc/passwd")))])
    assert tree.resolve("/up").path == tree.resolve("/out").path == "/etc/passwd"
    assert tree.resolve("/far") is None
    assert tree.origin(tree["/hard"]).path == "/etc/passwd"


def test_loops_of_links_end():
    tree = Tree([layer(("a", ("l", "b")), ("b", ("l", "a")), ("d", ("l", "d/d")), ("h", ("h", "i")), ("i", ("h", "h")))])
    assert [tree.resolve(each) for each in ("/a", "/d", "/d/x")] == [None] * 3
    assert tree.origin(tree["/h"]).kind == "h"


@pytest.mark.parametrize("size", [b"77777777777\0", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"not a size!!"])
def test_a_false_size_costs_no_memory(size):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Damaged):
        scanned(patched(tar(("a", b"")), 124, size))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000   # kB


@pytest.mark.parametrize("flag", [b"x", b"g", b"L", b"K"])
def test_an_extended_header_that_is_too_long_is_refused(flag):
    with pytest.raises(Damaged, match="extended header claims"):
        scanned(patched(patched(tar(("a", b"")), 124, b"00100000000\0"), 156, flag))


@pytest.mark.parametrize("records", [b"5 a=\n", b"9 path=b", b"x path=b\n", b"999 path=b\n", b"0 path=b\n", b"11path=abc\n"])
def test_garbage_in_extended_headers(records):
    good = tar(("n", b""), format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * 30})
    at = good.index(b" comment=") - 2
    padded = records.ljust(40, b"\n")
    with contextlib.suppress(Damaged):
        scanned(good[:at] + padded + good[at + 40:])


@pytest.mark.parametrize("pack", [gzip.compress, __import__("zstandard").compress])
def test_a_bomb_is_refused_before_it_goes_off(monkeypatch, pack):
    monkeypatch.setattr(decompress, "BOMB_BYTES", 20_000_000)
    monkeypatch.setattr(decompress, "BOMB_RATIO", 100)
    bomb = tar(("zeros", bytes(100_000_000)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    packed = tar(("blobs/sha256/a", pack(bomb)))
    with pytest.raises(ImageUnreadable, match="unpacks to more than"):
        read([packed])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000   # kB
    monkeypatch.setattr(decompress, "BOMB_BYTES", 200_000_000)     # large, and no bomb
    assert list(read([packed])) == [digest(bomb)]


_MEMORY = """
import sys
from tests.unit.layers import headers
from helpers.image.byte_stream import ByteStream
from helpers.image.scan import scan
from helpers.image.entries import Entries
from helpers.image.filesystem import Tree

count = int(sys.argv[1])
def peak():   # Not ru_maxrss: that begins with what the process had that started this one.
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

before = peak()
entries = scan(ByteStream(headers(count)))
kept = entries.to_bytes()
tree = Tree([entries])
assert len(tree) == count and tree.unseen == ()
del tree, entries
assert len(Tree([Entries.from_bytes(kept)])) == count
print((peak() - before) * 1024 // count)
"""


def test_a_million_entries_fit_into_300_mb():
    """A quarter of a million take a quarter of that."""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", _MEMORY, "250000"], cwd=root, capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": str(root)})
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300


ELF = Elf("x86-64", 64, "pie", False, "/lib64/ld-linux-x86-64.so.2", ("libc.so.6",), ("$ORIGIN",), "", "go1.22", "cmd/go",
          (Package("go-module", "stdlib", "1.22"),))


def full() -> Entries:
    entries = layer(("bin", "d"), ("bin/sh", b"#!/bin/dash -e\n", 0o755), ("bin/to", ("l", "sh")), ("bin/same", ("h", "bin/sh")),
                    ("caf\udce9", b""), (".wh.gone", b""), ("bin/.wh..wh..opq", b""), ("bin/.wh..wh.plnk", b""),
                    ("etc/os-release", b'PRETTY_NAME="X"\n'))
    entries.programs[0] = Program(ELF, "", ("busybox",), ("sh", "wget"))
    entries.packages[2] = (Package("deb", "libc6", "2.36"), Package("deb", "é", ""))
    entries.capabilities[1] = "0100"
    return entries


def test_entries_come_back_as_they_were():
    entries = full()
    assert (entries.hidden, entries.emptied) == (["/gone"], ["/bin"])
    assert entries.programs[1] == Program(interpreter="/bin/dash -e")
    assert entries.texts == {5: 'PRETTY_NAME="X"\n'}
    assert entries.links == {2: "sh", 3: "bin/sh"}
    assert entries.paths[4] == "/caf\udce9"
    assert Entries.from_bytes(entries.to_bytes()) == entries
    assert Entries.from_bytes(Entries().to_bytes()) == Entries()


def test_entries_of_another_version_of_the_course_are_ignored(monkeypatch):
    data = full().to_bytes()
    monkeypatch.setattr("helpers.image.entries._FORMAT", b"layer entries 0")
    with pytest.raises(Damaged):
        Entries.from_bytes(data)


@pytest.mark.parametrize("data", [b"", b"x", bytes(32), bytes(100), full().to_bytes()[:-1], full().to_bytes() + b"x"],
                         ids=range(6))
def test_bytes_that_are_no_entries(data):
    with pytest.raises(Damaged):
        Entries.from_bytes(data)


@pytest.mark.parametrize("name, content, mode, kept", [
    ("bin/x", b"#!/bin/sh\n", 0o755, True), ("bin/x", b"#!/bin/sh\n", 0o644, True), ("bin/x", b"text", 0o755, False),
    ("bin/x", b"\x7fELF", 0o755, False), ("bin/x", b"", 0o755, False), ("bin/x", b"#", 0o755, False)])
def test_what_counts_as_a_program_s_file(name, content, mode, kept):
    assert (0 in layer((name, content, mode)).programs) is kept


def kinds(*members) -> Entries:
    """A layer of names: those that end in / are directories, the others files of 10 bytes."""
    return layer(*((name.rstrip("/"), "d") if name.endswith("/") else (name, b"x" * 10) for name in members))


@pytest.mark.parametrize("layers, unseen", [
    ([["a"], ["b"]], []),
    ([["a"], [".wh.a"]], [("/a", 0, 1, True)]),
    ([["a"], ["a"]], [("/a", 0, 1, False)]),
    ([["a"], [".wh.a", "a"]], [("/a", 0, 1, True)]),
    ([["a"], ["a"], [".wh.a"]], [("/a", 0, 1, False), ("/a", 1, 2, True)]),
    ([["d/", "d/a", "d/e/", "d/e/f"], [".wh.d"]], [("/d/a", 0, 1, True), ("/d/e/f", 0, 1, True)]),
    ([["d/", "d/a"], ["d/", "d/.wh..wh..opq", "d/b"]], [("/d/a", 0, 1, True)]),
    ([["d/", "d/a"], ["d"]], [("/d/a", 0, 1, False)]),
    ([["d"], ["d/", "d/a"]], [("/d", 0, 1, False)]),
    ([["d"], ["d/a"]], [("/d", 0, 1, False)]),
    ([["d/", "d/a"], ["d/"]], []),           # a directory that was touched has all that it had
    ([[".wh.a", "b"]], []),
    ([["d/a"], [".wh.d"]], [("/d/a", 0, 1, True)]),   # the directory was never said
    ([["a"], [".wh.b"]], []),
    ([["d/", "d/a", "d0", "d-", "d.", "d1", "dd"], [".wh.d"]], [("/d/a", 0, 1, True)]),   # and not what is called alike
    ([["d"], [".wh.d", "d/a"]], [("/d", 0, 1, True)]),
    ([["d/", "d/a"], [".wh.d", "d"]], [("/d/a", 0, 1, True)]),   # deleted, and something else in its place
    ([["d/", "d/a", "d/e/", "d/e/f"], ["d/.wh.e", "d"]], [("/d/a", 0, 1, False), ("/d/e/f", 0, 1, True)]),
    ([["d"], ["d/.wh.a"]], [("/d", 0, 1, False)]),     # only a directory can have a whiteout in it
    ([["d"], ["d/e/.wh..wh..opq"]], [("/d", 0, 1, False)]),
    ([["a", "d/", "d/b"], [".wh..wh..opq", "c"]], [("/a", 0, 1, True), ("/d/b", 0, 1, True)]),
])
def test_files_that_no_container_sees(layers, unseen):
    tree = Tree([kinds(*names) for names in layers])
    assert sorted((u.path, u.layer, u.by, u.deleted) for u in tree.unseen) == unseen
    assert all(u.size == 10 for u in tree.unseen)


def test_a_file_with_a_second_name_is_still_seen():
    below = layer(("a", b"x" * 10), ("b", ("h", "a")))
    assert Tree([below, layer((".wh.a", b""))]).unseen == ()
    assert [each.path for each in Tree([below, layer((".wh.a", b""), (".wh.b", b""))]).unseen] == ["/a"]


def test_the_largest_of_what_is_unseen_comes_first():
    below = layer(("a", b"1"), ("b", b"333"), ("c", b"22"))
    gone = Tree([below, layer((".wh.a", b""), (".wh.b", b""), (".wh.c", b""))])
    assert [each.size for each in gone.unseen] == [3, 2, 1]


def test_a_tree_is_a_mapping_of_what_is_seen():
    tree = Tree([kinds("d/", "d/a", "b"), kinds("d/a", ".wh.b")])
    assert dict(tree.layers()) == {"/d": 0, "/d/a": 1} and list(tree) == ["/d", "/d/a"]
    assert (tree["/d/a"].layer, tree["/d/a"].size, tree["/d/a"].mode, tree["/d"].kind) == (1, 10, 0o644, "d")
    assert "/b" not in tree and len(tree) == 2 and tree["/d/a"].layer == 1
    with pytest.raises(KeyError):
        tree["/b"]
    assert [list(tree.visible(index)) for index in (0, 1)] == [[0], [0]]


def test_paths_are_resolved_through_links():
    tree = Tree([layer(("usr", "d"), ("usr/bin", "d"), ("usr/bin/tool", b"1"), ("bin", ("l", "usr/bin")),
                       ("sbin", ("l", "/bin")), ("usr/bin/t", ("l", "tool")), ("usr/up", ("l", "..")))])
    for way in ("/bin/tool", "/sbin/t", "/usr/up/usr/bin/tool", "//usr/./bin/../bin/tool", "/usr/up/../bin/t"):
        assert tree.resolve(way).path == "/usr/bin/tool"
    assert tree.resolve("/") is None        # this archive says nothing of the root
    assert tree.resolve("/bin/nothing") is None


@pytest.mark.parametrize("whiteout", ["link/.wh.a", "link/.wh..wh..opq", "link/deep/.wh.b", "link/.wh.nothing"])
def test_a_whiteout_below_a_lower_symbolic_link_replaces_the_link(whiteout):
    """As Docker unpacks it: `link` becomes a directory, and what the link led to stays."""
    below = layer(("d", "d"), ("d/a", b"1"), ("d/deep", "d"), ("d/deep/b", b"1"), ("link", ("l", "d")))
    tree = Tree([below, layer((whiteout, b""))])
    assert list(tree) == ["/d", "/d/a", "/d/deep", "/d/deep/b"] and tree.unseen == ()
    assert tree.resolve("/link/a") is None
    assert Tree([below, layer(("link", ("l", "d")), (whiteout, b""))]).resolve("/link/a").path == "/d/a"    # it is there again


def test_order_within_a_layer_makes_no_difference():
    below = kinds("d/", "d/a", "d/b", "e")
    above = ["d/.wh.a", "d/c", ".wh.e", "e", "d/.wh..wh..opq"]
    expected = Tree([below, kinds(*above)]).layers()
    for order in itertools.permutations(above):
        assert Tree([below, kinds(*order)]).layers() == expected
