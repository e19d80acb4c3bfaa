"""What all learners read and none makes again: base images, Go's compiled standard library, layer inventories.

One session without privileges fills the volume with its own engine; the learners' engines have it as a read-only
store beside their own. Images are as lesson 01 finds them: it builds its own before the learner's eyes.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from docker.errors import NotFound

from ..bases import FIRST, save
from ..builder import ensure_bases
from ..engine import Engine
from ..engine.timeouts import patient
from . import containers
from .room import PART, Room

PLACE = "/opt/store"
_KIT = f"{PLACE}/kit"
# A right answer to an exercise in Go leaves the builder's cache for the checks of all others.
_WARM = ("check", "01-split-the-stage", "--dockerfile", "exercises/01-split-the-stage/solution/Dockerfile")


def fill(engine: Engine, room: Room, report: Callable[[str], None], refs: Sequence[str] = FIRST) -> None:
    """Make and fill the store of a class unless it is there. Raises CourseError."""
    api = engine.client.api
    try:
        api.inspect_volume(room.store)
        return
    except NotFound:
        bases = ensure_bases(engine, refs, report=report)
    report("Preparing the base images and caches that all learners share (a few minutes) ...")
    api.create_volume(room.store, labels={**room.labels, PART: "store"})
    try:
        with containers.container(engine, room, {room.store: PLACE}, {
                "MULTISTAGE_HOME": PLACE, "MULTISTAGE_KIT": _KIT, "MULTISTAGE_PROGRESS": "/tmp/progress.json"}) as made:
            api.start(made)
            with tempfile.TemporaryDirectory(prefix="multistage-class-") as folder:
                for base in bases:
                    save(engine, base, Path(folder, "kit"), report)
                patient(api, 1800).put_archive(made, PLACE, _packed(Path(folder, "kit")))
            _warm(engine, made, [base.ref for base in bases])
    except BaseException:
        api.remove_volume(room.store, force=True)
        raise


def _warm(engine: Engine, container: str, refs: Sequence[str]) -> None:
    def helpers(*words: str) -> None:
        containers.run(engine, container, ["python3", "-m", "helpers", *words])

    containers.run(engine, container, ["python3", "/opt/session.py", "true"], "/")    # unpacks the course
    helpers("bases", "--offline", *refs)
    for ref in refs:
        helpers("inventory", ref)
    if set(FIRST) <= set(refs):
        helpers(*_WARM)
    helpers("engine", "stop")
    containers.run(engine, container, ["rm", "-r", _KIT])


def _packed(folder: Path) -> Iterator[bytes]:
    """A folder as a tar whose files belong to the sessions' user, in pieces."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(folder, folder.name, filter=_theirs)
        file.seek(0)
        while piece := file.read(1 << 20):
            yield piece


def _theirs(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 1000
    info.mode |= 0o700 if info.isdir() else 0o600
    return info
