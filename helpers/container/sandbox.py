"""A container of the course's: how it is held, and that it is gone in the end."""

from __future__ import annotations

import contextlib
import resource
import secrets as random
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from docker.errors import APIError, NotFound
from docker.types import LogConfig, Ulimit

from .. import labels
from ..limits import Bounds
from ..engine import Engine

_MEMORY = "512m"
_PROCESSES = 256
_ISOLATED = "multistage-nowhere"   # a network without a way out
_STRICT_FILE = 64_000_000   # bytes of a file that a strictly held container writes
_STRICT_LOG = {"max-size": "1m", "max-file": "1"}


@contextlib.contextmanager
def created(engine: Engine, image: str, command: Sequence[str] | None, *,
               host: Mapping[str, object], **settings: object) -> Iterator[str]:
    """A container of `image`, created but not started: its name. Removed at the end."""
    api = engine.client.api
    # Named here: an interruption may fall between its creation and the answer.
    name = f"multistage-run-{random.token_hex(6)}"
    try:
        api.create_container(
            image, command=list(command) if command else None, name=name,
            labels=labels.marked(labels.RUN), **settings,
            host_config=api.create_host_config(
                **_bounds(engine), security_opt=["no-new-privileges"], **host))
        yield name
    finally:
        with engine.translate_errors(f"remove the container of {image}"), contextlib.suppress(NotFound):
            api.remove_container(name, force=True, v=True)


def _bounds(engine: Engine) -> dict[str, object]:
    """The limits of a container; none where the engine can set none."""
    return {} if engine.shares_network else {"mem_limit": _MEMORY, "pids_limit": _PROCESSES}


def hardening_options(engine: Engine, capabilities: Sequence[str] | None) -> dict[str, object]:
    """How the engine holds what nobody has reason to trust."""
    if capabilities is None:
        return {}
    memory = {} if engine.shares_network else {"memswap_limit": _MEMORY}
    return {"cap_drop": ["ALL"], "cap_add": list(capabilities), **memory,
            "ulimits": [Ulimit(name=name, soft=most, hard=most) for name, most in _strict_limits(engine).items()],
            "log_config": LogConfig(type=LogConfig.types.JSON, config=_STRICT_LOG)}


def _strict_limits(engine: Engine) -> dict[str, int]:
    """{limit of setrlimit(2): how much}."""
    limits = {"fsize": _STRICT_FILE}
    if not engine.keeps_ulimits:
        # As soon as one is named, it asks for a million of each of these, in place of its own
        # settings: more than root has where it was given few rights.
        limits |= {"nofile": _within(resource.RLIMIT_NOFILE, 4096), "nproc": _within(resource.RLIMIT_NPROC, 32768)}
    return limits


def _within(limit: int, most: int) -> int:
    hard = resource.getrlimit(limit)[1]
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


@contextlib.contextmanager
def killed(engine: Engine, name: str, bounds: Bounds | None) -> Iterator[None]:
    """Kills the container past a bound; what waits for it sees it end."""
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
    """A network that reaches this machine and nothing else; None where this machine is not
    the one that the engine's networks are on. Containers on it do not see each other."""
    api = engine.client.api
    found = api.networks(names=[_ISOLATED]) or None
    if found is None:
        with contextlib.suppress(APIError):   # another process made it just now
            api.create_network(_ISOLATED, driver="bridge", internal=True, labels=labels.marked(labels.RUN),
                               check_duplicate=True, options={"com.docker.network.bridge.enable_icc": "false"})
        found = api.networks(names=[_ISOLATED])
    ways = [each.get("Gateway", "") for network in found for each in network["IPAM"]["Config"] or ()]
    return _ISOLATED if any(map(_here, ways)) else None


def _here(address: str) -> bool:
    """Whether an address is one of this machine."""
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
        return bool(address)
    except OSError:
        return False
