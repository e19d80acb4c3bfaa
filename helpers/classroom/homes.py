"""The learners' work, saved when a class closes and restored when one opens.

The folder holds NAME.tar.gz for each learner, and the hub's `passwords`, so that names stay with their learners.
"""

import contextlib
import gzip
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from ..engine import Engine
from ..engine.timeouts import patient
from ..errors import CourseError
from . import containers, disks
from .room import LABEL, PART, Room

_HOME = "/home/jovyan"
_ENDING = ".tar.gz"
_SECONDS = 1800     # limit for moving a home


def volumes(engine: Engine, name: str) -> dict[str, str]:
    """The volumes of a class: {name: 'home', 'engine', 'disks' or 'store'}."""
    listed = engine.client.api.volumes(filters={"label": f"{LABEL}={name}"})["Volumes"] or ()
    return {each["Name"]: each["Labels"].get(PART, "") for each in listed}


def save(engine: Engine, room: Room, report: Callable[[str], None]) -> list[Path]:
    """Save all homes of a class; returns the archives. Raises CourseError if one cannot be saved completely."""
    saved = []
    for volume in sorted(name for name, part in volumes(engine, room.name).items() if part == "home"):
        place = Path(room.homes, volume.removeprefix(f"{room.name}-home-") + _ENDING)
        disks.make(engine.client.api, room, {volume: "home"})
        with containers.container(engine, room, {volume: _HOME}) as made:
            pieces, _ = patient(engine.client.api, _SECONDS).get_archive(made, _HOME)
            with contextlib.closing(pieces):    # the engine cannot remove a container while it is being read
                _write(place, pieces)
        saved.append(place)
    if saved:
        report(f"Saved {len(saved)} home{'s' * (len(saved) > 1)} in {room.homes}.")
    return saved


def _write(place: Path, pieces: Iterable[bytes]) -> None:
    """Write an archive and read it back before it replaces an older one."""
    part = place.with_name(f".{place.name}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(part, "wb") as file, gzip.open(file, "wb", compresslevel=3) as packed:
            os.chmod(part, 0o600)
            for piece in pieces:
                packed.write(piece)
        with tarfile.open(part) as archive:
            archive.getmembers()
        os.replace(part, place)
    except (OSError, tarfile.TarError) as error:
        raise CourseError(f"The home of {place.name.removesuffix(_ENDING)} could not be saved.", why=str(error),
                          remedy=f"Free space for {place.parent} and run `make class-stop` again. Nothing was "
                                 "removed.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def restore(engine: Engine, room: Room, report: Callable[[str], None]) -> list[str]:
    """Restore the saved homes that the engine does not have; returns the learners' names."""
    there, restored = volumes(engine, room.name), []
    for place in sorted(Path(room.homes).glob(f"*{_ENDING}")):
        name = place.name.removesuffix(_ENDING)
        volume = f"{room.name}-home-{name}"
        if volume in there:
            continue
        disks.make(engine.client.api, room, {volume: "home"})
        with containers.container(engine, room, {volume: _HOME}) as made, gzip.open(place) as file:
            api = patient(engine.client.api, _SECONDS)
            api.put_archive(made, os.path.dirname(_HOME), iter(lambda: file.read(1 << 20), b""))
        restored.append(name)
    if restored:
        report(f"Restored {len(restored)} saved home{'s' * (len(restored) > 1)}.")
    return restored
