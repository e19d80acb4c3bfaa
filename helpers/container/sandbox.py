"""A container of the course: what it may do, and that it is removed in the end."""

import contextlib
import resource
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docker.errors import APIError, NotFound
from docker.types import LogConfig, Ulimit

from .. import labels
from ..engine import Engine
from ..limits import Bounds

MEMORY, PROCESSES = "512m", 256
_ISOLATED = "multistage-nowhere"   # a network without a way out
_FILE_BYTES = 64_000_000   # of a file that a hardened container writes
_LOG = {"max-size": "1m", "max-file": "1"}


@dataclass(frozen=True)
class Sandbox:
    """What a container may do.

    read_only     whether its file system is read-only
    writable      directories that get an empty file system in memory instead
    capabilities  None for the engine's usual ones; otherwise only these, with limits on the
                  files and the log that it writes
    isolated      whether a server can be reached from this machine and reaches nothing, where
                  the engine's networks are on this machine; elsewhere it has the usual network
    bounds        time and disk space, past which it is killed
    beside        name of a running container whose processes and network it shares
    user          who its command runs as, 'UID:GID'; the image's own user if ''
    """

    read_only: bool = False
    writable: Sequence[str] = ()
    capabilities: Sequence[str] | None = None
    isolated: bool = False
    bounds: Bounds | None = None
    beside: str = ""
    user: str = ""


def new_name() -> str:
    """A container name of the course. Chosen here, since an interruption may come between the
    container's creation and the engine's answer."""
    return f"multistage-run-{secrets.token_hex(6)}"


@contextlib.contextmanager
def created(engine: Engine, image: str, command: Sequence[str] | None, sandbox: Sandbox, *,
            host: Mapping[str, object], **settings: object) -> Iterator[str]:
    """A container of `image`, created but not started: its name. It is killed past the sandbox's
    bounds, and removed at the end. `host` and `settings` are those of the SDK."""
    name = new_name()
    try:
        create_container(engine, image, command, name, user=sandbox.user or None, **settings, host={
            "read_only": sandbox.read_only, **hardening_options(engine, sandbox.capabilities), **host})
        with _killed(engine, name, sandbox.bounds):
            yield name
    finally:
        with engine.translate_errors(f"remove the container of {image}"), contextlib.suppress(NotFound):
            engine.client.api.remove_container(name, force=True, v=True)


def create_container(engine: Engine, image: str, command: Sequence[str] | None, name: str, *,
                     host: Mapping[str, object], **settings: object) -> None:
    """Create a container with the course's label and limits. `host` and `settings` are those of the SDK, whose errors
    it raises."""
    api = engine.client.api
    api.create_container(
        image, command=list(command) if command else None, name=name, labels=labels.marked(labels.RUN), **settings,
        host_config=api.create_host_config(**limits(engine), security_opt=["no-new-privileges"], **host))


def limits(engine: Engine) -> dict[str, object]:
    """The SDK's options for memory and processes; none where the engine can set none."""
    return {} if engine.shares_network else {"mem_limit": MEMORY, "pids_limit": PROCESSES}


def hardening_options(engine: Engine, capabilities: Sequence[str] | None) -> dict[str, object]:
    """The SDK's options for a container that is not trusted, with only these capabilities; none for None."""
    if capabilities is None:
        return {}
    ulimits = {"fsize": _FILE_BYTES}
    if not engine.keeps_ulimits:
        # As soon as one is named, it asks for a million of each of these, in place of its own
        # settings: more than root has where it was given few rights.
        ulimits |= {"nofile": _at_most(4096, resource.RLIMIT_NOFILE), "nproc": _at_most(32768, resource.RLIMIT_NPROC)}
    memory = {} if engine.shares_network else {"memswap_limit": MEMORY}
    return {"cap_drop": ["ALL"], "cap_add": list(capabilities), **memory,
            "ulimits": [Ulimit(name=name, soft=limit, hard=limit) for name, limit in ulimits.items()],
            "log_config": LogConfig(type=LogConfig.types.JSON, config=_LOG)}


def _at_most(count: int, limit: int) -> int:
    hard = resource.getrlimit(limit)[1]
    return count if hard == resource.RLIM_INFINITY else min(count, hard)


@contextlib.contextmanager
def _killed(engine: Engine, name: str, bounds: Bounds | None) -> Iterator[None]:
    """Kills the container past its bounds; a call that waits for it then returns."""
    def kill() -> None:
        with contextlib.suppress(Exception):   # it ended by itself, or will be removed
            engine.client.api.kill(name)

    if bounds is None:
        yield
        return
    data = (engine.client.api.inspect_container(name).get("GraphDriver") or {}).get("Data") or {}
    if upper := data.get("UpperDir"):
        bounds.uppers.add(Path(upper))
    if root := data.get("Root"):   # the course's own engine keeps a file system in one folder
        bounds.roots.add(Path(root))
    with bounds.watched(kill):
        yield


def isolated_network(engine: Engine) -> str | None:
    """Name of a network that reaches this machine and nothing else, made if need be; None where
    the engine's networks are on another machine. Containers on it do not see each other."""
    api = engine.client.api
    found = api.networks(names=[_ISOLATED])
    if not found:
        with contextlib.suppress(APIError):   # another process made it just now
            api.create_network(_ISOLATED, driver="bridge", internal=True, labels=labels.marked(labels.RUN),
                               check_duplicate=True, options={"com.docker.network.bridge.enable_icc": "false"})
        found = api.networks(names=[_ISOLATED])
    gateways = [each.get("Gateway", "") for network in found for each in network["IPAM"]["Config"] or ()]
    return _ISOLATED if any(map(_is_here, gateways)) else None


def _is_here(address: str) -> bool:
    """Whether an address is one of this machine's."""
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
        return bool(address)
    except OSError:
        return False
