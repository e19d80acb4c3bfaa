"""What is known of an engine that answers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import docker
from docker.errors import ImageNotFound as SDKImageNotFound

from ..errors import EngineTooOld
from .capabilities import Capabilities
from .translate import translate_errors

# 1.40 (Docker 19.03) is the first API whose BuildKit the course has a use for;
# older ones answer `version=2` with "experimental only".
MINIMUM_API = (1, 40)


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
    root      folder on its machine where it keeps its data, '' where it does not say
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
    root: str = ""

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

    def find_image(self, name: str) -> dict | None:
        """What `docker inspect` says of an image; None where it is not there. Raises the engine's errors."""
        with self.translate_errors(f"look for {name}"):
            try:
                return self.client.api.inspect_image(name)
            except SDKImageNotFound:
                return None

    @contextlib.contextmanager
    def translate_errors(self, doing: str) -> Iterator[None]:
        """Calls made inside fail with a `CourseError` that names `doing`."""
        with translate_errors(doing, self.host):
            yield


def major(version: str) -> int:
    """The first number of a version; one without a number is somebody's own, and newest."""
    first = version.split(".")[0]
    return int(first) if first.isdigit() else sys.maxsize


def too_old(host: str, why: str) -> EngineTooOld:
    """The error for an engine whose API is older than MINIMUM_API."""
    wanted = ".".join(map(str, MINIMUM_API))
    return EngineTooOld(
        f"The engine at {host} is too old: the course needs API {wanted} (Docker 19.03) or newer.",
        why=why,
        remedy="Update Docker on that machine, or point DOCKER_HOST at a newer engine.",
    )
