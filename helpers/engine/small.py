"""The life of the course's own small engine, the last rung: `helpers.small`, over PRoot.

For sessions that refuse user namespaces or mounts. Its data, socket, pid file and log
lie in one folder that only this user can open.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .. import places
from ..errors import EngineError, NoEngine

SHARES_NETWORK = False   # it forwards: a port that is asked for is exchanged for a free one, by PRoot
_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS, _PROBE_SECONDS, _STOP_SECONDS = 30, 60, 10
_SOCKET_PATH = 104   # the kernel's limit is 108
_LIMITS = (
    "It builds without BuildKit: stages run one after another, and --mount takes a stage, a cache or a secret and no more.",
    "What a RUN makes is root's: a chown there is lost. COPY --chown is kept.",
    ("Programs run under PRoot, in the session's own network and among its processes: `--network none` and "
     "limits of memory and processes have no effect, a read-only file system is refused, and what is stopped "
     "ends at once, without the signal to end by itself."),
    "It fetches nothing: base images are loaded from archives.",
)

Report = Callable[[str], None]


def _quiet(_: str) -> None:
    pass


def folder() -> Path:
    return places.state() / "small"


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


def start(report: Report = _quiet) -> None:
    """Start it unless it runs. Safe from several processes at once.

    Raises NoEngine where it cannot run, EngineError where it does not come up (the end
    of its log is the evidence).
    """
    why = obstacle()
    if why:
        raise NoEngine("The course cannot start its small engine here.", why=why,
                       remedy="Install PRoot 5.4 or newer, or use a machine with Docker.")
    place = folder()
    if len(os.fsencode(place / "small.sock")) > _SOCKET_PATH:
        raise EngineError("The small engine cannot have its socket in the course's folder.",
                          why=f"{place} is too long: a socket's path has at most {_SOCKET_PATH} characters.",
                          remedy="Set MULTISTAGE_HOME to a shorter folder, for example /tmp/multistage.")
    with places.locked(places.state() / "small.lock"):
        if running():
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


def stop(report: Report = _quiet) -> bool:
    """Stop it, with all that runs in it. False if it was not running."""
    with places.locked(places.state() / "small.lock"):
        if _pid() is None:
            return False
        report("Stopping the course's small engine ...")
        _end()
        return True


def purge(report: Report = _quiet) -> None:
    """Stop it and delete its folder: images, layers, everything."""
    stop(report)
    with places.locked(places.state() / "small.lock"):
        places.remove(str(folder()))


def log_tail(lines: int = 15) -> str:
    try:
        return "\n".join((folder() / "small.log").read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _command(word: str) -> list[str]:
    return [sys.executable, "-m", "helpers.small", word]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}


def _answers() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(folder() / "small.sock"))
            probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in probe.recv(64)
        except OSError:
            return False


def _pid() -> int | None:
    """Its process id, or None; another process with that number is not taken for it."""
    try:
        pid = int((folder() / "small.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(folder()) in words else None


def _end() -> None:
    pid = _pid()
    for number in (signal.SIGTERM, signal.SIGKILL) if pid else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + _STOP_SECONDS
        while _pid() == pid and time.monotonic() < deadline:
            time.sleep(0.05)
        if _pid() != pid:
            break
