"""Engines without a client: their name, their version, and what they can do."""

import contextlib

from helpers.engine.backends import DOCKERD, PODMAN, PROOT
from helpers.engine.model import Engine, major


class Straw:
    """An engine that is its own client: a test adds the requests that it expects."""

    def __init__(self):
        self.client = self.api = self

    def translate_errors(self, doing):
        return contextlib.nullcontext()

    def describe(self):
        return "An engine of straw"


def docker(version: str = "28.5.2") -> Engine:
    return Engine(None, "", "socket", "Docker Engine", version, "1.41", "overlay2", ("buildkit", "legacy"), False,
                  **vars(DOCKERD.capabilities(major(version), False)))


def podman(version: str = "4.3.1", *, owned: bool = False, has_users: bool = True) -> Engine:
    """One that is owned runs without privileges, in the network of this machine."""
    return Engine(None, "", "podman" if owned else "socket", "Podman Engine", version, "1.41", "overlay", ("buildah",), owned,
                  **vars(PODMAN.capabilities(major(version), owned)) | {"has_users": has_users})


def proot() -> Engine:
    return Engine(None, "", "small", "Course Engine", "1.0", "1.41", "trees", ("legacy",), True,
                  **vars(PROOT.capabilities(1, True)))
