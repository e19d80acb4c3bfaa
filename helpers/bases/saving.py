"""Save base images into a kit: out of an engine, or from a registry without one.

What comes in is the archive of one image as `docker save` or skopeo writes it, in the
old layout or as OCI blobs. It is copied member by member, so that nothing is held in
memory; the index that names the parts is written anew, with the course's name.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .. import labels, units
from ..engine import Engine
from ..engine.timeouts import patient
from ..errors import BaseUnavailable, CourseError
from . import kit, references
from .kit import Kept
from .status import ResolvedBase

Report = Callable[[str], None]

_LEVEL = 9              # of zstd: a third smaller than gzip, at about its speed
_SAVE_SECONDS = 1800
_SMALL = 4 << 20        # larger members are layers
_INDICES = {"manifest.json", "repositories", "index.json", "oci-layout"}
_PART = ".part-"        # how the name of a file in the making begins


def save(engine: Engine, base: ResolvedBase, folder: Path, report: Report) -> Kept:
    """Save a base image that `engine` has into the kit in `folder`.

    Raises CourseError where it cannot be written there, and the errors of the engine.
    """
    started = time.monotonic()
    api = patient(engine.client.api, _SAVE_SECONDS)
    with engine.translate_errors(f"save {base.name}"):
        image = api.inspect_image(base.name)
        # By its id: then no name of the user's is in the archive.
        pieces = api.get_image(image["Id"], chunk_size=1 << 20)
        with _in_place(folder, base.ref) as part:
            with open(part, "wb") as file:
                packed = pack(pieces, file, base.ref)
            kept = _keep(folder, part, base.ref, packed, base.origin if base.origin != "local"
                         else _origin(image, base.ref), _digest(image, base.ref))
    report(f"Saved {base.ref}: {units.size(kept.size)} in {units.seconds(time.monotonic() - started)}.")
    return kept


def _origin(image: dict, ref: str) -> str:
    """Where an image that was already there came from, as its digests tell."""
    return "pulled" if _digest(image, ref) else "local"


def _digest(image: dict, ref: str) -> str:
    """What the registry that `ref` names called it."""
    own = references.parse(ref)
    for each in image.get("RepoDigests") or ():
        there = references.parse(each)
        if (there.registry, there.path) == (own.registry, own.path):
            return there.digest
    return ""


# -- without an engine ---------------------------------------------------------------

def fetch(ref: str, folder: Path, report: Report, *, room: int | None = None) -> Kept:
    """Fetch a base image from its registry, or the mirror, into the kit in `folder`.

    It takes skopeo, and neither an engine nor any privilege: what an image build can
    do. `room` is how many bytes the kit may still grow by; an image that its registry
    says is larger is not fetched.

    Raises BaseUnavailable with what each place said.
    """
    if not shutil.which("skopeo"):
        raise BaseUnavailable(
            f"{ref} cannot be fetched without an engine.", why="skopeo is not here.",
            remedy="Install the package skopeo, or save the base out of an engine.")
    reference = references.parse(ref)
    host = references.mirror()
    places = [("mirror", each) for each in (references.mirrored(reference, host) if host else ())]
    said = []
    for origin, source in (*places, ("pulled", reference)):
        try:
            return _fetch(ref, source, origin, folder, report, room)
        except _Refused as refusal:
            said.append(f"{source}: {refusal}")
    raise BaseUnavailable(f"The base image {ref} could not be fetched.", why="; ".join(said),
                          remedy=f"Look at the network and the name, or set {references.MIRROR} "
                                 "to a registry that has it.")


def fill(folder: Path, refs: Iterable[str], report: Report,
         budget: int | None = None) -> tuple[list[Kept], list[CourseError]]:
    """Fetch each of `refs` that is not in the kit in `folder` yet.

    budget   how many bytes the kit may have in all
    returns  (what is in the kit of `refs`, why the others are not)
    """
    kept, failed = [], []
    for ref in refs:
        there = {references.parse(each.ref): each for each in kit.entries(folder, required=False)}
        known = there.get(references.parse(ref))
        room = None if budget is None else budget - sum(each.size for each in there.values())
        try:
            kept.append(known or fetch(ref, folder, report, room=room))
        except CourseError as error:
            failed.append(error)
    return kept, failed


class _Refused(Exception):
    """What a registry answered instead of the image."""


def _fetch(ref: str, source: references.Reference, origin: str, folder: Path, report: Report,
           room: int | None) -> Kept:
    started = time.monotonic()
    insecure = references.on_loopback(source.registry)   # as Docker does: no TLS on loopback
    name = f"docker://{source.registry}/{source.path}" + (
        f"@{source.digest}" if source.digest else f":{source.tag}")
    secure = (f"--tls-verify={str(not insecure).lower()}",)
    told = json.loads(_skopeo("inspect", *secure, name))
    coming = sum(layer.get("Size") or 0 for layer in told.get("LayersData") or ())
    if room is not None and coming > room:
        raise BaseUnavailable(
            f"{ref} is too large for this kit.",
            why=f"It takes {units.size(coming)}, and {units.size(max(room, 0))} are left.",
            remedy="Give the kit a larger budget, or leave this base to the session.")
    report(f"Fetching {source}, {units.size(coming)} ...")
    with _in_place(folder, ref) as part, tempfile.TemporaryDirectory(dir=folder, prefix=_PART) as scratch:
        whole = Path(scratch, "image.tar")
        _skopeo("copy", f"--src-{secure[0][2:]}", name, f"docker-archive:{whole}")
        with open(whole, "rb") as archive, open(part, "wb") as file:
            packed = pack(iter(lambda: archive.read(1 << 20), b""), file, ref)
        kept = _keep(folder, part, ref, packed, origin, told.get("Digest") or "")
    report(f"Fetched {ref}: {units.size(kept.size)} in {units.seconds(time.monotonic() - started)}.")
    return kept


def _skopeo(command: str, *arguments: str) -> str:
    """What skopeo prints. Raises _Refused with what it said."""
    done = subprocess.run(["skopeo", "--insecure-policy", "--override-os", "linux", command, *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it failed without a word"])[-1]
        found = re.search(r'msg="((?:[^"\\]|\\.)*)"', last)
        text = found[1].replace('\\"', '"') if found else last
        raise _Refused(re.sub(r'^Error (parsing image name|reading manifest) [^:]*(:[^:]*)*?: (?=\w)', "", text))
    return done.stdout


# -- packing --------------------------------------------------------------------------

def pack(pieces: Iterable[bytes], file: BinaryIO, ref: str) -> dict:
    """Write one image's archive to `file`, packed; its configuration, digests and sizes.

    pieces   the archive as it comes
    returns  {config: digest, configuration: {...}, layers: digests, sha256, size, unpacked}

    Raises CourseError where it is not the archive of one image.
    """
    import zstandard

    counted = _Counted(file, hash=hashlib.sha256())
    packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, threads=-1)
    small: dict[str, bytes] = {}
    try:
        with (packer.stream_writer(counted, closefd=False) as stream,
              tarfile.open(fileobj=_Stream(pieces), mode="r|") as source,
              tarfile.open(fileobj=(plain := _Counted(stream, hash=None)), mode="w|", format=tarfile.GNU_FORMAT) as target):
            for member in source:
                if member.isfile() and member.size <= _SMALL:
                    small[member.name] = source.extractfile(member).read()
                if not _part_of_it(member):
                    continue
                content = (io.BytesIO(small[member.name]) if member.name in small
                           else source.extractfile(member) if member.isfile() else None)
                target.addfile(_plain(member), content)
            image = _only(small)
            # Its own name, and last: an archive that was cut off has no index.
            image["RepoTags"] = [references.course_name(references.parse(ref))]
            manifest = json.dumps([image]).encode()
            head = tarfile.TarInfo("manifest.json")
            head.size = len(manifest)
            target.addfile(head, io.BytesIO(manifest))
        config = small[image["Config"]]
        configuration = json.loads(config)
        layers = tuple(configuration["rootfs"]["diff_ids"])
    except (tarfile.TarError, zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"What was to be saved as {ref} is not the archive of an image.",
                          why=f"{type(error).__name__}: {error}",
                          remedy="Run it again.") from error
    return {"config": f"sha256:{hashlib.sha256(config).hexdigest()}", "configuration": configuration,
            "layers": layers, "sha256": counted.hash.hexdigest(), "size": counted.size,
            "unpacked": plain.size}


def _part_of_it(member: tarfile.TarInfo) -> bool:
    """Not the indices, nor what only engines before Docker 1.10 read."""
    last = member.name.rpartition("/")[2]
    return (not member.isdir() and member.name not in _INDICES
            and not ("/" in member.name and last in ("json", "VERSION")))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.pax_headers, member.uid, member.gid, member.uname, member.gname = {}, 0, 0, "", ""
    return member


def _only(small: dict[str, bytes]) -> dict:
    images = json.loads(small["manifest.json"])
    if len(images) != 1:
        raise ValueError(f"it has {len(images)} images")
    return images[0]


class _Stream:
    """Pieces as a file that can be read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._left = b""

    def read(self, count: int) -> bytes:
        parts, missing = [], count
        while missing > 0:
            if not self._left:
                self._left = next(self._pieces, b"")
                if not self._left:
                    break
            part, self._left = self._left[:missing], self._left[missing:]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


class _Counted:
    """A file that is written to, its bytes counted and, with a `hash`, hashed."""

    def __init__(self, file: BinaryIO, hash: object) -> None:
        self._file, self.size, self.hash = file, 0, hash

    def write(self, data: bytes) -> int:
        self.size += len(data)
        if self.hash:
            self.hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


# -- into the folder --------------------------------------------------------------------

@contextmanager
def _in_place(folder: Path, ref: str) -> Iterator[Path]:
    """A name for a file in the making, in `folder`; what is left of it goes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_PART, dir=folder)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise CourseError(f"{ref} cannot be saved in {folder}.", why=error.strerror or str(error),
                          remedy="Name a folder on a disk with room that you may write to.") from error


def _keep(folder: Path, part: Path, ref: str, packed: dict, origin: str, digest: str) -> Kept:
    """Give the finished file its name, then put it into the index."""
    marks = packed["configuration"].get("config", {}).get("Labels") or {}
    stand_in = marks.get(labels.COURSE) == labels.BASE and bool(marks.get(labels.STAND_IN))
    reference = references.parse(ref)
    stem = re.sub(r"[^a-z0-9.]+", "-", str(reference).lower().replace(":latest", ""))
    file = f"{stem}-{packed['sha256'][:12]}.tar.zst"
    with open(part, "rb") as written:
        os.fsync(written.fileno())
    os.chmod(part, 0o644)
    os.replace(part, folder / file)
    kept = Kept(ref=ref, file=file, sha256=packed["sha256"], size=packed["size"],
                origin=origin, stand_in=stand_in,
                made_of=marks.get(labels.MADE_OF, "") if stand_in else "",
                architecture=packed["configuration"].get("architecture", ""),
                config=packed["config"], layers=packed["layers"], unpacked=packed["unpacked"],
                digest=digest, saved=time.strftime("%Y-%m-%d", time.gmtime()), folder=folder)
    kit.write(folder, kept)
    return kept
