"""Load a base image out of a kit into an engine, or unpack it where the engine reads it.

    kit/shelf      written while an image of Binder's is built: Podman with one id reads base
                   images there, and a session has nothing to load
"""

from __future__ import annotations

import contextlib
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from docker.errors import ImageNotFound as SDKImageNotFound

from .. import units
from ..engine import Engine, backends
from ..engine.podman import additional_store
from ..engine.timeouts import patient
from ..engine.translate import engine_fault
from . import kit, references
from .kit import Kept, KitDamaged

SHELF = "shelf"   # in a kit's folder: `helpers.engine.podman.service` looks for it there
_LOAD_SECONDS = 1800

Report = Callable[[str], None]


def load(engine: Engine, kept: Kept, report: Report) -> str:
    """Load `kept`; the name that it then has: the course's own for it, or where it could be
    put on a shelf the one that it goes by there.

    Raises KitDamaged where the file is not what was saved or the engine made something else
    of it, and what `engine.translate_errors` raises.
    """
    place = backends.image_folder(engine.host)
    shelved = shelve(kept, place, report) if place else None
    if shelved and _layers(engine, shelved) == kept.layers:
        return shelved
    name = references.course_name(references.parse(kept.ref))
    with _timed("Load", kept, report), engine.translate_errors(f"load {kept.ref}"):
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
    return name


def shelve(kept: Kept, place: Path, report: Report) -> str | None:
    """Put `kept` on the shelf `place`; its name there, None where it cannot be put there.

    Raises KitDamaged where the file is not what was saved.
    """
    name = references.parse(kept.ref)
    if name.digest:     # cannot be a name there
        name = references.parse(references.course_name(name))
    full = f"{name.registry}/{name.path}:{name.tag}"
    if full in additional_store.names(place):
        return str(name)
    try:
        with _timed("Unpack", kept, report):
            additional_store.put(place, kept.archive(), full, kept.layers)
    except (ValueError, KeyError, tarfile.TarError) as error:
        raise KitDamaged(f"{kept.path} cannot be used.", why=f"{type(error).__name__}: {error}",
                         remedy=f"Delete it and save {kept.ref} into the kit again.") from error
    except (additional_store.Unfit, OSError) as error:
        report(f"{kept.ref} cannot be kept unpacked: {error}.")
        return None
    return str(name)


def fill_shelf(folder: Path, report: Report) -> list[str]:
    """Put all of the kit in `folder` on its shelf; the names of those that are there. Raises KitDamaged."""
    names = [shelve(kept, folder / SHELF, report) for kept in kit.entries(folder, required=True)]
    return [name for name in names if name]


@contextlib.contextmanager
def _timed(verb: str, kept: Kept, report: Report) -> Iterator[None]:
    """Reports the beginning and the end, and checks the file first."""
    started = time.monotonic()
    report(f"{verb}ing {kept.ref} from the kit in {kept.folder} ({units.size(kept.size)}) ...")
    kept.check()
    yield
    report(f"{verb}ed {kept.ref} in {units.seconds(time.monotonic() - started)}.")


def _layers(engine: Engine, name: str) -> tuple[str, ...] | None:
    """Digests of an image's layers; None without that image."""
    with engine.translate_errors(f"look for {name}"):
        try:
            return tuple(engine.client.api.inspect_image(name).get("RootFS", {}).get("Layers") or ())
        except SDKImageNotFound:
            return None
