"""What is packed into a file: the members of an archive, and what was compressed or encoded.

Bytes in, bytes out, and all in memory. Nobody who is trusted made them: what unpacks to more
than may be held is not unpacked.
"""

from __future__ import annotations

import base64
import bz2
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

DEPTH = 4                    # a tar in gzip in a zip in base64
LARGEST = 256_000_000        # bytes that are unpacked of one file, at all depths together
_MEMBERS = 20_000
_DIGITS = re.compile(rb"[A-Za-z0-9+/_-]{40,}={0,2}\Z")
_URL = bytes.maketrans(b"-_", b"+/")    # digits of base64 in addresses
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, RuntimeError, NotImplementedError, ValueError,
           zlib.error, lzma.LZMAError)


class Budget:
    """How much may still be unpacked."""

    def __init__(self) -> None:
        self.left = LARGEST

    def take(self, count: int) -> None:
        """Raises TooMuch."""
        self.left -= count
        if self.left < 0:
            raise TooMuch


class TooMuch(Exception):
    """It unpacks to more than may be held."""


def inside(content: bytes, budget: Budget) -> list[bytes] | None:
    """What is packed in it, one depth; None if nothing is, or none of it can be read. Raises TooMuch."""
    for reader in (_zip, _tar, _compressed, _encoded):
        try:
            found = list(reader(content, budget))
        except _BROKEN:
            continue
        if found:
            return found
    return None


def walk(content: bytes) -> Iterator[bytes]:
    """All that is packed in it, at every depth, and not itself. Ends where it would be too much."""
    budget = Budget()

    def below(content: bytes, depth: int) -> Iterator[bytes]:
        for each in inside(content, budget) or () if depth else ():
            yield each
            yield from below(each, depth - 1)

    try:
        yield from below(content, DEPTH)
    except TooMuch:
        return


def _zip(content: bytes, budget: Budget) -> Iterator[bytes]:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for each in archive.infolist()[:_MEMBERS]:
            with archive.open(each) as file:
                member = file.read(max(0, budget.left) + 1)
            budget.take(len(member))
            yield member


def _tar(content: bytes, budget: Budget) -> Iterator[bytes]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for number, each in enumerate(archive):
            if number >= _MEMBERS:
                raise TooMuch
            if each.isreg():
                budget.take(each.size)
                yield archive.extractfile(each).read()


def _compressed(content: bytes, budget: Budget) -> Iterator[bytes]:
    for mark, unpack in _FORMATS:
        if content.startswith(mark):
            plain = unpack(content, max(0, budget.left) + 1)
            budget.take(len(plain))
            yield plain
            return


def _encoded(content: bytes, budget: Budget) -> Iterator[bytes]:
    """Base64, in one line or in lines of one length: else words of letters alone would be some."""
    lines = content.split()
    if lines and len(lines[-1]) <= len(lines[0]) and all(len(each) == len(lines[0]) for each in lines[:-1]):
        digits = b"".join(lines)
        if _DIGITS.match(digits):
            plain = base64.b64decode(digits.rstrip(b"=").translate(_URL) + b"===")
            budget.take(len(plain))
            yield plain


def _zstd(content: bytes, most: int) -> bytes:
    import zstandard   # seldom met: not worth its time elsewhere

    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(content) as reader:
            return reader.read(most)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


_FORMATS: tuple[tuple[bytes, Callable[[bytes, int], bytes]], ...] = (
    (b"\x1f\x8b", lambda content, most: zlib.decompressobj(31).decompress(content, most)),
    (b"BZh", lambda content, most: bz2.BZ2Decompressor().decompress(content, most)),
    (b"\xfd7zXZ\0", lambda content, most: lzma.LZMADecompressor(memlimit=LARGEST).decompress(content, most)),
    (b"]\0\0", lambda content, most: lzma.LZMADecompressor(memlimit=LARGEST).decompress(content, most)),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"\x78", lambda content, most: zlib.decompressobj().decompress(content, most)),    # zlib: objects of Git
)
