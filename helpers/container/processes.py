"""Whom a container's processes run as, as the engine sees it: an image without a shell cannot say."""

from __future__ import annotations

import pwd

from ..engine import Engine


def users(engine: Engine, container: str) -> list[str]:
    """Name or number of the user of each process, the first one's first."""
    listed = _podman(engine, container, "user") if engine.process_columns else engine.client.api.top(container)
    at = next(i for i, title in enumerate(listed["Titles"]) if title in ("UID", "USER"))
    return [row[at] for row in listed["Processes"]]


def ids(engine: Engine, container: str) -> frozenset[int]:
    """Numbers of those users, as the engine's machine counts them."""
    if engine.process_columns:
        return frozenset(map(_id, (name for name, *_ in _podman(engine, container, "huser")["Processes"])))
    listed = engine.client.api.top(container, "-o pid,uid")
    at = [title.upper() for title in listed["Titles"]].index("UID")
    return frozenset(int(row[at]) for row in listed["Processes"])


def _podman(engine: Engine, container: str, column: str) -> dict:
    """Podman goes on listing for ever unless told, and the SDK cannot tell it. Asked as Docker is,
    Podman 4 starts a ps in the container, which few have; asked for a column of its own, none."""
    api = engine.client.api
    return api._result(api._get(api._url("/containers/{0}/top", container), params={"stream": "false", "ps_args": column}), True)


def _id(name: str) -> int:
    return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
