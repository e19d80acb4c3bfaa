"""The volume that all learners share: base images, Go's compiled standard library, layer inventories.

An unprivileged session fills it with its own engine; the learners' engines use it as an additional, read-only store.
It holds no image that lesson 01 builds.
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
    """Create and fill a class's store, unless there is a complete one with these base images, or learners are using
    one. Raises CourseError."""
    api, bases = engine.client.api, ensure_bases(engine, refs, report=report)
    made_of = _digest(engine, bases)
    if _noted(engine, room).get("made_of") == made_of:
        return
    if api.containers(filters={"volume": room.store}):
        report("Learners are using this class's base images. Run `make class-stop` first to change them.")
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
            # `du` fails on folders of a store that even their owner cannot read.
            taken = containers.run(engine, made, ["sh", "-c", f"du -sB1 {PLACE} 2>/dev/null || true"])
        note = {"made_of": made_of, "size": int(taken.split()[0]), "refs": [base.ref for base in bases]}
        paths.write_whole(_note(), json.dumps(note).encode())
    except BaseException:
        api.remove_volume(room.store, force=True)
        raise


def kept(engine: Engine, room: Room) -> int:
    """The store's size in bytes, 0 if there is none."""
    return int(_noted(engine, room).get("size", 0))


def refs(engine: Engine, room: Room) -> list[str]:
    """The base images in the store, which learners have without a network."""
    return list(_noted(engine, room).get("refs", ()))


def remove(engine: Engine, name: str) -> None:
    """Remove the store with this name; no session may be using it."""
    _note().unlink(missing_ok=True)
    with contextlib.suppress(NotFound):
        engine.client.api.remove_volume(name, force=True)


def _note() -> Path:
    """Written once a store is complete: what it was made from, and its size."""
    return paths.state() / "class-store.json"


def _noted(engine: Engine, room: Room) -> dict[str, Any]:
    """The note on the existing store, {} if there is none."""
    try:
        engine.client.api.inspect_volume(room.store)
        return dict(json.loads(_note().read_bytes()))
    except (NotFound, OSError, ValueError):
        return {}


def _digest(engine: Engine, bases: Sequence[ResolvedBase]) -> str:
    """A digest of everything a store's content depends on: base images, and the files that fill it."""
    ids = [f"{base.ref} {engine.client.api.inspect_image(base.name)['Id']}" for base in bases]
    recipes = [(ROOT / "deploy" / name).read_text() for name in _RECIPES]
    return hashlib.sha256("\n".join(ids + recipes).encode()).hexdigest()


@contextlib.contextmanager
def _saved(engine: Engine, room: Room, bases: Sequence[ResolvedBase], report: Callable[[str], None]) -> Iterator[Path]:
    """A folder with the bases as a kit: the class's own, or a temporary one."""
    if room.kit:
        yield Path(room.kit)
        return
    with tempfile.TemporaryDirectory(prefix="multistage-class-") as folder:
        for base in bases:
            save(engine, base, Path(folder), report)
        yield Path(folder)


def _packed(folder: Path, refs: Sequence[str]) -> Iterator[bytes]:
    """A tar, in pieces, of a folder `kit` with these base images, owned by the sessions' user."""
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
