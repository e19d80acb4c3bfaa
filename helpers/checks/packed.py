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
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

from ..formats import gaps

DEPTH = 4                    # a tar in gzip in a zip in base64
LARGEST = 256_000_000        # bytes that are unpacked of one file, at all depths together
_MEMBERS = 20_000
_HEADERS = 4096              # bytes before a member of a tar: its header, and one of a long name
_DIGITS = re.compile(rb"[A-Za-z0-9+/_-]{40,}={0,2}\Z")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2})+\Z")
_URL = bytes.maketrans(b"-_", b"+/")    # digits of base64 in addresses
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, RuntimeError, NotImplementedError, ValueError,
           zlib.error, lzma.LZMAError, struct.error)


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
        members, covered = archive.infolist(), [(archive.start_dir, len(content))]
        if len(members) > _MEMBERS:
            raise TooMuch
        for each in members:
            with archive.open(each) as file:
                member = file.read(max(0, budget.left) + 1)
            budget.take(len(member))
            yield member
            covered.append((each.header_offset, _end(content, each)))
    yield from gaps(content, covered)    # before the archive, or between its members


def _end(content: bytes, member: zipfile.ZipInfo) -> int:
    """Where a member ends: behind its header, its name, its further fields and its bytes, and at
    times what describes them once more (APPNOTE.TXT of the format, 4.3.7 and 4.3.9)."""
    name, further = struct.unpack_from("<HH", content, member.header_offset + 26)
    end = member.header_offset + 30 + name + further + member.compress_size
    return end + (24 if member.flag_bits & 8 else 0)


def _tar(content: bytes, budget: Budget) -> Iterator[bytes]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for number, each in enumerate(archive):
            if number >= _MEMBERS:
                raise TooMuch
            if each.offset_data - each.offset > _HEADERS:
                yield content[each.offset:each.offset_data]
            if each.isreg():
                budget.take(each.size)
                yield archive.extractfile(each).read()
        yield from gaps(content, [(0, archive.offset)])    # behind its end


def _compressed(content: bytes, budget: Budget) -> Iterator[bytes]:
    unpacker = next((make() for mark, make in _FORMATS if content.startswith(mark)), None)
    if unpacker is not None:
        plain = unpacker.decompress(content, max(0, budget.left) + 1)
        budget.take(len(plain))
        yield plain
        if unpacker.unused_data:    # another stream, or something else
            yield unpacker.unused_data


def _encoded(content: bytes, budget: Budget) -> Iterator[bytes]:
    """Base64 or hexadecimal, in one line or in lines of one length: else words of letters alone would be some."""
    lines = content.split()
    if lines and len(lines[-1]) <= len(lines[0]) and all(len(each) == len(lines[0]) for each in lines[:-1]):
        digits = b"".join(lines)
        if _DIGITS.match(digits):
            plain = (bytes.fromhex(digits.decode()) if _HEX.match(digits) else
                     base64.b64decode(digits.rstrip(b"=").translate(_URL) + b"==="))
            budget.take(len(plain))
            yield plain


class _Zstd:
    """A frame of zstd, with the methods that Python's own unpackers have."""

    unused_data = b""

    def decompress(self, content: bytes, most: int) -> bytes:
        import zstandard   # seldom met: not worth its time elsewhere

        try:
            with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(content, read_across_frames=True) as reader:
                return reader.read(most)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error


_FORMATS: tuple[tuple[bytes, Callable], ...] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(31)), (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(memlimit=LARGEST)), (b"]\0\0", lambda: lzma.LZMADecompressor(memlimit=LARGEST)),
    (b"\x28\xb5\x2f\xfd", _Zstd), (b"\x78", zlib.decompressobj),    # the last: zlib, objects of Git
)
