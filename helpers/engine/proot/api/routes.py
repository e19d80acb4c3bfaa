"""Which method answers which request: the base of each part of the API."""

import errno
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .. import NAME
from ..containers import Containers
from ..file_systems import FileSystems, Waste
from ..http import Exchange
from ..processes import Processes
from ..refused import RequestRefused
from ..store import Store

_ROUTES: list[tuple[str, re.Pattern[str], str]] = []


class CourseEngine:
    """All parts of one engine, in `folder`."""

    def __init__(self, folder: Path, processes_of: Callable[[str], Processes]):
        self.folder = folder
        waste = Waste(folder / "waste")
        self.temporary = folder / "run"
        waste.throw(str(self.temporary))   # of an engine that was killed
        self.temporary.mkdir(parents=True)
        self.processes: Processes = processes_of(str(self.temporary))
        self.store = Store(folder / "store")
        self.trees = FileSystems(folder / "trees", self.store.layer, waste, self.processes.bound)
        self.containers = Containers(self.store, self.trees, self.processes, str(self.temporary))


Function = TypeVar("Function", bound=Callable[..., Any])


def on(method: str, pattern: str) -> Callable[[Function], Function]:
    """The method below answers requests for such a path; its groups are the arguments."""
    def noted(function: Function) -> Function:
        _ROUTES.append((method, re.compile(rf"(?:/v[0-9.]+)?{pattern}"), function.__name__))
        return function
    return noted


class Routed(Exchange):
    """One request. `engine` is set on a subclass. An error becomes the answer: with the status of a RequestRefused, 400
    for what is no archive or JSON, 500 for the rest, which the engine's log has, too."""

    engine: CourseEngine

    def respond(self) -> None:
        method = "GET" if self.method == "HEAD" else self.method
        for wanted, pattern, name in _ROUTES:
            if wanted == method and (match := pattern.fullmatch(self.path)):
                try:
                    getattr(self, name)(*match.groups())
                except ConnectionError:
                    raise
                except Exception as error:
                    self._failed_with(error)
                return
        self.refuse(501, f"{NAME} does not do {self.method} {self.path}")

    def _failed_with(self, error: Exception) -> None:
        if self.begun:   # the client learns it from an answer that breaks off
            raise ConnectionError("the answer cannot be finished") from error
        if isinstance(error, RequestRefused):
            self.refuse(error.status, str(error))
        elif isinstance(error, (OSError, ValueError)):
            self.refuse(400 if isinstance(error, ValueError) else 500, message_of(error))
        else:   # a fault of this engine's own
            traceback.print_exc()
            self.refuse(500, f"internal error: {type(error).__name__}: {error}")


def message_of(error: Exception) -> str:
    """Its message; a full disk in the words that Docker has for it."""
    return str(error).lower() if getattr(error, "errno", None) == errno.ENOSPC else str(error)


def truth(text: str | None) -> bool:
    """A switch of a query, as Docker's clients write it."""
    return (text or "").lower() in ("1", "true")


def labelled(labels: dict, wanted: str) -> bool:
    """Whether a filter `name` or `name=value` fits."""
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)
