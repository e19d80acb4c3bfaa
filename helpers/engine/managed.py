"""What every engine that the course starts has of its own, and how its processes are dealt with.

A folder below `places.state()`, a socket and a log in it, a lock beside it. Each engine
says which processes are its own; nothing here decides that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .. import paths
from ..errors import EngineError

Report = Callable[[str], None]
Pids = Callable[[], Iterable[int]]

_SOCKET_PATH = 104   # containerd's limit; the kernel's is 108


def quiet(_: str) -> None:
    """A report that nobody reads."""


def lock(name: str) -> contextlib.AbstractContextManager[None]:
    """Held while the engine `name` is started or stopped: by one process at a time."""
    return paths.locked(paths.state() / f"{name}.lock")


def check_room(engine: str, longest: Path, instead: str) -> None:
    """Raises EngineError where the path of a socket would be too long for the kernel;
    `instead` is a shorter folder to name."""
    if len(os.fsencode(longest)) > _SOCKET_PATH:
        raise EngineError(
            f"{engine} cannot have its sockets in its folder.",
            why=f"{longest} is too long: a socket's path has at most {_SOCKET_PATH} characters.",
            remedy=f"Set MULTISTAGE_HOME to a shorter folder, for example {instead}.")


def log_tail(log: Path, lines: int) -> str:
    """The end of an engine's log; '' where there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def answers(host: str, seconds: float) -> bool:
    """Whether an engine answers there within that time, whatever API it speaks."""
    import docker

    try:
        # The engine's own API version: one that is named may be too old for it.
        client = docker.DockerClient(base_url=host, timeout=seconds)
        try:
            return client.ping()
        finally:
            client.close()
    except (docker.errors.DockerException, OSError):
        return False


# -- processes ------------------------------------------------------------------------

def thawed(pids: Pids, answer: Callable[[], bool], report: Report, seconds: float) -> bool:
    """Wait for an engine that lives and does not answer: whether it does in the end.

    It is busy, or was stopped with the session that it was started in. Beside it no
    second one can be: its data are locked, and its mounts would be swept away.

    pids   the engine's own process first, then those that it cannot do without; none
           where it does not live
    """
    deadline = time.monotonic() + seconds
    told = False
    while (theirs := [*pids()]) and time.monotonic() < deadline:
        if answer():
            return True
        if not told:
            report("The engine of the course is there and does not answer: waiting for it ...")
            told = True
        for each in theirs:
            go_on(each)
        time.sleep(0.1)
    return False


def go_on(pid: int) -> None:
    """Let a process that was stopped (SIGSTOP, Ctrl-Z) run again."""
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            os.kill(pid, signal.SIGCONT)


def end(pids: Pids, gently: float, hard: float) -> None:
    """End processes: ask for `gently` seconds, then kill and wait for `hard` seconds.
    `pids` is asked anew each time, and what it no longer names gets no signal."""
    for sign, seconds in ((signal.SIGTERM, gently), (signal.SIGKILL, hard)):
        theirs = [*pids()]
        for pid in theirs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            go_on(pid)   # one that was stopped sees no SIGTERM
        deadline = time.monotonic() + seconds
        while theirs and [*pids()] and time.monotonic() < deadline:
            time.sleep(0.05)
