"""The engines that the course can start and own, the best first.

Each is a module with one interface:

    host()        its address, as DOCKER_HOST would have it
    rung()        what it is called as a rung of the ladder
    obstacle()    why it cannot be started here, in one sentence; '' if it can
    can_start()   whether it can: found out in seconds, and nothing is started for it
    start(report), running(), stop(report), purge(report), log_tail()
    SHARES_NETWORK   as `Engine.shares_network`
    limits()      sentences: what it cannot do, besides what the engine says of itself
"""

from __future__ import annotations

from types import ModuleType

from . import dockerd, podman, proot_backend

ENGINES: tuple[ModuleType, ...] = (dockerd, podman, proot_backend)


def of(host: str) -> ModuleType | None:
    """The one whose address that is, None if it is not the course's."""
    return next((each for each in ENGINES if each.host() == host), None)


def obstacles() -> str:
    """Why none of them can be started here, a sentence each."""
    return " ".join(filter(None, (each.obstacle() for each in ENGINES)))
