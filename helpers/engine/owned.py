"""The engine that the course starts and owns: Debian's dockerd, as root.

Everything of it lies in one folder (data, run-time state, socket, pid file,
log), on a bridge of its own, so that it stands beside any other Docker on the
machine. Stopping it takes back the bridge, the firewall rules that name it and
the mounts below the folder. The images stay until `purge`.
"""

from __future__ import annotations

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

_BRIDGE = "multistage0"
_SUBNETS = ("172.31.77.1/24", "10.231.77.1/24", "192.168.231.1/24")
_START_SECONDS = 60
_STOP_SECONDS = 30
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


def host() -> str:
    """Address of its socket, as DOCKER_HOST would have it."""
    return f"unix://{folder() / 'docker.sock'}"


def installed() -> bool:
    return shutil.which("dockerd", path=_PATH) is not None


def can_start() -> bool:
    """Whether `start` can work here: root, with dockerd installed."""
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
    apt_install(["docker.io", "iptables", "iproute2"], report, start_services=False)


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
    subnet = _make_bridge()
    (base / "before.json").write_text(json.dumps(_firewall_before()))
    command = [
        "dockerd", "--host", host(), "--data-root", str(base / "data"),
        "--exec-root", str(base / "run"), "--pidfile", str(base / "docker.pid"),
        "--bridge", _BRIDGE, "--fixed-cidr", _network(subnet),
        # Docker's own ranges for user-defined networks would meet those of another Docker.
        "--default-address-pool", "base=10.232.0.0/16,size=24",
        "--log-level", "warn",
    ]
    with open(base / "dockerd.log", "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                start_new_session=True, cwd="/",
                                env={**os.environ, "PATH": _PATH})


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
        try:
            os.waitpid(pid, os.WNOHANG)   # ours if this process started it
        except ChildProcessError:
            pass
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
    _run("ip", "link", "add", "name", _BRIDGE, "type", "bridge")
    _run("ip", "addr", "replace", subnet, "dev", _BRIDGE)
    made = _run("ip", "link", "set", _BRIDGE, "up")
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
    _run("ip", "link", "del", _BRIDGE)


def _mounts_below(base: Path) -> list[str]:
    prefix = f"{base}/"
    with open("/proc/self/mounts") as mounts:
        points = [line.split()[1].replace("\\040", " ") for line in mounts]
    return sorted((point for point in points if point.startswith(prefix)), reverse=True)


def _sweep_firewall(note: Path) -> None:
    if not note.exists():
        return
    before = json.loads(note.read_text())
    for table in ("filter", "nat"):
        for rule in _run("iptables", "-t", table, "-S").stdout.splitlines():
            words = rule.split()
            if words[:1] == ["-A"] and (_BRIDGE in words or _masquerades(words)):
                _run("iptables", "-t", table, "-D", *words[1:])
    if not before["had_chains"]:
        _remove_chains()
    if before["forward_accepts"]:
        _run("iptables", "-P", "FORWARD", "ACCEPT")
    if before["ip_forward"] == "0":
        Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
    note.unlink()


def _masquerades(words: list[str]) -> bool:
    return "MASQUERADE" in words and any(_network(s) in words for s in _SUBNETS)


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
