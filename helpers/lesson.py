"""What a lesson's notebook imports: `from helpers.lesson import *`.

Every name here does its work in another module; this one only puts them
together for a reader who sees one short cell at a time.
"""

from __future__ import annotations

import html
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from functools import cache
from pathlib import Path
from textwrap import shorten

from . import build as builds
from . import charts, container, image
from .bases import ensure
from .build import BuildResult, Step
from .container import Ran, Server
from .engine import Engine, connect
from .errors import BaseUnavailable, BuildFailed, CourseError
from .image import Image, Layer
from .units import ratio, seconds, share, size
from .verdicts import verdict
from .widgets import LiveBuild, ask, predict, register
from .widgets.views import code, status, table
from .workshop.doctor import doctor

__all__ = [
    "BaseUnavailable", "BuildFailed", "CourseError", "ask", "base", "build", "changed", "charts", "doctor",
    "engine", "fetch", "find", "look", "moment", "paths", "predict", "ratio", "run", "say", "seconds",
    "serve", "share", "show", "size", "steps", "this_run", "verdict",
]

APPS = Path(__file__).resolve().parents[1] / "notebooks" / "apps"

_LINE = 80    # characters of an instruction that a table shows
_copies: list[tempfile.TemporaryDirectory] = []   # each is deleted with its object

register()


@cache
def _connected() -> Engine:
    return connect()


def engine() -> Engine:
    """The engine of this notebook. One that went away is found again."""
    try:
        _connected().client.ping()
    except Exception:   # whatever it was: look again, and let that say what is wrong
        _connected.cache_clear()
    return _connected()


def this_run() -> say:
    """The line at the head of a lesson: engine, versions, date."""
    return say(f"{engine().describe()}. Python {platform.python_version()}. "
                f"{date.today().isoformat()}.")


def build(app: str, dockerfile: str = "Dockerfile", *, tag: str = "", target: str | None = None,
          builder: str | None = None, text: str | None = None, no_cache: bool = False,
          args: Mapping[str, str] | None = None) -> BuildResult:
    """Build an application of the course (or a folder of yours), shown as it runs.

    `app` is a folder's name under notebooks/apps, or a path. The other words
    are those of `helpers.build.build`, and so are the errors.
    """
    with LiveBuild() as live:
        result = builds.build(
            _folder(app), dockerfile=dockerfile, text=text, tag=tag, target=target,
            builder=builder, no_cache=no_cache, args=args, engine=engine(),
            watch=live.watch, report=live.say)
        live.finish(result)
    return result


def fetch(*refs: str) -> Bases:
    """See to it that these base images are here; where each came from."""
    return Bases(ensure(engine(), refs or None, report=print))


def base(ref: str) -> Image:
    """A base image, fetched if it is not there, looked at under its own name."""
    present, = ensure(engine(), [ref])
    return image.look(present.name, engine())


def look(built: BuildResult | str) -> Image:
    """The image of a build, or of a name, with its layers measured."""
    return image.look(_reference(built), engine())


def paths(built: BuildResult | str) -> frozenset[str]:
    """Every path in the image's file system. Nothing is run to find them."""
    return frozenset(image.where(look(built), engine()))


def find(built: BuildResult | str, wanted: Mapping[str, str]) -> Finds:
    """Look for files: {what it is: its path}. Each find with the instruction that
    brought it."""
    seen = look(built)
    return Finds(seen, dict(wanted), image.where(seen, engine()))


def run(built: BuildResult | str, command: Sequence[str] | None = None,
        hide: Sequence[str] = ()) -> Ran:
    """Run the image until it ends; what it printed. `hide` folders from it."""
    return container.run(_reference(built), command, hide=hide, engine=engine())


def serve(built: BuildResult | str, port: int = 80, command: Sequence[str] | None = None,
          **words) -> AbstractContextManager[Server]:
    """The image as a server, while a `with` block lasts. The other words are those
    of `helpers.container.serve`."""
    return container.serve(_reference(built), command, port=port, engine=engine(), **words)


def changed(app: str, file: str, old: str, new: str) -> str:
    """The folder of a copy of an application in which `file` has `new` for `old`.

    The copy is deleted when the notebook's kernel ends. Raises CourseError if
    `old` is not in the file.
    """
    place = tempfile.TemporaryDirectory(prefix="multistage-changed-")
    _copies.append(place)
    copy = Path(shutil.copytree(_folder(app), Path(place.name, Path(app).name)))
    text = (copy / file).read_text()
    if old not in text:
        raise CourseError(f"{old!r} is not in {file} of {app}, so nothing can be changed there.")
    (copy / file).write_text(text.replace(old, new))
    return str(copy)


def steps(built: BuildResult, stage: str = "builder") -> Steps:
    """What each step of a stage did: whether it ran, and how long."""
    return Steps(step for step in built.stage(stage).steps if not step.instruction.startswith("FROM "))


def moment() -> str:
    """The time of now: as a build argument it keeps a step from being cached."""
    return str(time.time_ns())


def show(app: str, dockerfile: str = "Dockerfile") -> Listing:
    """A Dockerfile with its line numbers."""
    return Listing(dockerfile, (_folder(app) / dockerfile).read_text())


def _folder(app: str) -> Path:
    ours = APPS / app
    return ours if ours.is_dir() else Path(app)


def _reference(built: BuildResult | str) -> str:
    return built if isinstance(built, str) else built.tag or built.image


class say(str):
    """A sentence made from what was measured, shown without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self).replace(chr(10), '<br>')}</p>"


class Bases(tuple):
    """Base images and where each came from, as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(f"{each.ref:<34} {each.origin}" for each in self)

    def _repr_html_(self) -> str:
        rows = [(code(each.ref), each.origin or "not here", code(each.name), html.escape(each.made_of))
                for each in self]
        return table(("base image", "where from", "name in this engine", "made of"), rows)


class Steps(tuple):
    """Steps of a build, in the Dockerfile's order, as a table."""

    __slots__ = ()

    @property
    def ran(self) -> list[str]:
        """Instructions that were not taken from the cache; the flags of RUN left out."""
        return [_command(step) for step in self if not step.cached]

    def __repr__(self) -> str:
        return "\n".join(f"{step.line or '':>3}  {'cached' if step.cached else seconds(step.seconds):<8} {_command(step)}"
                         for step in self)

    def _repr_html_(self) -> str:
        rows = [(str(step.line or ""), code(_command(step)), status(step.status),
                 "" if step.cached else seconds(step.seconds)) for step in self]
        return table(("line", "step", "status", "time"), rows, right=(0, 3))


def _command(step: Step) -> str:
    """A step's instruction; of a RUN without its mounts, which make it long."""
    keyword, _, rest = step.instruction.partition(" ")
    while keyword == "RUN" and rest.lstrip().startswith("--"):
        rest = rest.lstrip().partition(" ")[2]
    return f"{keyword} {rest.strip()}"


class Finds:
    """Which of the wanted files are in an image, and what brought each."""

    def __init__(self, seen: Image, wanted: dict[str, str], everything: Mapping[str, Layer]):
        self.image = seen
        self.wanted = wanted
        self.found = {what: everything.get(path) for what, path in wanted.items()}

    @property
    def present(self) -> list[str]:
        """What was found."""
        return [what for what, layer in self.found.items() if layer]

    def _rows(self) -> list[tuple[str, str, str, str]]:
        below = self.image.layers[: self.image.base_layers]
        return [(what, self.wanted[what], shorten(layer.instruction, _LINE, placeholder=" \u2026"),
                 f"FROM {self.image.base}" if layer in below else "this Dockerfile")
                if layer else (what, "not there", "", "") for what, layer in self.found.items()]

    def __repr__(self) -> str:
        return "\n".join(f"{what:<14} {path:<24} {source:<20} {made}".rstrip()
                         for what, path, made, source in self._rows())

    def _repr_html_(self) -> str:
        rows = [(html.escape(what), code(path), code(source) if source else "",
                 code(made) if made else "") for what, path, made, source in self._rows()]
        return table(("what", "where", "came with", "in the layer of"), rows,
                     caption=self.image.reference)


class Listing:
    """A file with line numbers, as text and as HTML."""

    def __init__(self, name: str, text: str):
        self.name = name
        self.lines = text.splitlines()

    @property
    def text(self) -> str:
        """The file itself."""
        return "\n".join([*self.lines, ""])

    def __repr__(self) -> str:
        return "\n".join(f"{number:>3}  {line}" for number, line in enumerate(self.lines, 1))

    def _repr_html_(self) -> str:
        return (f"<figure style='margin:0'><figcaption>{html.escape(self.name)}</figcaption>"
                f"<pre style='margin:0;white-space:pre;overflow-x:auto'>{html.escape(repr(self))}"
                "</pre></figure>")
