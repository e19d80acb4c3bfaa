"""Reassemble a layer's archive from what Docker and Podman store: the unpacked files, and a record of the archive's
headers and padding. This reads a single layer, where an engine sends all layers of an image, which may be 800 MB.

Source: vbatts/tar-split, tar/storage/entry.go (a JSON object a line)."""

import base64
import gzip
import json
import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_FILE, _SEGMENT = 1, 2    # `type` of an entry: the content of a file, bytes of the archive
_PIECE = 1 << 20


def assembled(record: Path, folder: Path) -> Iterator[bytes]:
    """The archive of the layer whose files are in `folder`, in pieces. The caller has to check its digest. Iterating
    raises OSError for a file that cannot be read, and ValueError for an invalid record."""
    with gzip.open(record) as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["type"] == _SEGMENT:
                yield base64.b64decode(entry["payload"])
            elif entry["type"] == _FILE and entry.get("size"):
                name = base64.b64decode(entry["name_raw"]) if "name_raw" in entry else os.fsencode(entry["name"])
                yield from _content(os.fsencode(folder), name.strip(b"/"), entry["size"])


def _content(folder: bytes, name: bytes, size: int) -> Iterator[bytes]:
    place, last = os.path.split(os.path.join(folder, name))
    # An image may contain pipes, and links to anywhere.
    handle = os.open(os.path.join(_within(folder, place), last), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError(f"{os.fsdecode(name)} is not a regular file")
        while size > 0 and (piece := file.read(min(_PIECE, size))):
            size -= len(piece)
            yield piece


@lru_cache(256)
def _within(folder: bytes, place: bytes) -> bytes:
    """`place` with links resolved. Raises ValueError if that is not in the folder."""
    found, top = os.path.realpath(place), os.path.realpath(folder)
    if found != top and not found.startswith(top + b"/"):
        raise ValueError(f"{os.fsdecode(place)} is outside of the layer")
    return found
