"""The readers of packages, by a file's path; and those for the lists of dpkg and apk, and for the metadata of npm's and
Python's packages.

dpkg's and apk's paragraphs are parsed here, since python-debian takes ten times as long and stops at a damaged line.
The tests compare the two.

Sources: deb-control(5) and dpkg(1), "Package states"; for apk, "Apk spec" in Alpine's wiki, section "Installed
Database"; package.json in npm's documentation; "Recording installed projects" and "Core metadata specifications" of the
Python Packaging Authority."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from . import binaries, java
from .model import Package, package, text

_LIMIT = 20_000   # packages in a file, including invalid ones
# The states in which a package's files are on the disk.
_UNPACKED = {b"installed", b"unpacked", b"half-configured", b"triggers-awaited", b"triggers-pending"}

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_NAME = re.compile(rb"^Name:(.*)", re.M | re.I)
_VERSION = re.compile(rb"^Version:(.*)", re.M | re.I)


def dpkg(path: str, data: bytes) -> Iterator[Package | None]:
    """/var/lib/dpkg/status, or a file in status.d, which has only installed packages and no Status."""
    for paragraph in _paragraphs(data, b"\nPackage:"):
        status = _field(paragraph, b"\nStatus:").split()
        if not status or status[-1] in _UNPACKED:
            yield package("deb", text(_field(paragraph, b"\nPackage:")), text(_field(paragraph, b"\nVersion:")))


def apk(path: str, data: bytes) -> Iterator[Package | None]:
    """/lib/apk/db/installed."""
    for paragraph in _paragraphs(data, b"\nP:"):
        yield package("apk", text(_field(paragraph, b"\nP:")), text(_field(paragraph, b"\nV:")))


def _paragraphs(data: bytes, first: bytes) -> Iterator[bytes]:
    """Each paragraph with the field `first`, and a newline before and after it."""
    data, start = b"\n" + data.replace(b"\r\n", b"\n") + b"\n\n", 0
    while (found := data.find(first, start)) >= 0:
        begin = max(data.rfind(b"\n\n", start, found + 1) + 1, start)
        start = data.find(b"\n\n", found) + 1
        yield data[begin:start]


def _field(paragraph: bytes, name: bytes) -> bytes:
    begin = paragraph.find(name)
    if begin < 0:
        return b""
    begin += len(name)
    return paragraph[begin:paragraph.index(b"\n", begin)]


def npm(path: str, data: bytes) -> Iterator[Package | None]:
    """A package.json with a name and a version. Others are no packages: they may only declare a folder's files
    modules."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):   # not JSON, or endless brackets
        return
    if isinstance(content, dict):
        name, version = content.get("name"), content.get("version")
        if isinstance(name, str) and isinstance(version, str) and version:
            yield package("npm", name, version)


def python(path: str, data: bytes) -> Iterator[Package | None]:
    """METADATA, PKG-INFO or NAME.egg-info: fields as in an email, and a description after the first blank line."""
    end = _BLANK_LINE.search(data)
    head = data[:end.start()] if end else data
    name, version = _NAME.search(head), _VERSION.search(head)
    if name and version:
        yield package("python", text(name[1]), text(version[1]))


@dataclass(frozen=True, slots=True)
class _Reader:
    """`read(path, data)` is for the first `limit` bytes of files whose path ends in one of `endings`."""

    limit: int
    read: Callable[[str, bytes], Iterator[Package | None]]
    endings: tuple[str, ...] = ("",)


_KB, _MB = 1 << 10, 1 << 20
_STATUS_D = "/var/lib/dpkg/status.d/"   # in images without dpkg: one file for each package

_NAMES = {
    # 5000 packages take 4 MB; Alpine's list has every file too.
    "status": _Reader(8 * _MB, dpkg, ("/var/lib/dpkg/status",)),
    "installed": _Reader(16 * _MB, apk, ("/lib/apk/db/installed",)),
    "package.json": _Reader(1 * _MB, npm),
    # The fields may contain whole licences.
    "METADATA": _Reader(256 * _KB, python, (".dist-info/METADATA", ".DIST-INFO/METADATA")),
    "PKG-INFO": _Reader(256 * _KB, python, (".egg-info/PKG-INFO", ".EGG-INFO/PKG-INFO", "/EGG-INFO/PKG-INFO")),
    "release": _Reader(64 * _KB, java.jdk),
}
_SUFFIXES = {
    **{suffix: _Reader(128 * _MB, java.archive, (f".{suffix}",)) for suffix in java.SUFFIXES},
    "egg-info": _Reader(256 * _KB, python, (".egg-info",))}
_PROGRAM = _Reader(64 * _MB, binaries.program)
_PARAGRAPH = _Reader(1 * _MB, dpkg)


def wanted(path: str) -> int:
    """Bytes of the file at this absolute path that `packages` needs; with fewer it may find less."""
    reader = _reader(path)
    return reader.limit if reader else 0


def packages(path: str, data: bytes | memoryview) -> tuple[Package, ...]:
    """The packages in the file at an absolute path, each once, in its order. `data` is its beginning. Go modules are
    returned by `elf` instead."""
    reader = _reader(path)
    if reader is None:
        return ()
    found = islice(reader.read(path, bytes(data[:reader.limit])), _LIMIT)
    return tuple(dict.fromkeys(each for each in found if each))


def _reader(path: str) -> _Reader | None:
    if _STATUS_D in path:   # first: a package may have a program's name
        return None if path.endswith(".md5sums") else _PARAGRAPH
    name = path[path.rfind("/") + 1:]
    reader = _NAMES.get(name) or _SUFFIXES.get(name[name.rfind(".") + 1:])
    if reader:
        return reader if path.endswith(reader.endings) else None
    return _PROGRAM if binaries.named(name) else None
