"""Which reader reads which file, by its path, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from . import binaries, java, lists
from .model import Package

_LIMIT = 20_000   # packages in one file, including those without a name


@dataclass(frozen=True, slots=True)
class _Reader:
    """`read(path, data)` for files whose path ends in one of `endings`, with at most the first
    `limit` bytes."""

    limit: int
    read: Callable[[str, bytes], Iterator[Package | None]]
    endings: tuple[str, ...] = ("",)


_KB, _MB = 1 << 10, 1 << 20
_STATUS_D = "/var/lib/dpkg/status.d/"   # a file a package, in images without dpkg

_NAMES = {
    # 5000 packages are 4 MB; Alpine's list names every file too.
    "status": _Reader(8 * _MB, lists.dpkg, ("/var/lib/dpkg/status",)),
    "installed": _Reader(16 * _MB, lists.apk, ("/lib/apk/db/installed",)),
    "package.json": _Reader(1 * _MB, lists.npm),
    # The fields come first, but they may contain whole licences.
    "METADATA": _Reader(256 * _KB, lists.python, (".dist-info/METADATA", ".DIST-INFO/METADATA")),
    "PKG-INFO": _Reader(
        256 * _KB, lists.python, (".egg-info/PKG-INFO", ".EGG-INFO/PKG-INFO", "/EGG-INFO/PKG-INFO")
    ),
    "release": _Reader(64 * _KB, java.jdk),
}
_SUFFIXES = {
    **{suffix: _Reader(128 * _MB, java.archive, (f".{suffix}",)) for suffix in java.SUFFIXES},
    "egg-info": _Reader(256 * _KB, lists.python, (".egg-info",)),
}
_PROGRAM = _Reader(64 * _MB, binaries.program)
_PARAGRAPH = _Reader(1 * _MB, lists.dpkg)


def wanted(path: str) -> int:
    """How many bytes of the file at this absolute path `packages` needs; 0 for none. With fewer it
    may find less."""
    reader = _reader(path)
    return reader.limit if reader else 0


def packages(path: str, data: bytes | memoryview) -> tuple[Package, ...]:
    """The packages that a file records, each once, in its own order. `data` is the beginning of the
    file; of a damaged one as much as can be read.

    The Go modules in a program are not among them: `elf` returns those.
    """
    reader = _reader(path)
    if reader is None:
        return ()
    found = islice(reader.read(path, bytes(data[:reader.limit])), _LIMIT)
    return tuple(dict.fromkeys(each for each in found if each))


def _reader(path: str) -> _Reader | None:
    if _STATUS_D in path:   # first: there a package may be called as a program is
        return None if path.endswith(".md5sums") else _PARAGRAPH
    name = path[path.rfind("/") + 1:]
    reader = _NAMES.get(name) or _SUFFIXES.get(name[name.rfind(".") + 1:])
    if reader:
        return reader if path.endswith(reader.endings) else None
    if binaries.named(name):
        return _PROGRAM
    return None
