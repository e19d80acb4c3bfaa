"""Saved images: the files of `docker save`, taken apart and written."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from . import layers

CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


class File(NamedTuple):
    """A file of a saved image, and the SHA-256 of its bytes."""

    path: Path
    digest: str


def unpacked(packed: Path) -> File:
    """What is in a file that gzip made, beside it; of any other nothing: digest ''."""
    with open(packed, "rb") as file:
        if file.read(2) != _GZIP:
            return File(packed, "")
        file.seek(0)
        plain = packed.with_suffix(".plain")
        with open(plain, "wb") as out:
            written = layers.Digested(out)
            shutil.copyfileobj(gzip.open(file), written, CHUNK)
    return File(plain, written.hexdigest())


def spread(archive: tarfile.TarFile, place: Path) -> dict[str, File]:
    """Write the files of a saved image into the folder `place`, under numbers: {name in the
    archive: file}. No name of the archive is a name there."""
    files: dict[str, File] = {}
    links: dict[str, str] = {}
    for entry in archive:
        name = os.path.normpath(entry.name)
        if entry.isreg():
            path = place / str(len(files))
            with open(path, "wb") as out:
                written = layers.Digested(out)
                shutil.copyfileobj(archive.extractfile(entry), written, CHUNK)
            files[name] = File(path, written.hexdigest())
        elif entry.issym():   # Docker 20.10 links a layer that occurs twice
            links[name] = os.path.normpath(os.path.join(os.path.dirname(name), entry.linkname))
    files.update({name: files[target] for name, target in links.items() if target in files})
    return files


def header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    return entry.tobuf(tarfile.GNU_FORMAT)


def member(name: str, data: bytes) -> Iterator[bytes]:
    yield header(name, len(data)) + data + bytes(-len(data) % 512)
