"""The life of a container, one step at a time: created, running, exited, gone.

    >>> from helpers.container.lifecycle import create
    >>> life = create("go-hello:multi", ["/app/app", "serve"])
    >>> life.state
    'created'
    >>> life.start(); life.stop(); life.remove()
    >>> life.state
    'gone'

`helpers.container` is what a lesson runs things with; this is for looking at the steps.
"""

from __future__ import annotations

import atexit
import contextlib
import secrets
from collections.abc import Sequence

from docker.errors import NotFound

from .. import labels
from ..engine import Engine, connect
from ..errors import CourseError

_MEMORY, _PROCESSES = "512m", 256
_PATIENCE = 2   # seconds between the request to end and the end, as `docker stop -t 2`


class ManagedContainer:
    """A container that was created. It is removed when Python ends, if nobody does it before."""

    def __init__(self, name: str, image: str, engine: Engine):
        self.name = name
        self.image = image
        self._engine = engine
        atexit.register(self._leave)

    @property
    def state(self) -> str:
        """'created', 'running', 'exited', as the engine calls it; 'gone' if there is none."""
        found = self._found()
        return found["Status"] if found else "gone"

    @property
    def exit_code(self) -> int | None:
        """With which its program ended; None while it has not, or is gone."""
        found = self._found()
        return found["ExitCode"] if found and found["Status"] == "exited" else None

    def start(self) -> None:
        """Start its program. A stopped one starts anew, with the files that it left."""
        with self._engine.translate_errors(f"start a container of {self.image}"):
            self._engine.client.api.start(self.name)

    def stop(self) -> None:
        """Ask its program to end; after two seconds it is killed."""
        with self._engine.translate_errors(f"stop a container of {self.image}"):
            self._engine.client.api.stop(self.name, timeout=_PATIENCE)

    def remove(self) -> None:
        """Remove it, with all that it wrote. Raises CourseError while it runs: stop it first."""
        if self.state == "running":
            raise CourseError(f"The container of {self.image} still runs.", remedy="Stop it first: .stop()")
        with self._engine.translate_errors(f"remove a container of {self.image}"):
            self._engine.client.api.remove_container(self.name, v=True)
        atexit.unregister(self._leave)

    def _found(self) -> dict | None:
        """What the engine says of its state, None if there is no such container."""
        with self._engine.translate_errors(f"show a container of {self.image}"), contextlib.suppress(NotFound):
            return self._engine.client.api.inspect_container(self.name)["State"]
        return None

    def _leave(self) -> None:
        with contextlib.suppress(Exception):   # Python ends: there is nobody to tell
            self._engine.client.api.remove_container(self.name, v=True, force=True)

    def __repr__(self) -> str:
        return f"{self.name} of {self.image}: {self.state}"


def create(image: str, command: Sequence[str] | None = None, engine: Engine | None = None) -> ManagedContainer:
    """A container of `image`, not started yet: its file system is ready, no program runs.

    Raises ImageNotFound and the engine's errors.
    """
    engine = engine or connect()
    api = engine.client.api
    name = f"multistage-run-{secrets.token_hex(6)}"
    with engine.translate_errors(f"create a container of {image}"):
        api.create_container(
            image, command=list(command) if command else None, name=name, labels=labels.marked(labels.RUN),
            network_disabled=True, host_config=api.create_host_config(
                mem_limit=_MEMORY, pids_limit=_PROCESSES, network_mode="none",
                security_opt=["no-new-privileges"]))
    return ManagedContainer(name, image, engine)
