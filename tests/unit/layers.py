"""Layers made by hand, for tests."""

import hashlib
import tarfile
from collections.abc import Iterator

from helpers.image import Image, Layer
from helpers.image.archive import Archive
from helpers.image.byte_stream import ByteStream
from helpers.image.entries import Entries
from helpers.image.scan import scan
from helpers.inventory import Inventory, take
from tests.elfs import framed, go_record, make

TYPES = {"d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE, "c": tarfile.CHRTYPE,
          "b": tarfile.BLKTYPE, "p": tarfile.FIFOTYPE}


def tar(*members, format=tarfile.GNU_FORMAT, **headers) -> bytes:
    """Members are (name, content, mode): bytes for a file, ('l', target) for a link, ('h',
    target) for a hard link, 'd', 'c', 'b' or 'p' for the rest. The mode may be left out."""
    parts, length = [], 0
    for name, content, *rest in members:
        info = tarfile.TarInfo(name)
        info.mode = rest[0] if rest else 0o755 if content == "d" else 0o644
        for attribute, value in headers.items():
            setattr(info, attribute, value)
        data = content if isinstance(content, bytes) else b""
        info.size = len(data)
        if not isinstance(content, bytes):
            kind, target = content if isinstance(content, tuple) else (content, "")
            info.type, info.linkname = TYPES[kind], target
        # TarFile.addfile does the same at twice the time: it copies each `info`.
        header = info.tobuf(format, "utf-8", "surrogateescape")
        parts += (header, data, bytes(-len(data) % tarfile.BLOCKSIZE))
        length += len(header) + len(data) + len(parts[-1])
    end = 2 * tarfile.BLOCKSIZE
    return b"".join([*parts, bytes(end + -(length + end) % tarfile.RECORDSIZE)])


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[at:at + size] for at in range(0, len(data), size))


def patched(data: bytes, at: int, field: bytes) -> bytes:
    """An archive with another `field` in its first header, whose checksum agrees."""
    changed = bytearray(data)
    changed[at:at + len(field)] = field
    changed[148:156] = b" " * 8
    changed[148:156] = b"%06o\0 " % sum(changed[:512])
    return bytes(changed)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def scanned(data: bytes, piece: int = 1000) -> Entries:
    """The entries of a layer, which arrives in pieces."""
    return scan(ByteStream(pieces(data, piece)))


def listed(data: bytes, piece: int = 1000) -> list:
    return list(Archive(ByteStream(pieces(data, piece))))


def layer(*members, **headers) -> Entries:
    """The entries of a layer made of those members (see `tar`)."""
    return scanned(tar(*members, **headers))


def saved(*layers: bytes) -> bytes:
    """A saved image of the old layout."""
    return tar(*((f"{n}/layer.tar", data) for n, data in enumerate(layers)))


def headers(count: int) -> Iterator[bytes]:
    """The archive of that many empty files, a header a piece. Each is made from one, by writing the number into its
    name and checksum: making them properly takes longer than reading them."""
    name = "srv/application/data/of-a-customer/record-00000000.json"
    header = bytearray(tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT))
    total = sum(header) - sum(header[148:156]) + 8 * 32
    at = name.index("00000000")
    for number in range(count):
        digits = b"%08d" % number
        header[at:at + 8] = digits
        header[148:156] = b"%06o\0 " % (total + sum(digits) - 8 * 48)
        yield bytes(header)


X86_64, AARCH64 = 62, 183
LOADER = "/lib64/ld-linux-x86-64.so.2"


def elf(*needed: str, interpreter: str = "", runpath: str = "", soname: str = "", machine: int = X86_64,
        kind: int = 2, go: str = "", says: bytes = b"") -> bytes:
    """A small ELF file: a program at a fixed address, or with a soname a library. It needs
    those libraries; `go` is the main package that Go built, `says` what else is in it."""
    parts = ((0x600000, go_record(b"go1.22", framed(f"path\t{go}\nmod\tmine/{go}\tv1.0.0\n".encode()))),) if go else ()
    return make(kind=3 if soname else kind, machine=machine, loader=interpreter, needed=needed, runpath=runpath,
                soname=soname, parts=parts, code=says)


def image(count: int, name: str = "made:1", **other) -> Image:
    """An image of so many layers, each made by an instruction 'RUN <its number>'."""
    layers = tuple(Layer(f"sha256:{number}", f"RUN {number}", 1000, 1) for number in range(count))
    return Image(**{"reference": name, "id": "sha256:x", "layers": layers, "created": "", "labels": {},
                    "engine": "An engine", **other})


def inventory(*layers: Entries, **other) -> Inventory:
    """What is in an image of these layers."""
    return take(image(len(layers), **other), layers)
