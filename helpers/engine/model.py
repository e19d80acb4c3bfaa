"""What is known of an engine that answers."""

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

# 1.40 (Docker 19.03) is the first API whose BuildKit the course has a use for;
# older ones answer `version=2` with "experimental only".
MINIMUM_API = (1, 40)


@dataclass(frozen=True)
class Engine(Capabilities):
    """An engine that answers, and what it can do."""

    client: docker.DockerClient = field(repr=False, compare=False)  # the Docker SDK client that speaks to it
    host: str                               # its address, as DOCKER_HOST would have it
    rung: str                               # how it was found: DOCKER_HOST, context, socket or course
    name: str                               # 'Docker Engine', 'Podman Engine' or 'Course Engine'
    version: str                            # its own
    api: str                                # the version that is spoken with it
    store: str                              # how it stores layers: 'overlay2', 'overlayfs (containerd)', 'vfs'
    builders: tuple[str, ...]               # the builders that it has, the default one first
    owned: bool                             # whether the course started it and may stop it
    cpus: int = 0                           # how many it may use
    memory: int = 0                         # bytes that it may use
    limits: tuple[str, ...] = ()            # sentences: what it cannot do
    root: str = ""                          # folder on its machine where it keeps its data, '' where it does not say
    backend: Backend | None = field(default=None, repr=False, compare=False)    # which runs it, if the course does

    def describe(self) -> str:
        """One line for the head of a lesson and the foot of a chart."""
        owner = "started by the course" if self.owned else f"found by {self.rung}"
        return f"{self.name} {self.version} (API {self.api}, {self.store}), {owner}"

    def facts(self) -> dict[str, object]:
        """The engine's part of `doctor --json`."""
        keys = ("name", "version", "api", "store", "rung", "owned", "host", "cpus", "memory")
        return {key: getattr(self, key) for key in keys} | {"limits": list(self.limits)}

    def has_buildkit(self, since: float) -> bool:
        """Whether it has BuildKit as that version of Docker Engine has it or later: 27, or 28.5."""
        found = re.match(r"\d+(\.\d)?", self.version)
        return "buildkit" in self.builders and found is not None and float(found[0]) >= since

    def find_image(self, name: str) -> dict | None:
        """What `docker inspect` says of an image; None where it is not there. Raises the engine's errors."""
        with self.translate_errors(f"look for {name}"):
            try:
                return self.client.api.inspect_image(name)
            except SDKImageNotFound:
                return None

    def layer(self, digests: Sequence[str]) -> Iterator[bytes] | None:
        """The archive of the last of an image's lowest layers, from the engine's own disk, without saving the whole
        image; None where that cannot be read from here. Errors as of `Backend.layer`."""
        return self.backend.layer(digests) if self.backend else None

    def translate_errors(self, doing: str) -> AbstractContextManager[None]:
        """Calls made inside fail with a `CourseError` that names `doing`."""
        return translate_errors(doing, self.host)


def major(version: str) -> int:
    """The first number of a version; one without a number is somebody's own, and newest."""
    first = version.split(".")[0]
    return int(first) if first.isdigit() else sys.maxsize


def too_old(host: str, why: str) -> EngineTooOld:
    """The error for an engine whose API is older than MINIMUM_API."""
    wanted = ".".join(map(str, MINIMUM_API))
    return EngineTooOld(f"The engine at {host} is too old: the course needs API {wanted} (Docker 19.03) or newer.",
                        why=why, remedy="Update Docker on that machine, or point DOCKER_HOST at a newer engine.")
