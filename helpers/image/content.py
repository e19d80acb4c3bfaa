"""Read a file of an image, or search all its files, including those that a later layer hides."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from docker.errors import APIError
from docker.utils.utils import decode_json_header

from ..engine import Engine, connect
from ..errors import CourseError, ImageNotFound
from ..labels import RUN, marked
from .archive import Archive, Member
from .archive_reader import collect, save, seen_by
from .byte_stream import ByteStream
from .model import Image, Layer

LIMIT = 256_000_000    # bytes of a file that is read into memory
_LARGE = 50_000_000    # bytes of an image from which copying out of a container is faster than saving it
_NO_FILE = 0x8F280000  # Go's fs.ModeType: a folder, a link, a device ...
_ENGINES_OWN = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/.dockerenv")    # in any container


def read_file(image: Image, path: str, layer: Layer | None = None, engine: Engine | None = None) -> bytes:
    """The content of the file at an absolute `path`, in `layer` or else in the topmost layer that has it. Raises
    ImageNotFound if there is none, CourseError above LIMIT bytes, and the engine's errors."""
    if layer is None and image.unpacked > _LARGE and path not in _ENGINES_OWN and (
            copied := _copy(image, path, engine or connect())) is not None:
        return copied

    def content(member: Member, archive: Archive) -> bytes | None:
        if member.path != path or member.kind != "f":
            return None
        _check_size(image, path, member.size)
        return b"".join(archive.content())

    found = _collect(image, engine, content)
    for candidate in [layer] if layer else reversed(image.layers):
        if found.get(candidate.digest):
            return found[candidate.digest][-1]
    raise ImageNotFound(
        f"{image.reference} has no file {path}" + (f" in the layer of {layer.instruction}." if layer else "."),
        remedy="`python -m helpers inventory IMAGE --files` lists its files.")


def _check_size(image: Image, path: str, size: int) -> None:
    if size > LIMIT:
        raise CourseError(f"{path} has {size:,} bytes: too many to read into memory.",
                          remedy=f"`docker cp` copies it out of a container of {image.reference}.")


def _copy(image: Image, path: str, engine: Engine) -> bytes | None:
    """The file as `docker cp` copies it out of a container that never starts; None if the path is no file there, or the
    engine does not support that."""
    api = engine.client.api
    try:
        made = api.create_container(image.id, ["-"], labels=marked(RUN), network_disabled=True)["Id"]
    except APIError:
        return None
    try:
        # Requesting a folder's archive without reading all of it would keep the engine busy.
        asked = api.head(api._url("/containers/{0}/archive", made), params={"path": path})
        about = decode_json_header(asked.headers.get("X-Docker-Container-Path-Stat")) if asked.ok else None
        if not about or about["mode"] & _NO_FILE:
            return None
        _check_size(image, path, about["size"])
        found = seen_by(lambda member, archive: b"".join(archive.content()), ByteStream(api.get_archive(made, path)[0]))
        return found[0] if found else None
    except APIError:
        return None
    finally:
        engine.client.api.remove_container(made, v=True, force=True)


@dataclass(frozen=True)
class Trace:
    """A place where a text was found."""

    where: str                # 'file', 'history', 'settings' or 'label'
    what: str                 # the path, the instruction, the variable or the label
    layer: int | None = None  # index of the file's layer, None for the rest


def search(image: Image, needle: str, engine: Engine | None = None) -> tuple[Trace, ...]:
    """Every place in an image that has the text `needle`: its files, including hidden ones, its history, settings and
    labels. Compressed or encoded text is not found. Raises ValueError for an empty needle, and the engine's errors."""
    return search_all(image, (needle,), engine)[needle]


def search_all(image: Image, needles: Sequence[str], engine: Engine | None = None) -> dict[str, tuple[Trace, ...]]:
    """{needle: its places} as of `search`, reading the image once. Errors as of `search`."""
    if not all(needles):
        raise ValueError("An empty text is everywhere.")
    if not needles:
        return {}
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
    """Those that are in the content, also across the seams of its pieces."""
    kept, longest = b"", max(map(len, wanted))
    found: set[bytes] = set()
    for piece in pieces:    # to the end, or the next member cannot be read
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
        return _on_disk(image, engine, look) or collect(save(engine.client.api, image.id), look)


def _on_disk(image: Image, engine: Engine, look: Callable[[Member, Archive], object]) -> dict[str, list] | None:
    """As `collect`, from the engine's disk; None if that cannot be read."""
    digests = [layer.digest for layer in image.layers]
    found: dict[str, list] = {}
    with contextlib.suppress(OSError, ValueError):    # saving the image reports what is wrong
        for index, digest in enumerate(digests):
            if (chunks := engine.layer(digests[:index + 1])) is None:
                return None
            found[digest] = seen_by(look, ByteStream(chunks))
        return found
    return None
