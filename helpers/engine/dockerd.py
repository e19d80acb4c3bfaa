"""The engine that the course starts and owns: Debian's dockerd, as root.

Everything of it lies in one folder (data, run-time state, socket, pid file,
log), on a bridge of its own, so that it stands beside any other Docker on the
machine. Stopping it takes back the bridge, the firewall rules that name it and
the mounts below the folder. The images stay until `purge`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .. import paths
from ..errors import DiskFull, EngineError, NoEngine
from . import network, managed
from .managed import Report

SHARES_NETWORK = False   # it has a bridge of its own
_PROGRAMS = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"}
_START_SECONDS = 60
_STOP_SECONDS = 30
_BUSY_SECONDS = 60   # an engine that loads an image on a slow disk may be silent for some of it


def folder() -> Path:
    return paths.state() / "engine"


def host() -> str:
    """Address of its socket, as DOCKER_HOST would have it."""
    return f"unix://{folder() / 'docker.sock'}"


def rung() -> str:
    """What it is called as a rung of the ladder."""
    return "course"


def limits() -> tuple[str, ...]:
    """It has none but its own."""
    return ()


def obstacle() -> str:
    """Why it cannot be started here, in one sentence; '' if it can."""
    if os.geteuid() != 0:
        return "The course starts dockerd only as root."
    return f"Not installed: {', '.join(_missing())}." if _missing() else ""


def installed() -> bool:
    """Whether all programs that it needs are on this machine."""
    return not _missing()


def _missing() -> list[str]:
    """Debian's packages for the programs that are not there."""
    return [package for program, package in _PROGRAMS.items()
            if shutil.which(program, path=network.PATH) is None]


def can_start() -> bool:
    """Whether `start` can work here: root, with dockerd and its tools installed."""
    return os.geteuid() == 0 and installed()


def install(report: Report = managed.quiet) -> None:
    """Install Debian's docker.io. Raises NoEngine where that cannot be done."""
    if installed():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get", path=network.PATH):
        raise NoEngine(
            "An engine cannot be installed here.",
            why="That takes root on Debian or Ubuntu.",
            remedy="Install Docker by its own instructions, then run this again.",
        )
    from .packages import apt_install

    # Without this, Debian would start a second, system-wide dockerd at once.
    apt_install(_missing(), report, start_services=False)


def start(report: Report = managed.quiet) -> None:
    """Start the engine unless it runs. Safe from several processes at once.

    Raises NoEngine (not root, or no dockerd) and EngineError (it did not come
    up; the end of its log is the evidence).
    """
    if not can_start():
        raise NoEngine("The course cannot start an engine here.",
                       why="That takes root and dockerd.", remedy="Run `make engine` as root.")
    with managed.lock("engine"):
        if running() or managed.thawed(_processes, _answers, report, _BUSY_SECONDS):
            return
        _end(report)
        _sweep()
        report("Starting an engine of the course ...")
        try:
            folder().mkdir(parents=True, exist_ok=True)
            os.chmod(folder(), 0o700)
            _await(_launch(), report)
        except OSError as error:
            _sweep()
            raise _no_folder(error) from error


def running() -> bool:
    """Whether its dockerd lives and its socket answers."""
    return _pid() is not None and _answers()


def stop(report: Report = managed.quiet) -> bool:
    """Stop it and take back what it set up. False if it was not running."""
    with managed.lock("engine"):
        was = _pid() is not None
        if was:
            report("Stopping the engine of the course ...")
        _end(report)
        if folder().exists():
            _sweep()
        return was


def purge(report: Report = managed.quiet) -> None:
    """Stop it and delete its folder: images, build cache, everything."""
    stop(report)
    with managed.lock("engine"):
        shutil.rmtree(folder(), ignore_errors=True)


def log_tail(lines: int = 15) -> str:
    return managed.log_tail(folder() / "dockerd.log", lines)


# -- starting -----------------------------------------------------------------

def _launch() -> subprocess.Popen:
    base = folder()
    managed.check_room("The course's engine", base / "run/containerd/containerd-debug.sock", "/var/lib/multistage")
    subnet = network.prepare(base)
    command = [
        "dockerd", "--host", host(), "--data-root", str(base / "data"),
        "--exec-root", str(base / "run"), "--pidfile", str(base / "docker.pid"),
        "--bridge", network.bridge(base), "--fixed-cidr", network.network(subnet),
        "--default-address-pool", f"base={network.POOL}.0.0/16,size=24",
        "--log-level", "warn",
    ]
    with open(base / "dockerd.log", "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                start_new_session=True, cwd="/",
                                env={**os.environ, "PATH": network.PATH})


def _no_folder(error: OSError) -> EngineError:
    if error.errno == errno.ENOSPC:
        return DiskFull("The course's engine cannot start: its disk is full.", why=str(error),
                        remedy=f"Make room where {folder()} lies, then run this again: its images are kept. "
                               "MULTISTAGE_HOME names another folder.")
    return EngineError("The course's engine cannot have its folder.", why=str(error),
                       remedy="Set MULTISTAGE_HOME to a folder that you may write to.")


def _await(process: subprocess.Popen, report: Report) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if _answers():
            report("The engine answers.")
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    else:
        process.terminate()
        process.wait(10)
    evidence = log_tail()
    _sweep()
    if "no space left on device" in evidence.lower():
        raise _no_folder(OSError(errno.ENOSPC, "no space left on device"))
    raise EngineError(
        "The course's engine did not start.",
        why="dockerd ended by itself." if process.returncode else "It did not answer in time.",
        remedy=f"Its whole log is {folder() / 'dockerd.log'}. In a container, dockerd needs "
               "--privileged; with another Docker on the machine, use that one (DOCKER_HOST).",
        evidence=evidence,
    )


def _answers() -> bool:
    return managed.answers(host(), 2)


def _pid() -> int | None:
    """The process id of our dockerd, or None. Another process that has been
    given the number of a dead one is not taken for it."""
    try:
        pid = int((folder() / "docker.pid").read_text())
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(folder() / "data") in arguments else None


def _processes() -> list[int]:
    """Our dockerd, and the containerd and the shims that it cannot do without; none without it."""
    pid = _pid()
    return [] if pid is None else [pid, *_with_argument(os.fsencode(folder() / "run") + b"/")]


def _end(report: Report) -> None:
    """End our dockerd, if there is one. Raises EngineError for one that cannot be ended."""
    pid = _pid()
    if pid is None:
        return
    for sign, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)
        managed.go_on(pid)   # one that was stopped sees no SIGTERM
        if _gone(pid, seconds):
            return
    raise EngineError(
        "The course's engine neither answers nor ends.",
        why=f"Its process {pid} is frozen, or waits for a disk that does not answer.",
        remedy="Thaw what this session runs in, or see to the disk; then run this again. Its images "
               f"are in {folder()}.")


def _gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if _pid() != pid:
            return True
        time.sleep(0.05)
    return False


# -- taking back ----------------------------------------------------------------

def _sweep() -> None:
    """Remove what a stopped engine leaves: processes, mounts, socket, network."""
    base = folder()
    _end_orphans(base)
    for mount in _mounts_below(base):
        network.run("umount", "--lazy", mount)
    for name in ("docker.sock", "docker.pid"):
        (base / name).unlink(missing_ok=True)
    shutil.rmtree(base / "run", ignore_errors=True)
    network.sweep(base)


def _end_orphans(base: Path) -> None:
    """End the containerd and the shims of a dockerd that was killed. They are known
    by the engine's folder in their arguments."""
    managed.end(lambda: _with_argument(os.fsencode(base / "run") + b"/"), 5, 2)


def _with_argument(below: bytes) -> list[int]:
    """Ids of containerd's processes that were given a path in that folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            program, *arguments = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"containerd" in program and any(each.startswith(below) for each in arguments):
            found.append(int(entry.parent.name))
    return found


def _mounts_below(base: Path) -> list[str]:
    prefix = f"{base}/"
    with open("/proc/self/mounts") as mounts:
        points = [line.split()[1].replace("\\040", " ") for line in mounts]
    return sorted((point for point in points if point.startswith(prefix)), reverse=True)
