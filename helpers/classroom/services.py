"""A class's proxy, hub and live view: processes that outlive the command that starts them."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from ..engine import processes
from ..errors import CourseError
from ..subprocesses import tail
from .room import Room, folder

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS, _END_SECONDS = 60, 60


@dataclass(frozen=True)
class Service:
    """A process of the class. `ready` is an address that answers once it has started."""

    name: str
    command: tuple[str, ...]
    ready: str
    environment: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def _pid_file(self) -> Path:
        return folder() / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        """The file with its output."""
        return folder() / f"{self.name}.log"

    def pid(self) -> int | None:
        """Its process id, None if it is not running."""
        return processes.recorded(self._pid_file, self._pid_file)

    def start(self) -> None:
        """Start it unless it is running, and wait until it answers. Raises CourseError with the end of its log."""
        process = None if self.pid() else self._launch()
        deadline = time.monotonic() + _START_SECONDS
        while (alive := process.poll() is None if process else self.pid() is not None) and time.monotonic() < deadline:
            if self._answers():
                return
            time.sleep(0.2)
        raise CourseError(f"The {self.name} of the class did not start.",
                          why="It does not answer." if alive else "It exited.",
                          remedy=f"Read its log, {self.log}. `make class-stop` stops everything that is running.",
                          evidence=tail(self.log.read_text(errors="replace")))

    def _launch(self) -> subprocess.Popen[bytes]:
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                [*self.command, "--pid-file", str(self._pid_file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, cwd=folder(), env=processes.environment() | self.environment)
        self._pid_file.write_text(str(process.pid))
        return process

    def _answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(self.ready, headers=self.headers, timeout=5).status_code == 200
        return False

    def end(self) -> None:
        """Stop it and wait for its end. Raises CourseError if it does not end."""
        pid = self.pid()
        if not processes.end(lambda: filter(None, [self.pid()]), _END_SECONDS, 5):
            raise CourseError(f"The {self.name} of the class did not stop.", why=f"Process {pid} is still running.",
                              remedy="Kill it, then run this again.")
        self._pid_file.unlink(missing_ok=True)


def packages(room: Room) -> tuple[Service, ...]:
    """The package server, for a class with a kit."""
    command = (sys.executable, "-m", "helpers.classroom.package_index", room.kit, "--host", room.gateway,
               "--port", str(room.packages_port))
    return (Service("packages", command, f"{room.packages}/wheels/"),) if room.kit else ()


def of(room: Room) -> tuple[Service, Service, Service]:
    """(proxy, view, hub), in starting order: the hub waits for the view."""
    hub_url = f"http://{room.gateway}:{room.hub_port}/hub/"
    api = f"http://127.0.0.1:{room.proxy_port}"
    proxy = Service(
        "proxy", (*_proxy_program(), "--ip", room.listen, "--port", str(room.port), "--api-ip", "127.0.0.1",
                  "--api-port", str(room.proxy_port), "--error-target", f"{hub_url}error",
                  "--log-level", "warn"),
        f"{api}/api/routes", {"CONFIGPROXY_AUTH_TOKEN": room.proxy_token},
        {"Authorization": f"token {room.proxy_token}"})
    config = ROOT / "deploy" / "jupyterhub_config.py"
    hub = Service("hub", (sys.executable, "-m", "jupyterhub", "--config", str(config)),
                  f"{room.local_address}/hub/health",     # through the proxy: the hub listens before its route exists
                  {"MULTISTAGE_CLASS": str(folder())})
    return proxy, _view(room), hub


def _view(room: Room) -> Service:
    """Not run by the hub, so that it keeps running while the hub restarts."""
    prefix = "/services/class/"
    return Service(
        "view", tuple(processes.module("helpers.classroom.live.service")),
        f"http://{room.gateway}:{room.view_port}{prefix}health", {
            "JUPYTERHUB_API_URL": f"http://{room.gateway}:{room.hub_port}/hub/api",
            "JUPYTERHUB_API_TOKEN": room.view_token, "JUPYTERHUB_CLIENT_ID": "service-class",
            "JUPYTERHUB_SERVICE_NAME": "class", "JUPYTERHUB_SERVICE_PREFIX": prefix,
            "MULTISTAGE_VIEW_LISTEN": f"{room.gateway}:{room.view_port}",
            "MULTISTAGE_VIEW_FILE": str(folder() / "events.jsonl"), "MULTISTAGE_VIEW_INSTRUCTORS": "instructor"})


def _proxy_program() -> tuple[str, str]:
    """The paths of Node.js and configurable-http-proxy, which `make class` installs."""
    node = shutil.which("node", path=f"{sys.prefix}/bin:{os.environ.get('PATH', os.defpath)}")
    program = Path(sys.prefix, "proxy", "node_modules", "configurable-http-proxy", "bin", "configurable-http-proxy")
    if node is None or not program.exists():
        raise CourseError("The proxy of the class is not installed.",
                          why="Node.js was not found." if node is None else f"{program} does not exist.",
                          remedy="Run `make class`, which installs it.")
    return node, str(program)
