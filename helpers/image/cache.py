"""What was read of layers, remembered by content digest.

Two files a layer: its weight, which is asked for often, and its entries; one an image whose layers the engine does not
match with their instructions. Each is sealed with a hash: one that is damaged, or that another version of the course
wrote, is read again. Least recently used files are deleted when the folder grows beyond its limit."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import paths
from .archive_reader import Measured
from .entries import Entries, Unsound

LIMIT = 400_000_000    # bytes of the whole folder: some thousand layers
_FORMAT = 2
_WEIGHT, _ENTRIES, _HISTORY = "json", "entries", "history"
_FRESH = 3600          # seconds in which a file that was read need not be marked again


def load(digest: str) -> Measured | None:
    """The weight of a layer, without its entries; None if it is not known."""
    with contextlib.suppress(KeyError):
        if record := _read(digest, _WEIGHT):
            return Measured(record["unpacked"], record["files"], record["transfer"])
    return None


def instructions(image_id: str) -> list[str] | None:
    """The instruction of each layer of an image, None if they are not known."""
    record = _read(image_id, _HISTORY)
    return record["instructions"] if record else None


def _read(digest: str, kind: str) -> dict[str, Any] | None:
    try:
        seal, _, text = _path(digest, kind).read_bytes().partition(b"\n")
        record = json.loads(text)
        return record if seal == _seal(text) and (record["format"], record["digest"]) == (_FORMAT, digest) else None
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
    with contextlib.suppress(OSError):
        if measured.entries is not None:
            paths.write_whole(_path(digest, _ENTRIES), measured.entries.to_bytes())
        _write(digest, _WEIGHT, unpacked=measured.unpacked, files=measured.files, transfer=measured.transfer)


def keep_instructions(image_id: str, made: Sequence[str]) -> None:
    """Remember the instruction of each layer of an image; with a full disk nothing is remembered."""
    with contextlib.suppress(OSError):
        _write(image_id, _HISTORY, instructions=list(made))


def _write(digest: str, kind: str, **facts: object) -> None:
    text = json.dumps({"format": _FORMAT, "digest": digest, **facts}).encode()
    paths.write_whole(_path(digest, kind), _seal(text) + b"\n" + text)
    _trim(_path(digest, kind).parent)


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
