"""Base images in a folder that Podman reads and never writes: nothing is loaded in a session.

Podman calls it an additional image store. It is laid out as containers/storage 1.43
(Podman 4.3) writes its own, and as 1.59 (5.8) still reads it:

    shelf/overlay/ID/diff             a layer's files; link, lower and ../l name it to the kernel
    shelf/overlay-layers/layers.json  what layers there are; ID.tar-split.gz has what it takes to
                                      give back a layer's tar byte for byte
    shelf/overlay-images/images.json  what images there are, with manifest and configuration
    shelf/marks.json                  the course's own: what is hidden in lower layers, see `settle`

It is written by this user without any privilege, while an image of Binder's is built and
no namespace can be had. So nothing in it has an owner: it is for the rung of one id.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import mmap
import os
import secrets
import shutil
import stat
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ... import paths

_CHUNK = 1 << 20
_SMALL = 4 << 20                      # larger members of an archive are layers
_MARKS = "marks.json"
HIDE, OPAQUE = "user.overlay.whiteout", "user.overlay.opaque"   # overlayfs.rst, with userxattr
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"      # as Podman has it for plain ones too


class Unfit(Exception):
    """This image cannot be put on a shelf; the text says why. Any engine still loads it."""


def names(shelf: Path) -> tuple[str, ...]:
    """What is on a shelf, by full name; nothing where there is none."""
    try:
        listed = json.loads((shelf / "overlay-images/images.json").read_bytes())
        return tuple(name for image in listed for name in image["names"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def prepare(shelf: Path) -> None:
    """Make it, empty: Podman refuses to start with one that is not there."""
    for kind in ("overlay/l", "overlay-layers", "overlay-images"):
        (shelf / kind).mkdir(parents=True, exist_ok=True)
    for lock in ("overlay-layers/layers", "overlay-images/images"):
        for place, text in ((shelf / f"{lock}.json", b"[]"), (shelf / f"{lock}.lock", b"")):
            if not place.exists():
                paths.write_whole(place, text)


def put(shelf: Path, pieces: Iterable[bytes], name: str, layers: Sequence[str]) -> None:
    """Put one image on a shelf, in place of an older one of that name.

    pieces   its archive, as `docker save` writes one
    name     its full name: 'docker.io/library/golang:1.22'
    layers   digests of its layers' tars, the lowest first

    Raises Unfit, OSError, and ValueError for what is not the archive of that image.
    """
    prepare(shelf)
    with paths.locked(shelf / ".lock"), tempfile.TemporaryDirectory(prefix=".part-", dir=shelf) as part:
        there = {each["id"] for each in _read(shelf, "layers")}
        missing = {digest for digest, own in zip(layers, _ids(layers)) if own not in there}
        small, unpacked = _unpacked(pieces, Path(part), missing)
        (image,) = json.loads(small["manifest.json"])
        config = small[image["Config"]]
        if tuple(json.loads(config)["rootfs"]["diff_ids"]) != tuple(layers):
            raise ValueError("its layers are not those that were saved")
        stack = _ids(layers)
        for height, digest in enumerate(layers):
            if stack[height] not in there:
                _add_layer(shelf, digest, stack[:height + 1], unpacked)
        _add_image(shelf, name, config, stack, layers)


def _ids(layers: Sequence[str]) -> list[str]:
    """The ids of layers that lie on each other. Podman derives one from what lies below, so
    that it knows it again in whatever is built on it."""
    found: list[str] = []
    for digest in layers:
        own = digest.partition(":")[2]
        found.append(hashlib.sha256(f"{found[-1]}+{own}".encode()).hexdigest() if found else own)
    return found


# -- out of an archive ------------------------------------------------------------------

def _unpacked(pieces: Iterable[bytes], part: Path, wanted: set[str]) -> tuple[dict[str, bytes], dict[str, Path]]:
    """(the small members of an archive by name, the unpacked layers by digest)."""
    small: dict[str, bytes] = {}
    layers: dict[str, Path] = {}
    with tarfile.open(fileobj=_Stream(pieces), mode="r|") as archive:
        for member in archive:
            if not member.isfile():
                continue
            plain = part / "layer.tar"
            digest = _copied(archive.extractfile(member), plain)
            if member.size <= _SMALL:
                # As it is in the archive: a configuration is known by the digest of its bytes.
                small[member.name] = plain.read_bytes()
            if digest in wanted and digest not in layers:
                layers[digest] = part / digest.partition(":")[2]
                _unpack(plain, layers[digest])
    return small, layers


def _copied(source, target: Path) -> str:
    """Copy a layer, out of gzip if it is in it; the digest of its tar."""
    digest, unzip, first = hashlib.sha256(), None, True
    with open(target, "wb") as file:
        while piece := source.read(_CHUNK):
            if first and piece.startswith(b"\x1f\x8b"):
                unzip = zlib.decompressobj(31)
            first = False
            piece = unzip.decompress(piece) if unzip else piece
            digest.update(piece)
            file.write(piece)
    return f"sha256:{digest.hexdigest()}"


def _unpack(packed: Path, into: Path) -> None:
    """A layer's tar as its files in `into`/diff, what it hides in `into`/marks.json, and
    `into`/tar-split.gz: its bytes but those of the files, with a checksum of each file."""
    from fastcrc.crc64 import go_iso   # tar-split is written in Go, with Go's own polynomial

    diff, marks, seen, links, folders, end = into / "diff", {}, set(), set(), [], 0
    diff.mkdir(parents=True)
    with (open(packed, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
          tarfile.open(fileobj=file, mode="r:") as archive, _Split(into / "tar-split.gz") as split):
        for member in archive:
            name = os.path.normpath(member.name)
            if member.issparse() or name in seen:
                raise Unfit(f"its layer has {name} twice, or with holes")
            seen.add(name)
            _stay_inside(member, links)
            split.segment(data[end:member.offset_data])
            size = member.size if member.isreg() else 0
            end = member.offset_data + size
            with memoryview(data)[member.offset_data:end] as content:
                split.file(member, size, go_iso(content).to_bytes(8, "big") if size else None)
                _write(diff, member, content, marks)
            if member.issym():
                links.add(name)
            if member.isdir():
                folders.append(member)
        split.segment(data[end:])
    for member in reversed(folders):   # what may not be written to, once it has its files
        os.chmod(diff / member.name, stat.S_IMODE(member.mode))
        os.utime(diff / member.name, (member.mtime, member.mtime))
    (into / _MARKS).write_text(json.dumps(marks))


def _stay_inside(member: tarfile.TarInfo, links: set[str]) -> None:
    for name in (member.name, member.linkname if member.islnk() else ""):
        parts = Path(name).parts
        if name.startswith("/") or ".." in parts or any("/".join(parts[:length]) in links for length in range(1, len(parts))):
            raise Unfit(f"{name} in its layer leads out of it")


def _write(diff: Path, member: tarfile.TarInfo, content: memoryview, marks: dict[str, list[str]]) -> None:
    place = diff / member.name
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.name.startswith(".wh."):
        hidden = place.with_name(place.name.removeprefix(".wh."))
        within = str(place.parent.relative_to(diff))
        if place.name == ".wh..wh..opq":
            marks[within] = [OPAQUE, "y"]
        elif not hidden.name.startswith(".wh."):   # aufs's own notes
            hidden.touch()
            marks[str(hidden.relative_to(diff))] = [HIDE, "y"]
            marks.setdefault(within, [OPAQUE, "x"])   # x: there are hidden ones among its entries
        return
    if member.isdir():
        place.mkdir(exist_ok=True)
        return   # its mode comes last
    if member.issym():
        place.symlink_to(member.linkname)
        os.utime(place, (member.mtime, member.mtime), follow_symlinks=False)
        return
    if member.islnk():
        os.link(diff / member.linkname, place, follow_symlinks=False)
        return
    if member.isfifo():
        os.mkfifo(place)
    elif member.isreg():
        with open(place, "xb") as file:
            file.write(content)
    else:
        return   # a device: nobody may make one in a namespace either
    os.chmod(place, stat.S_IMODE(member.mode))
    os.utime(place, (member.mtime, member.mtime))


class _Split:
    """The lines of a tar-split file: segments of raw bytes, and files by name."""

    def __init__(self, path: Path) -> None:
        self._file, self._position = gzip.open(path, "wb", compresslevel=1), 0

    def __enter__(self) -> _Split:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def segment(self, raw: bytes) -> None:
        self._line({"type": 2, "payload": base64.b64encode(raw).decode()})

    def file(self, member: tarfile.TarInfo, size: int, checksum: bytes | None) -> None:
        raw = os.fsencode(member.name)
        plain = raw == member.name.encode("utf-8", "replace")
        called = {"name": member.name} if plain else {"name_raw": base64.b64encode(raw).decode()}
        self._line({"type": 1, **called, **({"size": size} if size else {}),
                    "payload": base64.b64encode(checksum).decode() if checksum else None})

    def _line(self, entry: dict) -> None:
        self._file.write(json.dumps(entry | {"position": self._position}, separators=(",", ":")).encode() + b"\n")
        self._position += 1


class _Stream:
    """Pieces as a file that can be read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._left = bytearray()

    def read(self, count: int) -> bytes:
        while len(self._left) < count and (piece := next(self._pieces, b"")):
            self._left += piece
        part = bytes(self._left[:count])
        del self._left[:count]
        return part


# -- onto a shelf -----------------------------------------------------------------------

def _add_layer(shelf: Path, digest: str, stack: list[str], unpacked: dict[str, Path]) -> None:
    """Move an unpacked layer into place; `stack` is the ids of what lies below, and its own."""
    *lower, name = stack
    if digest not in unpacked:
        raise ValueError(f"its layer {digest} is missing")
    source, place = unpacked[digest], shelf / "overlay" / name
    shutil.rmtree(place, ignore_errors=True)   # of one that was broken off
    place.mkdir()
    os.rename(source / "tar-split.gz", shelf / "overlay-layers" / f"{name}.tar-split.gz")
    os.chmod(source / "diff", 0o755)   # a folder is moved only by who may write to it
    os.rename(source / "diff", place / "diff")
    for folder in ("merged", *(() if lower else ("empty",))):
        (place / folder).mkdir()
    (place / "link").write_text(_link(name))
    if lower:
        (place / "lower").write_text(":".join(f"l/{_link(each)}" for each in reversed(lower)))
    short = shelf / "overlay/l" / _link(name)
    short.unlink(missing_ok=True)
    short.symlink_to(f"../{name}/diff")
    hidden = _marks(source)
    if hidden:
        there = _marks(shelf) | {f"overlay/{name}/diff/{path}": mark for path, mark in hidden.items()}
        paths.write_whole(shelf / _MARKS, json.dumps(there).encode())
        if not settle(shelf):
            raise Unfit("it hides files of its lower layers, and they cannot be marked here")
    size = _plain_size(shelf / "overlay-layers" / f"{name}.tar-split.gz")
    entry = {"id": name, **({"parent": lower[-1]} if lower else {}), "created": _now(), "compressed-diff-digest": digest,
             "compressed-size": size, "diff-digest": digest, "diff-size": size, "uidset": [0], "gidset": [0]}
    _write_list(shelf, "layers", [*_read(shelf, "layers"), entry])


def _plain_size(split: Path) -> int:
    """Bytes of the tar that a tar-split file stands for."""
    with gzip.open(split, "rb") as lines:
        return sum(each.get("size", 0) if each["type"] == 1 else len(base64.b64decode(each["payload"]))
                   for each in map(json.loads, lines))


def _link(layer: str) -> str:
    """26 letters for a layer's id: a page has room for the names of a hundred of them."""
    return base64.b32encode(hashlib.sha256(layer.encode()).digest()).decode()[:26]


def _add_image(shelf: Path, name: str, config: bytes, lower: list[str], layers: Sequence[str]) -> None:
    own = hashlib.sha256(config).hexdigest()
    sizes = {each["id"]: each["diff-size"] for each in _read(shelf, "layers")}
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "size": len(config), "digest": f"sha256:{own}"},
        "layers": [{"mediaType": _LAYER, "size": sizes[each], "digest": digest} for each, digest in zip(lower, layers)],
    }, separators=(",", ":")).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    data = {f"sha256:{own}": config, f"manifest-{digest}": manifest, "manifest": manifest}
    place = shelf / "overlay-images" / own
    place.mkdir(exist_ok=True)
    for key, content in data.items():
        file = key if key.isalpha() else "=" + base64.b64encode(key.encode()).decode()
        paths.write_whole(place / file, content)
    entry = {"id": own, "digest": digest, "names": [name], "names-history": [name], "layer": lower[-1],
             "metadata": "{}", "big-data-names": list(data), "big-data-sizes": {key: len(each) for key, each in data.items()},
             "big-data-digests": {key: f"sha256:{hashlib.sha256(each).hexdigest()}" for key, each in data.items()},
             "created": json.loads(config).get("created") or _now()}
    others = []
    for each in _read(shelf, "images"):
        if each["id"] == own:
            entry["names"] = entry["names-history"] = list(dict.fromkeys((*each["names"], name)))
        elif left := [other for other in each["names"] if other != name]:
            others.append(each | {"names": left})
    _write_list(shelf, "images", [*others, entry])


def _read(shelf: Path, kind: str) -> list[dict]:
    return json.loads((shelf / f"overlay-{kind}/{kind}.json").read_bytes())


def _write_list(shelf: Path, kind: str, listed: list[dict]) -> None:
    paths.write_whole(shelf / f"overlay-{kind}/{kind}.json", json.dumps(listed).encode())
    # Who has read the list reads it again when these bytes are others.
    paths.write_whole(shelf / f"overlay-{kind}/{kind}.lock", secrets.token_bytes(64))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


# -- what is hidden ---------------------------------------------------------------------

def _marks(folder: Path) -> dict[str, list[str]]:
    try:
        return json.loads((folder / _MARKS).read_bytes())
    except FileNotFoundError:
        return {}


def hides(shelf: Path) -> bool:
    """Whether a layer on it hides something of a lower one."""
    return any(mark == HIDE for mark, _ in _marks(shelf).values())


def settle(shelf: Path) -> bool:
    """Set the marks of what upper layers hide, where they are missing; False if that cannot be.

    A layer hides a file of a lower one by a device of number 0, and nobody may make one on
    an overlay, as the root of a container is. An empty file with a mark does the same (Linux
    6.7). An image that is pushed and pulled loses such marks, so they are set again.
    """
    for path, (mark, value) in _marks(shelf).items():
        place = shelf / path
        try:
            with contextlib.suppress(OSError):
                if os.getxattr(place, mark, follow_symlinks=False) == value.encode():
                    continue
            os.setxattr(place, mark, value.encode(), follow_symlinks=False)
        except OSError:
            return False
    return True
