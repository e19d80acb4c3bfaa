"""Containers: an image's file system, a process in it, and its output."""

import os
import secrets
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...extraction import extract, inside
from ...paths import remove
from .. import network
from . import programs, settings
from .file_systems import FileSystem, FileSystems
from .processes import Processes
from .refused import NotFound, RequestRefused
from .store import Store

_KEPT_OUTPUT = 16 << 20   # bytes; a container's further output is dropped


def frame(stream: int, data: bytes) -> bytes:
    """Output on stream 1 or 2, framed as in Docker's API."""
    return struct.pack(">BxxxL", stream, len(data)) + data


@dataclass
class Container:
    """One container; `config` and `host` as in Docker's API, times in seconds since 1970."""

    id: str
    name: str
    image: str
    config: dict
    host: dict
    state: str = "created"
    code: int = 0
    created: float = field(default_factory=time.time)
    started: float = 0.0
    finished: float = 0.0
    ports: dict[int, int] = field(default_factory=dict)
    tree: FileSystem | None = None
    process: subprocess.Popen[bytes] | None = None
    output: bytearray = field(default_factory=bytearray)
    printed: threading.Condition = field(default_factory=threading.Condition)
    binds: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """The command that it runs."""
        return [*(self.config.get("Entrypoint") or []), *(self.config.get("Cmd") or [])]

    def add(self, stream: int, data: bytes) -> None:
        """Keep output on stream 1 or 2."""
        with self.printed:
            if len(self.output) < _KEPT_OUTPUT:
                self.output += frame(stream, data)
            self.printed.notify_all()


@dataclass
class Execution:
    """A command in a running container."""

    id: str
    container: Container
    words: list[str]
    code: int | None = None


class Containers:
    """All containers of this engine; they are held in memory and end with it."""

    def __init__(self, store: Store, trees: FileSystems, processes: Processes, temporary: str):
        self._store, self._trees, self._processes, self._temporary = store, trees, processes, temporary
        self._known: dict[str, Container] = {}
        self._executions: dict[str, Execution] = {}
        self._lock = threading.Lock()

    def create(self, name: str, asked: dict) -> Container:
        """Create a container from the body of `POST /containers/create`. Raises NotFound and RequestRefused."""
        image = self._store.find(asked["Image"])
        host = asked.get("HostConfig") or {}
        if host.get("ReadonlyRootfs"):
            raise RequestRefused("this engine does not support read-only file systems")
        config = self._store.config(image).get("config") or {}
        given = {key: value for key, value in asked.items() if value not in (None, "", [], {})}
        config |= {key: given[key] for key in ("User", "WorkingDir", "StopSignal") if key in given}
        if "Entrypoint" in given:
            config["Entrypoint"], config["Cmd"] = given["Entrypoint"], given.get("Cmd") or []
        elif "Cmd" in given:
            config["Cmd"] = given["Cmd"]
        config["Env"] = [f"{n}={v}" for n, v in {**settings.environment(config), **settings.environment(given)}.items()]
        config["Labels"] = {**(config.get("Labels") or {}), **(given.get("Labels") or {})}
        config["Image"] = asked["Image"]
        container = Container(secrets.token_hex(32), name or f"small-{secrets.token_hex(4)}", image, config, host)
        if not container.words:
            raise RequestRefused("No command specified")
        with self._lock:
            if any(each.name == container.name for each in self._known.values()):
                raise RequestRefused(f"the name {container.name} is in use by another container")
            self._known[container.id] = container
        return container

    def find(self, reference: str) -> Container:
        """The container with that name, id or beginning of an id. Raises NotFound."""
        for each in self.all():
            if each.name == reference.lstrip("/") or len(reference) >= 4 and each.id.startswith(reference):
                return each
        raise NotFound(f"No such container: {reference}")

    def all(self) -> list[Container]:
        """All containers, running or not."""
        with self._lock:
            return list(self._known.values())

    def root(self, container: Container) -> str:
        """The folder that is the container's /, made at the first call."""
        if container.tree is None:
            container.tree = self._trees.take(self._store.chain(container.image))
        return container.tree.root

    def start(self, container: Container) -> None:
        """Start it unless it runs. Raises RequestRefused, in runc's words, if its program cannot be started."""
        if container.state == "running":
            return
        root, host = self.root(container), container.host
        os.makedirs(inside(root, container.config.get("WorkingDir") or "/"), exist_ok=True)
        mounted = [each["Target"] for each in host.get("Mounts") or () if each.get("Type") == "tmpfs"]
        mounted += list(host.get("Tmpfs") or ())
        for target in mounted:
            container.binds[tempfile.mkdtemp(dir=self._temporary)] = target
        command = programs.command(root, container.config, container.words, mounted=mounted)
        if command.problem.startswith("exec:"):
            container.state, container.code = "created", 127
            raise RequestRefused(f"failed to create shim task: OCI runtime create failed: {command.problem}")
        container.ports = {int(port.partition("/")[0]): int(bound[0].get("HostPort") or 0) or network.free_port()
                           for port, bound in (host.get("PortBindings") or {}).items() if bound}
        container.started, container.state = time.time(), "running"
        if command.problem:
            container.add(2, f"{command.problem}\n".encode())
            container.code, container.state, container.finished = 1, "exited", time.time()
            return
        container.process = self._processes.start(root, command, binds=container.binds, ports=container.ports)
        threading.Thread(target=self._follow, args=(container, container.process), daemon=True).start()

    def _follow(self, container: Container, process: subprocess.Popen[bytes]) -> None:
        code = self._processes.follow(process, container.add)
        with container.printed:
            container.code, container.finished, container.state = code, time.time(), "exited"
            container.printed.notify_all()

    def wait(self, container: Container) -> int:
        """Wait for its end. Returns its exit code."""
        with container.printed:
            container.printed.wait_for(lambda: container.state != "running")
        return container.code

    def stop(self, container: Container) -> None:
        """End it if it runs, and wait for that."""
        if container.state == "running" and container.process:
            self._processes.kill(container.process)
            self.wait(container)

    def remove(self, container: Container) -> None:
        """End it and delete its files."""
        self.stop(container)
        with self._lock:
            self._known.pop(container.id, None)
            self._executions = {key: each for key, each in self._executions.items() if each.container is not container}
        if container.tree:
            self._trees.give_back(container.tree)
            container.tree = None
        for place in container.binds:
            remove(place)

    def executing(self, container: Container, words: list[str]) -> Execution:
        """Register a command to `execute` in a container."""
        made = Execution(secrets.token_hex(32), container, words)
        self._executions[made.id] = made
        return made

    def execution(self, reference: str) -> Execution:
        """The command registered with that id. Raises NotFound."""
        if reference not in self._executions:
            raise NotFound(f"No such exec instance: {reference}")
        return self._executions[reference]

    def execute(self, execution: Execution, output: Callable[[int, bytes], None]) -> None:
        """Run it to its end. A missing program is reported in the output, in runc's words."""
        container, root = execution.container, self.root(execution.container)
        command = programs.command(root, container.config, execution.words)
        if command.problem:
            execution.code = 126
            output(1, f"OCI runtime exec failed: exec failed: {command.problem}\r\n".encode())
            return
        # A command that connects to the container's server must get the same port mapping as the server.
        execution.code = self._processes.run(root, command, output, binds=container.binds, ports=container.ports,
                                             stopped=lambda: container.state != "running")

    def put(self, container: Container, folder: str, archive: Any) -> None:
        """Extract an archive into a folder of a container. Raises tarfile.TarError and OSError."""
        extract(archive, inside(self.root(container), folder))

    def top(self, container: Container) -> dict:
        """The container's main process as Docker's `top` lists it, with the user that it believes to be."""
        uid, _ = programs.user_ids(self.root(container), container.config.get("User") or "")
        running = container.state == "running" and container.process
        return {"Titles": ["UID", "PID", "CMD"],
                "Processes": [[str(uid or "root"), str(running.pid), " ".join(container.words)]] if running else []}
