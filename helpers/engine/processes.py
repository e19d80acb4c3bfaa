"""The processes of an engine that the course started: asked, woken, ended. Each engine says which are its own."""

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
    """A report that nobody reads."""


def module(name: str, *words: str) -> list[str]:
    """The command that runs a module of the course, with `environment`."""
    return [sys.executable, "-m", name, *words]


def environment() -> dict[str, str]:
    """This process's, in which Python finds the course's modules."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}


def answers(host: str, seconds: float) -> bool:
    """Whether an engine answers there within so many seconds, whatever API it speaks."""
    import docker

    try:
        # The engine's own API version: one that is named may be too old for it.
        with contextlib.closing(docker.DockerClient(base_url=host, timeout=seconds)) as client:
            return client.ping()
    except (docker.errors.DockerException, OSError):
        return False


def wait_until_responsive(pids: Pids, answer: Callable[[], bool], report: Report, seconds: float) -> bool:
    """Wait for an engine that lives and does not answer, since it is busy or was stopped with its session: whether it
    does in the end. No second one can run beside it: its data are locked, and its mounts would be swept away.

    pids   the engine's own process first, then those that it cannot do without; none where it does not live"""
    deadline, reported = time.monotonic() + seconds, False
    while (own := [*pids()]) and time.monotonic() < deadline:
        if answer():
            return True
        if not reported:
            report("The course's engine is running and does not answer: waiting for it ...")
            reported = True
        for each in own:
            resume(each)
        time.sleep(0.1)
    return False


def resume(pid: int) -> None:
    """Let a process that was stopped (SIGSTOP, Ctrl-Z) run again."""
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            os.kill(pid, signal.SIGCONT)


def cpu_seconds(pid: int) -> float:
    """Processor seconds that a process has taken; 0.0 where that cannot be seen."""
    try:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0


def end(pids: Pids, gently: float, hard: float) -> bool:
    """End processes: ask, wait for `gently` seconds, then kill and wait for `hard` seconds; whether
    all have ended. `pids` is asked each time, and what it no longer names gets no signal."""
    for sign, seconds in ((signal.SIGTERM, gently), (signal.SIGKILL, hard)):
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            resume(pid)   # one that was stopped sees no SIGTERM
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not [*pids()]:
                return True
            time.sleep(0.05)
    return not [*pids()]


def command_line(pid: int) -> list[bytes]:
    """The program of the process with that number, and its arguments; [] where it has ended or may not be seen."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def recorded(file: Path, argument: Path) -> int | None:
    """The process whose id is in `file`, if it runs and has that argument: another one that was
    given the number of a dead one is not taken for it."""
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(argument) in command_line(pid) else None
