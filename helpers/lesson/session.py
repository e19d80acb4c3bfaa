"""What every word of a lesson stands on: the engine, the applications, images by name."""

from __future__ import annotations

import platform
from datetime import date
from functools import cache
from pathlib import Path

from ..bases.patience import patient
from ..build import BuildResult
from ..engine import Engine, connect
from ..ways import APPS
from .shown import say

__all__ = ["engine", "this_run"]

_ANSWER_SECONDS = 5   # one that is busy or frozen is waited for where it is looked for anew


@cache
def connected() -> Engine:
    return connect()


def engine() -> Engine:
    """The engine of this notebook. One that went away is found again."""
    try:
        patient(connected().client.api, _ANSWER_SECONDS).ping()
    except Exception:   # whatever it was: look again, and let that say what is wrong
        connected.cache_clear()
    return connected()


def this_run() -> say:
    """The line at the head of a lesson: engine, versions, date."""
    return say(f"{engine().describe()}. Python {platform.python_version()}. "
                f"{date.today().isoformat()}.")


def display(thing: object) -> None:
    from IPython.display import display

    display(thing)


def folder_of(app: str) -> Path:
    ours = APPS / app
    return ours if ours.is_dir() else Path(app)


def reference(built: BuildResult | str) -> str:
    return built if isinstance(built, str) else built.tag or built.image
