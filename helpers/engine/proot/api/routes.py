"""Dispatches requests to methods: the base of each part of the API."""

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
    """The parts of an engine, whose data are in `folder`."""

    def __init__(self, folder: Path, processes_of: Callable[[str], Processes]):
        self.folder = folder
        waste = Waste(folder / "waste")
        self.temporary = folder / "run"
        waste.throw(str(self.temporary))   # left by an engine that was killed
        self.temporary.mkdir(parents=True)
        self.processes: Processes = processes_of(str(self.temporary))
        self.store = Store(folder / "store")
        self.trees = FileSystems(folder / "trees", self.store.layer, waste, self.processes.bound)
        self.containers = Containers(self.store, self.trees, self.processes, str(self.temporary))


Function = TypeVar("Function", bound=Callable[..., Any])


def on(method: str, pattern: str) -> Callable[[Function], Function]:
    """Register the decorated method for such a path; the pattern's groups are its arguments."""
    def register(function: Function) -> Function:
        _ROUTES.append((method, re.compile(rf"(?:/v[0-9.]+)?{pattern}"), function.__name__))
        return function
    return register


class Routed(Exchange):
    """A request. `engine` is set on a subclass. Errors are answered with the status of a RequestRefused, 400 for
    ValueErrors (bad archives or JSON) and 500 for others; bugs are also logged."""

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
        self.refuse(501, f"{NAME} does not support {self.method} {self.path}")

    def _failed_with(self, error: Exception) -> None:
        if self.begun:   # only an aborted answer tells the client
            raise ConnectionError("the answer cannot be finished") from error
        if isinstance(error, RequestRefused):
            self.refuse(error.status, str(error))
        elif isinstance(error, (OSError, ValueError)):
            self.refuse(400 if isinstance(error, ValueError) else 500, message_of(error))
        else:   # a bug
            traceback.print_exc()
            self.refuse(500, f"internal error: {type(error).__name__}: {error}")


def message_of(error: Exception) -> str:
    """The error's message; for a full disk in the words that Docker uses."""
    return str(error).lower() if getattr(error, "errno", None) == errno.ENOSPC else str(error)


def truth(text: str | None) -> bool:
    """A boolean of a query string, as Docker's clients write it."""
    return (text or "").lower() in ("1", "true")


def labelled(labels: dict, wanted: str) -> bool:
    """Whether labels match a filter `name` or `name=value`."""
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)
