"""A shell for a file system that has none: busybox of another image, mounted beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..bases import references, status
from ..engine import Engine
from ..errors import Unsupported
from ..formats import elf
from .control import CallFailed, Mount, State

IMAGES = ("busybox:latest", "alpine:latest", "nginx:alpine")    # each has a busybox; the first that is here is taken
_PLACE, _BUSYBOX = "/.multistage", "/bin/busybox"
_FOLDERS = ("bin", "sbin", "usr/bin", "usr/sbin")
_LIBRARIES = ("lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu")


@dataclass(frozen=True)
class BorrowedShell:
    """What a container gets for it. `image` is whose busybox it is, `libraries` where that finds what it needs."""

    image: str
    mounts: tuple[Mount, ...] = field(repr=False)
    libraries: tuple[str, ...] = ()
    path: str = f"{_PLACE}/bin/sh"

    def __str__(self) -> str:
        return f"busybox of {self.image}, mounted at {_PLACE}"

    def env(self, own: Mapping[str, str]) -> dict[str, str]:
        """The environment `own`, in which busybox's commands are found after those that are there."""
        path = [*filter(None, [own.get("PATH")]), *(f"{_PLACE}/{each}" for each in _FOLDERS)]
        libraries = {"LD_LIBRARY_PATH": ":".join(self.libraries)} if self.libraries else {}
        return {**own, "PATH": ":".join(path), **libraries}


def borrow(state: State, image: str = "") -> BorrowedShell:
    """The shell of `image`, or of the first of IMAGES that the engine has, for a container of `state`.

    Nothing is pulled. Raises Unsupported where there is no such image, or no busybox in it, and CallFailed.
    """
    ref, name = _lender(state.gateway.control.engine, image)
    lender = state.gateway.image(references.parse(name).full)
    try:
        program = elf(data := lender.read(_BUSYBOX), len(data))
    except CallFailed:
        raise Unsupported(f"{ref} has no {_BUSYBOX}.", why="Another shell would need the libraries around it.",
                          remedy=f"Take one that has it: {', '.join(IMAGES)}.") from None
    mounts = [Mount(lender.ref, _PLACE, True), _file(lender, _BUSYBOX)]     # its commands are links to that path
    loader = program.interpreter if program else ""
    if not loader or _has(state, loader):
        return BorrowedShell(ref, tuple(mounts))
    return BorrowedShell(ref, (*mounts, _file(lender, loader)), tuple(f"{_PLACE}/{each}" for each in _LIBRARIES))


def _lender(engine: Engine, image: str) -> tuple[str, str]:
    """(the image's name, its name in this engine)."""
    for found in status(engine, [image] if image else IMAGES):
        if found.present:
            return found.ref, found.name
    raise Unsupported(f"The engine does not have {image}." if image else "There is no shell in it, and none to mount.",
                      why="" if image else f"The engine has none of {', '.join(IMAGES)}.",
                      remedy=f"Fetch it first: docker pull {image or IMAGES[0]}.")


def _file(lender: State, path: str) -> Mount:
    return Mount(lender.ref, path, True, {"selector": path})


def _has(state: State, path: str) -> bool:
    if not state.ref:
        return False
    with contextlib.suppress(CallFailed):
        return bool(state.stat(path).mode)
    return False
