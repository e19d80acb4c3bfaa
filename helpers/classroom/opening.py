"""Opens a class, restarts its hub, closes it."""

import contextlib
import secrets
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from docker.errors import NotFound

from .. import paths
from ..bases import FIRST
from ..engine import Engine
from ..engine.processes import Report
from ..engine.timeouts import patient
from ..errors import CourseError
from ..units import size
from . import containers, disks, firewall, homes, image, manifest, room, services, store
from . import kit as class_kit
from .room import LABEL, Room

_STOP_SECONDS = 10


def start(engine: Engine, report: Report, listen: str = "", refs: Sequence[str] = FIRST,
          kit: Path | None = None) -> Room:
    """Open this machine's class, or start what is missing of it.

    listen  'ADDRESS:PORT' of the proxy; default 127.0.0.1:8000
    refs    base images for the learners
    kit     folder of a kit, if there is no network

    Raises CourseError and the engine's errors.
    """
    with _locked(), engine.translate_errors("open the class"):
        found = room.current()
        if found is None:
            host, port = room.listening(listen)
            _free(host, port, "Choose another address or port with LISTEN=.")
            found = _made(engine, report, host, port, kit)
            found = replace(found, limited=disks.available(engine.client.api, found, report))
            found.save()
        Path(found.homes).mkdir(parents=True, exist_ok=True, mode=0o700)
        firewall.close(engine.client.api, found, report)
        store.fill(engine, found, report, refs)
        homes.restore(engine, found, report)
        for service in (*services.packages(found), *services.of(found)):
            service.start()
        return found


def _made(engine: Engine, report: Report, host: str, port: int, kit: Path | None) -> Room:
    name = room.name()
    if kit:
        manifest.check(kit, report)
    built = class_kit.load_session(engine, kit, name, report) if kit else image.make(engine, name, report)
    gateway = _network(engine)
    try:
        ports = _free_port(gateway), _free_port("127.0.0.1")
        view_port = _free_port(gateway)
    except OSError as error:
        raise CourseError("The hub cannot listen on the learners' network.", why=f"{gateway}: {error.strerror}.",
                          remedy="A class needs a Docker Engine on this machine itself, not in a virtual machine or on "
                                 "another host.") from error
    return Room(name, engine.host, built, host, port, gateway, *ports, room.password(), secrets.token_urlsafe(24),
                secrets.token_hex(32), str(room.homes()), view_port=view_port,
                view_token=secrets.token_hex(32), kit=str(kit or ""),
                packages_port=_free_port(gateway) if kit else 0)


def _network(engine: Engine) -> str:
    """Create the learners' network, which isolates them from each other; returns the machine's address in it."""
    api, name = engine.client.api, room.name()
    if not api.networks(names=[name]):
        api.create_network(name, driver="bridge", labels=room.marks(name),
                           options={"com.docker.network.bridge.enable_icc": "false"})
    return str(api.inspect_network(name)["IPAM"]["Config"][0]["Gateway"])


def restart(report: Report) -> Room:
    """Restart the hub and the view; the learners' servers and the proxy keep running. Raises CourseError if no class
    is open."""
    with _locked():
        found = opened()
        proxy, *restarted = services.of(found)
        report("Restarting the hub: learners keep working ...")
        for service in reversed(restarted):
            service.end()
        for service in (*services.packages(found), proxy, *restarted):
            service.start()
        return found


def stop(engine: Engine, report: Report, purge: bool = False) -> list[Path]:
    """Save all homes and remove the class; returns the archives. The store stays for the next class unless `purge`.
    Raises CourseError; unsaved work is never removed."""
    with _locked(), engine.translate_errors("close the class"):
        if purge and room.current() is None:
            store.remove(engine, room.store(room.name()))
            return []
        found = opened()
        for service in (*reversed(services.of(found)), *services.packages(found)):
            service.end()
        _stop_sessions(engine, found)
        saved = homes.save(engine, found, report)
        _remove(engine, found, purge)
        room.forget()
        if kept := store.kept(engine, found):
            report(f"Kept the base images and caches for the next class, {size(kept)}: "
                   "`make class-stop PURGE=1` removes them.")
        return saved


def _stop_sessions(engine: Engine, found: Room) -> None:
    """Stop the learners' servers gently, so that they can write what is in memory."""
    api = patient(engine.client.api, 120)
    with ThreadPoolExecutor(4) as several:
        list(several.map(lambda each: api.stop(each, timeout=_STOP_SECONDS), _sessions(engine, found)))


def _sessions(engine: Engine, found: Room) -> list[str]:
    return [each["Id"] for each in engine.client.api.containers(all=True, filters={"label": f"{LABEL}={found.name}"})]


def _remove(engine: Engine, found: Room, purge: bool) -> None:
    api = patient(engine.client.api, 600)
    for each in _sessions(engine, found):
        containers.remove(engine, each)
    there = homes.volumes(engine, found.name)
    disks.remove(api, found, [volume for volume, part in there.items() if part in disks.SIZES])
    for volume, part in homes.volumes(engine, found.name).items():
        if part != "store":
            api.remove_volume(volume)
    if purge:
        store.remove(engine, found.store)
    firewall.remove(api, found)
    for remove, name in ((api.remove_network, found.name), (api.remove_image, found.image)):
        try:
            remove(name)
        except NotFound:
            continue


def opened() -> Room:
    """The class that is open. Raises CourseError if there is none."""
    found = room.current()
    if found is None:
        raise CourseError("No class is open on this machine.", remedy="`make class` opens one.")
    return found


def _locked() -> contextlib.AbstractContextManager[None]:
    return paths.locked(paths.state() / "class.lock")


def _free(host: str, port: int, remedy: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CourseError(f"The class cannot listen on {host}, port {port}.", why=f"{error.strerror}.",
                              remedy=remedy) from error


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
