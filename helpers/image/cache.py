"""What was read of layers, remembered by content digest.

A layer never changes, so what was read once stays true. Two files a layer: its weight, which
is asked for often, and its entries. Each is sealed with a hash: one that is damaged, or that
another version of the course wrote, is read again. Least recently used entries are deleted
when the folder grows beyond its limit.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from .. import paths
from .archive_reader import Measured
from .entries import Entries, Unsound

LIMIT = 400_000_000    # bytes of the whole folder: some thousand layers
_FORMAT = 2
_WEIGHT, _ENTRIES = "json", "entries"
_FRESH = 3600          # seconds in which a file that was read need not be marked again


def load(digest: str) -> Measured | None:
    """The weight of a layer, without its entries; None if it is not known."""
    try:
        seal, _, text = _path(digest, _WEIGHT).read_bytes().partition(b"\n")
        record = json.loads(text)
        if seal != _seal(text) or record["format"] != _FORMAT or record["digest"] != digest:
            return None
        return Measured(record["unpacked"], record["files"], record["transfer"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def entries(digest: str) -> Entries | None:
    """The entries of a layer, None if they are not known."""
    path = _path(digest, _ENTRIES)
    try:
        found = Entries.from_bytes(path.read_bytes())
    except (OSError, Unsound):
        return None
    _mark_used(path)
    return found


def keep(digest: str, measured: Measured) -> None:
    """Remember a layer. With a full disk nothing is remembered, and nothing fails."""
    text = json.dumps({"format": _FORMAT, "digest": digest, "unpacked": measured.unpacked,
                       "files": measured.files, "transfer": measured.transfer}).encode()
    with contextlib.suppress(OSError):
        if measured.entries is not None:
            paths.write_whole(_path(digest, _ENTRIES), measured.entries.to_bytes())
        paths.write_whole(_path(digest, _WEIGHT), _seal(text) + b"\n" + text)
        _trim(_path(digest, _WEIGHT).parent)


def _path(digest: str, kind: str) -> Path:
    return paths.cache() / "layers" / f"{digest.replace(':', '-')}.{kind}"


def _seal(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def _mark_used(path: Path) -> None:
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > _FRESH:
            os.utime(path)


def _trim(folder: Path) -> None:
    """Delete the least recently used files until the rest is within the limit. Another process
    may do the same meanwhile."""
    found = [(each.stat().st_mtime, each.stat().st_size, each.path) for each in os.scandir(folder)]
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= LIMIT:
            return
        total -= size
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
