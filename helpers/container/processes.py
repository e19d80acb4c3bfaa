"""The users that a container's processes run as, as the engine sees them: an image without a shell cannot say."""

from __future__ import annotations

import pwd

from ..engine import Engine


def users(engine: Engine, container: str) -> list[str]:
    """Name or number of each process's user, the first process first. Raises the SDK's errors."""
    listed = _podman(engine, container, "user") if engine.process_columns else engine.client.api.top(container)
    at = next(i for i, title in enumerate(listed["Titles"]) if title in ("UID", "USER"))
    return [row[at] for row in listed["Processes"]]


def ids(engine: Engine, container: str) -> frozenset[int]:
    """Numbers of those users, as the engine's machine counts them. Raises the SDK's errors."""
    if engine.process_columns:
        return frozenset(map(_id, (name for name, *_ in _podman(engine, container, "huser")["Processes"])))
    listed = engine.client.api.top(container, "-o pid,uid")
    at = [title.upper() for title in listed["Titles"]].index("UID")
    return frozenset(int(row[at]) for row in listed["Processes"])


def _podman(engine: Engine, container: str, column: str) -> dict:
    """Podman lists forever unless asked not to, which the SDK cannot do. Asked as Docker is,
    Podman 4 runs the image's own ps, which few images have; asked for one of its own columns, none."""
    api = engine.client.api
    url = api._url("/containers/{0}/top", container)
    return api._result(api._get(url, params={"stream": "false", "ps_args": column}), True)


def _id(name: str) -> int:
    return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
