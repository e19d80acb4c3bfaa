"""Podman without privileges, started and owned by the course: rungs 1 and 2 of the ladder.

`podman` has subordinate ids, `podman-one-id` only this user's. Both answer as a Docker
engine does, on a socket in a folder that only this user can open. Everything of it lies in
that folder; stopping it ends every process in its namespaces, and the mounts go with them.
"""

from . import additional_store
from .service import (
    SHARES_NETWORK, can_start, folder, host, limits, log_tail, obstacle, purge, rung, running, shelf_here, start, stop,
)

__all__ = ["SHARES_NETWORK", "can_start", "folder", "host", "limits", "log_tail", "obstacle", "purge", "rung", "running",
           "shelf", "shelf_here", "start", "stop"]
