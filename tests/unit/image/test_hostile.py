"""Saved images that were made to harm, read from end to end: a clear refusal or a right
answer, in bounded time and memory, and nothing written."""

import gzip
import itertools
import json
import os
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from helpers.errors import ImageUnreadable
from helpers.image import archive, cache, decompress, scan
from helpers.image.archive_reader import read
from helpers.image.filesystem import Tree
from helpers.image.history import from_config
from helpers.inventory import take
from tests.unit.layers import digest, elf, image, layer, patched, pieces, saved, tar

ROOT = Path(__file__).resolve().parents[3]


def refused(data: bytes, why: str) -> None:
    with pytest.raises(ImageUnreadable) as caught:
        read(pieces(data))
    assert why in caught.value.why and caught.value.remedy
    assert len(str(caught.value)) < 1000


def only(data: bytes):
    """The entries of an image's only layer."""
    measured, = read(pieces(saved(data))).values()
    return measured.entries


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["x" * 100_000, "d/" * 10_000 + "x", "d/" * 50_000, "../" * 3000 + "x"])
def test_a_path_longer_than_linux_allows(format, name):
    refused(saved(tar((name, b"1"), format=format)), "a path has")
    refused(saved(tar(("a", ("l", name)), format=format)), "a path has")
    refused(saved(tar(("a", b"1"), ("b", ("h", name)), format=format)), "a path has")


def test_a_path_as_long_as_linux_allows():
    name = "d/" * 2047 + "x"
    tree = Tree([only(tar((name, b"1"), ("to", ("l", name))))])
    assert tree.resolve("/to").path == f"/{name}" and len(name) == 4095


@pytest.mark.parametrize("name", [".wh.", "a/.wh.", ".wh..", "a/.wh..", ".wh...", "./.wh.", "/.wh./"])
def test_a_whiteout_that_names_nothing(name):
    """Taken at its word it would hide the whole image, or what is above its folder."""
    refused(saved(tar((name, b""))), "whiteout names nothing")


@pytest.mark.parametrize("name, hidden, emptied", [
    (".wh.a", ["/a"], []), ("a/.wh.b", ["/a/b"], []), (".wh..wh..opq", [], ["/"]), ("a/.wh..wh..opq", [], ["/a"]),
    (".wh.....", ["/...."], []), (".wh. ", ["/ "], []), ("a/.wh..hidden", ["/a/.hidden"], []), (".wh..wh.plnk", [], []), (".wh..wh.aufs", [], []),
])
def test_whiteouts(name, hidden, emptied):
    entries = only(tar((name, b""), ("x", b"1")))
    assert (entries.paths, entries.hidden, entries.emptied) == (["/x"], hidden, emptied)


def test_a_whiteout_of_the_root_keeps_the_root():
    assert list(Tree([layer(("./", "d"), ("a", b"1")), layer((".wh..wh..opq", b""), ("c", b"3"))])) == ["/", "/c"]


def test_metadata_of_aufs_is_ignored():
    entries = only(tar((".wh..wh.plnk", "d"), (".wh..wh.plnk/12.34", b"1"), ("x", ("h", ".wh..wh.plnk/12.34"))))
    assert entries.paths == ["/x"]
    assert Tree([entries]).origin(Tree([entries])["/x"]).kind == "h"


def test_names_that_are_not_utf_8():
    for format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        found = take(image(1), [only(tar(("bin/\udcff\udcfe", elf(), 0o4755), ("caf\u00e9", ("l", "\udcc3")), format=format))])
        assert set(found.tree) == {"/bin/\udcff\udcfe", "/caf\u00e9"}
        assert found.facts(files=True)["setuid"] == [r"/bin/\xff\xfe"]
        assert json.dumps(found.facts(files=True), ensure_ascii=False).encode()


def test_a_name_with_a_nul_in_it():
    data = tar(("x" * 120, b""), format=tarfile.PAX_FORMAT)
    refused(saved(data.replace(b"path=" + b"x" * 10, b"path=" + b"x" * 9 + b"\0", 1)), "extended header is garbage")


def test_an_empty_value_in_an_extended_header_is_ignored():
    entries = only(_extended(_record("path=") + _record("size=") + _record("uid=") + _record("gid="), tar(("short", b"12345"), uid=5)))
    assert (entries.paths, list(entries.sizes), list(entries.uids)) == (["/short"], [5], [5])


def _record(said: str) -> bytes:
    """A record of an extended header, with its own length before it."""
    rest = f" {said}\n".encode("utf-8", "surrogateescape")
    length = next(n for n in range(len(rest), len(rest) + 20) if len(str(n)) + len(rest) == n)
    return str(length).encode() + rest


def _extended(records: bytes, rest: bytes, flag: bytes = b"x") -> bytes:
    """An archive that begins with an extended header of these records."""
    head = patched(tar(("header", records))[:512], 156, flag)
    return head + records.ljust(-(-len(records) // 512) * 512, b"\0") + rest


def test_a_manifest_that_claims_4_gb():
    for content in (b'[{"Config": "', b"{", b"\x1f\x8b\x08", b"x" * 600):
        data = patched(tar(("manifest.json", content)), 124, b"37777777777\0")
        assert len(data) < 20_000
        with pytest.raises(ImageUnreadable):
            read(pieces(data))


@pytest.mark.parametrize("why, sizes", [
    ("garbage", ["-1", "-" + "9" * 30, "9" * 21, "0x10", "1.5", "\u0661"]),
    ("bytes are missing", ["9" * 20, "18446744073709551616", "4611686018427387904"])])
def test_a_wrong_size_in_an_extended_header(why, sizes):
    for size in sizes:
        refused(saved(_extended(_record(f"size={size}"), tar(("a", b"1")))), why)


def test_devices_and_links_that_claim_a_size():
    for kind in ("c", "b", "p", "d", ("l", "x"), ("h", "x")):
        data = patched(tar(("first", kind), ("after", b"12345")), 124, b"00000001000\0")
        entries = only(data)
        assert entries.paths == ["/first", "/after"] and list(entries.sizes) == [0, 5]


def test_a_directory_in_the_format_before_posix():
    entries = only(tar(("d/", b"12345"), ("after", b"123")))
    assert list(map(entries.kind, range(2))) == ["d", "f"] and list(entries.sizes) == [0, 3]


def test_a_sparse_file_has_its_full_size():
    """A file of holes is as long as it says. It has nothing that could be looked at."""
    records = _record("GNU.sparse.major=1") + _record("GNU.sparse.realsize=99999999999")
    entries = only(_extended(records, tar(("bin/gcc", elf()))))
    assert list(entries.sizes) == [99_999_999_999] and entries.programs == {}


NESTED = b'{"rootfs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


LONG = json.dumps({"rootfs": {}, "history": ["x" * 5_000_000]}).encode()


@pytest.mark.parametrize("config", [
    NESTED, LONG, b"[" * 100_000, b'{"rootfs": {}, "history": 5', b'{"a": ' + b"9" * 1_000_000 + b"}", b"{\xff\xfe}", b"{" * 511],
    ids=itertools.count())
def test_json_that_is_no_configuration_is_ignored(config):
    data = tar(("a.json", config), ("b/layer.tar", tar(("x", b"1"))))
    configs = {}
    assert [each.files for each in read(pieces(data), configs).values()] == [1] and configs == {}


@pytest.mark.parametrize("history, made", [
    *((nonsense, []) for nonsense in (None, 5, "text", [], [5, None, "x"], [{"created_by": 5}], {"a": 1},
                                      [{"created_by": None, "comment": ["x"]}], [{"empty_layer": "yes"}])),
    ([{"created_by": "RUN a"}, {"created_by": "ENV x=1", "empty_layer": True}, 5, {"comment": "imported"},
      {"created_by": "RUN more"}], ["RUN a", "imported", "RUN more"])])
def test_an_incomplete_history(history, made):
    configs = {}
    read([tar(("a.json", json.dumps({"rootfs": {}, "history": history}).encode()))], configs)
    config, = configs.values()
    assert from_config(config, 4) == [*made, *["(not recorded)"] * (4 - len(made))]
    assert from_config(config, 2) == [*made, "(not recorded)", "(not recorded)"][:2]


def test_of_one_path_several_times_in_a_layer_the_last_counts():
    tree = Tree([only(tar(("a", b"1"), ("b", ("h", "a")), ("a", b"22"), ("d", "d"), ("a", b"333"), ("d", b"4444")))])
    assert tree["/a"].size == 3 and tree["/d"].kind == "f"
    assert tree.origin(tree["/b"]).size == 1            # the first, which was there when the link was made
    assert list(tree) == ["/a", "/b", "/d"] and tree.unseen == ()


@pytest.mark.parametrize("members", [
    [("a", ("h", "a"))], [("a", ("h", "b")), ("b", ("h", "a"))], [("a", ("h", "./a"))], [("a", ("h", "/"))], [("a", ("h", "d")), ("d", "d")],
    [("a", ("h", "missing"))], [("d", "d"), ("a", ("h", "d"))]])
def test_dangling_hard_links(members):
    entries = only(tar(*members))
    for tree in (Tree([entries]), Tree([entries, entries]), Tree([layer(("a", ("h", "missing"))), entries])):
        assert tree.origin(tree["/a"]).kind in "hd" and tree.unseen == ()
        found = take(image(1), [entries])
        assert list(found.listing()) == [] or tree.origin(tree["/a"]).kind == "h"
        assert found.surface.executables == 0


def test_a_hard_link_to_a_file_in_a_lower_layer():
    below, above = layer(("a", b"12345"), ("c", ("h", "a"))), layer(("b", ("h", "c")))
    tree = Tree([below, above])
    assert (tree.origin(tree["/b"]).path, tree.origin(tree["/b"]).layer) == ("/a", 0)


def test_a_file_and_what_is_below_it_in_one_layer():
    tree = Tree([layer(("a", b"old")), only(tar(("a", b"1"), ("a/b", b"2")))])
    assert tree["/a"].kind == "f" and tree.resolve("/a/b") is None


@pytest.mark.parametrize("most, way", [(41, ""), (3, "d/../" * 500)])
def test_paths_are_resolved_up_to_the_limits_of_linux(most, way):
    tree = Tree([layer(("d", "d"), *((f"l{n}", ("l", f"{way}l{n + 1}")) for n in range(most)), (f"l{most}", b"1"))])
    assert tree.resolve("/l1").path == f"/l{most}" and tree.resolve("/l0") is None


def test_a_file_is_no_directory_on_a_path():
    tree = Tree([layer(("bin", "d"), ("bin/sh", b"1"), ("x", ("l", "bin/sh/../sh")), ("y", ("l", "bin/../bin/sh")))])
    assert tree.resolve("/x") is None and tree.resolve("/bin/sh/") .path == "/bin/sh" and tree.resolve("/y").path == "/bin/sh"
    assert tree.resolve("/bin/sh/..") is None and tree.resolve("/nowhere/../bin/sh") is None


@pytest.mark.parametrize("log", [28, 31])
def test_a_zstd_window_larger_than_allowed(log):
    frame = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(log - 10) << 3]) + b"\x01\x00\x00"
    refused(tar(("blobs/sha256/a", frame)), "zstd")


def test_unknown_keys_of_extended_headers_are_dropped():
    """One that holds for all entries would be copied for each of them."""
    assert archive._records(b"".join(map(_record, ("KEY=value", "path=a", "mtime=1.5")))) == {"path": "a", "mtime": "1.5"}
    assert only(_extended(_record("KEY=value") + _record("uid=7"), tar(("a", b""), ("b", b"")), b"g")).uids.tolist() == [7, 7]


def test_a_layer_that_compresses_well_is_no_bomb(monkeypatch):
    monkeypatch.setattr(decompress, "BOMB_BYTES", 1000)
    data = tar(("words", " ".join(map(str, range(15_000))).encode()))
    assert 50_000 < len(data) < 250 * len(gzip.compress(data))
    assert list(read([tar(("blobs/sha256/a", gzip.compress(data)))])) == [digest(data)]


@pytest.mark.parametrize("members", [
    [(f"{n:03}" + "x" * 96, b"") for n in range(110)], [(f"{n}", ("l", "y" * 90)) for n in range(150)],
    [(f".wh.{n:03}" + "x" * 90, b"") for n in range(150)],
    [(f"{n}", elf(*(f"lib{k}.so" for k in range(100)))) for n in range(20)],
    [(f"n/{n}/package.json", json.dumps({"name": "x" * 400, "version": "1"}).encode()) for n in range(30)],
    [(f"{n}", b"#!/" + b"x" * 200 + b"\n") for n in range(60)], [("etc/os-release", b"x" * 12_000), ("a", b"")]],
    ids=["names", "links", "whiteouts", "libraries", "packages", "scripts", "texts"])
def test_facts_of_a_layer_are_limited(monkeypatch, members):
    monkeypatch.setattr(scan, "TEXT_LIMIT", 10_000)
    refused(saved(tar(*members)), "more than 10,000 characters")
    assert only(tar(*((f"{n:03}" + "x" * 96, b"") for n in range(90))))


def test_whiteouts_count_as_entries(monkeypatch):
    monkeypatch.setattr(scan, "ENTRIES_LIMIT", 100)
    refused(saved(tar(*((f".wh.{n}", b"") for n in range(101)))), "more than 100 entries")


# Each is some megabytes, read in well under a second of processor time; with a loop
# inside a loop it takes far longer, and the process is ended.
SLOW = {
    "hard links whose file is gone": """
names = range(10_000)
below = layer(*((f"f{n}", b"1") for n in names), *((f"h{n}", ("h", f"f{n}")) for n in names))
found = take(image(2), [below, layer(*((f"f{n}", b"2") for n in names))])
assert len(list(found.listing())) == 20_000 and found.wasted == 0""",
    "a chain of hard links": """
found = take(image(1), [layer(("h0", b"12"), *((f"h{n}", ("h", f"h{n - 1}")) for n in range(1, 10_000)))])
assert sum(size for _, size, _ in found.listing()) == 20_000""",
    "a chain of links": "assert take(image(1), [layer(*((f'l{n}', ('l', f'l{n + 1}')) for n in range(10_000)))]).tools == ()",
    "links that go up and down": "take(image(1), [layer(('d', 'd'), *((f'l{n}', ('l', 'd/../' * 800)) for n in range(500)))])",
    "folders in folders": """
deep = ["/".join(["d"] * n) for n in range(1, 500)]
below = layer(*((path, "d") for path in deep), *((f"{path}/{n}", b"1") for path in deep for n in range(3)))
for above in (layer((".wh.d", b"")), layer((".wh..wh..opq", b"")), layer(*((f"{path}/.wh..wh..opq", b"") for path in deep)), layer(("d", b"1"))):
    assert len(Tree([below, above])) <= 500""",
    "folders that are not said": """
below = layer(*((f"f{n}", b"1") for n in range(2000)))
assert len(Tree([below, layer(*((f"f{n}/" + "d/" * 1900 + "x", b"1") for n in range(100)))])) == 2000""",
    "frames with nothing in them": """
import gzip
data = tar(("a", b"1"))
assert list(read([tar(("blobs/sha256/a", gzip.compress(data) + gzip.compress(b"") * 30_000))])) == [digest(data)]""",
    "many whiteouts": """
below = layer(*((f"d{n}/f", b"1") for n in range(10_000)))
assert len(Tree([below, layer(*((f".wh.d{n}", b"") for n in range(10_000)))])) == 0""",
}


def run_apart(code: str) -> str:
    """Run it in a process that is ended after four seconds of processor time."""
    done = subprocess.run([sys.executable, "-c", "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (4, 4))\n"
                           f"from tests.unit.image.test_hostile import *\n{code}"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr or f"ended by signal {-done.returncode}"
    return done.stdout


@pytest.fixture(scope="module")
def slow():
    """{name: exit code, 0 for right} of all, each in a process of its own: forked from one that has the imports."""
    return run_apart("""
import traceback
for name, code in SLOW.items():
    child = os.fork()
    if not child:
        try:
            exec(code)
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
            os._exit(1)
        os._exit(0)
    print(f"{name}: {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}", flush=True)""")


@pytest.mark.parametrize("name", SLOW)
def test_no_quadratic_time(slow, name):
    assert f"{name}: 0\n" in slow, slow


def huge_program(size: int) -> bytes:
    """The beginning of a program of so many bytes whose headers point at all of it."""
    count = 500
    part = size // count
    segments = b"".join(struct.pack("<IIQQQQQQ", 1 + n % 2, 4, n * part, n * part, n * part, part, part, 16) for n in range(count))
    return struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0) + segments


def huge_image(size: int):
    """A saved image with such a program in it, as it streams."""
    inner, outer = tarfile.TarInfo("bin/huge"), tarfile.TarInfo("0/layer.tar")
    inner.size, outer.size = size, size + 512 + 1024
    yield outer.tobuf(tarfile.GNU_FORMAT) + inner.tobuf(tarfile.GNU_FORMAT)
    head = huge_program(size)
    yield head
    left = size - len(head)
    while left:
        yield b"\1" * min(left, 1 << 20)
        left -= min(left, 1 << 20)
    yield bytes(1024 + -outer.size % 512 + 1024)


def test_memory_for_a_huge_program_is_bounded():
    said = run_apart("""
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found, = read(huge_image(1_000_000_000)).values()
assert list(found.entries.sizes) == [1_000_000_000] and found.entries.programs[0].elf
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)""")
    assert int(said) < 300


def test_a_large_program_is_read_to_its_end():
    """What it needs stands there, after its first megabytes."""
    small = elf("libc.so.6", interpreter="/lib/ld.so", go="cmd/go")
    gap = 40_000_000
    data = bytearray(small)
    for number in range(1, 4):        # all but the first segment lie after the gap
        at = 64 + number * 56
        kind, flags, offset, address, _, length, memory, align = struct.unpack_from("<IIQQQQQQ", data, at)
        struct.pack_into("<IIQQQQQQ", data, at, kind, flags, offset + gap, address, address, length, memory, align)
    whole = bytes(data) + bytes(gap - len(data)) + small
    entries = only(tar(("bin/x", whole, 0o755)))
    assert entries.programs[0].elf.needed == ("libc.so.6",) and entries.programs[0].elf.main == "cmd/go"


def test_only_the_cache_is_written_to(tmp_path, home, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = tar(("../../evil", b"1"), ("l", ("l", str(tmp_path))), ("l/evil", b"1"), (f"{tmp_path}/evil", b"1"))
    data = tar(("../0/layer.tar", evil), (f"{tmp_path}/1/layer.tar", tar(("a", b"1"))), ("manifest.json", b"[]"))
    for layer_digest, measured in read([data]).items():
        cache.keep(layer_digest, measured)
    assert cache.entries(digest(evil)).paths == ["/evil", "/l", "/l/evil", f"{tmp_path}/evil"]
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert all(path.startswith("home/cache/layers/sha256-") for path in written) and len(written) == 4
