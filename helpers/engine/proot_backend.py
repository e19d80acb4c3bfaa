"""The life of the course's own small engine, the last rung: `helpers.engine.proot`, over PRoot.

For sessions that refuse user namespaces or mounts. Its data, socket, pid file and log
lie in one folder that only this user can open.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

from .. import paths
from ..errors import EngineError, NoEngine
from . import managed
from .managed import Report

SHARES_NETWORK = False   # it forwards: a port that is asked for is exchanged for a free one, by PRoot
_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS, _PROBE_SECONDS, _BUSY_SECONDS, _STOP_SECONDS = 30, 60, 30, 10
_LIMITS = (
    "It builds without BuildKit: stages run one after another, and --mount takes a stage, a cache or a secret and no more.",
    "What a RUN makes is root's: a chown there is lost. COPY --chown is kept.",
    ("Programs run under PRoot, in the session's own network and among its processes: `--network none` and "
     "limits of memory and processes have no effect, a read-only file system is refused, and what is stopped "
     "ends at once, without the signal to end by itself."),
    "It fetches nothing: base images are loaded from archives.",
)


def folder() -> Path:
    return paths.state() / "small"


def host() -> str:
    """Address of its socket, as DOCKER_HOST would have it."""
    return f"unix://{folder() / 'small.sock'}"


def rung() -> str:
    return "small"


def limits() -> tuple[str, ...]:
    """Sentences: what it cannot do."""
    return _LIMITS


_WHY: list[str] = []   # what was probed, once it was good


def obstacle() -> str:
    """Why it cannot be started here, in one sentence; '' if it can. Takes a second the first time."""
    if sys.platform != "linux":
        return "The course's small engine takes Linux."
    if os.geteuid() == 0:
        return "The course's small engine is for sessions without root."
    if not _WHY:
        try:
            done = subprocess.run(_command("--probe"), capture_output=True, text=True, timeout=_PROBE_SECONDS,
                                  stdin=subprocess.DEVNULL, env=_environment())
        except subprocess.TimeoutExpired:
            return "The course's small engine could not be tried: the machine did not answer in time."
        except OSError as error:
            return f"The course's small engine could not be tried: Python cannot be started ({error.strerror})."
        if done.returncode:
            said = (done.stdout or done.stderr).strip().splitlines() or ["the probe ended without a word"]
            return f"The course's small engine cannot work here: {said[-1]}."
        _WHY.append("")
    return ""


def can_start() -> bool:
    """Whether `start` can work here."""
    return not obstacle()


def start(report: Report = managed.quiet) -> None:
    """Start it unless it runs. Safe from several processes at once.

    Raises NoEngine where it cannot run, EngineError where it does not come up (the end
    of its log is the evidence).
    """
    why = obstacle()
    if why:
        raise NoEngine("The course cannot start its small engine here.", why=why,
                       remedy="Install PRoot 5.4 or newer, or use a machine with Docker.")
    place = folder()
    managed.check_room("The course's small engine", place / "small.sock", "/tmp/multistage")
    with managed.lock("small"):
        if running() or managed.thawed(_processes, _answers, report, _BUSY_SECONDS):
            return
        _end()
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o700)
        report("Starting the course's small engine ...")
        with open(place / "small.log", "ab") as log:
            process = subprocess.Popen(_command(str(place)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, cwd="/", env=_environment())
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if _answers():
                report("The engine answers.")
                return
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait(10)
        raise EngineError("The course's small engine did not start.", remedy=f"Its log is {place / 'small.log'}.",
                          evidence=log_tail())


def running() -> bool:
    """Whether its process lives and its socket answers."""
    return _pid() is not None and _answers()


def stop(report: Report = managed.quiet) -> bool:
    """Stop it, with all that runs in it. False if it was not running."""
    with managed.lock("small"):
        if _pid() is None:
            return False
        report("Stopping the course's small engine ...")
        _end()
        return True


def purge(report: Report = managed.quiet) -> None:
    """Stop it and delete its folder: images, layers, everything."""
    stop(report)
    with managed.lock("small"):
        paths.remove(str(folder()))


def log_tail(lines: int = 15) -> str:
    return managed.log_tail(folder() / "small.log", lines)


def _command(word: str) -> list[str]:
    return [sys.executable, "-m", "helpers.engine.proot", word]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}


def _answers() -> bool:
    return (folder() / "small.sock").exists() and managed.answers(host(), 2)


def _pid() -> int | None:
    """Its process id, or None; another process with that number is not taken for it."""
    try:
        pid = int((folder() / "small.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(folder()) in words else None


def _processes() -> list[int]:
    pid = _pid()
    return [] if pid is None else [pid]


def _end() -> None:
    managed.end(_processes, _STOP_SECONDS, _STOP_SECONDS)
