"""Tar streams: made entry by entry, and rewritten as they pass by."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

# Nothing in a made layer is younger than this (2024-12-01): the same packages
# give the same layer, whenever it is made.
EPOCH = 1_733_011_200

Entry = tuple[tarfile.TarInfo, BinaryIO | None]

_XATTR = "SCHILY.xattr."


def regular(name: str, data: bytes, mode: int = 0o644) -> Entry:
    """A file of root's."""
    info = _info(name, tarfile.REGTYPE, mode)
    info.size = len(data)
    return info, io.BytesIO(data)


def folder(name: str, mode: int = 0o755, owner: int = 0) -> Entry:
    info = _info(name, tarfile.DIRTYPE, mode)
    info.uid = info.gid = owner
    return info, None


def link(name: str, target: str) -> Entry:
    """A symbolic link of root's."""
    info = _info(name, tarfile.SYMTYPE, 0o777)
    info.linkname = target
    return info, None


def parents(path: str, seen: set[str]) -> Iterator[Entry]:
    """The folders above `path`, from the top, but for those in `seen`, which grows."""
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        name = "/".join(parts[:depth])
        if name not in seen:
            seen.add(name)
            yield folder(name)


def _info(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, EPOCH
    return info


def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """A copy of an entry's head as image layers have it: path without './',
    whole seconds not after EPOCH, owners as numbers; of the extended headers
    only attributes."""
    clean = _info(path(str(info.name)), info.type, info.mode)
    clean.size, clean.uid, clean.gid = info.size, info.uid, info.gid
    clean.devmajor, clean.devminor = info.devmajor, info.devminor
    clean.linkname = path(info.linkname) if info.islnk() else info.linkname
    clean.mtime = min(int(info.mtime), EPOCH)
    clean.pax_headers = {key: value for key, value in info.pax_headers.items()
                         if key.startswith(_XATTR)}
    return clean


def path(name: str) -> str:
    """'./usr/bin/' -> 'usr/bin'; the root itself is ''."""
    return name.removeprefix("./").strip("/") if name != "." else ""


def streamed(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The bytes of a tar of `entries`, made as they are asked for.

    In GNU format: BuildKit and older engines stumble over a PAX header in front.
    """
    sink = _Sink()
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for info, data in entries:
            tar.addfile(info, data)
            yield from sink.taken()
    yield from sink.taken()


class _Sink:
    """A file that hands on what is written into it."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def taken(self) -> Iterator[bytes]:
        chunks, self._chunks = self._chunks, []
        yield from chunks


def write_layer(entries: Iterable[Entry], place: Path) -> str:
    """Write a layer's tar to `place`; return its digest, 'sha256:...'."""
    with open(place, "wb") as file:
        sink = _Hashed(file)
        # PAX, not GNU: only it can hold a file's capabilities.
        with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for info, data in entries:
                tar.addfile(info, data)
    return f"sha256:{sink.hash.hexdigest()}"


def chunks(place: Path) -> Iterator[bytes]:
    """A file's bytes, a mebibyte at a time."""
    with open(place, "rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


class _Hashed:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return self._file.write(data)
