"""What was added to an image: programs, texts and data, packed or not."""

import base64
import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
import zlib

import pytest
import zstandard

from helpers.checks import added, packed
from helpers.checks.added import Look, look
from helpers.checks.exercise import Content
from tests.elfs import make

PROGRAM = make(kind=2, dynamic=False)
NOISE = random.Random(3).randbytes(100_000)


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(mode="w", **members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


PACKERS = {
    "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zlib": zlib.compress, "zstd": zstandard.compress, "base64": base64.encodebytes, "one line": base64.b64encode,
    "hexadecimal": lambda data: data.hex().encode(), "hexadecimal lines": lambda data: b"\n".join(
        data.hex().encode()[at:at + 60] for at in range(0, 2 * len(data), 60)),
    "in addresses": base64.urlsafe_b64encode, "zip": lambda data: zipped(other=b"text", it=data),
    "tar": lambda data: tarred(other=b"text", it=data), "tar.gz": lambda data: tarred("w:gz", it=data),
    "tar.xz": lambda data: tarred("w:xz", it=data), "zip in gzip": lambda data: gzip.compress(zipped(it=data)),
    "base64 of tar.gz": lambda data: base64.encodebytes(tarred("w:gz", it=data)),
}
each_packer = pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)


@each_packer
def test_what_is_packed_is_found(pack):
    assert NOISE in packed.walk(pack(NOISE))
    assert look(pack(PROGRAM)).program and not look(PROGRAM).program
    assert look(pack(NOISE)) == Look(data=len(NOISE))
    assert look(pack(b"a text, as long as it may be\n" * 99)) == Look()


@pytest.mark.parametrize("content, data", [
    (b"", 0), ("Grüße\n".encode() * 10_000, 0), (NOISE, len(NOISE)), (b"\0" * 70_000, 70_000), (PROGRAM, 0),
    (PROGRAM + NOISE, len(NOISE)), (b"word\nwords\n" * 20_000, 0), (b"#!/usr/bin/env python3\n" + zipped(main=b"print()"), 0),
    (PROGRAM[:20], 20), (gzip.compress(NOISE)[:-5_000], len(gzip.compress(NOISE)) - 5_000),
])
def test_what_is_no_program_and_no_text_is_data(content, data):
    assert abs(look(content).data - data) < 64 and not look(content).program   # but for what fills up


@each_packer
def test_what_stands_behind_something_packed_is_found(pack):
    packed_text = pack(b"a text, as long as it may be\n" * 9)
    assert look(packed_text + NOISE).data >= len(NOISE) - 1024
    assert look(packed_text + gzip.compress(NOISE)).data >= len(NOISE) - 1024


def test_what_stands_before_and_in_an_archive_is_found():
    archive = zipped(a=b"text" * 9, b=b"text" * 9)
    second = archive.index(b"PK\3\4", 4)
    assert look(NOISE + archive).data >= len(NOISE) - 64
    # The directory's offsets are moved, as one who hides something between would move them.
    moved = bytearray(archive[:second] + NOISE + archive[second:])
    end = moved.rindex(b"PK\5\6")
    start = int.from_bytes(moved[end + 16:end + 20], "little") + len(NOISE)
    moved[end + 16:end + 20] = start.to_bytes(4, "little")
    entry = moved.index(b"PK\1\2", moved.index(b"PK\1\2", start) + 4)
    moved[entry + 42:entry + 46] = (second + len(NOISE)).to_bytes(4, "little")
    assert zipfile.ZipFile(io.BytesIO(moved)).read("b") == b"text" * 9
    assert abs(look(bytes(moved)).data - len(NOISE)) < 64
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as told:
        info = tarfile.TarInfo("a")
        info.pax_headers = {"comment": NOISE.hex()}
        told.addfile(info)
    assert look(file.getvalue()).data > len(NOISE)


def test_what_is_packed_too_deep_or_too_large_counts_as_data(monkeypatch):
    deep = PROGRAM
    for _ in range(packed.DEPTH + 1):
        deep = gzip.compress(deep)
    assert look(deep).data and not look(deep).program
    monkeypatch.setattr(packed, "LARGEST", 1_000_000)
    assert look(gzip.compress(bytes(2_000_000))).data == 1_000_000
    assert look(zipped(a=bytes(600_000), b=bytes(600_000))).data == 1_000_000
    assert list(packed.walk(tarred(a=bytes(300_000), b=bytes(800_000)))) == []
    assert list(packed.walk(gzip.compress(bytes(2_000_000)))) == []


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_is_damaged_raises_nothing(pack):
    whole, chance = pack(NOISE[:20_000]), random.Random(5)
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(5):
            data[chance.randrange(len(data))] = chance.randrange(256)
        look(bytes(data[:chance.randrange(len(data))])), list(packed.walk(bytes(data)))


# -- rules -----------------------------------------------------------------------------

SOURCE = {"main.go": b"package main\n", "icon.bin": NOISE, "empty.go": b""}
LINES = {"/app/server": 6, "/app/notes": 7}


def fails(rule, asked, **own):
    return [(fail.rule, fail.line) for fail in rule(asked, {f"/app/{name}": content for name, content in own.items()}, SOURCE, LINES.get)]


def test_data_that_was_added_has_to_be_asked_for():
    nothing = Content(data=())
    assert fails(added.data, nothing, server=PROGRAM, notes=b"a text") == []
    assert fails(added.data, nothing, server=PROGRAM, notes=NOISE[1:]) == [("data", 7)]
    assert fails(added.data, nothing, server=PROGRAM + NOISE) == [("data", 6)]
    assert fails(added.data, nothing, notes=NOISE) == []                      # a file of the exercise
    assert fails(added.data, nothing, notes=NOISE[:added.ALLOWED]) == []
    assert fails(added.data, nothing, **{f"part-{n}": NOISE[n * 5000:(n + 1) * 5000] for n in range(20)}) == [("data", None)]
    assert fails(added.data, Content(data=("**/notes",)), server=PROGRAM, notes=NOISE[1:]) == []
    assert fails(added.data, Content(data=("**/other",)), server=PROGRAM, notes=NOISE[1:]) == [("data", 7)]


def test_a_program_is_packed_nowhere():
    for asked in (Content(data=()), Content(data=("**/*",))):
        assert fails(added.data, asked, server=PROGRAM, notes=gzip.compress(PROGRAM)) == [("data", 7)]


def test_source_is_known_by_its_bytes():
    asked = Content(no_files=("**/*.go",))
    assert fails(added.source, asked, server=PROGRAM, notes=b"another\n") == []
    assert fails(added.source, asked, notes=SOURCE["main.go"]) == [("source", 7)]
    assert fails(added.source, asked, notes=tarred("w:gz", x=SOURCE["main.go"])) == [("source", 7)]
    assert fails(added.source, asked, notes=NOISE, empty=b"") == []           # may be there; says nothing
    assert fails(added.source, Content(no_files=("/app/**",)), notes=SOURCE["main.go"]) == []


@pytest.mark.parametrize("spelled", [
    "{}", "token = {}\n", "{hex}", "{backwards}", "{base64}",
])
def test_a_secret_is_found_in_other_digits(spelled):
    secret = "c7fo2xkqlw"
    told = spelled.format(secret, hex=secret.encode().hex(), backwards=secret[::-1], base64=base64.b64encode(secret.encode()).decode())
    found = list(added.secrets({"token": secret}, {"/app/notes": b"\xff" + told.encode()}, LINES.get))
    assert [(fail.rule, fail.line) for fail in found] == [("secret", 7)] and secret not in found[0].message
    assert not list(added.secrets({"token": "another"}, {"/app/notes": b"\xff" + told.encode()}, LINES.get))


@pytest.mark.parametrize("before", ["", "u", "us", "use", "user:"])
@pytest.mark.parametrize("after", ["", "x", "yz"])
def test_a_secret_is_found_wherever_it_begins_in_base64(before, after):
    login = base64.b64encode(f"{before}c7fo2xkqlw{after}".encode())
    assert list(added.secrets({"token": "c7fo2xkqlw"}, {"/a": b'{"auth": "%s"}' % login}, LINES.get))


@each_packer
def test_a_secret_is_found_where_it_is_packed(pack):
    assert list(added.secrets({"token": "c7fo2xkqlw"}, {"/a": pack(b"lines\n" * 50 + b"token c7fo2xkqlw\n")}, LINES.get))
