"""A cache of measured layers, by content digest.

A layer has two files: its sizes, which are read often, and its entries. An image whose history does not match its
layers has one with their instructions. Each begins with a hash: a damaged file, or one of another version of the
course, is ignored. Above the limit, the least recently used files are deleted."""

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
from .byte_stream import Damaged
from .entries import Entries

LIMIT = 400_000_000    # bytes of the folder: some thousand layers
_FORMAT = 2
_WEIGHT, _ENTRIES, _HISTORY = "json", "entries", "history"
_FRESH = 3600          # seconds after which a read updates a file's time


def load(digest: str) -> Measured | None:
    """The sizes of a layer, without its entries; None if not cached."""
    with contextlib.suppress(KeyError):
        if record := _read(digest, _WEIGHT):
            return Measured(record["unpacked"], record["files"], record["transfer"])
    return None


def instructions(image_id: str) -> list[str] | None:
    """The instruction of each layer of an image, None if not cached."""
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
    """The entries of a layer, None if not cached."""
    path = _path(digest, _ENTRIES)
    with contextlib.suppress(OSError, Damaged):
        found = Entries.from_bytes(path.read_bytes())
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _FRESH:
                os.utime(path)
        return found
    return None


def keep(digest: str, measured: Measured) -> None:
    """Cache a layer; with a full disk, do nothing."""
    with contextlib.suppress(OSError):
        if measured.entries is not None:
            paths.write_whole(_path(digest, _ENTRIES), measured.entries.to_bytes())
        _write(digest, _WEIGHT, unpacked=measured.unpacked, files=measured.files, transfer=measured.transfer)


def keep_instructions(image_id: str, made: Sequence[str]) -> None:
    """Cache the instruction of each layer of an image; with a full disk, do nothing."""
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


def _trim(folder: Path) -> None:
    """Delete the least recently used files above the limit. Another process may be doing the same."""
    found = [(each.stat().st_mtime, each.stat().st_size, each.path) for each in os.scandir(folder)]
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= LIMIT:
            return
        total -= size
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
