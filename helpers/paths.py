"""The course's folders on this machine.

    state   the course's engines, and locks
    cache   downloads and measurements: safe to delete, made again when needed
    data    saved base images

They follow the XDG base directory specification; MULTISTAGE_HOME puts them below one folder. Without a writable home
they are in the folder for temporary files.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

_NAME = "multistage-course"
_PROJECT = Path(__file__).resolve().parents[1]
KIT = "MULTISTAGE_KIT"
SHARED = "MULTISTAGE_SHARED"


def _folder(kind: str, variable: str, default: str) -> Path:
    home = os.environ.get("MULTISTAGE_HOME")
    if home:
        return Path(home).expanduser().absolute() / kind
    try:
        place = Path(os.environ.get(variable) or Path.home() / default) / _NAME
    except RuntimeError:   # an id without a name and without a home
        return _spare(kind)
    return place if _writable(place) else _spare(kind)


def _writable(place: Path) -> bool:
    """Whether `place` is writable or can be made."""
    return os.access(next(each for each in (place, *place.parents) if each.exists()), os.W_OK)


def _spare(kind: str) -> Path:
    """This user's folder among the temporary files. Others may write there too, so a folder that somebody else made is
    skipped."""
    name, number = f"{_NAME}-{os.getuid()}-{kind}", 0
    while True:
        place = Path(tempfile.gettempdir(), f"{name}-{number}" if number else name)
        try:
            if place.lstat().st_uid == os.getuid() and not place.is_symlink():
                return place
        except FileNotFoundError:
            return place
        number += 1


def state() -> Path:
    """Folder of the course's engines (not created by this call)."""
    return _folder("state", "XDG_STATE_HOME", ".local/state")


def cache() -> Path:
    """Folder of downloads and measurements (not created by this call)."""
    return _folder("cache", "XDG_CACHE_HOME", ".cache")


def data() -> Path:
    """Folder of saved base images (not created by this call)."""
    return _folder("data", "XDG_DATA_HOME", ".local/share")


def shared() -> Path | None:
    """A read-only folder that sessions share, laid out like MULTISTAGE_HOME; None if there is none."""
    named = os.environ.get(SHARED, "").strip()
    return Path(named).absolute() if named else None


def kits() -> tuple[Path, ...]:
    """Folders that may be kits: only the one in MULTISTAGE_KIT if that is set, else `.kit` in the project and the
    user's."""
    named = os.environ.get(KIT, "").strip()
    if named:
        return (Path(named).expanduser().absolute(),)
    return (_PROJECT / ".kit", data() / "kit")


def applications() -> tuple[Path, ...]:
    """Folders with the course's Dockerfiles: the lessons' applications, the exercises (with the learner's work) and the
    stand-ins."""
    return (_PROJECT / "notebooks" / "apps", _PROJECT / "exercises", _PROJECT / "helpers" / "bases" / "standins")


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock file `path`, which a process that dies releases. `waiting` is called if another one holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` so that a reader sees the old file or the new one, never a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def remove(place: str) -> None:
    """Delete a file or a tree, even one with directories that their owner may not enter."""
    if not os.path.lexists(place):
        return
    if os.path.islink(place) or not os.path.isdir(place):
        os.unlink(place)
        return
    os.chmod(place, 0o700)
    for folder, names, _ in os.walk(place):
        for name in names:
            below = os.path.join(folder, name)
            if not os.path.islink(below):
                os.chmod(below, 0o700)
    shutil.rmtree(place)
