"""Images: their layers and instructions, saved archives of both layouts, the cache."""

import contextlib
import gzip
import hashlib
import itertools
import json
import os
import random

import pytest
import zstandard
from docker.errors import ImageNotFound

from helpers import labels
from helpers.errors import ImageUnreadable
from helpers.image import Image, Layer, archive_reader, cache, content, measure
from helpers.image.archive import path
from helpers.image.archive_reader import Measured, read
from helpers.image.byte_stream import ByteStream, Damaged
from helpers.image.config import ports
from helpers.image.entries import Entries
from helpers.image.history import from_engine, instruction, makes_layer
from helpers.image.measure import _name
from helpers.image.model import base_of
from tests.unit.engines import Straw
from tests.unit.layers import digest, pieces, tar

ONE = tar(("./", "d"), ("./usr/", "d"), ("./usr/a", b"a" * 1000), ("./usr/hard", ("h", "./usr/a")),
          ("./usr/soft", ("l", "a")), ("./usr/empty", b""))
TWO = tar(("etc/", "d"), ("etc/.wh.gone", b""), ("etc/b", random.Random(7).randbytes(200_000)),
          ("etc/text", b"so it goes " * 40_000))
CONFIG = json.dumps({"architecture": "amd64", "rootfs": {"type": "layers"}, "history": []}).encode()
MANIFEST = json.dumps([{"Config": "x.json", "Layers": []}]).encode()


def old_layout() -> bytes:
    return tar(("1111/", "d"), ("1111/VERSION", b"1.0"), ("1111/json", b"{}"), ("1111/layer.tar", ONE),
               ("2222/", "d"), ("2222/layer.tar", TWO), ("3333/layer.tar", ("l", "../1111/layer.tar")),
               (f"{digest(CONFIG)[7:]}.json", CONFIG), ("manifest.json", MANIFEST), ("repositories", b"{}"))


def oci_layout(pack=lambda data: data) -> bytes:
    layers = [pack(ONE), pack(TWO)]
    return tar(("blobs/", "d"), ("blobs/sha256/", "d"),
               *((f"blobs/sha256/{digest(data)[7:]}", data) for data in (*layers, CONFIG)),
               ("index.json", b'{"manifests": []}'), ("manifest.json", MANIFEST),
               ("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'))


def in_frames(pack):
    """Packed in two frames, one after the other, as parallel packers do it."""
    return lambda data: pack(data[:700]) + pack(data[700:])


def followed_by_a_table(data: bytes) -> bytes:
    """A frame that a reader skips comes after the others: as zstd:chunked has it."""
    return in_frames(zstandard.compress)(data) + b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"table"


def with_a_long_window(data: bytes) -> bytes:
    settings = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, enable_ldm=True)
    return zstandard.ZstdCompressor(compression_params=settings).compress(data)


LAYOUTS = {"old": old_layout(), "oci": oci_layout(), "oci, gzip": oci_layout(gzip.compress),
           "oci, zstd": oci_layout(zstandard.compress),
           "oci, frames of gzip": oci_layout(in_frames(gzip.compress)),
           "oci, frames of zstd": oci_layout(followed_by_a_table), "oci, zstd --long": oci_layout(with_a_long_window)}


@pytest.mark.parametrize("created_by, made", [
    # BuildKit
    ("/bin/sh -c --mount=type=secret,id=a --network=none make -j 2", "RUN make -j 2"),     # Buildah
    ("RUN /bin/sh -c apt-get install a     b # buildkit", "RUN apt-get install a b"),    # of a continued line
    ("RUN /bin/sh -c go build -o app # buildkit", "RUN go build -o app"),
    ("WORKDIR /app", "WORKDIR /app"),
    ("RUN |2 A=1 B=two words /bin/sh -c make # buildkit", "RUN make"),
    ("RUN /bin/bash -eo pipefail -c a | b # buildkit", "RUN a | b"),
    ("RUN /bin/bash -c a # buildkit", "RUN a"),
    ("RUN /bin/sh -c a \\\n  && b # buildkit", "RUN a \\\n  && b"),
    # the legacy builder
    ("/bin/sh -c go build -o app", "RUN go build -o app"),
    ("|1 WHO=you /bin/sh -c echo hello ${WHO}", "RUN echo hello ${WHO}"),
    ("/bin/sh -c #(nop)  CMD [\"x\"]", 'CMD ["x"]'),
    ("/bin/sh -c #(nop) COPY file:0a1b in /app ", "COPY file:0a1b in /app"),
    ("/bin/bash -o pipefail -c a | b", "RUN a | b"),
    # With another SHELL, the builder writes its own remarks with that one.
    ("/bin/bash -o pipefail -c #(nop)  CMD [\"x\"]", 'CMD ["x"]'),
    # the course's own bases, and images by other hands
    ("/bin/sh -c COPY rootfs /", "COPY rootfs /"),
    ("/bin/sh -ec apt-get update", "RUN apt-get update"),
    ("", ""),
])
def test_an_instruction_reads_as_in_a_dockerfile(created_by, made):
    assert instruction(created_by) == made


@pytest.mark.parametrize("created_by, layered", [
    ("RUN /bin/sh -c true # buildkit", True), ("COPY a b # buildkit", True), ("ADD a b", True),
    ("WORKDIR /app", True), ("/bin/sh -c make", True), ("copy a b", True),
    ("/bin/sh -c #(nop)  ENV A=1", False), ("ENV A=1", False), ("CMD [\"x\"]", False), ("", False),
    ("/bin/bash -c #(nop)  ENV A=1", False), ("RUNNER", False)])
def test_some_instructions_make_a_layer(created_by, layered):
    assert makes_layer(created_by) is layered


def entry(created_by, size=0, comment=""):
    return {"CreatedBy": created_by, "Size": size, "Comment": comment}


@pytest.mark.parametrize("oldest_first, layers, made", [
    ([entry("ADD rootfs /", 9), entry("CMD [\"sh\"]"), entry("COPY a b", 1)], 2, ["ADD rootfs /", "COPY a b"]),
    ([entry("ADD rootfs /", 9), entry("WORKDIR /app")], 2, ["ADD rootfs /", "WORKDIR /app"]),
    ([entry("ADD rootfs /", 9), entry("WORKDIR /app")], 1, ["ADD rootfs /"]),   # it was there: no layer
    # The root is always there; another folder is made, although it has no bytes.
    ([entry("ADD rootfs /", 9), entry("WORKDIR /"), entry("COPY a b", 1), entry("WORKDIR /app")], 3,
     ["ADD rootfs /", "COPY a b", "WORKDIR /app"]),
    ([entry("", 9, "Imported from -")], 1, ["Imported from -"]),
    ([entry(None, 9, None)], 1, ["(not recorded)"]),
    ([entry("RUN a", 9)], 2, None), ([], 0, []), ([], 1, None),
])
def test_the_engine_s_history_is_matched_with_the_layers(oldest_first, layers, made):
    assert from_engine(oldest_first[::-1], layers) == made


@pytest.mark.parametrize("tags, name", [
    (["debian:bookworm-slim"], "debian:bookworm-slim"), (["a:latest"], "a"), ([], ""), (None, ""),
    (["<none>:<none>"], ""), (["localhost/multistage.course/golang:1.22"], "golang:1.22"),
    (["localhost/multistage.course/golang:1.22", "mine:1"], "mine:1"), (["b:1", "a:1"], "a:1"),
    # As Podman writes them:
    (["docker.io/library/debian:1"], "debian:1"), (["docker.io/someone/app:1"], "someone/app:1"), (["localhost/app:1"], "app:1"),
])
def test_an_image_is_named_as_in_a_dockerfile(tags, name):
    assert _name({"RepoTags": tags}) == name


class Shelf(Straw):
    """An engine with one image, and others in name only, that counts how often it saves it."""

    def __init__(self, archive: bytes | None = None, **others: tuple):
        super().__init__()
        self.saved = []      # a list, since `patient` copies the client
        self.on_disk = {}    # {digest: pieces of the layer} that need not be saved
        self._archive = old_layout() if archive is None else archive
        self._layers = {"sha256:me": [digest(ONE), digest(TWO)]}
        self._layers |= {f"sha256:{name}": list(layers) for name, (layers, _) in others.items()}
        self._labels = {f"sha256:{name}": marks for name, (_, marks) in others.items()}

    def layer(self, digests):
        return self.on_disk.get(digests[-1])

    @property
    def saves(self):
        return len(self.saved)

    def inspect_image(self, name):
        wanted = name if name.startswith("sha256:") else "sha256:me"
        return {"Id": wanted, "RootFS": {"Layers": self._layers[wanted]}, "Created": "then",
                "Config": {"Labels": {"a": "b"}, "Cmd": ["/x"]}}

    def history(self, name):
        return [entry("COPY . .", 5), entry("CMD x"), entry("ADD rootfs /", 7)]

    def images(self):
        return [{"Id": name, "RepoTags": [f"{name[7:]}:1"], "Labels": self._labels.get(name)} for name in self._layers]

    def get_image(self, name):
        assert name == "sha256:me"
        self.saved.append(name)
        return iter([self._archive])


@pytest.fixture
def engine(home):
    return Shelf()


def test_an_image_is_measured_once(engine):
    one = measure.inspect("go:1", engine)
    assert (one.reference, one.id, one.unpacked, one.files) == ("go:1", "sha256:me", 641_000, 4)
    assert [layer.instruction for layer in one.layers] == ["ADD rootfs /", "COPY . ."]
    assert (one.created, one.labels, one.engine) == ("then", {"a": "b"}, "An engine of straw")
    assert measure.inspect("go:1", engine) == one
    found = measure.layer_by_path(one, engine)
    assert found["/usr/a"] == one.layers[0] and found["/etc/b"] == one.layers[1]
    assert "/etc/.wh.gone" not in found and engine.saves == 1


@pytest.mark.parametrize("change, saves", [(lambda data: data, 0), (lambda data: data[:-1] + b"x", 1),
                                           (lambda data: data[:600], 1), (None, 1)])
def test_a_layer_is_read_from_the_engine_s_disk_if_it_is_intact(engine, change, saves):
    engine.on_disk = {digest(data): iter([change(data)]) for data in (ONE, TWO)} if change else {}
    one = measure.inspect("go:1", engine)
    assert (one.unpacked, one.files) == (641_000, 4) and "/usr/a" in measure.layer_by_path(one, engine)
    assert engine.saves == saves


def test_an_image_whose_history_does_not_match_its_layers_is_saved_once(home, engine, monkeypatch):
    monkeypatch.setattr(Shelf, "history", lambda self, name: [entry("COPY . .", 5)])
    one = measure.inspect("go:1", engine)
    assert [layer.instruction for layer in one.layers] == ["(not recorded)", "(not recorded)"]
    assert measure.inspect("go:1", engine) == one and engine.saves == 1
    for kept in home.rglob("*.history"):
        kept.write_bytes(b"{}")
    assert measure.inspect("go:1", engine) == one and engine.saves == 2


def test_transfer_is_measured_once(engine):
    one = measure.inspect("go:1", engine)
    moved = measure.transfer(one, engine)
    assert moved == pytest.approx(sum(len(gzip.compress(data, 6)) for data in (ONE, TWO)), rel=0.01)
    assert measure.transfer(one, engine) == moved and engine.saves == 2
    # measuring without it keeps it
    measure._save(engine, one.id, [layer.digest for layer in one.layers])
    assert measure.transfer(one, engine) == moved and engine.saves == 3


def test_transfer_is_measured_if_one_layer_of_several_lacks_it(engine):
    one = measure.inspect("go:1", engine)
    cache.keep(digest(ONE), Measured(1000, 2, 7))
    measure.transfer(one, engine)
    assert engine.saves == 2


@pytest.mark.parametrize("others, left", [
    ([], 641_000), ([["sha256:far"], []], 641_000), ([[digest(ONE)], ["sha256:far"]], 640_000),
    ([[digest(ONE)], [digest(TWO), digest(ONE)]], 0)])
def test_unique_is_what_no_other_named_image_has(home, others, left):
    engine = Shelf(**{f"{left}-{number}": (layers, None) for number, layers in enumerate(others)})
    assert measure.unique(measure.inspect("go:1", engine), engine) == left


def test_an_image_that_is_removed_meanwhile_is_passed_over(home):
    class Hasty(Shelf):
        def inspect_image(self, name):
            if name == "sha256:gone":
                raise ImageNotFound("no such image")
            return super().inspect_image(name)

    engine = Hasty(gone=([digest(ONE)], None), base=([digest(ONE)], None))
    assert measure.inspect("go:1", engine).base == "base:1"


@pytest.mark.parametrize("marks, base", [
    (None, ("base:1", 1)), ({}, ("base:1", 1)), ({labels.COURSE: labels.BASE}, ("base:1", 1)),
    ({labels.COURSE: labels.BUILD}, ("", 0)), ({labels.COURSE: labels.STEP}, ("", 0))])
def test_an_image_that_the_course_built_is_no_base(home, marks, base):
    one = measure.inspect("go:1", Shelf(base=([digest(ONE)], marks)))
    assert (one.base, one.base_layers) == base


@pytest.mark.parametrize("stated, base", [("base:1", ("base:1", 1)), ("scratch", ("", 0)), ("away:1", ("base:1", 1)),
                                          ("me:1", ("base:1", 1)), ("other:1", ("", 0))])
def test_the_base_that_a_build_recorded_is_inspected_directly(home, stated, base):
    class Built(Shelf):
        listed = 0

        def inspect_image(self, name):
            found = super().inspect_image(name)
            found["Config"]["Labels"][labels.STANDS_ON] = stated
            return found

        def find_image(self, name):
            id = f"sha256:{name.removesuffix(':1')}"
            return {"Id": id, "RootFS": {"Layers": self._layers[id]}} if id in self._layers else None

        def images(self):
            self.listed += 1
            return super().images()

    engine = Built(base=([digest(ONE)], None), other=([digest(TWO)], None))
    one = measure.inspect("go:1", engine)
    assert (one.base, one.base_layers) == base and engine.listed == (stated in ("away:1", "me:1"))


@pytest.mark.parametrize("ask", [measure.inspect, measure.transfer, measure.layer_by_path])
def test_an_image_that_lacks_a_layer_is_unreadable(home, ask):
    layers = (Layer(digest(ONE), "ADD", 1000, 2), Layer(digest(TWO), "COPY", 640_000, 3))
    with pytest.raises(ImageUnreadable):
        ask("go:1" if ask is measure.inspect else image(layers=layers, id="sha256:me"), Shelf(tar(("1/layer.tar", ONE))))


def image(*sizes: int, **other) -> Image:
    layers = tuple(Layer(f"sha256:{n}", f"RUN {n}", size, n) for n, size in enumerate(sizes))
    return Image(**{"reference": "a:1", "id": "sha256:x", "layers": layers, "created": "",
                    "labels": {}, **other})


def test_an_image_adds_up_its_layers():
    one = image(5, 7, 11, base="b", base_layers=2, labels={labels.STAND_IN: "golang:1.22"})
    assert (one.unpacked, one.files, one.own_bytes, one.own_layers) == (23, 3, 11, one.layers[2:])
    assert (image().unpacked, image().files, image().own_bytes, image(5).own_bytes) == (0, 0, 0, 5)
    assert one.stand_in == "golang:1.22" and image().stand_in is None


def test_the_facts_of_an_image():
    assert image(5, base="b").facts() == {
        "image": "a:1", "id": "sha256:x", "unpacked": 5, "files": 0, "stand_in": None, "base": "b",
        "layers": [{"digest": "sha256:0", "unpacked": 5, "instruction": "RUN 0"}]}
    assert str(image(5_000, 7)).splitlines() == ["a:1: 5.01 kB unpacked, 2 layers", " 5.00 kB  RUN 0", "     7 B  RUN 1"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size, transfer", [(1000, False), (1000, True), (7, False), (10 ** 9, False)])
def test_each_layout_is_read_alike_in_pieces_of_any_size(layout, size, transfer):
    configs = {}
    found = read(pieces(LAYOUTS[layout], size), configs, transfer=transfer)
    assert list(found) == [digest(ONE), digest(TWO)] and configs == {digest(CONFIG): json.loads(CONFIG)}
    one, two = found.values()
    assert (one.unpacked, one.files) == (1000, 2)         # links have no bytes
    assert (two.unpacked, two.files) == (640_000, 2)         # a whiteout is no file
    assert one.entries.paths == ["/", "/usr", "/usr/a", "/usr/hard", "/usr/soft", "/usr/empty"]
    assert two.entries.paths == ["/etc", "/etc/b", "/etc/text"]
    assert (one.entries.hidden, two.entries.hidden) == ([], ["/etc/gone"])
    for measured, data in ((one, ONE), (two, TWO)):
        assert measured.transfer == (pytest.approx(len(gzip.compress(data, 6)), rel=0.01) if transfer else None)


@pytest.mark.parametrize("batch", [1, 512, 3000])
def test_the_size_of_the_hashed_batches_makes_no_difference(batch, monkeypatch):
    """There are many more batches than may wait."""
    monkeypatch.setattr(archive_reader, "_BATCH", batch)
    long = tar(*((f"file{number}", bytes([number]) * 700) for number in range(60)))
    assert list(read(pieces(tar(("1/layer.tar", long)), 512))) == [digest(long)]


def test_the_empty_layer_has_the_same_digest_as_in_docker():
    found = read([tar(("1/layer.tar", bytes(1024)))], transfer=True)
    (name, layer), = found.items()
    assert name == "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    assert (layer.unpacked, layer.files, layer.entries) == (0, 0, Entries())


def test_bytes_after_the_end_of_a_layer_s_archive_count_in_its_digest():
    padded = ONE + bytes(50_000)
    assert list(read([tar(("1/layer.tar", padded))])) == [digest(padded)]


@pytest.mark.parametrize("name", ["{id}.js", "[slug].js"])
def test_a_layer_whose_first_file_is_named_like_json_is_a_layer(name):
    layer = tar((name, b"x" * 10))
    assert list(read([tar(("blobs/sha256/a", layer))])) == [digest(layer)]


@pytest.mark.parametrize("layout", ["old", "oci, gzip"])
def test_no_layer_of_a_truncated_archive_is_incomplete(layout):
    data = LAYOUTS[layout]
    for at in sorted({*range(0, 20_000, 173), *range(20_000, len(data), len(data) // 40)}):
        with contextlib.suppress(ImageUnreadable):
            assert set(read(pieces(data[:at]))) <= {digest(ONE), digest(TWO)}


@pytest.mark.parametrize("data", [
    LAYOUTS["old"][:20_000], LAYOUTS["oci"][:100_000], LAYOUTS["oci, gzip"][:100_000], b"", b"garbage",
    b"garbage" * 1000, bytes(range(256)) * 10, b"{}", b"\x1f\x8b" + b"x" * 5000,
    tar(("1/layer.tar", b"not an archive" * 1000)), tar(("blob", b"\x1f\x8b\x08" + b"x" * 5000)),
    tar(("blob", gzip.compress(TWO)[:-300])), tar(("blob", b"\x28\xb5\x2f\xfd" + b"x" * 5000)),
    tar(("blob", zstandard.compress(TWO)[:-300])), tar(("blob", gzip.compress(ONE)[:-8] + b"\0" * 8))], ids=itertools.count())
def test_what_is_not_a_saved_image_is_unreadable(data):
    with pytest.raises(ImageUnreadable) as caught:
        read(pieces(data))
    assert caught.value.remedy


def test_random_damage_raises_only_image_unreadable():
    source = random.Random(5)
    for _ in range(60):
        data = bytearray(LAYOUTS["oci, gzip"])
        for _ in range(source.randrange(1, 6)):
            data[source.randrange(len(data))] = source.randrange(256)
        with contextlib.suppress(ImageUnreadable):
            read([bytes(data)])


def test_an_error_of_the_connection_passes_through():
    def broken():
        yield LAYOUTS["old"][:5000]
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        read(broken())


def test_peeked_bytes_stay_next():
    for parts in ([b"abcdefg"], [b"ab", b"", b"cdef", b"g"], [b"a", b"b", b"c", b"d", b"e", b"f", b"g"]):
        walked = ByteStream(parts)
        assert [walked.peek(3), walked.peek(1), walked.take(2), walked.peek(4), walked.peek(9), walked.take(1)] == [
            b"abc", b"a", b"ab", b"cdef", b"cdefg", b"c"]
        walked.skip(1)
        assert walked.peek(2) == b"ef" and b"".join(walked.section(3)) == b"efg"
        assert walked.peek(1) == b"" == walked.take(1)


def test_a_byte_stream_reads_like_a_file():
    def walked():
        return ByteStream([b"ab", b"", b"cdef", b"g"])

    pieces = walked()
    assert [pieces.take(n) for n in (0, 1, 3, 0, 2, 9, 5)] == [b"", b"a", b"bcd", b"", b"ef", b"g", b""]
    pieces = walked()
    pieces.skip(3)
    assert list(pieces.section(3)) == [b"def"] and pieces.take(9) == b"g"
    pieces = walked()
    assert b"".join(pieces.section(7)) == b"abcdefg" and pieces.take(1) == b""
    pieces.skip(0)
    for ask in (lambda: walked().skip(8), lambda: list(walked().section(8)), lambda: ByteStream([]).skip(1)):
        with pytest.raises(Damaged):
            ask()
    pieces = walked()
    pieces.drain()
    assert pieces.take(1) == b""


@pytest.mark.parametrize("name, absolute", [
    ("a", "/a"), ("./a", "/a"), ("/a", "/a"), ("//a", "/a"), ("./usr/bin/", "/usr/bin"), (".", "/"),
    ("./", "/"), ("", "/"), ("a//b", "/a/b"), ("a/./b", "/a/b"), ("../../etc/x", "/etc/x"),
    ("a/../b", "/b"), ("..", "/"), ("a\nb", "/a\nb"), (" a ", "/ a "), ("...", "/...")])
def test_a_member_s_name_as_an_absolute_path(name, absolute):
    assert path(name) == absolute


LAYER = "sha256:" + "ab" * 32


def file(home, kind="json", layer=LAYER):
    return home / "cache" / "layers" / f"{layer.replace(':', '-')}.{kind}"


def listed(*paths: str) -> Entries:
    """Entries of that many empty files."""
    found = Entries(paths=list(paths), kinds=bytearray(b"f" * len(paths)))
    for column in (found.modes, found.uids, found.gids, found.sizes):
        column.extend([0] * len(paths))
    return found


FILES = listed("/a", "/b\nc", "/é", "/\udcff")


@pytest.mark.parametrize("transfer", [None, 0, 77])
def test_a_measurement_is_cached(home, transfer):
    assert cache.load(LAYER) is None and cache.entries(LAYER) is None
    cache.keep(LAYER, Measured(5, 2, transfer, FILES))
    assert cache.load(LAYER) == Measured(5, 2, transfer) and cache.load("sha256:" + "cd" * 32) is None
    assert cache.entries(LAYER) == FILES
    cache.keep(LAYER, Measured(5, 2, 78))     # keeps the entries
    assert cache.entries(LAYER) == FILES


def sealed(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


GOOD = {"format": 2, "digest": LAYER, "unpacked": 5, "files": 2, "transfer": None}


def test_the_format_of_a_cached_size(home):
    cache.keep(LAYER, Measured(5, 2))
    assert file(home).read_bytes() == sealed(json.dumps(GOOD).encode())


@pytest.mark.parametrize("content", [
    b"", b"{", b"\xff\xfe", b"\n", json.dumps(GOOD).encode(), b"x" * 64 + b"\n" + json.dumps(GOOD).encode(),
    sealed(json.dumps(GOOD).encode()).replace(b'"unpacked": 5', b'"unpacked": 6'),
    *map(sealed, (b"", b"{", b"\xff", b"null", b"[]", b"7", b"{}")),
    *(sealed(json.dumps({**GOOD, **wrong}).encode()) for wrong in ({"format": 1}, {"digest": "sha256:other"})),
    sealed(json.dumps({key: value for key, value in GOOD.items() if key != "files"}).encode())], ids=itertools.count())
def test_a_damaged_record_is_ignored(home, content):
    cache.keep(LAYER, Measured(5, 2))
    file(home).write_bytes(content)
    assert cache.load(LAYER) is None
    cache.keep(LAYER, Measured(5, 2))
    assert cache.load(LAYER) == Measured(5, 2)


def test_damaged_entries_are_ignored(home):
    cache.keep(LAYER, Measured(5, 2, None, FILES))
    whole = file(home, "entries").read_bytes()
    for at in range(len(whole)):
        file(home, "entries").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        assert cache.entries(LAYER) is None
        file(home, "entries").write_bytes(whole[:at])
        assert cache.entries(LAYER) is None
    cache.keep(LAYER, Measured(5, 2, None, FILES))
    assert cache.entries(LAYER) == FILES


def test_the_least_recently_used_layers_are_deleted(home, monkeypatch):
    names = [f"sha256:{n:064}" for n in range(6)]
    monkeypatch.setattr(cache, "LIMIT", 10 ** 9)
    for age, name in enumerate(names):
        cache.keep(name, Measured(1, 1, None, listed(*(f"/{random.Random(n).random()}" for n in range(200)))))
        for kind in ("json", "entries"):
            os.utime(file(home, kind, name), (age * 9000, age * 9000))
    assert cache.entries(names[0])            # now the most recently used
    folder = home / "cache" / "layers"
    total = sum(each.stat().st_size for each in folder.iterdir())
    monkeypatch.setattr(cache, "LIMIT", total // 2)
    cache.keep(LAYER, Measured(1, 1, None, FILES))
    assert sum(each.stat().st_size for each in folder.iterdir()) <= total // 2
    assert cache.entries(names[0]) and cache.entries(LAYER) and cache.entries(names[5])
    assert cache.entries(names[1]) is None


def test_without_a_writable_folder_nothing_is_cached(home):
    home.mkdir()
    (home / "cache").write_text("a file is in the way")
    cache.keep(LAYER, Measured(5, 2, None, FILES))
    assert cache.load(LAYER) is None and cache.entries(LAYER) is None


NAMED = {"debian": ("1",), "go": ("1", "2"), "copy": ("1", "2", "3"), "other": ("4",)}


@pytest.mark.parametrize("layers, stated, base", [
    (("1", "2", "3"), None, ("go", 2)),          # not the copy: it is the same thing
    (("1", "2", "3"), "debian", ("debian", 1)),  # the build knows better
    (("1",), "debian", ("debian", 1)),           # nothing was added to the base
    (("1",), None, ("", 0)),
    (("1", "2", "3"), "other", ("", 0)),         # stated, and not true any more
    (("1", "2", "3"), "gone", ("go", 2)),        # stated, and not in the engine
    (("1", "2"), "scratch", ("", 0)),
    (("x", "2"), None, ("", 0)),
    ((), None, ("", 0)),
])
def test_the_base_is_the_recorded_one_or_else_shares_most_layers(layers, stated, base):
    assert base_of(layers, NAMED, stated) == base


@pytest.mark.parametrize("exposed, numbers", [
    ("80/tcp", [80]), ("80", [80]), ("53/udp", [53]), ("8000-8003/tcp", [8000, 8001, 8002, 8003]), ("7-7", [7]),
    ("65534-99999/tcp", [65534, 65535]), ("9-5/tcp", []), ("http/tcp", []), ("", []), ("-5/tcp", []), ("8000-/tcp", []),
    ("${PORT}/tcp", []), ("1-x/tcp", [])])
def test_exposed_ports_may_be_ranges_or_invalid(exposed, numbers):
    assert list(ports(exposed)) == numbers


def test_searching_for_nothing_reads_no_image(monkeypatch):
    monkeypatch.setattr(content, "connect", lambda: pytest.fail("no image needs to be read"))
    assert content.search_all(None, ()) == {}
