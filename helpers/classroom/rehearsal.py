"""The evening before a class: for how many learners there is room, what they will find, and two who try it."""

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
    """For how many learners there is room, who take two lessons and an exercise in `minutes`."""

    processors: int
    memory: int
    disk: int
    minutes: float

    @property
    def learners(self) -> int:
        """For how many learners there is room: the least of the three."""
        return min(self.processors, self.memory, self.disk)

    def __str__(self) -> str:
        return (f"Room for {self.learners} learners who take two lessons and an exercise in {self.minutes:g} minutes "
                f"(processors: {self.processors}, memory: {self.memory}, disk: {self.disk}).")


def capacity(engine: Engine) -> Capacity:
    """For how many the engine's machine is large enough, by what one learner took in the class that was measured last.
    The disk is the one that holds the engine's data, where this machine sees it."""
    facts = engine.client.api.info()
    try:
        free = shutil.disk_usage(facts["DockerRootDir"]).free
    except OSError:
        free = shutil.disk_usage("/").free
    one = sizing.measured()
    return Capacity(*one.learners_on(facts["NCPU"], facts["MemTotal"], free), one.minutes)


def condition(engine: Engine, room: Room) -> list[str]:
    """What a class depends on beside the size of the machine, a line each. Raises CourseError for a port that does
    not answer, and for a kit that is not whole."""
    own = f"http://{room.gateway}:{room.hub_port}"
    for address in (room.address, own):
        try:
            requests.get(f"{address}/hub/health", timeout=10).raise_for_status()
        except requests.RequestException as error:
            raise CourseError(f"The class does not answer at {address}.", why=str(error),
                              remedy="`make class` starts what is missing. A firewall may close the port.") from error
    found = store.refs(engine, room)
    missing = [ref for ref in ALL if ref not in found]
    others = f"; these need the internet, or `make class ALL=1`: {', '.join(missing)}" if missing else ""
    limit = (" and ".join(f"{size(count)} for the {kind}" for kind, count in disks.SIZES.items()) if room.limited
             else "none: this engine attaches no loop device")
    if room.kit:
        manifest.check(Path(room.kit), lambda _: None)
    return [f"Engine: {engine.describe()}.",
            f"Kit: {f'{room.kit} is whole' if room.kit else 'none, so builds fetch their packages from the network'}.",
            f"Ports: {room.address} for browsers and {own} for sessions answer.",
            f"Base images without a network: {', '.join(found) or 'none'}{others}.",
            f"Limit of each learner's disk: {limit}."]


def rehearse(engine: Engine, room: Room, report: Callable[[str], None]) -> None:
    """Let two learners log in, start, and run the first cells of lesson 01. Their homes and names are removed.
    Raises LearnerFailed."""
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
    """Learners with these names, which are new, of whom nothing is left; their sessions started `ahead` or not.
    Raises LearnerFailed."""
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
