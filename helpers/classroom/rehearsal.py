"""A check before a class: how many learners the machine can take, what they will find, and a trial with two."""

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests

from ..bases import ALL
from ..engine import Engine
from ..errors import CourseError
from ..units import seconds, size
from . import containers, disks, manifest, sizing, store
from .learner import Learner
from .room import Room

FIRST = "notebooks/01-one-stage.ipynb"
NAMES = ("rehearsal1", "rehearsal2")


@dataclass(frozen=True)
class Capacity:
    """How many learners each resource allows, for two lessons and an exercise in `minutes`."""

    processors: int
    memory: int
    disk: int
    minutes: float

    @property
    def learners(self) -> int:
        """How many learners the machine can take: the smallest of the three."""
        return min(self.processors, self.memory, self.disk)

    def __str__(self) -> str:
        return (f"Room for {self.learners} learners who take two lessons and an exercise in {self.minutes:g} minutes "
                f"(processors: {self.processors}, memory: {self.memory}, disk: {self.disk}).")


def capacity(engine: Engine) -> Capacity:
    """How many learners the engine's machine can take, computed from the last measured class. The disk is the one with
    the engine's data if it is visible here, else the root file system's."""
    facts = engine.client.api.info()
    try:
        free = shutil.disk_usage(facts["DockerRootDir"]).free
    except OSError:
        free = shutil.disk_usage("/").free
    one = sizing.measured()
    return Capacity(*one.learners_on(facts["NCPU"], facts["MemTotal"], free), one.minutes)


def condition(engine: Engine, room: Room) -> list[str]:
    """The state of everything else a class depends on, as lines. Raises CourseError if a port does not answer or the
    kit is damaged."""
    own = f"http://{room.gateway}:{room.hub_port}"
    for address in (room.address, own):
        try:
            requests.get(f"{address}/hub/health", timeout=10).raise_for_status()
        except requests.RequestException as error:
            raise CourseError(f"The class does not answer at {address}.", why=str(error),
                              remedy="Run `make class` again, and check that no firewall blocks the port.") from error
    found = store.refs(engine, room)
    missing = [ref for ref in ALL if ref not in found]
    others = f"; not available without internet or `make class ALL=1`: {', '.join(missing)}" if missing else ""
    limit = (" and ".join(f"{size(count)} for the {kind}" for kind, count in disks.SIZES.items()) if room.limited
             else "none: this engine cannot attach loop devices")
    if room.kit:
        manifest.check(Path(room.kit), lambda _: None)
    return [f"Engine: {engine.describe()}.",
            f"Kit: {f'{room.kit} is complete' if room.kit else 'none; builds download their packages'}.",
            f"Ports: {room.address} (browsers) and {own} (sessions) answer.",
            f"Base images available offline: {', '.join(found) or 'none'}{others}.",
            f"Disk limit per learner: {limit}."]


def rehearse(engine: Engine, room: Room, report: Callable[[str], None]) -> None:
    """Let two learners log in, start a session and run the first cells of lesson 01; then remove their homes and
    names. Raises LearnerFailed."""
    with guests(engine, room, NAMES) as learners, ThreadPoolExecutor(len(learners)) as several:
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
def guests(engine: Engine, room: Room, names: Sequence[str], ahead: bool = False) -> Iterator[list[Learner]]:
    """Temporary learners with these new names; `ahead` starts their sessions. Everything of theirs is removed
    afterwards. Raises LearnerFailed."""
    instructor = Learner(room.address, "instructor", room.token)
    instructor.log_in()

    def remove(name: str) -> None:
        instructor.delete(name)
        containers.remove(engine, f"{room.name}-{name}")
        disks.remove(engine.client.api, room, [f"{room.name}-{kind}-{name}" for kind in disks.SIZES])

    try:
        if ahead:
            with ThreadPoolExecutor(4) as several:
                list(several.map(instructor.start_ahead, names))
        yield [Learner(room.address, name, secrets.token_urlsafe(12)) for name in names]
    finally:
        with ThreadPoolExecutor(4) as several:
            list(several.map(remove, names))
