"""Look into the files of an image's layers: read one out, or search them all.

A layer that a later one hides is shipped all the same, and is looked into here too.
Nothing is run in the image, and nothing is written to the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..engine import Engine, connect
from ..errors import CourseError, ImageNotFound
from . import archive_reader
from .archive import Archive, Entry
from .model import Image, Layer
from .stream import stream

LARGEST = 256_000_000    # bytes of a file that is read out: it is held in memory


def read_file(image: Image, path: str, layer: Layer | None = None,
              engine: Engine | None = None) -> bytes:
    """The content of a file, out of `layer` or else out of the topmost layer that has it.

    Raises ImageNotFound if it is in none, CourseError for one over LARGEST bytes, and
    the engine's errors.
    """
    found: dict[str, bytes] = {}
    held: list[bytes] = []

    def look(entry: Entry, archive: Archive) -> None:
        if entry.path == path and entry.kind == "f":
            if entry.size > LARGEST:
                raise CourseError(f"{path} has {entry.size:,} bytes: too many to read out.",
                                  remedy=f"`docker cp` takes it out of a container of {image.reference}.")
            held.append(b"".join(archive.content()))

    def ended(digest: str) -> None:
        if held:
            found[digest] = held[-1]
            held.clear()

    _each_file(image, engine, look, ended)
    for candidate in [layer] if layer else reversed(image.layers):
        if candidate.digest in found:
            return found[candidate.digest]
    raise ImageNotFound(
        f"{image.reference} has no file {path}" + (f" in the layer of {layer.instruction}." if layer else "."),
        remedy="`python -m helpers inventory IMAGE --files` lists what it has.")


def read_files(image: Image, wanted: Callable[[str], bool], engine: Engine | None = None) -> dict[str, bytes]:
    """{path: content} of the files whose path is wanted, each out of the topmost layer that
    has it. Raises CourseError for more than LARGEST bytes together, and the engine's errors."""
    found: dict[str, dict[str, bytes]] = {}
    held: dict[str, bytes] = {}
    total = 0

    def look(entry: Entry, archive: Archive) -> None:
        nonlocal total
        if entry.kind == "f" and wanted(entry.path):
            total += entry.size
            if total > LARGEST:
                raise CourseError(f"The files to be read out of {image.reference} have more than {LARGEST:,} bytes.")
            held[entry.path] = b"".join(archive.content())

    def ended(digest: str) -> None:
        found[digest] = dict(held)
        held.clear()

    _each_file(image, engine, look, ended)
    return {path: content for layer in image.layers for path, content in found.get(layer.digest, {}).items()}


@dataclass(frozen=True)
class Trace:
    """A place where the searched bytes stand.

    where  'file', 'history', 'settings' or 'label'
    what   the path, the instruction, the variable or the label
    layer  index of the layer that has the file, None for the rest
    """

    where: str
    what: str
    layer: int | None = None


def search(image: Image, needle: str, engine: Engine | None = None) -> tuple[Trace, ...]:
    """Every place in an image where `needle` stands: its files, those that a later layer
    hides too, its history, its settings and labels. Files are searched as they are:
    what is compressed or encoded in one is not found.

    Raises ValueError for an empty needle, and the engine's errors.
    """
    if not needle:
        raise ValueError("an empty text stands everywhere")
    wanted = needle.encode()
    engine = engine or connect()
    by_digest: dict[str, list[str]] = {}
    held: list[str] = []

    def look(entry: Entry, archive: Archive) -> None:
        if wanted in entry.path.encode("utf-8", "surrogateescape") or (
                entry.size and _stands_in(archive.content(), wanted)):
            held.append(entry.path)

    def ended(digest: str) -> None:
        by_digest[digest] = list(held)
        held.clear()

    _each_file(image, engine, look, ended)
    in_files = [Trace("file", path, index) for index, layer in enumerate(image.layers)
                for path in by_digest.get(layer.digest, ())]
    return (*in_files, *_in_settings(image, needle, engine))


def _stands_in(pieces: Iterator[bytes], wanted: bytes) -> bool:
    """Whether it stands in them, across the seams too. Reads on only until it is found."""
    kept = b""
    for piece in pieces:
        if wanted in piece or kept and wanted in kept + piece[:len(wanted)]:
            for _ in pieces:    # what is left of the file: the next one comes after it
                pass
            return True
        kept = (kept + piece)[-len(wanted):] if len(piece) < len(wanted) else piece[-len(wanted):]
    return False


def _in_settings(image: Image, needle: str, engine: Engine) -> Iterator[Trace]:
    with engine.translate_errors(f"show the image {image.reference}"):
        config = engine.client.api.inspect_image(image.id).get("Config") or {}
        history = engine.client.api.history(image.id)
    for entry in reversed(history):
        if needle in (entry.get("CreatedBy") or ""):
            yield Trace("history", entry["CreatedBy"])
    for setting in (*(config.get("Env") or ()), *(config.get("Cmd") or ()), *(config.get("Entrypoint") or ())):
        if needle in setting:
            yield Trace("settings", setting)
    for name, value in (config.get("Labels") or {}).items():
        if needle in f"{name}={value}":
            yield Trace("label", f"{name}={value}")


def _each_file(image: Image, engine: Engine | None, look, ended) -> None:
    engine = engine or connect()
    with engine.translate_errors("save the image"):
        archive_reader.each_file(stream(engine.client.api, image.id), look, ended)
