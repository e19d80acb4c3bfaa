"""Containers of a class beside the learners' own: to fill a volume, to read one, to set up the machine."""

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
_SECONDS = 1800    # what filling a store or reading a home may take


@contextlib.contextmanager
def container(engine: Engine, room: Room, volumes: Mapping[str, str],
              environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The id of a container of the learners' image with these volumes ({name: place}), not started; removed at the
    end. It may do what a learner may."""
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
    """Remove a container, and wait until it is gone: the hub may be at it as well. Raises CourseError."""
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
    raise CourseError(f"The container {container} could not be removed.", why="The engine is still at it.",
                      remedy="Run this again when the engine is less busy.")


def run(engine: Engine, container: str, command: Sequence[str], folder: str = COURSE) -> str:
    """Run a command in a container that runs, as a learner would; its output. Raises CourseError where it fails."""
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
    """The output of a command as root in a container of its own with these settings of the host configuration.
    Raises CourseError, with `what` and `remedy`, where the command fails."""
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
