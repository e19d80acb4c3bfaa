"""Unpack compressed layers piece by piece: gzip and zstd, as image layouts have them."""

import gzip
from collections.abc import Iterable, Iterator
from typing import Any

from .archive import Damaged
from .byte_stream import ByteStream, Truncated

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 20
_WINDOW = 1 << 27   # bytes of memory that a zstd frame may ask for: what `zstd --long` allows

# A compressed layer that unpacks to more than BOMB_BYTES, and to more than BOMB_RATIO
# times its own length, was made to exhaust the machine that unpacks it.
BOMB_BYTES = 20_000_000_000
BOMB_RATIO = 250


def unpacked(start: bytes, pieces: Iterable[bytes], size: int) -> Iterator[bytes] | None:
    """The content of a compressed file of `size` bytes, whose first bytes are `start` and which
    arrives as `pieces`; None if it is not compressed. Iterating raises Damaged, Truncated and zlib.error."""
    if start[:2] == _GZIP:
        return _plausible(_gunzipped(_File(pieces)), size)
    return _plausible(_unzstd(_File(pieces)), size) if start[:4] == _ZSTD else None


class _File:
    """Pieces as a file object, as far as gzip and zstandard use one."""

    def __init__(self, pieces: Iterable[bytes]):
        self.read = ByteStream(pieces).take


def _gunzipped(file: Any) -> Iterator[bytes]:
    """gzip's frames, one after another, unpacked a megabyte at a time."""
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as reader:
            while piece := reader.read(_CHUNK):
                yield piece
    except EOFError:
        raise Truncated("a gzip frame is not complete") from None
    except gzip.BadGzipFile as error:
        raise Damaged(f"gzip: {error}") from error


def _unzstd(file: Any) -> Iterator[bytes]:
    """The same for zstd. A frame that is cut off ends early: then the archive in it is cut off
    too, or its digest is none of the image's."""
    import zstandard  # only newer engines and registries use it: not worth its time elsewhere

    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        with unpacker.stream_reader(file, read_across_frames=True) as reader:
            while piece := reader.read(_CHUNK):
                yield piece
    except zstandard.ZstdError as error:
        raise Damaged(f"zstd: {error}") from error


def _plausible(pieces: Iterable[bytes], packed: int) -> Iterator[bytes]:
    """The same pieces. Raises Damaged where they do not end."""
    limit, total = max(BOMB_BYTES, BOMB_RATIO * packed), 0
    for piece in pieces:
        total += len(piece)
        if total > limit:
            raise Damaged(f"a layer of {packed:,} bytes unpacks to more than {limit:,}")
        yield piece
