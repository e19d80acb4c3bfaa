"""One application, built in several ways.

    >>> java = Variants("java-hello", engine)
    >>> java.build("one stage", "Dockerfile.single")
    >>> java.build("two stages")
    >>> java.run("two stages"), java.sizes()

A base image that cannot be had is the end of one way, not of the lesson: what needs it
is left out, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from .. import charts, container
from .. import inventory as inventories
from ..builder import BuildResult, Progress, build
from ..container import Ran
from ..engine import Engine
from ..errors import BaseUnavailable
from ..image import Image, inspect
from ..inventory import Inventory, Needs

APPS = Path(__file__).resolve().parents[2] / "notebooks" / "apps"
# What `helpers.experiments.size_attribution.split` wants, in its order: single on full, single on slim,
# multi on full, multi on slim.
TWO_BY_TWO = ("Dockerfile.single", "Dockerfile.single-slim", "Dockerfile.multi-full", "Dockerfile")
Watch = Callable[[str], None]


@dataclass(frozen=True)
class Absent:
    """Stands for what needs a base image that cannot be had. It is false, and says why:
    at length, or briefly where it was `told` before."""

    error: BaseUnavailable
    told: bool = False

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"Left out. {self.error.what}" if self.told else f"{self.error}\nThe lesson goes on without it."


class Variants:
    """An application, and its images by the way in which they were built. A way whose
    base is lacking is Absent, and so is what is asked of it.

    app      a folder's name under notebooks/apps, or a path
    builder  called as `helpers.builder.build`, which it is by default
    """

    def __init__(self, app: str, engine: Engine, builder: Callable[..., BuildResult] | None = None):
        self.folder = APPS / app
        self._engine = engine
        self._builder = builder or partial(build, engine=engine)
        self._built: dict[str, BuildResult | Absent] = {}

    def build(self, way: str, dockerfile: str = "Dockerfile", **words: str) -> BuildResult | Absent:
        """Build it from that Dockerfile, and call this `way`. The other words, and the
        errors but BaseUnavailable, are those of `helpers.builder.build`."""
        tag = f"{self.folder.name}:{words.get('target') or dockerfile.partition('.')[2] or 'multi'}"
        try:
            made = self._builder(self.folder, dockerfile=dockerfile, tag=tag, **words)
        except BaseUnavailable as error:
            made = Absent(error)
        self._built[way] = made
        return made

    def __getitem__(self, way: str) -> BuildResult | Absent:
        return self._built[way]

    def image(self, way: str) -> Image | Absent:
        return self._of(way, inspect)

    def inventory(self, way: str) -> Inventory | Absent:
        return self._of(way, inventories.inventory)

    def run(self, way: str, command: Sequence[str] | None = None) -> Ran | Absent:
        """Run it until it ends, as `helpers.container.run`."""
        return self._of(way, lambda tag, engine: container.run(tag, command, engine=engine))

    def needs(self, way: str, path: str) -> Needs | Absent:
        """What the program at that path needs to start, and whether the image has it."""
        found = self.inventory(way)
        return found.needs(path) if found else found

    def paths(self, way: str, below: str = "/") -> list[str] | Absent:
        """The paths in it that begin so, in order."""
        found = self.inventory(way)
        return sorted(path for path in found.tree if path.startswith(below)) if found else found

    def sizes(self, *ways: str) -> charts.Chart | Absent:
        """The images of these ways, drawn to scale; of all that were built by default."""
        wanted = ways or tuple(self._built)
        there = [way for way in wanted if self._built[way]]
        if not there:
            return self.image(wanted[0])
        return charts.sizes([self.image(way) for way in there], there)

    def lacking(self) -> Absent | None:
        """The first way that could not be built."""
        return next((made for made in self._built.values() if not made), None)

    def _of(self, way: str, ask: Callable[[str, Engine], object]):
        made = self._built[way]
        return ask(made.tag, self._engine) if made else replace(made, told=True)


def watched(app: str, engine: Engine, watch: Watch) -> Variants:
    """The ways of an application, where `watch` gets a line now and then of what is built."""
    def follow(progress: Progress) -> None:
        running = [step.instruction for step in progress.steps() if step.status == "running"]
        watch(f"{app}: {running[0] if running else 'building'}")

    return Variants(app, engine, partial(build, engine=engine, watch=follow, report=watch))


def two_by_two(app: str, engine: Engine, watch: Watch = lambda _: None) -> tuple[Image, ...] | Absent:
    """The four images of an application whose sizes `helpers.experiments.size_attribution.split` takes."""
    ways = watched(app, engine, watch)
    for dockerfile in TWO_BY_TWO:
        ways.build(dockerfile, dockerfile)
    lacking = ways.lacking()
    return tuple(map(ways.image, TWO_BY_TWO)) if lacking is None else lacking
