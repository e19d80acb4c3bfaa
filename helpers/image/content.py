"""Look into the files of an image's layers: read one out, or search them all.

A layer that a later one hides is shipped all the same, and is searched here too.
Nothing is run in the image, and nothing is written to the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..engine import Engine, connect
from ..errors import CourseError, ImageNotFound
from .archive import Archive, Member
from .archive_reader import collect
from .model import Image, Layer
from .stream import stream

LIMIT = 256_000_000    # bytes of files that are read out: they are held in memory


def read_file(image: Image, path: str, layer: Layer | None = None, engine: Engine | None = None) -> bytes:
    """The content of the file at an absolute `path`, from `layer` or else from the topmost layer
    that has it.

    Raises ImageNotFound if there is none, CourseError for one over LIMIT bytes, and the
    engine's errors.
    """
    def content(member: Member, archive: Archive) -> bytes | None:
        if member.path != path or member.kind != "f":
            return None
        if member.size > LIMIT:
            raise CourseError(f"{path} has {member.size:,} bytes: too many to read into memory.",
                              remedy=f"`docker cp` copies it out of a container of {image.reference}.")
        return b"".join(archive.content())

    found = _collect(image, engine, content)
    for candidate in [layer] if layer else reversed(image.layers):
        if found.get(candidate.digest):
            return found[candidate.digest][-1]
    raise ImageNotFound(
        f"{image.reference} has no file {path}" + (f" in the layer of {layer.instruction}." if layer else "."),
        remedy="`python -m helpers inventory IMAGE --files` lists its files.")


@dataclass(frozen=True)
class Trace:
    """A place where the searched text was found.

    where  'file', 'history', 'settings' or 'label'
    what   the path, the instruction, the variable or the label
    layer  index of the layer that has the file, None for the rest
    """

    where: str
    what: str
    layer: int | None = None


def search(image: Image, needle: str, engine: Engine | None = None) -> tuple[Trace, ...]:
    """Every place in an image where the text `needle` is: its files, including those that a later
    layer hides, its history, its settings and labels. Files are searched as they are: what is
    compressed or encoded inside one is not found.

    Raises ValueError for an empty needle, and the engine's errors.
    """
    return search_all(image, (needle,), engine)[needle]


def search_all(image: Image, needles: Sequence[str], engine: Engine | None = None) -> dict[str, tuple[Trace, ...]]:
    """{needle: its places} as of `search`: the image is read once."""
    if not all(needles):
        raise ValueError("An empty text is everywhere.")
    wanted = [needle.encode() for needle in needles]
    engine = engine or connect()

    def holder(member: Member, archive: Archive) -> tuple[str, set[bytes]] | None:
        path = member.path.encode("utf-8", "surrogateescape")
        found = {each for each in wanted if each in path}
        if member.size:
            found |= _contained(archive.content(), wanted)
        return (member.path, found) if found else None

    seen = _collect(image, engine, holder)
    return {needle: (*(Trace("file", path, index) for index, layer in enumerate(image.layers)
                       for path, found in seen.get(layer.digest, ()) if sought in found),
                     *_in_settings(image, needle, engine)) for needle, sought in zip(needles, wanted)}


def _contained(pieces: Iterator[bytes], wanted: Sequence[bytes]) -> set[bytes]:
    """Those that are in the content, across the seams of its pieces too."""
    kept, longest = b"", max(map(len, wanted))
    found: set[bytes] = set()
    for piece in pieces:    # to the end: the next file comes after it
        seam = kept + piece[:longest] if kept else b""
        found.update(each for each in wanted if each in piece or each in seam)
        kept = (kept + piece)[-longest:] if len(piece) < longest else piece[-longest:]
    return found


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


def _collect(image: Image, engine: Engine | None, look: Callable[[Member, Archive], object]) -> dict[str, list]:
    engine = engine or connect()
    with engine.translate_errors("save the image"):
        return collect(stream(engine.client.api, image.id), look)
