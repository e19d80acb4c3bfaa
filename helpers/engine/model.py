"""What is known of an engine that answers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import docker

from ..errors import EngineTooOld
from . import capabilities
from .capabilities import Capabilities
from .translate import translate_errors

# 1.40 (Docker 19.03) is the first API whose BuildKit the course has a use for;
# older ones answer `version=2` with "experimental only".
MINIMUM_API = (1, 40)

ONE_ID = "podman-one-id"   # the rung whose engine has one user id

@dataclass(frozen=True)
class Engine(Capabilities):
    """An engine that answers, and what it can do.

    client    the Docker SDK client that speaks to it
    host      its address, as DOCKER_HOST would have it
    rung      how it was found: DOCKER_HOST, context, socket or course
    name      'Docker Engine', 'Podman Engine' or 'Course Engine'
    version   its own version; `api` the API version spoken with it
    store     how it stores layers: 'overlay2', 'overlayfs (containerd)', 'vfs'
    builders  the builders that it has, the default one first
    owned     whether the course started it and may stop it
    cpus, memory   what it may use (memory in bytes)
    limits    sentences: what it cannot do
    """

    client: docker.DockerClient = field(repr=False, compare=False)
    host: str
    rung: str
    name: str
    version: str
    api: str
    store: str
    builders: tuple[str, ...]
    owned: bool
    cpus: int = 0
    memory: int = 0
    limits: tuple[str, ...] = ()

    def describe(self) -> str:
        """One line for the head of a lesson and the foot of a chart."""
        owner = "started by the course" if self.owned else f"found by {self.rung}"
        return f"{self.name} {self.version} (API {self.api}, {self.store}), {owner}"

    def facts(self) -> dict[str, object]:
        """The engine's part of `doctor --json`."""
        return {
            "name": self.name, "version": self.version, "api": self.api,
            "store": self.store, "rung": self.rung, "owned": self.owned,
            "host": self.host, "cpus": self.cpus, "memory": self.memory,
            "limits": list(self.limits),
        }

    @contextlib.contextmanager
    def translate_errors(self, doing: str) -> Iterator[None]:
        """Calls made inside fail with a `CourseError` that names `doing`."""
        with translate_errors(doing, self.host):
            yield


def major(version: str) -> int:
    """The first number of a version; one without a number is somebody's own, and newest."""
    first = version.split(".")[0]
    return int(first) if first.isdigit() else sys.maxsize


def read(client: docker.DockerClient, host: str, rung: str, owned: bool,
         limits: tuple[str, ...] = (), shares_network: bool = False) -> Engine:
    """Ask an engine what it is; `limits` are known of it besides. Raises EngineTooOld and the errors of `translate_errors`."""
    with translate_errors("say what it is", host):
        version, info = client.version(), client.info()
    api = client.api.api_version
    if tuple(map(int, api.split("."))) < MINIMUM_API:
        raise too_old(host, f"It speaks API {api}.")
    component = (version.get("Components") or [{"Name": "Engine"}])[0]["Name"]
    podman, small = component.startswith("Podman"), component.startswith("Course")
    number = major(version["Version"])
    can = (capabilities.podman(number, shares_network=shares_network, has_users=rung != ONE_ID) if podman
           else capabilities.proot() if small else capabilities.docker(number))
    return Engine(
        client=client, host=host, rung=rung, owned=owned,
        name=component if podman or small else "Docker Engine",
        version=version["Version"], api=api, store=_store(info),
        builders=("buildah",) if podman else ("legacy",) if small else ("buildkit", "legacy"),
        cpus=info.get("NCPU") or 0, memory=info.get("MemTotal") or 0,
        limits=(*_limits(info, podman, podman and number < 5), *limits), **vars(can),
    )


def too_old(host: str, why: str) -> EngineTooOld:
    """The error for an engine whose API is older than MINIMUM_API."""
    wanted = ".".join(map(str, MINIMUM_API))
    return EngineTooOld(
        f"The engine at {host} is too old: the course needs API {wanted} (Docker 19.03) or newer.",
        why=why,
        remedy="Update Docker on that machine, or point DOCKER_HOST at a newer engine.",
    )


def _store(info: dict) -> str:
    driver = info.get("Driver") or "unknown"
    kinds = [value for key, value in info.get("DriverStatus") or [] if key == "driver-type"]
    return f"{driver} (containerd)" if any("snapshotter" in kind for kind in kinds) else driver


def _limits(info: dict, podman: bool, podman_4: bool) -> tuple[str, ...]:
    limits = []
    if podman:
        limits.append("Builds go through Buildah: stages run one after another, "
                      "and there is no BuildKit trace to draw and no build cache to list or prune.")
        limits.append("An interrupt ends the command of a RUN only where this machine sees it: Podman on another "
                      "machine runs it to its end, and stops the build then.")
        limits.append("Base images that are made here do not tell what made their layers: Podman writes no history of "
                      "a container that it commits.")
        limits.append("A server that a check runs has a way out into the network: Podman makes a closed network only "
                      "when something runs in it.")
    if podman_4:
        limits[-2] = ("Base images cannot be made here, since Podman 4 commits a container without new settings: they "
                      "come from a registry, a mirror or a kit.")
        limits.append(f"The layer of a RUN may have three files more than elsewhere, of no bytes: {', '.join(capabilities.MOUNTED)}. "
                      "Podman 4 leaves them where the image had none.")
    if (info.get("Driver") or "") == "vfs":
        limits.append("The vfs store copies the whole file system at every step: "
                      "builds are slow and need much disk.")
    if (info.get("OSType") or "linux") != "linux":
        limits.append("It runs Windows containers; the lessons need Linux ones.")
    return tuple(limits)
