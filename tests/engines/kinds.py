"""Which engines a user may have: each from the Debian suite that has it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """An engine to try."""

    key: str         # its name on the command line
    suite: str       # the Debian suite whose packages it is made of
    package: str     # the package whose version it has
    store: str = ""  # 'containerd' for dockerd's other store, '' for an engine's own

    @property
    def podman(self) -> bool:
        return self.package == "podman"


KINDS = (
    Kind("docker-bookworm", "bookworm", "docker.io"),
    Kind("docker-trixie", "trixie", "docker.io"),
    Kind("docker-sid", "sid", "docker.io"),
    Kind("docker-sid-containerd", "sid", "docker.io", "containerd"),
    Kind("podman-bookworm", "bookworm", "podman"), Kind("podman-sid", "sid", "podman"))


def find(key: str) -> Kind:
    """The kind of that name. Raises KeyError with those there are."""
    known = {kind.key: kind for kind in KINDS}
    if key not in known:
        raise KeyError(f"{key} is none of {', '.join(known)}")
    return known[key]
