"""The engine that the course starts and owns: Debian's dockerd, as root.

Everything of it lies in one folder (data, run-time state, socket, pid file,
log), on a bridge of its own, so that it stands beside any other Docker on the
machine. Stopping it takes back the bridge, the firewall rules that name it and
the mounts below the folder. The images stay until `purge`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .. import places
from ..errors import EngineError, NoEngine
from . import network

SHARES_NETWORK = False   # it has a bridge of its own
_PROGRAMS = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"}
_START_SECONDS = 60
_STOP_SECONDS = 30
_SOCKET_PATH = 104   # containerd's limit; the kernel's is 108

Report = Callable[[str], None]


def _quiet(_: str) -> None:
    pass


def folder() -> Path:
    return places.state() / "engine"


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


def install(report: Report = _quiet) -> None:
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


def start(report: Report = _quiet) -> None:
    """Start the engine unless it runs. Safe from several processes at once.

    Raises NoEngine (not root, or no dockerd) and EngineError (it did not come
    up; the end of its log is the evidence).
    """
    if not can_start():
        raise NoEngine("The course cannot start an engine here.",
                       why="That takes root and dockerd.", remedy="Run `make engine` as root.")
    with places.locked(places.state() / "engine.lock"):
        if running():
            return
        _sweep()
        folder().mkdir(parents=True, exist_ok=True)
        os.chmod(folder(), 0o700)
        report("Starting an engine of the course ...")
        _await(_launch(), report)


def running() -> bool:
    """Whether its dockerd lives and its socket answers."""
    return _pid() is not None and _answers()


def stop(report: Report = _quiet) -> bool:
    """Stop it and take back what it set up. False if it was not running."""
    with places.locked(places.state() / "engine.lock"):
        pid = _pid()
        if pid is not None:
            report("Stopping the engine of the course ...")
            os.kill(pid, signal.SIGTERM)
            _gone(pid, _STOP_SECONDS) or os.kill(pid, signal.SIGKILL)
            _gone(pid, 5)
        if folder().exists():
            _sweep()
        return pid is not None


def purge(report: Report = _quiet) -> None:
    """Stop it and delete its folder: images, build cache, everything."""
    stop(report)
    with places.locked(places.state() / "engine.lock"):
        shutil.rmtree(folder(), ignore_errors=True)


def log_tail(lines: int = 15) -> str:
    try:
        return "\n".join((folder() / "dockerd.log").read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


# -- starting -----------------------------------------------------------------

def _launch() -> subprocess.Popen:
    base = folder()
    _check_room_for_sockets(base / "run/containerd/containerd-debug.sock")
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


def _check_room_for_sockets(longest: Path) -> None:
    if len(os.fsencode(longest)) > _SOCKET_PATH:
        raise EngineError(
            "The course's engine cannot have its sockets in its folder.",
            why=f"{folder()} is too long: a socket's path has at most {_SOCKET_PATH} characters.",
            remedy="Set MULTISTAGE_HOME to a shorter folder, for example /var/lib/multistage.")


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
    raise EngineError(
        "The course's engine did not start.",
        why="dockerd ended by itself." if process.returncode else "It did not answer in time.",
        remedy=f"Its whole log is {folder() / 'dockerd.log'}. In a container, dockerd needs "
               "--privileged; with another Docker on the machine, use that one (DOCKER_HOST).",
        evidence=evidence,
    )


def _answers() -> bool:
    import docker

    try:
        # The engine's own API version: one that is named may be too old for it.
        client = docker.DockerClient(base_url=host(), timeout=2)
        try:
            return client.ping()
        finally:
            client.close()
    except (docker.errors.DockerException, OSError):
        return False


def _pid() -> int | None:
    """The process id of our dockerd, or None. Another process that has been
    given the number of a dead one is not taken for it."""
    try:
        pid = int((folder() / "docker.pid").read_text())
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(folder() / "data") in arguments else None


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
    below = os.fsencode(base / "run") + b"/"
    for sign, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 2)):
        orphans = _with_argument(below)
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        deadline = time.monotonic() + seconds
        while orphans and _with_argument(below) and time.monotonic() < deadline:
            time.sleep(0.05)


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
