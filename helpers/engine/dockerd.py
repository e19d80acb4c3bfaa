"""Docker Engine, and how the course runs Debian's dockerd as root.

It has its own folder (data, run-time state, socket, pid file, log) and bridge, so it can run beside any other Docker.
Stopping it removes the bridge, its firewall rules and the mounts below the folder; the images stay until `purge`."""

import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import NoEngine
from . import mounts, network, packages, processes, tar_split
from .backend import Backend
from .capabilities import Capabilities
from .processes import Report

_EXPORTS = ("caches", "platforms", "provenance", "sbom", "timestamps", "push")    # with the containerd store
_PROGRAMS = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"}


class Dockerd(Backend):
    """Docker Engine."""

    name, builders, process = "Docker Engine", ("buildkit", "legacy"), b"dockerd"
    title, home, socket, log = "dockerd", "engine", "docker.sock", "dockerd.log"
    longest_socket, shorter_home = "run/containerd/containerd-debug.sock", "/var/lib/multistage"
    remedy = ("In a container, dockerd needs --privileged. If the machine has another Docker, "
              "use that one (DOCKER_HOST). As root, `make engine` installs and starts one.")
    stop_seconds, answer_seconds = 30, 2

    def capabilities(self, version: int, owned: bool, store: str = "") -> Capabilities:
        """BuildKit supports heredocs (Dockerfile 1.4) and keeps failed steps since 0.10.1 (Docker Engine 23.0),
        provenance and SOURCE_DATE_EPOCH since 0.11 (Docker 24), and rewriting times since 0.13 (Docker 26)."""
        exports = _EXPORTS if version >= 26 and "containerd" in store else ()
        return Capabilities(heredocs=("buildkit",) if version >= 23 else (), keeps_failed_steps=version >= 23,
                            exports=(*exports, *(("provenance-file", "epoch") if version >= 24 else ())))

    def rung(self) -> str:
        return "course"

    def obstacle(self) -> str:
        if os.geteuid() != 0:
            return "The course starts dockerd only as root."
        return f"Not installed: {', '.join(_missing())}." if _missing() else ""

    def install(self, report: Report) -> None:
        if os.geteuid() != 0 or not shutil.which("apt-get", path=network.PATH):
            raise NoEngine("The course cannot install an engine here.", why="That takes root on Debian or Ubuntu.",
                           remedy="Follow Docker's installation instructions, then run this again.")
        packages.apt_install(_missing(), report)

    def layer(self, digests: Sequence[str]) -> Iterator[bytes] | None:
        """Sources: moby/moby, layer/filestore.go; OCI image specification, "Layer ChainID"."""
        data, chain = self.folder() / "data", digests[0]
        for each in digests[1:]:
            chain = f"sha256:{hashlib.sha256(f'{chain} {each}'.encode()).hexdigest()}"
        kept = data / "image/overlay2/layerdb" / chain.replace(":", "/")
        if not kept.is_dir():
            return None
        place = data / "overlay2" / (kept / "cache-id").read_text() / "diff"
        return tar_split.assembled(kept / "tar-split.json.gz", place)

    def _pid(self) -> int | None:
        return processes.recorded(self.folder() / "docker.pid", self.folder() / "data")

    def _processes(self) -> list[int]:
        return [*super()._processes(), *self._containerd()] if self._pid() else []

    def _containerd(self) -> list[int]:
        """containerd and the shims of containers, which have the engine's folder in their arguments."""
        below, found = os.fsencode(self.folder() / "run") + b"/", []
        for entry in Path("/proc").glob("[0-9]*"):
            program, *arguments = processes.command_line(int(entry.name)) or [b""]
            if b"containerd" in program and any(each.startswith(below) for each in arguments):
                found.append(int(entry.name))
        return found

    def _launch(self) -> subprocess.Popen:
        base = self.folder()
        subnet = network.prepare(base)
        command = [
            "dockerd", "--host", self.host(), "--data-root", str(base / "data"),
            "--exec-root", str(base / "run"), "--pidfile", str(base / "docker.pid"),
            "--bridge", network.bridge(base), "--fixed-cidr", network.network(subnet),
            "--default-address-pool", f"base={network.pool(subnet)},size=24",
            "--log-level", "warn",
        ]
        return self._spawn(command, {**os.environ, "PATH": f"{base / 'bin'}:{network.PATH}"})

    def _clear(self) -> None:
        super()._clear()
        base = self.folder()
        processes.end(self._containerd, 5, 2)   # left by a dockerd that was killed
        mounts.unmount_below(base)
        for name in (self.socket, "docker.pid"):
            with contextlib.suppress(OSError):
                (base / name).unlink()
        shutil.rmtree(base / "run", ignore_errors=True)
        network.sweep(base)

    def _delete(self) -> None:
        shutil.rmtree(self.folder(), ignore_errors=True)


def _missing() -> list[str]:
    """Debian's packages for the missing programs."""
    return [package for program, package in _PROGRAMS.items()
            if shutil.which(program, path=network.PATH) is None]
