"""The engine that the course starts and owns: Debian's dockerd, as root.

Everything of it lies in one folder (data, run-time state, socket, pid file,
log), on a bridge of its own, so that it stands beside any other Docker on the
machine. Stopping it takes back the bridge, the firewall rules that name it and
the mounts below the folder. The images stay until `purge`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .. import places
from ..errors import EngineError, NoEngine

_SUBNETS = ("172.31.77.1/24", "172.31.78.1/24", "10.231.77.1/24", "192.168.231.1/24")
_POOL = "10.232"   # of networks that are made in it: not those of another Docker
_PROGRAMS = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"}
_START_SECONDS = 60
_STOP_SECONDS = 30
_SOCKET_PATH = 104   # containerd's limit; the kernel's is 108
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CHAINS = (  # what dockerd adds to the firewall besides rules that name the bridge
    ("filter", "FORWARD", "DOCKER-USER"),
    ("filter", "FORWARD", "DOCKER-ISOLATION-STAGE-1"),
    ("nat", "PREROUTING", "DOCKER"),
    ("nat", "OUTPUT", "DOCKER"),
)

Report = Callable[[str], None]


def _quiet(_: str) -> None:
    pass


def folder() -> Path:
    return places.state() / "engine"


def _bridge() -> str:
    """Name of its bridge: one for each folder, at most 15 characters."""
    return f"course-{hashlib.sha256(os.fsencode(folder())).hexdigest()[:8]}"


def host() -> str:
    """Address of its socket, as DOCKER_HOST would have it."""
    return f"unix://{folder() / 'docker.sock'}"


def installed() -> bool:
    """Whether all programs that it needs are on this machine."""
    return not _missing()


def _missing() -> list[str]:
    """Debian's packages for the programs that are not there."""
    return [package for program, package in _PROGRAMS.items()
            if shutil.which(program, path=_PATH) is None]


def can_start() -> bool:
    """Whether `start` can work here: root, with dockerd and its tools installed."""
    return os.geteuid() == 0 and installed()


def install(report: Report = _quiet) -> None:
    """Install Debian's docker.io. Raises NoEngine where that cannot be done."""
    if installed():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get", path=_PATH):
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
    subnet = _make_bridge()
    (base / "before.json").write_text(json.dumps({**_firewall_before(), "subnet": subnet}))
    command = [
        "dockerd", "--host", host(), "--data-root", str(base / "data"),
        "--exec-root", str(base / "run"), "--pidfile", str(base / "docker.pid"),
        "--bridge", _bridge(), "--fixed-cidr", _network(subnet),
        "--default-address-pool", f"base={_POOL}.0.0/16,size=24",
        "--log-level", "warn",
    ]
    with open(base / "dockerd.log", "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                start_new_session=True, cwd="/",
                                env={**os.environ, "PATH": _PATH})


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
        client = docker.DockerClient(base_url=host(), timeout=2, version="1.40")
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


# -- the network --------------------------------------------------------------

def _run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True,
                          env={**os.environ, "PATH": _PATH})


def _make_bridge() -> str:
    """Make the bridge with the first subnet that no route of the machine holds."""
    routes = _run("ip", "-4", "route").stdout
    subnet = next((s for s in _SUBNETS if s.rsplit(".", 1)[0] not in routes), _SUBNETS[0])
    _run("ip", "link", "add", "name", _bridge(), "type", "bridge")
    _run("ip", "addr", "replace", subnet, "dev", _bridge())
    made = _run("ip", "link", "set", _bridge(), "up")
    if made.returncode:
        raise EngineError(
            "The course's engine has no network bridge.", why=made.stderr.strip(),
            remedy="It needs root with the right to change the network (in a container: "
                   "--privileged), and the package iproute2.",
        )
    return subnet


def _network(subnet: str) -> str:
    return f"{subnet.rsplit('.', 1)[0]}.0/24"


def _firewall_before() -> dict[str, object]:
    """What `_sweep` needs to leave the firewall as it was found."""
    policy = _run("iptables", "-S", "FORWARD").stdout
    return {
        "forward_accepts": "-P FORWARD ACCEPT" in policy,
        "ip_forward": _read_forward(),
        "had_chains": bool(_run("iptables", "-nL", "DOCKER-USER").returncode == 0),
    }


def _read_forward() -> str:
    return Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()


# -- taking back ----------------------------------------------------------------

def _sweep() -> None:
    """Remove what a stopped engine leaves: mounts, socket, bridge, firewall rules."""
    base = folder()
    for mount in _mounts_below(base):
        _run("umount", "--lazy", mount)
    for name in ("docker.sock", "docker.pid"):
        (base / name).unlink(missing_ok=True)
    shutil.rmtree(base / "run", ignore_errors=True)
    _sweep_firewall(base / "before.json")
    for bridge in _bridges():
        _run("ip", "link", "del", bridge)


def _mounts_below(base: Path) -> list[str]:
    prefix = f"{base}/"
    with open("/proc/self/mounts") as mounts:
        points = [line.split()[1].replace("\\040", " ") for line in mounts]
    return sorted((point for point in points if point.startswith(prefix)), reverse=True)


def _bridges() -> list[str]:
    """Its own bridge, and those of networks that were made in it."""
    addresses = [line.split() for line in _run("ip", "-o", "-4", "addr").stdout.splitlines()]
    return [_bridge()] + [words[1] for words in addresses
                          if words[1].startswith("br-") and words[3].startswith(f"{_POOL}.")]


def _noted(note: Path) -> dict:
    """What was noted before the start. One that cannot be read says: change nothing
    that may not be ours."""
    careful = {"forward_accepts": False, "ip_forward": "", "had_chains": True, "subnet": _SUBNETS[0]}
    try:
        return {**careful, **json.loads(note.read_text())}
    except (ValueError, TypeError):
        return careful


def _sweep_firewall(note: Path) -> None:
    if not note.exists():
        return
    before, bridges = _noted(note), set(_bridges())
    sources = (_network(before["subnet"]), f"{_POOL}.")
    for table in ("filter", "nat"):
        for rule in _run("iptables", "-t", table, "-S").stdout.splitlines():
            words = rule.split()
            ours = bridges & set(words) or ("MASQUERADE" in words and
                                            any(word.startswith(sources) for word in words))
            if words[:1] == ["-A"] and ours:
                _run("iptables", "-t", table, "-D", *words[1:])
    if not before["had_chains"]:
        _remove_chains()
    if before["forward_accepts"]:
        _run("iptables", "-P", "FORWARD", "ACCEPT")
    if before["ip_forward"] == "0":
        Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
    note.unlink()


def _remove_chains() -> None:
    for table, parent, chain in _CHAINS:
        for rule in _run("iptables", "-t", table, "-S", parent).stdout.splitlines():
            if rule.startswith("-A") and rule.split()[-1] == chain:
                _run("iptables", "-t", table, "-D", *rule.split()[1:])
    for table in ("filter", "nat"):
        chains = [line.split()[1] for line in _run("iptables", "-t", table, "-S").stdout.splitlines()
                  if line.startswith("-N DOCKER")]
        for flag in ("-F", "-X"):
            for chain in chains:
                _run("iptables", "-t", table, flag, chain)
