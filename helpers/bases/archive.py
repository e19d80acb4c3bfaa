"""The archive of one image, packed: members copied one by one, so that nothing large is held in memory.

What comes in is what `docker save` or skopeo writes, in the old layout or as OCI blobs. The
index that names the parts is written again, with the course's own name for the image.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from ..errors import CourseError

_LEVEL = 9              # of zstd: a third smaller than gzip, at about its speed
_SMALL = 4 << 20        # larger members are layers
_INDICES = {"manifest.json", "repositories", "index.json", "oci-layout"}


@dataclass(frozen=True)
class Packed:
    """What was packed.

    config         digest of the image's configuration; `configuration`: its content
    layers         digests of the layers' tars, the lowest first
    sha256, size   of the packed archive, in hexadecimal digits and bytes
    unpacked       bytes of the archive before
    """

    config: str
    configuration: dict[str, Any]
    layers: tuple[str, ...]
    sha256: str
    size: int
    unpacked: int


def pack(pieces: Iterable[bytes], file: BinaryIO, name: str) -> Packed:
    """Write one image's archive to `file`, packed with zstd; the image in it is called `name`.

    pieces   the archive as it comes

    Raises CourseError where it is not the archive of one image.
    """
    import zstandard

    counted = _Counted(file)
    packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, threads=-1)
    try:
        with packer.stream_writer(cast(BinaryIO, counted), closefd=False) as stream:
            plain = _Counted(stream)
            with (tarfile.open(fileobj=cast(BinaryIO, _Readable(pieces)), mode="r|") as source,
                  tarfile.open(fileobj=cast(BinaryIO, plain), mode="w|", format=tarfile.GNU_FORMAT) as target):
                config = _copied(source, target, name)
        configuration = json.loads(config)
        layers = tuple(configuration["rootfs"]["diff_ids"])
    except (tarfile.TarError, zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{name} cannot be saved: what came is not the archive of an image.",
                          why=f"{type(error).__name__}: {error}", remedy="Run it again.") from error
    return Packed(f"sha256:{hashlib.sha256(config).hexdigest()}", configuration, layers,
                  counted.hash.hexdigest(), counted.size, plain.size)


def _copied(source: tarfile.TarFile, target: tarfile.TarFile, name: str) -> bytes:
    """Copy the parts of the image, and write its index; its configuration."""
    small: dict[str, bytes] = {}
    for member in source:
        if member.isfile() and member.size <= _SMALL:
            small[member.name] = cast(BinaryIO, source.extractfile(member)).read()
        if _is_part(member):
            content = (io.BytesIO(small[member.name]) if member.name in small
                       else source.extractfile(member) if member.isfile() else None)
            member.pax_headers, member.uid, member.gid, member.uname, member.gname = {}, 0, 0, "", ""
            target.addfile(member, content)
    images = json.loads(small["manifest.json"])
    if len(images) != 1:
        raise ValueError(f"it has {len(images)} images")
    # Last: an archive that was cut off has no index.
    manifest = json.dumps([images[0] | {"RepoTags": [name]}]).encode()
    header = tarfile.TarInfo("manifest.json")
    header.size = len(manifest)
    target.addfile(header, io.BytesIO(manifest))
    return small[images[0]["Config"]]


def _is_part(member: tarfile.TarInfo) -> bool:
    """Neither an index, nor what only engines before Docker 1.10 read."""
    folder, _, last = member.name.rpartition("/")
    return not member.isdir() and member.name not in _INDICES and not (folder and last in ("json", "VERSION"))


class _Readable:
    """Pieces of bytes as a file that can be read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._left = b""

    def read(self, count: int) -> bytes:
        parts, missing = [], count
        while missing > 0 and (self._left or (piece := next(self._pieces, b""))):
            piece = self._left or piece
            parts.append(piece[:missing])
            self._left = piece[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)


class _Counted:
    """A file that is written to, its bytes counted and hashed."""

    def __init__(self, file: Any) -> None:
        self._file, self.size, self.hash = file, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()
