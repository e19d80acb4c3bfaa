"""Decompress layers as they stream: gzip and zstd, the two that image layouts use."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from .byte_stream import ByteStream, Damaged

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 20
_WINDOW = 1 << 27   # bytes of memory that a zstd frame may ask for: what `zstd --long` allows

# A layer that decompresses to more than BOMB_BYTES, and to more than BOMB_RATIO times its
# compressed size, is a decompression bomb.
BOMB_BYTES = 20_000_000_000
BOMB_RATIO = 250


def unpacked(start: bytes, pieces: Iterable[bytes], size: int) -> Iterator[bytes] | None:
    """The decompressed content of a file of `size` bytes that begins with `start` and arrives as `pieces`; None if it
    is not compressed. Iterating raises Damaged."""
    file: Any = ByteStream(pieces)    # gzip and zstandard only call its `read`
    if start[:2] == _GZIP:
        return _read(gzip.GzipFile(fileobj=file, mode="rb"), (gzip.BadGzipFile, zlib.error), size)
    if start[:4] != _ZSTD:
        return None
    import zstandard  # only newer engines and registries use it, and it is slow to load

    # A truncated frame ends early without an error: the archive in it is then truncated too, or has the wrong digest.
    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    return _read(unpacker.stream_reader(file, read_across_frames=True), (zstandard.ZstdError,), size)


def _read(reader: Any, bad: tuple[type[Exception], ...], packed: int) -> Iterator[bytes]:
    limit, total = max(BOMB_BYTES, BOMB_RATIO * packed), 0
    try:
        while piece := reader.read(_CHUNK):
            total += len(piece)
            if total > limit:
                raise Damaged(f"a layer of {packed:,} bytes unpacks to more than {limit:,}")
            yield piece
    except EOFError:
        raise Damaged("a gzip frame is not complete") from None
    except bad as error:
        raise Damaged(f"a layer cannot be decompressed: {error}") from error
