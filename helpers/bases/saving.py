"""Save base images into a kit, from an engine or, without one, from a registry."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import requests
from docker import APIClient

from .. import labels, units
from ..engine import Engine
from ..engine.processes import Report
from ..engine.timeouts import patient
from ..errors import BaseUnavailable, CourseError
from . import kit, references
from .kit import Kept
from .resolve import ResolvedBase

_SAVE_SECONDS = 1800
_LEVEL = 9              # of zstd: a third smaller than gzip at about its speed
_PART = ".part-"        # prefix of unfinished files


def save(engine: Engine, base: ResolvedBase, folder: Path, report: Report) -> Kept:
    """Save a base image of the engine into the kit in `folder`. Raises CourseError if the folder is not writable, and
    the errors of the engine."""
    started = time.monotonic()
    api = patient(engine.client.api, _SAVE_SECONDS)
    with engine.translate_errors(f"save {base.name}"):
        image = api.inspect_image(base.name)
        digest = registry_digest(image, base.ref)
        origin = "pulled" if digest and base.origin == "local" else base.origin or "local"
        content = _Content(image["Id"], image["Architecture"], image["Config"].get("Labels") or {},
                           tuple(image["RootFS"]["Layers"]), digest)
        with _named(api, image["Id"], _name(base.ref)) as name:   # the archive must not have the user's names
            kept = _keep(api.get_image(name, chunk_size=1 << 20), folder, base.ref, origin, content)
    report(f"Saved {base.ref}: {units.size(kept.size)} in {units.seconds(time.monotonic() - started)}.")
    return kept


@contextmanager
def _named(api: APIClient, image: str, name: str) -> Iterator[str]:
    """Give an image a name during the block."""
    had = api.images(name)
    api.tag(image, *name.rsplit(":", 1))
    try:
        yield name
    finally:
        if not had:
            api.remove_image(name, noprune=True)


def _name(ref: str) -> str:
    return references.course_name(references.parse(ref))


def registry_digest(image: dict, ref: str) -> str:
    """The image's digest in the registry of `ref`, '' if unknown."""
    own = references.parse(ref)
    for each in map(references.parse, image.get("RepoDigests") or ()):
        if (each.registry, each.path) == (own.registry, own.path):
            return each.digest
    return ""


def fill(folder: Path, refs: Iterable[str], report: Report,
         budget: int | None = None) -> tuple[list[Kept], list[CourseError]]:
    """Fetch those of `refs` that the kit in `folder` lacks, up to `budget` bytes for the whole kit. Returns (those that
    it has now, the errors of the others)."""
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


def fetch(ref: str, folder: Path, report: Report, *, room: int | None = None) -> Kept:
    """Fetch a base image from the mirror or its registry into the kit in `folder`, by skopeo, without an engine or any
    privilege. Raises BaseUnavailable with each place's answer, or if it takes more than `room` bytes."""
    if not shutil.which("skopeo"):
        raise BaseUnavailable(f"{ref} cannot be fetched without an engine.", why="skopeo is not installed.",
                              remedy="Install the package skopeo, or save the base image from an engine.")
    reference, host = references.parse(ref), references.mirror()
    mirrors = references.mirrored(reference, host) if host else ()
    answers = []
    for origin, source in (*(("mirror", each) for each in mirrors), ("pulled", reference)):
        try:
            return _fetch(ref, source, origin, folder, report, room)
        except _SkopeoFailed as refusal:
            answers.append(f"{source}: {refusal}")
    raise BaseUnavailable(f"The base image {ref} could not be fetched.", why="; ".join(answers),
                          remedy=f"Check the network and the name, or set {references.MIRROR} "
                                 "to a registry that has it.")


class _SkopeoFailed(Exception):
    """skopeo's error message."""


def _fetch(ref: str, source: references.Reference, origin: str, folder: Path, report: Report, room: int | None) -> Kept:
    started = time.monotonic()
    secure = str(not references.on_loopback(source.registry)).lower()   # as Docker does: no TLS on loopback
    name = f"docker://{source.full}"
    found = json.loads(_skopeo("inspect", f"--tls-verify={secure}", name))
    settings = _skopeo("inspect", "--config", "--raw", f"--tls-verify={secure}", name)
    coming = sum(layer.get("Size") or 0 for layer in found.get("LayersData") or ())
    if room is not None and coming > room:
        raise BaseUnavailable(f"{ref} is too large for this kit.",
                              why=f"It takes {units.size(coming)}, but only {units.size(max(room, 0))} are left.",
                              remedy="Give the kit a larger budget, or let the session fetch this base image.")
    report(f"Fetching {source}, {units.size(coming)} ...")
    with _written(folder, ref), tempfile.TemporaryDirectory(dir=folder, prefix=_PART) as scratch:
        whole = Path(scratch, "image.tar")
        _skopeo("copy", f"--src-tls-verify={secure}", name, f"docker-archive:{whole}:{_name(ref)}")
        config = json.loads(settings)
        content = _Content(f"sha256:{hashlib.sha256(settings.encode()).hexdigest()}", config["architecture"],
                           config.get("config", {}).get("Labels") or {}, tuple(config["rootfs"]["diff_ids"]),
                           found.get("Digest") or "")
        with open(whole, "rb") as archive:
            kept = _keep(iter(lambda: archive.read(1 << 20), b""), folder, ref, origin, content)
    report(f"Fetched {ref}: {units.size(kept.size)} in {units.seconds(time.monotonic() - started)}.")
    return kept


def _skopeo(command: str, *arguments: str) -> str:
    """Run skopeo and return its output. Raises _SkopeoFailed."""
    done = subprocess.run(["skopeo", "--insecure-policy", "--override-os", "linux", command, *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it failed without a message"])[-1]
        found = re.search(r'msg="((?:[^"\\]|\\.)*)"', last)
        text = found[1].replace('\\"', '"') if found else last
        raise _SkopeoFailed(re.sub(r'^Error (parsing image name|reading manifest) [^:]*(:[^:]*)*?: (?=\w)', "", text))
    return done.stdout


class _Content(NamedTuple):
    """The metadata of an image to be saved."""

    id: str
    architecture: str
    labels: Mapping[str, str]
    layers: tuple[str, ...]   # digests of its uncompressed layers
    digest: str               # in its registry, '' if unknown


def _keep(pieces: Iterable[bytes], folder: Path, ref: str, origin: str, content: _Content) -> Kept:
    """Compress an archive into the kit in `folder` and add it to the index."""
    stand_in = content.labels.get(labels.COURSE) == labels.BASE and bool(content.labels.get(labels.STAND_IN))
    stem = re.sub(r"[^a-z0-9.]+", "-", str(references.parse(ref)).lower().replace(":latest", ""))
    with _written(folder, ref):
        handle, part = tempfile.mkstemp(prefix=_PART, dir=folder)
        try:
            with open(handle, "w+b") as file:
                unpacked = _packed(pieces, file)
                size = file.seek(0, os.SEEK_END)
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            kept = Kept(ref=ref, file=f"{stem}-{digest[:12]}.tar.zst", sha256=digest, size=size, origin=origin,
                        stand_in=stand_in, made_of=content.labels.get(labels.MADE_OF, "") if stand_in else "",
                        architecture=content.architecture, config=content.id, layers=content.layers, unpacked=unpacked,
                        digest=content.digest, saved=time.strftime("%Y-%m-%d", time.gmtime()), folder=folder)
            os.chmod(part, 0o644)
            os.replace(part, kept.path)
        finally:
            Path(part).unlink(missing_ok=True)
        kit.write(folder, kept)
    return kept


def _packed(pieces: Iterable[bytes], file: IO[bytes]) -> int:
    """Write the pieces, compressed with zstd. Returns their uncompressed size in bytes."""
    import zstandard

    packer, unpacked = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, threads=-1).compressobj(), 0
    for piece in pieces:
        unpacked += len(piece)
        file.write(packer.compress(piece))
    file.write(packer.flush())
    file.flush()
    os.fsync(file.fileno())
    return unpacked


@contextmanager
def _written(folder: Path, ref: str) -> Iterator[None]:
    """Make `folder` for the block, which writes into it. Raises CourseError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except requests.RequestException:   # an OSError, too, but of the engine
        raise
    except OSError as error:
        raise CourseError(f"{ref} cannot be saved in {folder}.", why=error.strerror or str(error),
                          remedy="Choose a folder that you can write to, on a disk with enough space.") from error
