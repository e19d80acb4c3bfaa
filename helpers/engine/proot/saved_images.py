"""Saved images: the files of `docker save`, read out of their archive and written into one."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, Protocol

CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


class Readable(Protocol):
    """What can be read once, from its beginning to its end."""

    def read(self, size: int, /) -> bytes: ...


class File(NamedTuple):
    """A file of a saved image, out of gzip if it was in it, and the SHA-256 of its bytes."""

    path: Path
    digest: str


def unpack(archive: Readable, place: Path) -> dict[str, File]:
    """Write the files of a saved image into the new folder `place`, under numbers: {name in the
    archive: file}. No name of the archive is a name there. Raises tarfile.TarError, EOFError."""
    place.mkdir()
    files: dict[str, File] = {}
    links: dict[str, str] = {}
    with tarfile.open(fileobj=archive, mode="r|*", bufsize=CHUNK) as members:   # type: ignore[call-overload]
        for member in members:
            name = os.path.normpath(member.name)
            if member.isreg():
                path = place / str(len(files))
                files[name] = File(path, _copied(members.extractfile(member), path))
            elif member.issym():   # Docker 20.10 links a layer that occurs twice
                links[name] = os.path.normpath(os.path.join(os.path.dirname(name), member.linkname))
    return files | {name: files[target] for name, target in links.items() if target in files}


def _copied(source: Readable, target: Path) -> str:
    """Copy a file, out of gzip if it is in it (OCI's layout has layers so); its SHA-256 then."""
    digest, piece = hashlib.sha256(), source.read(CHUNK)
    unzip = zlib.decompressobj(31) if piece.startswith(_GZIP) else None
    with open(target, "wb") as file:
        while piece:
            plain = unzip.decompress(piece) if unzip else piece
            digest.update(plain)
            file.write(plain)
            piece = source.read(CHUNK)
    if unzip and not unzip.eof:
        raise EOFError("a file in it ends in the middle")
    return digest.hexdigest()


def member(name: str, data: bytes) -> Iterator[bytes]:
    """A file of a saved image, as its tar has it."""
    yield _header(name, len(data)) + data + bytes(-len(data) % 512)


def member_of(name: str, file: IO[bytes], size: int) -> Iterator[bytes]:
    """The same for a large one, in pieces."""
    yield _header(name, size)
    while piece := file.read(CHUNK):
        yield piece
    yield bytes(-size % 512)


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    return entry.tobuf(tarfile.GNU_FORMAT)
