"""Layers made by hand, for tests."""

import hashlib
import io
import tarfile
from collections.abc import Iterator

from helpers.image.archive import Archive
from helpers.image.entries import Entries
from helpers.image.pieces import Pieces
from helpers.image.scan import scan

_TYPES = {"d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE, "c": tarfile.CHRTYPE,
          "b": tarfile.BLKTYPE, "p": tarfile.FIFOTYPE}


def tar(*members, format=tarfile.GNU_FORMAT, **headers) -> bytes:
    """Members are (name, content, mode): bytes for a file, ('l', target) for a link, ('h',
    target) for a hard link, 'd', 'c', 'b' or 'p' for the rest. The mode may be left out."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for name, content, *rest in members:
            info = tarfile.TarInfo(name)
            info.mode = rest[0] if rest else 0o755 if content == "d" else 0o644
            for attribute, value in headers.items():
                setattr(info, attribute, value)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
                continue
            kind, target = content if isinstance(content, tuple) else (content, "")
            info.type, info.linkname = _TYPES[kind], target
            archive.addfile(info)
    return buffer.getvalue()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def scanned(data: bytes, piece: int = 1000) -> Entries:
    """The entries of a layer, which arrives in pieces."""
    return scan(Pieces(data[at:at + piece] for at in range(0, len(data), piece)))


def listed(data: bytes, piece: int = 1000) -> list:
    return list(Archive(Pieces(data[at:at + piece] for at in range(0, len(data), piece))))


def layer(*members, **headers) -> Entries:
    """The entries of a layer made of those members (see `tar`)."""
    return scanned(tar(*members, **headers))


def saved(*layers: bytes) -> bytes:
    """A saved image of the old layout."""
    return tar(*((f"{n}/layer.tar", data) for n, data in enumerate(layers)))


def headers(count: int) -> Iterator[bytes]:
    """The archive of that many empty files, a header a piece. Each is made from one, by
    writing the number into its name and checksum: making them properly takes longer
    than reading them."""
    name = "srv/application/data/of-a-customer/record-00000000.json"
    header = bytearray(tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT))
    total = sum(header) - sum(header[148:156]) + 8 * 32
    at = name.index("00000000")
    for number in range(count):
        digits = b"%08d" % number
        header[at:at + 8] = digits
        header[148:156] = b"%06o\0 " % (total + sum(digits) - 8 * 48)
        yield bytes(header)
