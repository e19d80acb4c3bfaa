"""Run an image until it ends, and the users that a container's processes run as."""

import pwd
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import requests
from docker import APIClient
from docker.types import Mount

from ..engine import Engine, connect
from ..engine.timeouts import patient
from ..errors import CourseError, NotEnded
from .sandbox import Sandbox, created

OUTPUT_LIMIT = 1_000_000   # bytes kept of what a container prints
_START_SECONDS = 600       # an engine may unpack or copy the whole image for it
# What older runtimes print into the container's output before they end it, when the kernel
# cannot execute its program: 'exec /app: no such file or directory', before runc 1.1
# 'standard_init_linux.go:228: exec user process caused: no such file ...';
# crun '{"msg":"exec container process (missing dynamic library?) `/app`: No such file ...'.
_EXEC = re.compile(r"(?:standard_init_linux\.go:\d+: )?exec \S.*: no such file or directory\s*"
                   r'|(?:\{"msg":")?exec container process .*: No such file or directory.*\s*')
PODMAN_LACKS = "OCI runtime attempted to invoke a command that was not found"


@dataclass(frozen=True)
class Ran:
    """What a container printed (both streams), its exit code, and how many seconds it ran."""

    output: str
    exit_code: int
    seconds: float

    def __str__(self) -> str:
        return self.output.rstrip("\n")


def run(image: str, command: Sequence[str] | None = None, *, hide: Sequence[str] = (),
        entrypoint: Sequence[str] | None = None, sandbox: Sandbox = Sandbox(),
        timeout: float = 60, engine: Engine | None = None) -> Ran:
    """Run `image` until it ends, without a network unless beside another; its own command if none is given.

    entrypoint  in place of the image's own
    hide        directories over which an empty, read-only one is mounted
    timeout     seconds after which it is stopped and NotEnded is raised

    Raises NotEnded, CourseError if the command cannot be started (its program is not in the image), and
    the engine's errors.
    """
    engine = engine or connect()
    mounts: dict[str, object]
    if engine.fills_tmpfs:
        mounts = {"tmpfs": dict.fromkeys(hide, "ro,notmpcopyup")}
    else:
        mounts = {"mounts": [Mount(target=folder, source="", type="tmpfs", read_only=True) for folder in hide]}
    shared = f"container:{sandbox.beside}"
    spaces = {"network_mode": shared, "pid_mode": shared} if sandbox.beside else {"network_mode": "none"}
    with engine.translate_errors(f"run {image}"), created(
            engine, image, command, sandbox, entrypoint=entrypoint, network_disabled=not sandbox.beside,
            host={**mounts, **spaces}) as name:
        return _wait(engine.client.api, name, timeout, image)


def _wait(api: APIClient, name: str, timeout: float, image: str) -> Ran:
    began = time.perf_counter()
    start(api, name, image)
    try:
        code = api.wait(name, timeout=timeout)["StatusCode"]
    except requests.exceptions.RequestException as error:
        raise NotEnded(f"{image} did not end within {timeout:.0f} s and was stopped.",
                       remedy="Run something shorter, or give it more time with timeout=.",
                       evidence=printed(api, name)[-2000:]) from error
    output = printed(api, name)
    if code and _EXEC.fullmatch(output):
        raise not_in_image(output, image)
    return Ran(output, code, time.perf_counter() - began)


def start(api: APIClient, name: str, image: str) -> None:
    """Start a container that was created. Raises CourseError if its program is not in the image,
    and what the SDK does."""
    try:
        patient(api, _START_SECONDS).start(name)
    except Exception as error:
        raise not_started(str(getattr(error, "explanation", error)), image) or error from error


def printed(api: APIClient, name: str) -> str:
    """The end of what a container printed so far, both streams."""
    return api.logs(name, stdout=True, stderr=True)[-OUTPUT_LIMIT:].decode("utf-8", "replace")


def podman_lacks(output: str, code: int | None) -> bool:
    """Whether Podman reports that a program is not in a running container. The report is in the
    program's output, before or after a message about a lost connection, or is that message alone."""
    lines = output.splitlines()
    return any(line.startswith("Error: ") and PODMAN_LACKS in line for line in lines[:2]) or (
        code == 127 and all(line.startswith("Error: read unixpacket") for line in lines))


def not_started(message: str, image: str) -> CourseError | None:
    """The error for a program that is not in the image; None if the engine's message is another."""
    known = ("executable file not found", "no such file or directory", PODMAN_LACKS)
    found = any(words in message.replace(": No such", ": no such") for words in known)
    return not_in_image(message, image) if found else None


def not_in_image(message: str, image: str) -> CourseError:
    """The error for a program that is not in the image, with the engine's message."""
    return CourseError(f"{image} could not run that: the program, or what loads it, is not in the image.",
                       why=message.rsplit("exec: ", 1)[-1].strip())


def users(engine: Engine, container: str) -> list[str]:
    """Name or number of each process's user, the first process first. Raises the SDK's errors."""
    listed = _podman(engine, container, "user") if engine.process_columns else engine.client.api.top(container)
    at = next(i for i, title in enumerate(listed["Titles"]) if title in ("UID", "USER"))
    return [row[at] for row in listed["Processes"]]


def ids(engine: Engine, container: str) -> frozenset[int]:
    """Numbers of those users, as the engine's machine counts them. Raises the SDK's errors."""
    if engine.process_columns:
        names = (name for name, *_ in _podman(engine, container, "huser")["Processes"])
        return frozenset(int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid for name in names)
    listed = engine.client.api.top(container, "-o pid,uid")
    at = [title.upper() for title in listed["Titles"]].index("UID")
    return frozenset(int(row[at]) for row in listed["Processes"])


def _podman(engine: Engine, container: str, column: str) -> dict:
    """Podman lists forever unless asked not to, which the SDK cannot do. Asked as Docker is,
    Podman 4 runs the image's own ps, which few images have; asked for one of its own columns, none."""
    api = engine.client.api
    url = api._url("/containers/{0}/top", container)
    return api._result(api._get(url, params={"stream": "false", "ps_args": column}), True)
