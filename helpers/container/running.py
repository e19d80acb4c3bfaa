"""Run an image until it ends."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import requests
from docker.types import Mount

from ..engine.timeouts import patient
from ..limits import Bounds
from ..engine import Engine, connect
from ..errors import CourseError
from .sandbox import created, hardening_options, killed

OUTPUT_LIMIT = 1_000_000   # bytes kept of what a container prints
_START_SECONDS = 600        # an engine may unpack or copy the whole image for it
# What older runtimes print into the container's output, and then end it, when the
# kernel cannot execute its program: 'exec /app: no such file or directory', before
# runc 1.1 'standard_init_linux.go:228: exec user process caused: no such file ...';
# crun '{"msg":"exec container process (missing dynamic library?) `/app`: No such file ...'.
_EXEC = re.compile(r"(?:standard_init_linux\.go:\d+: )?exec \S.*: no such file or directory\s*"
                   r'|(?:\{"msg":")?exec container process .*: No such file or directory.*\s*')
PODMAN_LACKS = "OCI runtime attempted to invoke a command that was not found"


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
        read_only: bool = False, capabilities: Sequence[str] | None = None, bounds: Bounds | None = None,
        timeout: float = 60, engine: Engine | None = None) -> Ran:
    """Run `image` until it ends; its own command if none is given.

    hide     folders over which an empty, read-only one is mounted: what lies
             there is out of the container's reach
    read_only     whether its file system can only be read
    capabilities  None: the engine's usual ones. Else strictly held: these alone, and
                  little that it may write to files and print
    bounds   past which it is killed
    timeout  seconds after which it is killed and CourseError is raised

    Raises CourseError if the command cannot be started (its program is not in
    the image), and the engine's errors.
    """
    engine = engine or connect()
    if engine.fills_tmpfs:
        empty = {"tmpfs": dict.fromkeys(hide, "ro,notmpcopyup")}
    else:
        empty = {"mounts": [Mount(target=folder, source="", type="tmpfs", read_only=True) for folder in hide]}
    outside = "host" if engine.shares_network else "default"
    with engine.translate_errors(f"run {image}"), created(
            engine, image, command, entrypoint=entrypoint, network_disabled=not network,
            host={**empty, "network_mode": outside if network else "none", "read_only": read_only,
                  **hardening_options(engine, capabilities)}) as name, killed(engine, name, bounds):
        return _to_its_end(engine.client.api, name, timeout, image)


def _to_its_end(api, name: str, timeout: float, image: str) -> Ran:
    began = time.perf_counter()
    start(api, name, image)
    try:
        code = api.wait(name, timeout=timeout)["StatusCode"]
    except requests.exceptions.RequestException as error:
        raise CourseError(f"{image} did not end within {timeout:.0f} s and was stopped.",
                          remedy="Run something shorter, or give it more time with timeout=.",
                          evidence=printed(api, name)[-2000:]) from error
    output = printed(api, name)
    if code and _EXEC.fullmatch(output):
        raise not_started(output, image)
    return Ran(output, code, time.perf_counter() - began)


def start(api, name: str, image: str) -> None:
    try:
        patient(api, _START_SECONDS).start(name)
    except Exception as error:
        raise not_started(str(getattr(error, "explanation", error)), image) or error from error


def printed(api, name: str) -> str:
    return api.logs(name, stdout=True, stderr=True)[-OUTPUT_LIMIT:].decode("utf-8", "replace")


def podman_lacks(output: str, code: int | None) -> bool:
    """Whether Podman says that a program is not in a container that runs. It says so in
    the program's output, before or after a word of its lost connection, or by that alone."""
    lines = output.splitlines()
    return any(line.startswith("Error: ") and PODMAN_LACKS in line for line in lines[:2]) or (
        code == 127 and all(line.startswith("Error: read unixpacket") for line in lines))


def not_started(said: str, image: str) -> CourseError | None:
    """The error for a program that is not there; None if the engine `said` something else."""
    if not any(words in said.replace(": No such", ": no such") for words in ("executable file not found", "no such file or directory", PODMAN_LACKS)):
        return None
    return CourseError(f"{image} could not run that: the program, or what loads it, is not in the image.",
                       why=said.rsplit("exec: ", 1)[-1].strip())
