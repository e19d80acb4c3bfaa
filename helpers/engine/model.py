"""A description of an engine that answers."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import docker
from docker.errors import ImageNotFound as SDKImageNotFound

from ..errors import EngineTooOld
from .backend import Backend
from .capabilities import Capabilities
from .translate import translate_errors

# Before 1.40 (Docker 19.03) BuildKit is experimental.
MINIMUM_API = (1, 40)


@dataclass(frozen=True)
class Engine(Capabilities):
    """An engine that answers, with its capabilities."""

    client: docker.DockerClient = field(repr=False, compare=False)  # connected to it
    host: str                               # its address, in the form of DOCKER_HOST
    rung: str                               # how it was found: DOCKER_HOST, context, socket or course
    name: str                               # 'Docker Engine', 'Podman Engine' or 'Course Engine'
    version: str                            # the engine's version
    api: str                                # the API version that is used
    store: str                              # how it stores layers: 'overlay2', 'overlayfs (containerd)', 'vfs'
    builders: tuple[str, ...]               # its builders, the default one first
    owned: bool                             # whether the course started it and may stop it
    cpus: int = 0                           # number that it may use
    memory: int = 0                         # bytes that it may use
    limits: tuple[str, ...] = ()            # what it cannot do, in sentences
    root: str = ""                          # folder of its data on its machine, '' if unknown
    backend: Backend | None = field(default=None, repr=False, compare=False)    # if the course started it

    def describe(self) -> str:
        """One line for the head of a lesson and the foot of a chart."""
        owner = "started by the course" if self.owned else f"found by {self.rung}"
        return f"{self.name} {self.version} (API {self.api}, {self.store}), {owner}"

    def facts(self) -> dict[str, object]:
        """The engine's part of `doctor --json`."""
        keys = ("name", "version", "api", "store", "rung", "owned", "host", "cpus", "memory")
        return {key: getattr(self, key) for key in keys} | {"limits": list(self.limits)}

    def has_buildkit(self, since: float) -> bool:
        """Whether it has the BuildKit of that version of Docker Engine (27, or 28.5) or a later one."""
        found = re.match(r"\d+(\.\d)?", self.version)
        return "buildkit" in self.builders and found is not None and float(found[0]) >= since

    def find_image(self, name: str) -> dict | None:
        """An image as `docker inspect` describes it, None if it is missing. Raises the errors of `translate_errors`."""
        with self.translate_errors(f"look for {name}"):
            try:
                return self.client.api.inspect_image(name)
            except SDKImageNotFound:
                return None

    def layer(self, digests: Sequence[str]) -> Iterator[bytes] | None:
        """`Backend.layer`, if the course started the engine."""
        return self.backend.layer(digests) if self.backend else None

    def translate_errors(self, doing: str) -> AbstractContextManager[None]:
        """Turn the SDK's errors in the block into `CourseError`s that name `doing`."""
        return translate_errors(doing, self.host)


def major(version: str) -> int:
    """The major version; one without a number is a development build and counts as the newest."""
    first = version.split(".")[0]
    return int(first) if first.isdigit() else sys.maxsize


def too_old(host: str, why: str) -> EngineTooOld:
    """The error for an engine whose API is older than MINIMUM_API."""
    wanted = ".".join(map(str, MINIMUM_API))
    return EngineTooOld(f"The engine at {host} is too old: the course needs API {wanted} (Docker 19.03) or newer.",
                        why=why, remedy="Update Docker on that machine, or point DOCKER_HOST at a newer engine.")
