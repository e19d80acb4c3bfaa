"""The engines that the course supports, the best first."""

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
    """The backend whose engine has that address, None if the course did not start it."""
    return next((each for each in ENGINES if each.host() == host), None)


def inspect(client: docker.DockerClient, host: str, rung: str) -> Engine:
    """Describe an engine, which was found by `rung`. Raises EngineTooOld and the errors of `translate_errors`."""
    with translate_errors("describe itself", host):
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
        limits.append("The vfs store copies the whole file system at every step: builds are slow and take much space.")
    if (info.get("OSType") or "linux") != "linux":
        limits.append("It runs Windows containers; the lessons need Linux ones.")
    return limits


def install(report: Report) -> bool:
    """Install dockerd if it is missing and can be installed here. Returns whether it was."""
    if DOCKERD.can_start():
        return False
    try:
        DOCKERD.install(report)
    except NoEngine:   # the reasons why no engine can be started say more
        return False
    return True


def roots(process: Path) -> Iterator[Path]:
    """`Backend.roots` of all engines, for the process with that folder in /proc. Raises OSError."""
    words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return (root for each in ENGINES for root in each.roots(words))


def is_engine(process: Path) -> bool:
    """Whether the process with that folder in /proc is an engine of any kind. Raises OSError."""
    name = (process / "comm").read_bytes().strip()
    words = (process / "cmdline").read_bytes().split(b"\0")
    return any(each.process in (name, *words) for each in ENGINES)
