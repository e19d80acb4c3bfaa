"""Put base images of a kit where Podman with one id reads them, instead of loading them.

    kit/shelf      written while an image of Binder's is built; a session has nothing to load
"""

from __future__ import annotations

import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from .. import units
from ..engine.podman import additional_store
from . import kit, references
from .kit import Kept, KitDamaged

SHELF = "shelf"   # in a kit's folder: `helpers.engine.podman.service` looks for it there


def shelve(kept: Kept, place: Path, report: Callable[[str], None]) -> str | None:
    """Put `kept` on the shelf `place`; its name there, None where it cannot be put there.

    Raises KitDamaged where the file is not what was saved.
    """
    name = own_name(kept)
    full = f"{name.registry}/{name.path}:{name.tag}"
    if full in additional_store.names(place):
        return str(name)
    started = time.monotonic()
    report(f"Unpacking {kept.ref} from the kit in {kept.folder} ({units.size(kept.size)}) ...")
    kept.check()
    try:
        additional_store.put(place, kept.archive(), full, kept.layers)
    except (ValueError, KeyError, tarfile.TarError) as error:
        raise KitDamaged(f"{kept.path} cannot be used.", why=f"{type(error).__name__}: {error}",
                         remedy=f"Delete it and save {kept.ref} into the kit again.") from error
    except (additional_store.Unfit, OSError) as error:
        report(f"{kept.ref} cannot be kept unpacked: {error}.")
        return None
    report(f"Unpacked {kept.ref} in {units.seconds(time.monotonic() - started)}.")
    return str(name)


def own_name(kept: Kept) -> references.Reference:
    """What it is called in an engine of the course: a digest cannot be a name there."""
    name = references.parse(kept.ref)
    return references.parse(references.course_name(name)) if name.digest else name


def fill(folder: Path, report: Callable[[str], None]) -> list[str]:
    """Put all of the kit in `folder` on its shelf; the names of those that are there. Raises KitDamaged."""
    names = [shelve(kept, folder / SHELF, report) for kept in kit.entries(folder, required=True)]
    return [name for name in names if name]
