"""Ask an engine for an image and measure it."""

import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from docker.errors import NotFound

from ..bases import find, original
from ..bases.references import short
from ..dockerfile import SCRATCH
from ..engine import Engine, connect
from ..errors import ImageUnreadable
from ..labels import BUILD, COURSE, STANDS_ON, STEP
from . import archive_reader, cache, history
from .archive_reader import Measured
from .entries import Entries
from .filesystem import Tree
from .listing import names
from .model import Image, Layer, base_of

Known = TypeVar("Known")


def inspect(reference: str, engine: Engine | None = None) -> Image:
    """The image of that name or id, measured; a layer is read only once. Raises ImageNotFound, ImageUnreadable and the
    engine's errors."""
    engine = engine or connect()
    with engine.translate_errors(f"show the image {reference}"):
        inspected = engine.client.api.inspect_image(reference)
        entries = engine.client.api.history(inspected["Id"])
    digests = tuple(inspected["RootFS"].get("Layers") or ())
    instructions = history.from_engine(entries, len(digests)) or cache.instructions(inspected["Id"])
    known = _known(cache.load, digests, engine)
    if instructions is None or known is None:
        configs: dict[str, dict] = {}
        known = _save(engine, inspected["Id"], digests, configs)
        if instructions is None:
            config = configs.get(inspected["Id"]) or next(iter(configs.values()), {})
            instructions = history.from_config(config, len(digests))
            cache.keep_instructions(inspected["Id"], instructions)
    layers = tuple(Layer(digest, made, known[digest].unpacked, known[digest].files)
                   for digest, made in zip(digests, instructions))
    labels = dict((inspected.get("Config") or {}).get("Labels") or {})
    stated = labels.get(STANDS_ON)
    base, count = base_of(digests, _possible_bases(engine, inspected["Id"], stated), stated)
    catalogued = find(base) if base else None
    return Image(reference, inspected["Id"], layers, inspected.get("Created") or "", labels,
                 engine.describe(), base, count, catalogued.role if catalogued else "")


def transfer(image: Image, engine: Engine | None = None) -> int:
    """Bytes of the gzip-compressed layers, which a push or pull of `image` moves. The first time, 25 MB take about a
    second. Raises ImageUnreadable and the engine's errors."""
    digests = [layer.digest for layer in image.layers]
    known = _known(lambda digest: (cache.load(digest) or Measured()).transfer, digests)
    if known is None:
        read = _save(engine or connect(), image.id, digests, compressed=True)
        known = {digest: measured.transfer or 0 for digest, measured in read.items()}
    return sum(known[digest] for digest in digests)


def contents(image: Image, engine: Engine | None = None) -> tuple[Entries, ...]:
    """The entries of each layer; a layer is read only once. Raises ImageUnreadable and the engine's errors."""
    digests = [layer.digest for layer in image.layers]
    known = _known(cache.entries, digests, engine)
    if known is None:
        read = _save(engine or connect(), image.id, digests)
        known = {digest: measured.entries for digest, measured in read.items() if measured.entries is not None}
    return tuple(known[digest] for digest in digests)


def layer_by_path(image: Image, engine: Engine | None = None) -> dict[str, Layer]:
    """{absolute path: its layer} of all that a container sees. Raises ImageUnreadable and the engine's errors."""
    return {path: image.layers[index] for path, index in Tree(contents(image, engine)).layers().items()}


def unique(image: Image, engine: Engine | None = None) -> int:
    """Unpacked bytes of the layers that no other named image has. Raises the engine's errors."""
    others = [layers for summary, layers in _named(engine or connect()) if summary["Id"] != image.id]
    shared = {digest for layers in others for digest in layers}
    return sum(layer.unpacked for layer in image.layers if layer.digest not in shared)


def _known(load: Callable[[str], Known | None], digests: Sequence[str],
           engine: Engine | None = None) -> dict[str, Known] | None:
    """{digest: result of `load`, from the cache}; None unless all are there. A missing layer is read from the disk of
    `engine` if possible, since the engine can only send the whole image."""
    found = {}
    for index, digest in enumerate(digests):
        known = load(digest)
        if known is None and engine and _read_from_disk(engine, digests[:index + 1]):
            known = load(digest)
        if known is None:
            return None
        found[digest] = known
    return found


def _read_from_disk(engine: Engine, digests: Sequence[str]) -> bool:
    """Cache the last of an image's lowest layers from the engine's disk; False if it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        if (chunks := engine.layer(digests)) and (measured := archive_reader.read_layer(chunks, digests[-1])):
            _keep(digests[-1], measured)
            return True
    return False


def _keep(digest: str, measured: Measured) -> None:
    """Cache a layer, keeping its compressed size if that is cached."""
    if measured.transfer is None:
        measured.transfer = (cache.load(digest) or Measured()).transfer
    cache.keep(digest, measured)


def _possible_bases(engine: Engine, image_id: str, stated: str | None) -> dict[str, tuple[str, ...]]:
    """{name: layers} of the base that the build `stated`, else of each named image that may be the base: those that the
    course built for a lesson are not. Listing the images is slow."""
    if stated == SCRATCH:
        return {}
    if stated and (base := engine.find_image(stated)) and base["Id"] != image_id:
        return {stated: tuple(base["RootFS"].get("Layers") or ())}
    return {_name(summary): layers for summary, layers in _named(engine)
            if summary["Id"] != image_id and (summary.get("Labels") or {}).get(COURSE) not in (BUILD, STEP)}


def _named(engine: Engine) -> list[tuple[dict, tuple[str, ...]]]:
    """(the engine's summary, layer digests) of each image with a name."""
    found = []
    with engine.translate_errors("list its images"):
        for summary in filter(names, engine.client.api.images()):
            with contextlib.suppress(NotFound):   # removed meanwhile
                found.append((summary, _layers(engine, summary["Id"])))
    return found


_known_layers: dict[str, tuple[str, ...]] = {}   # by image id: an engine may have hundreds of images


def _layers(engine: Engine, image_id: str) -> tuple[str, ...]:
    if image_id not in _known_layers:
        inspected = engine.client.api.inspect_image(image_id)
        _known_layers[image_id] = tuple(inspected["RootFS"].get("Layers") or ())
    return _known_layers[image_id]


def _name(summary: dict) -> str:
    """The name as in a Dockerfile, not the course's own."""
    known = min(names(summary), key=lambda tag: (tag.startswith("localhost/"), tag), default="")
    # Podman puts localhost before names without a registry.
    return short(original(known)).removeprefix("localhost/").removesuffix(":latest")


def _save(engine: Engine, image_id: str, digests: Sequence[str], configs: dict[str, dict] | None = None, *,
          compressed: bool = False) -> dict[str, Measured]:
    """Read and cache the whole saved image, which must have the layers `digests`."""
    with engine.translate_errors("save the image"):
        read = archive_reader.read(archive_reader.save(engine.client.api, image_id), configs, transfer=compressed)
    missing = [digest for digest in digests if digest not in read]
    if missing:
        raise ImageUnreadable(f"The saved image {image_id[:19]} lacks {len(missing)} of its {len(digests)} layers.",
                              remedy="Remove the image and build or pull it again.")
    for digest, measured in read.items():
        _keep(digest, measured)
    return read
