"""Which engines a user may have: each from the Debian suite that has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """An engine to try.

    key      its name on the command line
    suite    the Debian suite whose packages it is made of
    package  the package whose version it has
    store    'containerd' for dockerd's other store, '' for an engine's own
    """

    key: str
    suite: str
    package: str
    store: str = ""

    @property
    def podman(self) -> bool:
        return self.package == "podman"


KINDS = (
    Kind("docker-bookworm", "bookworm", "docker.io"),
    Kind("docker-trixie", "trixie", "docker.io"),
    Kind("docker-sid", "sid", "docker.io"),
    Kind("docker-sid-containerd", "sid", "docker.io", "containerd"),
    Kind("podman-bookworm", "bookworm", "podman"),
    Kind("podman-sid", "sid", "podman"),
)


def find(key: str) -> Kind:
    """The kind of that name. Raises KeyError with those there are."""
    for kind in KINDS:
        if kind.key == key:
            return kind
    raise KeyError(f"{key} is none of {', '.join(kind.key for kind in KINDS)}")
