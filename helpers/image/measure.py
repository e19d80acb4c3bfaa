"""Ask an engine for an image and measure it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from docker.errors import NotFound

from ..bases import find, original
from ..bases.references import short
from ..engine import Engine, connect
from ..errors import ImageUnreadable
from ..labels import BUILD, COURSE, STANDS_ON, STEP
from . import archive_reader, cache
from .entries import Entries
from .model import Image, Layer, base_of, instruction, makes_layer, unshared
from .stream import stream
from .filesystem import Tree


def inspect(reference: str, engine: Engine | None = None) -> Image:
    """The image of that name or id, its layers measured.

    Layers that were measured before are not read again. Raises ImageNotFound,
    ImageUnreadable and the engine's errors.
    """
    engine = engine or connect()
    with engine.translate_errors(f"show the image {reference}"):
        inspected = engine.client.api.inspect_image(reference)
        history = engine.client.api.history(inspected["Id"])
    digests = tuple(inspected["RootFS"].get("Layers") or ())
    made_by = _from_history(history, len(digests))
    known = {digest: cache.load(digest) for digest in digests}
    if made_by is None or None in known.values():
        read = _save(engine, inspected["Id"], digests, known=known)
        known |= {digest: read.layers[digest] for digest in digests}
        made_by = made_by or _from_config(read, inspected["Id"], len(digests))
    layers = tuple(Layer(digest, made, known[digest].unpacked, known[digest].files)
                   for digest, made in zip(digests, made_by))
    config = inspected.get("Config") or {}
    stated = ((inspected.get("Config") or {}).get("Labels") or {}).get(STANDS_ON)
    base, count = base_of(digests, _bases(engine, inspected["Id"]), stated)
    catalogued = find(base) if base else None
    return Image(
        reference, inspected["Id"], layers, inspected.get("Created") or "",
        dict(config.get("Labels") or {}), _settings(config), engine.describe(),
        base=base, base_layers=count, base_role=catalogued.role if catalogued else "",
    )


def transfer(image: Image, engine: Engine | None = None) -> int:
    """Bytes that pushing or pulling `image` moves, its layers compressed by gzip.

    Compressing takes about a second for 25 MB the first time; then it is known.
    """
    engine = engine or connect()
    known = {layer.digest: cache.load(layer.digest) for layer in image.layers}
    if any(measured is None or measured.transfer is None for measured in known.values()):
        known = _save(engine, image.id, known, transfer=True).layers
    return sum(known[layer.digest].transfer for layer in image.layers)


def contents(image: Image, engine: Engine | None = None) -> tuple[Entries, ...]:
    """What is in each of the image's layers, in their order.

    Layers that were read before are not read again, and nothing is run in the
    image, so this works on one with no shell. Raises ImageUnreadable and the
    engine's errors.
    """
    digests = [layer.digest for layer in image.layers]
    known = {digest: cache.entries(digest) for digest in digests}
    if None in known.values():
        read = _save(engine or connect(), image.id, digests)
        known = {digest: read.layers[digest].entries for digest in digests}
    return tuple(known[digest] for digest in digests)


def layer_by_path(image: Image, engine: Engine | None = None) -> dict[str, Layer]:
    """{absolute path: the layer it comes from} for all that a container would see."""
    tree = Tree(contents(image, engine))
    return {path: image.layers[index] for path, index in tree.layers().items()}


def unique(image: Image, engine: Engine | None = None) -> int:
    """Unpacked bytes of the layers that no other named image in the engine has."""
    engine = engine or connect()
    return unshared(image, [below for summary, below in _others(engine) if summary["Id"] != image.id])


def _bases(engine: Engine, image_id: str) -> dict[str, tuple[str, ...]]:
    """Layers of each other named image that it may stand on: what the course built
    for a lesson is nobody's base."""
    return {_name(summary): layers for summary, layers in _others(engine)
            if summary["Id"] != image_id
            and (summary.get("Labels") or {}).get(COURSE) not in (BUILD, STEP)}


def _others(engine: Engine) -> list[tuple[dict, tuple[str, ...]]]:
    found = []
    with engine.translate_errors("list its images"):
        for summary in filter(_name, engine.client.api.images()):
            with contextlib.suppress(NotFound):   # somebody has just removed it
                found.append((summary, _layers(engine, summary["Id"])))
    return found


_known_layers: dict[str, tuple[str, ...]] = {}   # an id names one image, in every engine


def _layers(engine: Engine, image_id: str) -> tuple[str, ...]:
    """The digests of an image's layers, asked for once: an engine may have hundreds of images."""
    if image_id not in _known_layers:
        inspected = engine.client.api.inspect_image(image_id)
        _known_layers[image_id] = tuple(inspected["RootFS"].get("Layers") or ())
    return _known_layers[image_id]


def _name(summary: dict) -> str:
    """The name that a reader knows: that of the Dockerfile, not the course's own."""
    tags = [tag for tag in summary.get("RepoTags") or () if tag != "<none>:<none>"]
    known = min(tags, key=lambda tag: (tag.startswith("localhost/"), tag), default="")
    # Podman says localhost for what no registry is known to have.
    return short(original(known)).removeprefix("localhost/").removesuffix(":latest")


def _save(engine: Engine, image_id: str, digests: Collection[str], *, transfer: bool = False,
          known: Mapping[str, archive_reader.Measured | None] = MappingProxyType({})) -> archive_reader.Saved:
    """Read the whole saved image, which is to have the layers `digests`; remember
    what it says of each."""
    with engine.translate_errors("save the image"):
        read = archive_reader.read(stream(engine.client.api, image_id), transfer=transfer)
    missing = [digest for digest in digests if digest not in read.layers]
    if missing:
        raise ImageUnreadable(
            f"The saved image {image_id[:19]} lacks {len(missing)} of its {len(digests)} layers.",
            remedy="Remove the image and build or pull it anew.")
    for digest, measured in read.layers.items():
        before = known.get(digest) or cache.load(digest)
        if measured.transfer is None and before:
            measured.transfer = before.transfer
        cache.keep(digest, measured)
    return read


# -- which instruction made which layer ----------------------------------------------

def _from_history(history: Sequence[dict], layers: int) -> list[str] | None:
    """One instruction for each layer, from the engine's history (newest first).

    The API does not say which entries are without a layer. Those with bytes
    have one; of the others, keywords tell. None where that does not add up.
    """
    oldest_first = list(reversed(history))
    for has_layer in (lambda e: e["Size"] > 0 or makes_layer(e["CreatedBy"] or ""),
                      lambda e: e["Size"] > 0):
        made = [entry for entry in oldest_first if has_layer(entry)]
        if len(made) == layers:
            return [_said(entry["CreatedBy"], entry.get("Comment")) for entry in made]
    return None


def _from_config(read: archive_reader.Saved, image_id: str, layers: int) -> list[str]:
    """The same from the image's own configuration, which does say."""
    configs = read.configs.get(image_id) or next(iter(read.configs.values()), {})
    history = configs.get("history")
    made = [_said(entry.get("created_by"), entry.get("comment"))
            for entry in (history if isinstance(history, list) else ())
            if isinstance(entry, dict) and not entry.get("empty_layer")]
    return (made + ["(not recorded)"] * layers)[:layers]


def _said(created_by: object, comment: object) -> str:
    if created_by == "/bin/sh":   # all that Podman writes of a container that it commits
        return "(not recorded)"
    told = instruction(created_by) if isinstance(created_by, str) else ""
    return told or (comment if isinstance(comment, str) else "") or "(not recorded)"


def _settings(config: dict) -> tuple[tuple[str, str], ...]:
    command = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    pairs = (("user", config.get("User") or "root"), ("command", " ".join(command)),
             ("directory", config.get("WorkingDir") or "/"),
             ("ports", ", ".join(config.get("ExposedPorts") or ())))
    return tuple((name, value) for name, value in pairs if value)
