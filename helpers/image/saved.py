"""Read a saved image as it streams out of the engine.

`docker save` has two layouts: the old one (`ID/layer.tar`, Docker up to 24) and
an OCI image layout (`blobs/sha256/...`, Docker 25 and later), whose layers may
be compressed. Both are read in one pass, member by member; what a member is, is
told by its first bytes, since the index that names them comes last.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..errors import ImageUnreadable
from .tree import path

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 20
_SMALL = 4 << 20    # larger JSON is no image configuration


@dataclass
class Measured:
    """What one layer weighs, in bytes; `transfer` None where it was not asked for.

    paths   absolute paths of all its entries, in its own order, whiteouts too
    """

    unpacked: int = 0
    files: int = 0
    transfer: int | None = None
    paths: list[str] = field(default_factory=list, repr=False)


@dataclass
class Saved:
    """What was read: {layer digest: Measured}, and {config digest: config}."""

    layers: dict[str, Measured] = field(default_factory=dict)
    configs: dict[str, dict] = field(default_factory=dict)


def read(chunks: Iterable[bytes], *, transfer: bool = False) -> Saved:
    """Measure every layer in a saved image. Raises ImageUnreadable."""
    saved = Saved()
    try:
        with tarfile.open(fileobj=Stream(chunks), mode="r|", bufsize=_CHUNK) as archive:
            for member in archive:
                if member.isreg() and member.size:
                    _member(archive.extractfile(member), member.size, saved, transfer)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImageUnreadable(
            "The saved image cannot be read.", why=str(error) or type(error).__name__,
            remedy="Run it again; if it stays so, the engine's store is damaged: "
                   "remove the image and build or pull it anew.",
        ) from error
    return saved


class Stream(io.RawIOBase):
    """A readable file over an iterator of bytes."""

    def __init__(self, chunks: Iterable[bytes]):
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        parts, have = [self._rest], len(self._rest)
        while count < 0 or have < count:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            have += len(chunk)
        whole = b"".join(parts)
        cut = have if count < 0 else min(count, have)
        self._rest = whole[cut:]
        return whole[:cut]


class _Observed(io.RawIOBase):
    """A readable file that hashes, and if asked compresses, what passes through."""

    def __init__(self, source: io.BufferedIOBase, transfer: bool):
        self._source = source
        self._hash = hashlib.sha256()
        # 31: a gzip frame; level 6 is what gzip, Docker and BuildKit use.
        self._squeeze = zlib.compressobj(6, zlib.DEFLATED, 31) if transfer else None
        self._squeezed = 0

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        data = self._source.read(count)
        self._hash.update(data)
        if self._squeeze:
            self._squeezed += len(self._squeeze.compress(data))
        return data

    def finish(self) -> tuple[str, int | None]:
        """Read to the end; give digest and compressed size."""
        while self.read(_CHUNK):
            pass
        if self._squeeze:
            self._squeezed += len(self._squeeze.flush())
        return f"sha256:{self._hash.hexdigest()}", self._squeezed if self._squeeze else None


def _member(file: io.BufferedReader, size: int, saved: Saved, transfer: bool) -> None:
    file = io.BufferedReader(file, _CHUNK)
    start = file.peek(512)[:512]
    archive = start[257:262] == b"ustar" or not any(start)   # zeros: a layer without files
    if start[:2] == _GZIP:
        _layer(gzip.GzipFile(fileobj=file), saved, transfer)
    elif start[:4] == _ZSTD:
        raise ImageUnreadable("A layer of this image is compressed with zstd, which the course "
                              "cannot read yet.", remedy="Use an engine with its classic store.")
    elif start[:1] in (b"{", b"[") and not archive:
        if size <= _SMALL:
            _config(file.read(), saved)
    elif archive or size >= 512:
        _layer(file, saved, transfer)


def _config(text: bytes, saved: Saved) -> None:
    content = _json(text)
    if isinstance(content, dict) and "rootfs" in content:
        saved.configs[f"sha256:{hashlib.sha256(text).hexdigest()}"] = content


def _json(text: bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _layer(source: io.BufferedIOBase, saved: Saved, transfer: bool) -> None:
    observed = _Observed(source, transfer)
    measured = Measured()
    with tarfile.open(fileobj=observed, mode="r|", bufsize=_CHUNK) as archive:
        for entry in archive:
            archive.members = []   # tarfile keeps every entry otherwise: memory for nothing
            measured.paths.append(path(entry.name))
            if entry.isreg():
                measured.unpacked += entry.size
                measured.files += 1
    digest, measured.transfer = observed.finish()
    saved.layers[digest] = measured
