"""What a lesson's notebook imports: `from helpers.lesson import *`.

Every name here does its work in another module; this one only puts them
together for a reader who sees one short cell at a time.
"""

from __future__ import annotations

import html
import platform
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from . import build as builds
from . import charts, container, image
from .bases import ensure
from .build import BuildResult
from .container import Ran
from .engine import Engine, connect
from .errors import BaseUnavailable, BuildFailed, CourseError
from .image import Image
from .units import ratio, seconds, share, size
from .verdicts import verdict
from .widgets import LiveBuild, ask, predict, register
from .workshop.doctor import doctor

__all__ = [
    "BaseUnavailable", "BuildFailed", "CourseError", "ask", "base", "build", "charts", "doctor",
    "engine", "look", "paths", "predict", "ratio", "run", "seconds", "share", "show", "size",
    "this_run", "verdict",
]

APPS = Path(__file__).resolve().parents[1] / "notebooks" / "apps"

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


def this_run() -> Text:
    """The line at the head of a lesson: engine, versions, date."""
    return Text(f"{engine().describe()}. Python {platform.python_version()}. "
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


def base(ref: str) -> Image:
    """A base image, fetched if it is not there, looked at under its own name."""
    present, = ensure(engine(), [ref])
    return image.look(present.name, engine())


def look(built: BuildResult | str) -> Image:
    """The image of a build, or of a name, with its layers measured."""
    return image.look(_reference(built), engine())


def paths(built: BuildResult | str) -> frozenset[str]:
    """Every path in the image's file system."""
    return image.paths(_reference(built), engine())


def run(built: BuildResult | str, command: Sequence[str] | None = None,
        hide: Sequence[str] = ()) -> Ran:
    """Run the image until it ends; what it printed. `hide` folders from it."""
    return container.run(_reference(built), command, hide=hide, engine=engine())


def show(app: str, dockerfile: str = "Dockerfile") -> Listing:
    """A Dockerfile with its line numbers."""
    return Listing(dockerfile, (_folder(app) / dockerfile).read_text())


def _folder(app: str) -> Path:
    ours = APPS / app
    return ours if ours.is_dir() else Path(app)


def _reference(built: BuildResult | str) -> str:
    return built if isinstance(built, str) else built.tag or built.image


class Text(str):
    """A sentence that a notebook shows as one, without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self)}</p>"


class Listing:
    """A file with line numbers, as text and as HTML."""

    def __init__(self, name: str, text: str):
        self.name = name
        self.lines = text.splitlines()

    def __repr__(self) -> str:
        return "\n".join(f"{number:>3}  {line}" for number, line in enumerate(self.lines, 1))

    def _repr_html_(self) -> str:
        return (f"<figure style='margin:0'><figcaption>{html.escape(self.name)}</figcaption>"
                f"<pre style='margin:0'>{html.escape(repr(self))}</pre></figure>")
