"""Load a base image out of a kit into an engine, or put it where the engine reads it."""

from __future__ import annotations

import time
from collections.abc import Callable

from docker.errors import ImageNotFound as SDKImageNotFound

from .. import units
from ..engine import Engine, backends
from ..engine.timeouts import patient
from ..engine.translate import engine_fault
from . import references, shelving
from .kit import Kept, KitDamaged

_LOAD_SECONDS = 1800


def load(engine: Engine, kept: Kept, report: Callable[[str], None]) -> str:
    """Load `kept`; the name that it then has: the course's own for it, or where it could be
    put on a shelf the one that it goes by there.

    Raises KitDamaged where the file is not what was saved or the engine made
    something else of it, and what `engine.translate_errors` raises.
    """
    place = backends.image_folder(engine.host)
    shelved = shelving.shelve(kept, place, report) if place else None
    if shelved and _layers(engine, shelved) == kept.layers:
        return shelved
    name = references.course_name(references.parse(kept.ref))
    started = time.monotonic()
    report(f"Loading {kept.ref} from the kit in {kept.folder} ({units.size(kept.size)}) ...")
    kept.check()   # before the engine hears of it
    with engine.translate_errors(f"load {kept.ref}"):
        api = patient(engine.client.api, _LOAD_SECONDS)
        for event in api.load_image(kept.archive()):
            if event.get("error"):
                raise engine_fault(f"load {kept.ref}", event["error"])
        found = _layers(engine, name)
        if found != kept.layers:
            if found is not None:
                api.remove_image(name, noprune=True)
            raise KitDamaged(f"{engine.name} made another image of {kept.path}.",
                             why="Its layers are not those that were saved.",
                             remedy=f"Delete the file and save {kept.ref} into the kit again.")
    report(f"Loaded {kept.ref} in {units.seconds(time.monotonic() - started)}.")
    return name


def _layers(engine: Engine, name: str) -> tuple[str, ...] | None:
    """Digests of an image's layers; None without that image."""
    with engine.translate_errors(f"look for {name}"):
        try:
            return tuple(engine.client.api.inspect_image(name).get("RootFS", {}).get("Layers") or ())
        except SDKImageNotFound:
            return None
