"""Engines without a client: their name, their version, and what they can do."""

from helpers.engine import capabilities
from helpers.engine.model import Engine, major


def docker(version: str = "28.5.2") -> Engine:
    return Engine(None, "", "socket", "Docker Engine", version, "1.41", "overlay2", ("buildkit", "legacy"), False,
                  **vars(capabilities.docker(major(version))))


def podman(version: str = "4.3.1", *, owned: bool = False, has_users: bool = True) -> Engine:
    """One that is owned runs without privileges, in the network of this machine."""
    return Engine(None, "", "podman" if owned else "socket", "Podman Engine", version, "1.41", "overlay", ("buildah",), owned,
                  **vars(capabilities.podman(major(version), shares_network=owned, has_users=has_users)))


def proot() -> Engine:
    return Engine(None, "", "small", "Course Engine", "1.0", "1.41", "trees", ("legacy",), True,
                  **vars(capabilities.proot()))
