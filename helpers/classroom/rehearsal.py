"""The evening before a class: for how many learners the machine has room, and two of them who try it."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from docker.errors import NotFound

from ..engine import Engine
from ..units import seconds
from . import containers
from .learner import Learner
from .room import Room

FIRST = "notebooks/01-one-stage.ipynb"
# Of one learner, as measured with up to thirty on two cores: 0.38 GB of memory at the worst moment of all together
# (10.8 GiB for 30), at most 0.4 GB of disk after two lessons and an exercise.
_MEMORY, _DISK, _A_CORE = 400_000_000, 500_000_000, 5
_OWN = 2_000_000_000    # of memory, for the machine itself, the hub and the engine
NAMES = ("rehearsal1", "rehearsal2")


@dataclass(frozen=True)
class Capacity:
    """For how many learners there is room; each learner who begins together with others counts."""

    processors: int
    memory: int
    disk: int

    @property
    def learners(self) -> int:
        """The least of the three."""
        return min(self.processors, self.memory, self.disk)

    def __str__(self) -> str:
        return (f"Room for {self.learners} learners who begin together (processors: {self.processors}, "
                f"memory: {self.memory}, disk: {self.disk}).")


def capacity(engine: Engine) -> Capacity:
    """What the engine's machine has. The disk is the one that holds the engine's data, where this machine sees it."""
    facts = engine.client.api.info()
    try:
        free = shutil.disk_usage(facts["DockerRootDir"]).free
    except OSError:
        free = shutil.disk_usage("/").free
    return Capacity(facts["NCPU"] * _A_CORE, max(0, facts["MemTotal"] - _OWN) // _MEMORY, free // _DISK)


def rehearse(engine: Engine, room: Room, report: Callable[[str], None]) -> None:
    """Let two learners log in, start, and run the first cells of lesson 01. Their homes and names are removed.
    Raises LearnerFailed."""
    with _guests(engine, room) as learners, ThreadPoolExecutor(len(learners)) as several:
        for words in several.map(lambda each: _tried(each, room), learners):
            report(words)


def _tried(learner: Learner, room: Room) -> str:
    times = [time.monotonic()]
    learner.log_in(room.password)
    learner.start()
    times.append(time.monotonic())
    kernel = learner.open(FIRST)
    for cell in learner.cells(FIRST)[:5]:
        kernel.run(cell)
    kernel.close()
    times.append(time.monotonic())
    begun, started, built = times
    return (f"{learner.name}: JupyterLab after {seconds(started - begun)}, "
            f"the first image after another {seconds(built - started)}.")


@contextlib.contextmanager
def _guests(engine: Engine, room: Room) -> Iterator[list[Learner]]:
    """Two learners with new names, of whom nothing is left."""
    instructor = Learner(room.address, "instructor", room.token)
    instructor.log_in()
    try:
        yield [Learner(room.address, name, secrets.token_urlsafe(12)) for name in NAMES]
    finally:
        for name in NAMES:
            instructor.delete(name)
            containers.remove(engine, f"{room.name}-{name}")
            for kind in ("home", "engine"):
                with contextlib.suppress(NotFound):
                    engine.client.api.remove_volume(f"{room.name}-{kind}-{name}")
