"""The engines that the course knows, the best first."""

from collections.abc import Iterator
from pathlib import Path

import docker

from ..errors import NoEngine
from .backend import Backend
from .dockerd import Dockerd
from .model import MINIMUM_API, Engine, major, too_old
from .podman.backend import Podman
from .processes import Report
from .proot_backend import PRoot
from .translate import translate_errors

DOCKERD, PODMAN, PROOT = Dockerd(), Podman(), PRoot()
ENGINES: tuple[Backend, ...] = (DOCKERD, PODMAN, PROOT)


def owner(host: str) -> Backend | None:
    """The one whose own engine has that address, None if it is not the course's."""
    return next((each for each in ENGINES if each.host() == host), None)


def inspect(client: docker.DockerClient, host: str, rung: str) -> Engine:
    """Ask an engine what it is; `rung` is how it was found. Raises EngineTooOld, and as `translate_errors`."""
    with translate_errors("say what it is", host):
        version, info = client.version(), client.info()
    api = client.api.api_version
    if tuple(map(int, api.split("."))) < MINIMUM_API:
        raise too_old(host, f"It speaks API {api}.")
    component, backend = (version.get("Components") or [{"Name": "Engine"}])[0]["Name"], owner(host)
    kind = next((each for each in ENGINES if component == each.name), DOCKERD)
    number, store, owned = major(version["Version"]), _store(info), backend is not None
    return Engine(client=client, host=host, rung=rung, owned=owned, name=kind.name, version=version["Version"], api=api,
                  store=store, builders=kind.builders, cpus=info.get("NCPU") or 0, memory=info.get("MemTotal") or 0,
                  root=info.get("DockerRootDir") or "", backend=backend,
                  limits=(*kind.limits(number, owned), *_limits(info)), **vars(kind.capabilities(number, owned, store)))


def _store(info: dict) -> str:
    driver = info.get("Driver") or "unknown"
    kinds = [value for key, value in info.get("DriverStatus") or [] if key == "driver-type"]
    return f"{driver} (containerd)" if any("snapshotter" in kind for kind in kinds) else driver


def _limits(info: dict) -> list[str]:
    limits = []
    if info.get("Driver") == "vfs":
        limits.append("The vfs store copies the whole file system at every step: builds are slow and need much disk.")
    if (info.get("OSType") or "linux") != "linux":
        limits.append("It runs Windows containers; the lessons need Linux ones.")
    return limits


def install(report: Report) -> bool:
    """Install the best engine that the course can install here; whether one was."""
    if DOCKERD.can_start():
        return False
    try:
        DOCKERD.install(report)
    except NoEngine:   # why nothing can be started here says more
        return False
    return True


def roots(process: Path) -> Iterator[Path]:
    """What `Backend.roots` of any kind says of a process, given by its folder in /proc. Raises OSError."""
    words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return (root for each in ENGINES for root in each.roots(words))


def is_engine(process: Path) -> bool:
    """Whether a process, given by its folder in /proc, is an engine of any kind. Raises OSError."""
    name = (process / "comm").read_bytes().strip()
    words = (process / "cmdline").read_bytes().split(b"\0")
    return any(each.process in (name, *words) for each in ENGINES)
