"""What every word of a lesson stands on: the engine, the applications, images by name."""

from __future__ import annotations

import platform
from datetime import date
from functools import cache
from pathlib import Path

from ..builder import BuildResult
from ..engine import Engine, connect
from ..engine.timeouts import patient
from ..errors import NoEngine
from ..experiments.variants import APPS
from ..recorded import RUN, NeedsEngine, engine_required, registered
from ..views.lesson import say

__all__ = ["engine", "this_run"]

_ANSWER_SECONDS = 5   # an engine that is busy or frozen gets longer when it is looked for again


@cache
def connected() -> Engine:
    """The engine of this kernel, found at the first call. Errors as of `connect`."""
    return connect()


@cache
def _none_here() -> str:
    """Why there is no engine, '' where there is one. Found out once: half a lesson
    recorded and half of it measured would be neither."""
    try:
        connected()
    except NoEngine as error:
        return str(error)
    return ""


def recorded_only() -> bool:
    """Whether this is a notebook without an engine."""
    return bool(registered() and _none_here()) and not engine_required()


def engine() -> Engine:
    """The engine of this notebook. One that went away is found again.

    Raises the errors of `connect`; in a notebook NeedsEngine for NoEngine, which shows what was recorded of the cell.
    """
    if recorded_only():
        raise NeedsEngine(_none_here())
    try:
        patient(connected().client.api, _ANSWER_SECONDS).ping()
    except Exception:   # whatever it was: look again, and let that say what is wrong
        connected.cache_clear()
    return connected()


class ThisRun(say):
    """The line at the head of a lesson. Engine and date are kept in the output's metadata, for
    those who see this run's outputs as recorded."""

    facts: dict[str, str]

    def __new__(cls, engine: str, day: str) -> ThisRun:
        made = super().__new__(cls, f"{engine}. Python {platform.python_version()}. {day}.")
        made.facts = {"engine": engine, "date": day}
        return made

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        return {}, {RUN: self.facts}


def this_run() -> ThisRun:
    """The line at the head of a lesson: engine, versions, date."""
    return ThisRun(engine().describe(), date.today().isoformat())


def folder_of(app: str) -> Path:
    """The folder of an application of the course, or one by its own path."""
    ours = APPS / app
    return ours if ours.is_dir() else Path(app)


def reference(built: BuildResult | str) -> str:
    """A build's tag while it leads to the build's image, else the image's id; a name as it is."""
    if isinstance(built, str):
        return built
    tagged = built.engine.find_image(built.tag) if built.tag else None
    return built.tag if tagged and tagged["Id"] == built.image else built.image
