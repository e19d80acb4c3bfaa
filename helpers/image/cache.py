"""What was read of layers, remembered by content digest.

A layer never changes, so what was read once holds for ever. Two files a layer: its
weight, which is asked for often, and its entries. Each is sealed with a hash: one
that is damaged, or that another version of the course wrote, is read again. What
was not used for longest goes when the folder grows beyond its limit.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from .. import paths
from .entries import Entries, Unsound
from .archive_reader import Measured

LIMIT = 400_000_000    # bytes of the whole folder: some thousand layers
_FORMAT = 2
_WEIGHT, _ENTRIES = "json", "entries"
_FRESH = 3600          # seconds in which a file that was read need not be marked again


def _path(digest: str, kind: str) -> Path:
    return paths.cache() / "layers" / f"{digest.replace(':', '-')}.{kind}"


def load(digest: str) -> Measured | None:
    """The weight of a layer, without its entries; None if it is not known."""
    try:
        seal, _, text = _path(digest, _WEIGHT).read_bytes().partition(b"\n")
        if seal != _seal(text):
            return None
        record = json.loads(text)
        if record["format"] != _FORMAT or record["digest"] != digest:
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
    _used(path)
    return found


def keep(digest: str, measured: Measured) -> None:
    """Remember it. A disk that is full costs the memory, not the lesson."""
    text = json.dumps({"format": _FORMAT, "digest": digest, "unpacked": measured.unpacked,
                       "files": measured.files, "transfer": measured.transfer}).encode()
    try:
        if measured.entries is not None:
            paths.write_whole(_path(digest, _ENTRIES), measured.entries.to_bytes())
        paths.write_whole(_path(digest, _WEIGHT), _seal(text) + b"\n" + text)
    except OSError:
        return
    _trim(_path(digest, _WEIGHT).parent)


def _seal(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def _used(path: Path) -> None:
    """Mark that it was of use just now."""
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > _FRESH:
            os.utime(path)


def _trim(folder: Path) -> None:
    """Delete what was not used for longest, until the rest is within the limit. Others
    may do the same at once: what is gone is gone."""
    with contextlib.suppress(OSError):
        found = [(each.stat().st_mtime, each.stat().st_size, each.path)
                 for each in os.scandir(folder)]
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= LIMIT:
                return
            total -= size
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
