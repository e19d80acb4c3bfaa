"""Measurements of layers, remembered by content digest.

A layer never changes, so what was measured once holds for ever. Each record
names its own format; one that does not read as it should is measured again.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

from .. import places
from .saved import Measured

_FORMAT = 1


def _path(digest: str, kind: str = "json") -> Path:
    return places.cache() / "layers" / f"{digest.replace(':', '-')}.{kind}"


def load(digest: str) -> Measured | None:
    """The measurement of a layer, None if it is not known."""
    try:
        record = json.loads(_path(digest).read_text())
        if record["format"] != _FORMAT or record["digest"] != digest:
            return None
        unpacked, files, transfer = record["unpacked"], record["files"], record["transfer"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    sound = all(type(n) is int and n >= 0
                for n in (unpacked, files, 0 if transfer is None else transfer))
    return Measured(unpacked, files, transfer) if sound else None


def paths(digest: str) -> list[str] | None:
    """The paths in a layer, None if they are not known."""
    try:
        listed = json.loads(gzip.decompress(_path(digest, "paths.gz").read_bytes()))
        sound = isinstance(listed, list) and all(isinstance(each, str) for each in listed)
        return listed if sound else None
    except (OSError, ValueError, EOFError, TypeError, zlib.error):
        return None


def keep(digest: str, measured: Measured) -> None:
    """Remember it. A disk that is full costs the memory, not the lesson."""
    record = {"format": _FORMAT, "digest": digest, "unpacked": measured.unpacked,
              "files": measured.files, "transfer": measured.transfer}
    listed = gzip.compress(json.dumps(measured.paths).encode(), compresslevel=1, mtime=0)
    try:
        places.write_whole(_path(digest, "paths.gz"), listed)
        places.write_whole(_path(digest), json.dumps(record).encode())
    except OSError:
        pass
