"""Processes of the course's engines: queried, resumed, ended."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

Report = Callable[[str], None]
Pids = Callable[[], Iterable[int]]
_ROOT = Path(__file__).resolve().parents[2]


def quiet(_: str) -> None:
    """The report that prints nothing."""


def module(name: str, *words: str) -> list[str]:
    """The command that runs a module of the course, in `environment`."""
    return [sys.executable, "-m", name, *words]


def environment() -> dict[str, str]:
    """This process's environment, with the course on Python's path."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}


def answers(host: str, seconds: float) -> bool:
    """Whether an engine answers there in time, whatever API it speaks."""
    import docker

    try:
        # Without a version the SDK asks for the engine's; a given one may be too old for it.
        with contextlib.closing(docker.DockerClient(base_url=host, timeout=seconds)) as client:
            return client.ping()
    except (docker.errors.DockerException, OSError):
        return False


def wait_until_responsive(pids: Pids, answer: Callable[[], bool], report: Report, seconds: float) -> bool:
    """Wait for a running engine that does not answer, since it is busy or was stopped with its session. Returns whether
    it answered. A second one cannot be started meanwhile: the data are locked.

    pids   all processes that must run for it to answer; none if it is not running"""
    deadline, reported = time.monotonic() + seconds, False
    while (own := [*pids()]) and time.monotonic() < deadline:
        if answer():
            return True
        if not reported:
            report("The course's engine is running but does not answer yet: waiting for it ...")
            reported = True
        for each in own:
            resume(each)
        time.sleep(0.1)
    return False


def resume(pid: int) -> None:
    """Continue a process that was stopped (SIGSTOP, Ctrl-Z)."""
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            os.kill(pid, signal.SIGCONT)


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has used; 0.0 if unknown."""
    try:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0


def end(pids: Pids, gently: float, hard: float) -> bool:
    """Terminate processes, and after `gently` seconds kill them and wait for `hard` seconds. Returns whether all have
    ended. `pids` is called again each time, so that a reused process id gets no signal."""
    for sign, seconds in ((signal.SIGTERM, gently), (signal.SIGKILL, hard)):
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            resume(pid)   # a stopped one would not handle SIGTERM
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not [*pids()]:
                return True
            time.sleep(0.05)
    return not [*pids()]


def command_line(pid: int) -> list[bytes]:
    """The program and arguments of a process; [] if it has ended or is not visible."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def recorded(file: Path, argument: Path) -> int | None:
    """The process whose id is in `file`, if it is running and has that argument, which one that reused the id of a dead
    one does not have."""
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(argument) in command_line(pid) else None
