"""Find an engine: the first rung of the ladder that answers.

1. DOCKER_HOST, or the Docker CLI's current context. If it does not answer that
   is an error: a typo must not lead to another engine.
2. A local socket.
3. The course's own engine, found or started: dockerd for root; Podman with
   subordinate ids; Podman with one id; the engine over PRoot (`backends`).
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.context import ContextAPI
from docker.errors import DockerException, InvalidVersion

from ..errors import EngineError, EngineRefused, EngineUnreachable, NoEngine
from . import backends
from .backend import Backend
from .model import Engine, too_old
from .processes import Report, quiet
from .translate import root_cause

_CONNECT_SECONDS = 5
_CALL_SECONDS = 120      # saving or removing a large image takes long

WAYS_ON = (
    "You can open the repository in GitHub Codespaces, install Docker on your machine, or start another "
    "Binder session, which may land on a machine that can run an engine. Until then the lessons show recorded results.")


@dataclass(frozen=True)
class Rung:
    """A place to look for an engine: its name in `Engine.rung`, and the address."""

    name: str
    host: str
    tls: Any = None


# Where it is, and what to do if no engine answers.
_PLACES = {
    "DOCKER_HOST": ("DOCKER_HOST is {}", "Correct DOCKER_HOST, start that engine, or `unset DOCKER_HOST` "
                                         "to let the course look for another."),
    "context": ("The Docker context points at {}", "Start that engine, or `docker context use default`."),
    "socket": ("There is a socket at {}", "Start Docker, or remove the stale socket.")}
_OWN = ("The course's engine should be at {}", "`make engine` starts it again.")


def connect(*, start: bool = True, report: Report = quiet) -> Engine:
    """The first engine that answers; if none does and `start` is true, the course starts one. MULTISTAGE_NO_ENGINE=1
    hides every engine, to show what a learner without one sees. Raises EngineUnreachable or EngineRefused for an
    address that the user set, EngineTooOld, NoEngine."""
    if hidden():
        raise NoEngine("Engines are hidden.", why="MULTISTAGE_NO_ENGINE is set.", remedy=WAYS_ON)
    if chosen := _chosen():
        return _try(chosen)
    refusals: list[EngineError] = []
    for rung in (*_sockets(), *map(_own, backends.ENGINES)):
        if not _is_socket(rung.host):
            continue
        try:
            return _try(rung)
        except (EngineUnreachable, EngineRefused) as error:
            refusals.append(error)
    for each in backends.ENGINES if start else ():
        if each.can_start():
            each.start(report)
            return _try(_own(each), each.busy_seconds)    # on a busy machine it may answer slowly
    refused = [error for error in refusals if isinstance(error, EngineRefused)]
    raise refused[0] if refused else _none(refusals)


def _own(engine: Backend) -> Rung:
    return Rung(engine.rung(), engine.host())


def hidden() -> bool:
    """Whether the course should behave as if there were no engine."""
    return os.environ.get("MULTISTAGE_NO_ENGINE") == "1"


def _chosen() -> Rung | None:
    """The engine that the user configured."""
    if host := os.environ.get("DOCKER_HOST"):
        return Rung("DOCKER_HOST", host)
    name = os.environ.get("DOCKER_CONTEXT") or None    # None: the one in the CLI's configuration
    try:
        current = ContextAPI.get_context(name)
        if current is not None and current.Name == "default":
            return None
        if current is not None and current.Host:
            return Rung("context", current.Host, tls=current.TLSConfig)
    except Exception as error:   # the SDK does not validate these files and may raise anything
        raise EngineUnreachable(f"The Docker context {name or 'in use'!r} cannot be read.", why=str(error),
                                remedy="`docker context use default`, or set DOCKER_HOST.") from error
    raise EngineUnreachable(
        f"The Docker context {name or 'in use'!r} does not exist."
        if current is None else f"The Docker context {current.Name!r} names no engine.",
        remedy="`docker context ls` lists the contexts; unset DOCKER_CONTEXT and run `docker context use default` "
               "to use the default one.")


def _sockets() -> list[Rung]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places = [Path("/var/run/docker.sock"), *([Path(runtime, "docker.sock")] if runtime else []),
              Path.home() / ".docker/run/docker.sock"]
    return [Rung("socket", f"unix://{place}") for place in places]


def _is_socket(host: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(host.removeprefix("unix://")).st_mode)
    except PermissionError:
        return True   # connecting reports why
    except OSError:
        return False


def _try(rung: Rung, patience: float = 0) -> Engine:
    seconds = patience or _CONNECT_SECONDS
    try:
        client = (docker.from_env(timeout=seconds) if rung.name == "DOCKER_HOST" else
                  docker.DockerClient(base_url=rung.host, tls=rung.tls or False, timeout=seconds))
        client.ping()
    except (DockerException, OSError, ValueError) as error:
        raise _refusal(rung, error) from error
    client.api.timeout = _CALL_SECONDS
    return backends.inspect(client, rung.host, rung.name)


def _refusal(rung: Rung, error: Exception) -> EngineError:
    if isinstance(error, InvalidVersion):
        return too_old(rung.host, str(error))
    why = root_cause(error)
    if rung.host.startswith("ssh:") and "SSHHTTPAdapter" in f"{why} {error}":
        why = "The Docker SDK needs the package paramiko for ssh:// addresses."
    place, remedy = _PLACES.get(rung.name, _OWN)
    where = place.format(rung.host)
    if "Permission denied" in f"{why} {error}":
        return EngineRefused(f"{where}, and you may not open it.", why=why,
                             remedy="Join the group that owns the socket "
                                    "(`sudo usermod -aG docker $USER`, then log in again), or use rootless Docker.")
    if "paramiko" in why:
        return EngineUnreachable(f"{where}, which cannot be reached.", why=why,
                                 remedy="`.venv/bin/pip install 'docker[ssh]'`, or forward the "
                                        "engine's socket with ssh -L.")
    return EngineUnreachable(f"{where}, and no engine answers there.", why=why, remedy=remedy)


def _none(refusals: list[EngineError]) -> NoEngine:
    if any(each.can_start() for each in backends.ENGINES):
        remedy = "`make engine` starts one of the course's own, and so does the first build."
    elif os.geteuid() == 0:
        remedy = f"`make engine` installs and starts one (you are root). {WAYS_ON}"
    else:
        remedy = " ".join([*filter(None, (each.obstacle() for each in backends.ENGINES)), WAYS_ON])
    return NoEngine(
        "There is no Docker engine here.", why=" ".join(error.what for error in refusals)
            or "DOCKER_HOST is not set and no socket of an engine was found.", remedy=remedy)
