"""Run an image for a moment and see what it says.

Containers of the course have no network unless asked, little memory, few
processes, no privileges, and are removed when they end, whatever happens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import requests
from docker.types import Mount

from . import labels
from .engine import Engine, connect
from .errors import CourseError

_MEMORY = "512m"
_PROCESSES = 256
_OUTPUT_LIMIT = 1_000_000   # bytes kept of what a container prints


@dataclass(frozen=True)
class Ran:
    """What a container printed (both streams), its exit code, and how long it ran."""

    output: str
    exit_code: int
    seconds: float

    def __str__(self) -> str:
        return self.output.rstrip("\n")


def run(image: str, command: Sequence[str] | None = None, *, hide: Sequence[str] = (),
        entrypoint: Sequence[str] | None = None, network: bool = False,
        timeout: float = 60, engine: Engine | None = None) -> Ran:
    """Run `image` until it ends; its own command if none is given.

    hide     folders over which an empty, read-only one is mounted: what lies
             there is out of the container's reach
    timeout  seconds after which it is killed and CourseError is raised

    Raises CourseError if the command cannot be started (its program is not in
    the image), and the engine's errors.
    """
    engine = engine or connect()
    api = engine.client.api
    empty = [Mount(target=folder, source="", type="tmpfs", read_only=True) for folder in hide]
    with engine.speaking(f"run {image}"):
        container = api.create_container(
            image, command=list(command) if command else None, entrypoint=entrypoint,
            labels=labels.marked(labels.RUN), network_disabled=not network,
            host_config=api.create_host_config(
                mounts=empty, mem_limit=_MEMORY, pids_limit=_PROCESSES,
                security_opt=["no-new-privileges"], network_mode="default" if network else "none"),
        )["Id"]
        try:
            return _to_its_end(api, container, timeout, image)
        finally:
            api.remove_container(container, force=True, v=True)


def _to_its_end(api, container: str, timeout: float, image: str) -> Ran:
    began = time.perf_counter()
    try:
        api.start(container)
    except Exception as error:
        raise _not_started(error, image) from error
    try:
        code = api.wait(container, timeout=timeout)["StatusCode"]
    except requests.exceptions.RequestException as error:
        raise CourseError(f"{image} did not end within {timeout:.0f} s and was stopped.",
                          remedy="Run something shorter, or give it more time with timeout=.",
                          evidence=_output(api, container)[-2000:]) from error
    return Ran(_output(api, container), code, time.perf_counter() - began)


def _output(api, container: str) -> str:
    return api.logs(container, stdout=True, stderr=True)[-_OUTPUT_LIMIT:].decode("utf-8", "replace")


def _not_started(error: Exception, image: str) -> Exception:
    said = str(getattr(error, "explanation", error))
    if "executable file not found" in said or "no such file or directory" in said:
        return CourseError(f"{image} could not run that: the program is not in the image.",
                           why=said.rsplit("exec: ", 1)[-1].strip())
    return error
