"""What all learners read and none makes again: base images, Go's compiled standard library, layer inventories.

One session without privileges fills the volume with its own engine; the learners' engines have it as a read-only
store beside their own. Images are as lesson 01 finds them: it builds its own before the learner's eyes.
"""

import contextlib
import hashlib
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from .. import paths
from ..bases import FIRST, ResolvedBase, kit, save
from ..builder import ensure_bases
from ..engine import Engine
from ..engine.timeouts import patient
from . import containers
from .image import ROOT
from .room import PART, Room

PLACE = "/opt/store"
_KIT = f"{PLACE}/kit"
_RECIPES = ("Dockerfile", "fill_store.sh", "go-crun", "go-toolexec")


def fill(engine: Engine, room: Room, report: Callable[[str], None], refs: Sequence[str] = FIRST) -> None:
    """Make and fill the store of a class, unless one with the same base images is there, and whole: one that learners
    use stays as it is. Raises CourseError."""
    api, bases = engine.client.api, ensure_bases(engine, refs, report=report)
    made_of = _digest(engine, bases)
    if _noted(engine, room).get("made_of") == made_of:
        return
    if api.containers(filters={"volume": room.store}):
        report("Learners use the base images of this class: others come after `make class-stop`.")
        return
    remove(engine, room.store)
    report("Preparing the base images and caches that all learners share (a few minutes) ...")
    api.create_volume(room.store, labels={**room.labels, PART: "store"})
    try:
        with containers.container(engine, room, {room.store: PLACE}, {
                "MULTISTAGE_HOME": PLACE, "MULTISTAGE_KIT": _KIT, "TMPDIR": PLACE,
                "MULTISTAGE_PROGRESS": "/tmp/progress.json"}) as made:
            api.start(made)
            with _saved(engine, room, bases, report) as folder:
                patient(api, 1800).put_archive(made, PLACE, _packed(folder, [base.ref for base in bases]))
            containers.run(engine, made, ["sh", "/opt/fill_store.sh", *(base.ref for base in bases)], "/")
            containers.run(engine, made, ["rm", "-r", _KIT])
            # Some folders of a store are closed to their owner, and `du` reports each.
            taken = containers.run(engine, made, ["sh", "-c", f"du -sB1 {PLACE} 2>/dev/null || true"])
        note = {"made_of": made_of, "size": int(taken.split()[0]), "refs": [base.ref for base in bases]}
        paths.write_whole(_note(), json.dumps(note).encode())
    except BaseException:
        api.remove_volume(room.store, force=True)
        raise


def kept(engine: Engine, room: Room) -> int:
    """Bytes of the store; 0 where there is none."""
    return int(_noted(engine, room).get("size", 0))


def refs(engine: Engine, room: Room) -> list[str]:
    """The base images that learners find without a network."""
    return list(_noted(engine, room).get("refs", ()))


def remove(engine: Engine, name: str) -> None:
    """Remove the store of that name; its class is closed."""
    _note().unlink(missing_ok=True)
    with contextlib.suppress(NotFound):
        engine.client.api.remove_volume(name, force=True)


def _note() -> Path:
    """Written when a store is whole: what it was made of, and its size."""
    return paths.state() / "class-store.json"


def _noted(engine: Engine, room: Room) -> dict[str, Any]:
    """The note of the store that is there; {} without one."""
    try:
        engine.client.api.inspect_volume(room.store)
        return dict(json.loads(_note().read_bytes()))
    except (NotFound, OSError, ValueError):
        return {}


def _digest(engine: Engine, bases: Sequence[ResolvedBase]) -> str:
    """A digest of what a store's content depends on: the bases, the sessions' own Podman, and how it is filled."""
    ids = [f"{base.ref} {engine.client.api.inspect_image(base.name)['Id']}" for base in bases]
    recipes = [(ROOT / "deploy" / name).read_text() for name in _RECIPES]
    return hashlib.sha256("\n".join(ids + recipes).encode()).hexdigest()


@contextlib.contextmanager
def _saved(engine: Engine, room: Room, bases: Sequence[ResolvedBase], report: Callable[[str], None]) -> Iterator[Path]:
    """A kit with the bases: the class's own, or one for the moment."""
    if room.kit:
        yield Path(room.kit)
        return
    with tempfile.TemporaryDirectory(prefix="multistage-class-") as folder:
        for base in bases:
            save(engine, base, Path(folder), report)
        yield Path(folder)


def _packed(folder: Path, refs: Sequence[str]) -> Iterator[bytes]:
    """Those base images of a kit as the tar of a folder `kit` that belongs to the sessions' user, in pieces."""
    files = [each.path for each in kit.entries(folder, required=True) if each.ref in refs]
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(folder, Path(_KIT).name, recursive=False, filter=_theirs)
            for path in (folder / kit.INDEX, *files):
                archive.add(path, f"{Path(_KIT).name}/{path.name}", filter=_theirs)
        file.seek(0)
        while piece := file.read(1 << 20):
            yield piece


def _theirs(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 1000
    info.mode |= 0o700 if info.isdir() else 0o600
    return info
