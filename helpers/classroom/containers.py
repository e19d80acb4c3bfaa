"""Short-lived containers that fill or read a class's volumes, or set up the machine."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from ..engine import Engine
from ..engine.timeouts import patient
from ..errors import CourseError
from .room import Room

COURSE = "/home/jovyan/course"
_REMOVE_SECONDS = 300
_SECONDS = 1800    # limit for filling a store or reading a home


@contextlib.contextmanager
def container(engine: Engine, room: Room, volumes: Mapping[str, str],
              environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The id of a created, not started, container of the learners' image with these volumes ({name: mount point}).
    It has a learner's privileges, and is removed at the end of the block."""
    api = patient(engine.client.api, _SECONDS)
    made = api.create_container(
        room.image, ["sleep", "infinity"], user="1000:1000", labels=room.labels, environment=dict(environment or {}),
        volumes=list(volumes.values()), host_config=api.create_host_config(
            binds={volume: {"bind": place, "mode": "rw"} for volume, place in volumes.items()},
            network_mode="none", **room.limits, mem_limit=room.memory))["Id"]
    try:
        yield made
    finally:
        remove(engine, made)


def remove(engine: Engine, container: str) -> None:
    """Remove a container and wait until it is gone; the hub may be removing it too. Raises CourseError."""
    deadline = time.monotonic() + _REMOVE_SECONDS
    while time.monotonic() < deadline:
        try:
            patient(engine.client.api, _REMOVE_SECONDS).remove_container(container, force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != 409:
                raise
            time.sleep(0.5)
    raise CourseError(f"The container {container} could not be removed.", why="The engine is still removing it.",
                      remedy="Run this again when the engine is less busy.")


def run(engine: Engine, container: str, command: Sequence[str], folder: str = COURSE) -> str:
    """Run a command in a running container as the learner; returns its output. Raises CourseError if it fails."""
    api = patient(engine.client.api, _SECONDS)
    made = api.exec_create(container, list(command), workdir=folder)["Id"]
    output = b"".join(api.exec_start(made, stream=True)).decode("utf-8", "replace")
    if code := api.exec_inspect(made)["ExitCode"]:
        raise CourseError(f"`{' '.join(command)}` failed in a session of the class.", why=f"Its exit code is {code}.",
                          remedy="Run `python -m helpers doctor` on this machine, then `make class` again.",
                          evidence=output[-3000:])
    return output


def run_as_root(api: APIClient, room: Room, command: Sequence[str], what: str, remedy: str, working_dir: str = "/",
                **host: Any) -> str:
    """Run a command as root in a new container with these host_config settings; returns its output. Raises
    CourseError(what, remedy) if it fails."""
    made = api.create_container(
        room.image, list(command), user="0", working_dir=working_dir, labels=room.labels,
        environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, host_config=api.create_host_config(**host))["Id"]
    try:
        api.start(made)
        code = api.wait(made)["StatusCode"]
        output: str = api.logs(made, stdout=True, stderr=bool(code)).decode("utf-8", "replace")
    finally:
        api.remove_container(made, force=True, v=False)
    if code:
        raise CourseError(what, why=f"The exit code is {code}.", remedy=remedy, evidence=output[-1000:])
    return output
