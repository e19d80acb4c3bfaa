"""One application, built in several ways.

    >>> java = Variants("java-hello", engine)
    >>> java.build("one stage", "Dockerfile.single")
    >>> java.build("two stages")
    >>> java.run("two stages"), java.images()

Where a base image cannot be had, only the variants that need it are left out, and they say why.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from .. import container
from .. import inventory as inventories
from ..builder import BuildResult, Progress, build
from ..container import Ran
from ..engine import Engine
from ..errors import BaseUnavailable
from ..image import Image, inspect
from ..inventory import Inventory, Needs

APPS = Path(__file__).resolve().parents[2] / "notebooks" / "apps"
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Absent:
    """Stands for what needs a base image that cannot be had. It is false, and says why: in full,
    or briefly where it was `reported` before."""

    error: BaseUnavailable
    reported: bool = False

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"Left out. {self.error.what}" if self.reported else f"{self.error}\nThe lesson goes on without it."


class Variants:
    """An application, and its images by the name of the variant. A variant whose base cannot be
    had is Absent, and so is every answer about it.

    app      name of a folder under notebooks/apps, or a path
    builder  called as `helpers.builder.build`, which it is by default
    """

    def __init__(self, app: str, engine: Engine, builder: Callable[..., BuildResult] | None = None):
        self.folder = APPS / app
        self._engine = engine
        self._builder = builder or partial(build, engine=engine)
        self._built: dict[str, BuildResult | Absent] = {}

    def build(self, name: str, dockerfile: str = "Dockerfile", **options: str) -> BuildResult | Absent:
        """Build the variant `name` from that Dockerfile. Options and errors are those of
        `helpers.builder.build`, without BaseUnavailable."""
        tag = f"{self.folder.name}:{options.get('target') or dockerfile.partition('.')[2] or 'multi'}"
        made: BuildResult | Absent
        try:
            made = self._builder(self.folder, dockerfile=dockerfile, tag=tag, **options)
        except BaseUnavailable as error:
            made = Absent(error)
        self._built[name] = made
        return made

    def __getitem__(self, name: str) -> BuildResult | Absent:
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._built)

    def image(self, name: str) -> Image | Absent:
        """The variant's image, measured."""
        return self._ask(name, inspect)

    def images(self, *names: str) -> dict[str, Image]:
        """{name: image} of these variants, by default of all, without those that are Absent."""
        found = ((name, self.image(name)) for name in names or self)
        return {name: image for name, image in found if not isinstance(image, Absent)}

    def inventory(self, name: str) -> Inventory | Absent:
        """What the variant's image contains."""
        return self._ask(name, inventories.inventory)

    def run(self, name: str, command: Sequence[str] | None = None) -> Ran | Absent:
        """Run it until it ends, as `helpers.container.run`."""
        return self._ask(name, lambda tag, engine: container.run(tag, command, engine=engine))

    def needs(self, name: str, path: str) -> Needs | Absent:
        """What the program at `path` needs to start, and whether the image has it."""
        found = self.inventory(name)
        return found if isinstance(found, Absent) else found.needs(path)

    def _ask(self, name: str, question: Callable[[str, Engine], Answer]) -> Answer | Absent:
        made = self._built[name]
        return replace(made, reported=True) if isinstance(made, Absent) else question(made.tag, self._engine)


def with_progress(app: str, engine: Engine, watch: Callable[[str], None]) -> Variants:
    """The variants of an application; `watch` is called with a line now and then while they build."""
    def follow(progress: Progress) -> None:
        running = [step.instruction for step in progress.steps() if step.status == "running"]
        watch(f"{app}: {running[0] if running else 'building'}")

    return Variants(app, engine, partial(build, engine=engine, watch=follow, report=watch))
