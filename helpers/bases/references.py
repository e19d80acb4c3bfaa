"""Image references: their parts, and their names in mirrors and engines.

    golang:1.22                          Docker Hub, repository library/golang
    gcr.io/distroless/base-debian12      another registry; no tag means latest

Grammar: the `reference` package of the distribution project, which Docker uses."""

import ipaddress
import os
import re
from dataclasses import dataclass, replace

from ..errors import CourseError

DOCKER_HUB = "docker.io"
MIRROR = "MULTISTAGE_MIRROR"
_COURSE = "localhost/multistage.course"   # engines do not look for "localhost" elsewhere

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?")


@dataclass(frozen=True)
class Reference:
    """registry 'docker.io', path 'library/golang', tag '1.22', digest '' or 'sha256:...'."""

    registry: str
    path: str
    tag: str
    digest: str = ""

    @property
    def repository(self) -> str:
        """The short name without tag and digest."""
        if self.registry == DOCKER_HUB:
            return self.path.removeprefix("library/")
        return f"{self.registry}/{self.path}"

    @property
    def version(self) -> str:
        """The digest, or else the tag."""
        return self.digest or self.tag

    @property
    def full(self) -> str:
        """The name with its registry: 'docker.io/library/golang:1.22'."""
        return f"{self.registry}/{self.path}" + (f"@{self.digest}" if self.digest else f":{self.tag}")

    def __str__(self) -> str:
        return self.repository + (f"@{self.digest}" if self.digest else f":{self.tag}")


def parse(text: str) -> Reference:
    """The parts of a reference. Raises CourseError if it is invalid."""
    name, _, digest = text.partition("@")
    head, slash, rest = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        registry, name = head, rest
    else:
        registry = DOCKER_HUB
    path, _, tag = name.partition(":")
    # "index.docker.io" is Docker Hub in old configuration files.
    registry = DOCKER_HUB if registry == "index.docker.io" else registry
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    valid = (_HOST.fullmatch(registry) and _PATH.fullmatch(path)
             and (not tag or _TAG.fullmatch(tag)) and not name.endswith(":")
             and (not digest or _DIGEST.fullmatch(digest)) and not text.endswith("@"))
    if not valid or text == "scratch":
        raise CourseError(
            f"{text!r} is not the name of a base image.",
            why="`scratch` is not an image." if text == "scratch" else
                "A name has the form [registry/]path[:tag][@digest], with the path in lower case.",
            remedy="Correct the FROM line that names it.")
    return Reference(registry, path, tag or ("" if digest else "latest"), digest)


def course_name(reference: Reference) -> str:
    """The course's name, which a stand-in has in a user's engine: 'golang:1.22' ->
    'localhost/multistage.course/golang:1.22'. The registry becomes part of the path, and a digest becomes a tag."""
    repository = reference.repository.replace("[", "").replace("]", "").replace(":", "-").lower()
    tag = reference.digest.replace(":", "-") or reference.tag
    return f"{_COURSE}/{repository}:{tag}"


def original(name: str) -> str:
    """The inverse of `course_name`: 'localhost/multistage.course/golang:1.22' -> 'golang:1.22'."""
    return name.removeprefix(f"{_COURSE}/")


def short(name: str) -> str:
    """Podman's name of an image, as Docker lists it: 'docker.io/library/golang:1.22' -> 'golang:1.22'."""
    return name.removeprefix("docker.io/library/").removeprefix("docker.io/")


def mirror() -> str | None:
    """host:port of MULTISTAGE_MIRROR, None if it is not set. Raises CourseError if it is not an address."""
    value = os.environ.get(MIRROR, "").strip()
    if not value:
        return None
    host = re.sub(r"^https?://", "", value).rstrip("/")
    if not _HOST.fullmatch(host) or not ("." in host or ":" in host or host == "localhost"):
        raise CourseError(f"{MIRROR} is {value!r}, which is not the address of a registry.",
                          remedy=f"Set it to host:port, for example {MIRROR}=127.0.0.1:5000, or unset it.")
    return host


def mirrored(reference: Reference, host: str) -> tuple[Reference, ...]:
    """The names to try in a mirror at `host`, likeliest first: a pull-through mirror of Docker Hub has `library/`, a
    registry filled by hand often not; other registries' images may be under the registry's name or not."""
    path, hub = reference.path, reference.registry == DOCKER_HUB
    paths = (path, path.removeprefix("library/")) if hub else (f"{reference.registry.replace(':', '-')}/{path}", path)
    return tuple(replace(reference, registry=host, path=each) for each in dict.fromkeys(paths))


def on_loopback(host: str) -> bool:
    """Whether a registry or a server is this machine itself (host or host:port)."""
    name = host.partition(":")[0] if host.count(":") == 1 else host
    if host.startswith("["):
        name = host[1:].partition("]")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
