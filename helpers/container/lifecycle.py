"""A container's life, one step at a time: created, running, exited, gone.

    >>> from helpers.container.lifecycle import create
    >>> container = create("go-hello:multi", ["/app/app", "serve"])
    >>> container.state
    'created'
    >>> container.start(); container.stop(); container.remove()
    >>> container.state
    'gone'

Lessons run things with `helpers.container`; this is for looking at the steps.
"""

import atexit
import contextlib
from collections.abc import Sequence

from docker.errors import NotFound

from ..engine import Engine, connect
from ..errors import CourseError
from .sandbox import create_container, new_name

_STOP_SECONDS = 2   # between the request to end and the kill, as `docker stop -t 2`


class ManagedContainer:
    """A container that was created. It is removed when Python ends, unless it was removed before."""

    def __init__(self, name: str, image: str, engine: Engine):
        self.name = name
        self.image = image
        self._engine = engine
        atexit.register(self._remove_quietly)

    @property
    def state(self) -> str:
        """'created', 'running', 'exited', as the engine calls it; 'gone' once removed."""
        found = self._inspect()
        return found["Status"] if found else "gone"

    @property
    def exit_code(self) -> int | None:
        """Exit code; None if running or removed."""
        found = self._inspect()
        return found["ExitCode"] if found and found["Status"] == "exited" else None

    def start(self) -> None:
        """Start its program. A stopped one starts again, with the files that it left."""
        with self._engine.translate_errors(f"start a container of {self.image}"):
            self._engine.client.api.start(self.name)

    def stop(self) -> None:
        """Ask its program to end; after two seconds it is killed."""
        with self._engine.translate_errors(f"stop a container of {self.image}"):
            self._engine.client.api.stop(self.name, timeout=_STOP_SECONDS)

    def remove(self) -> None:
        """Remove it, with all that it wrote. Raises CourseError while it runs."""
        if self.state == "running":
            raise CourseError(f"The container of {self.image} still runs.", remedy="Stop it first: .stop()")
        with self._engine.translate_errors(f"remove a container of {self.image}"):
            self._engine.client.api.remove_container(self.name, v=True)
        atexit.unregister(self._remove_quietly)

    def _inspect(self) -> dict | None:
        """The engine's record of its state, None if there is no such container."""
        with self._engine.translate_errors(f"show a container of {self.image}"), contextlib.suppress(NotFound):
            return self._engine.client.api.inspect_container(self.name)["State"]
        return None

    def _remove_quietly(self) -> None:
        with contextlib.suppress(Exception):   # Python ends: nobody would read an error
            self._engine.client.api.remove_container(self.name, v=True, force=True)

    def __repr__(self) -> str:
        return f"{self.name} of {self.image}: {self.state}"


def create(image: str, command: Sequence[str] | None = None, engine: Engine | None = None) -> ManagedContainer:
    """A container of `image`, not started yet: its file system is ready, no program runs.

    Raises ImageNotFound and the engine's errors.
    """
    engine, name = engine or connect(), new_name()
    with engine.translate_errors(f"create a container of {image}"):
        create_container(engine, image, command, name, network_disabled=True, host={"network_mode": "none"})
    return ManagedContainer(name, image, engine)
