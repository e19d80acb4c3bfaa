"""A registry to push to: the user's, or Debian's docker-registry, started here. That one and its folder are removed
when the block ends or this process dies."""

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from .. import paths
from ..engine import network
from ..engine.packages import apt_install
from ..engine.processes import Report
from ..errors import CourseError, RegistryUnavailable
from ..subprocesses import running, tail
from .throttle import LOOPBACK

NAMED = "MULTISTAGE_REGISTRY"
_PROGRAM = "docker-registry"
_START_SECONDS = 10
_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:\d+")

# Runs a program until it ends, or until its standard input is closed, by us or by the death of our process. Then the
# folder is removed too.
_GUARD = """folder=$1; shift
exec 3<&0
"$@" 3<&- &
program=$!
{ read -r _ <&3; : >"$folder/closed"; kill "$program"; } &
reader=$!
wait "$program"; code=$?
{ kill "$reader"; wait "$reader"; } 2>/dev/null
if [ -e "$folder/closed" ]; then rm -rf "$folder"; fi
exit "$code"
"""


@dataclass(frozen=True)
class Server:
    """A registry at `address`; `name` describes it."""

    address: str
    name: str
    process: subprocess.Popen | None = None  # its guard, if it was started here

    def alive(self) -> bool:
        """Whether it answers."""
        return _answers(self.address)


@contextlib.contextmanager
def serve(report: Report) -> Iterator[Server]:
    """A registry while the block lasts: that in MULTISTAGE_REGISTRY, else one that is started here, and installed if
    necessary. Raises RegistryUnavailable."""
    named = os.environ.get(NAMED, "").strip()
    if named:
        yield _named(named)
        return
    program = _program(report)
    # Not in /tmp, which may be in memory: an image has hundreds of megabytes.
    paths.cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="registry-", dir=paths.cache(), ignore_cleanup_errors=True) as folder, \
            _started(program, Path(folder)) as server:
        yield server


def _named(text: str) -> Server:
    address = re.sub(r"^http://", "", text).rstrip("/")
    if not _ADDRESS.fullmatch(address):
        raise RegistryUnavailable(f"{NAMED} is {text!r}, which is not the address of a registry.",
                                  remedy=f"Set it to host:port, for example {NAMED}=127.0.0.1:5000, or unset it.")
    if not _answers(address):
        raise RegistryUnavailable(f"{NAMED} is {address}, and no registry answers there.",
                                  why="The course speaks plain HTTP to it, without a login.",
                                  remedy=f"Start it, or unset {NAMED}.")
    return Server(address, f"the registry at {address}")


def _program(report: Report) -> str:
    """Path of docker-registry, which is installed if it is missing."""
    found = shutil.which(_PROGRAM, path=network.PATH)
    if found:
        return found
    why = "Debian's docker-registry is not installed, and installing it needs root and apt-get."
    if os.geteuid() == 0 and shutil.which("apt-get", path=network.PATH):
        try:
            apt_install([_PROGRAM], report)
        except CourseError as error:
            why = str(error)
    found = shutil.which(_PROGRAM, path=network.PATH)
    if not found:
        raise RegistryUnavailable("There is no registry here to push to.", why=why,
                                  remedy="If Docker Hub can be reached: `docker run -d -p 127.0.0.1:5000:5000 "
                                         f"registry:2`, then set {NAMED}=127.0.0.1:5000 and restart the kernel.")
    return found


@contextlib.contextmanager
def _started(program: str, folder: Path) -> Iterator[Server]:
    """A registry with settings, data and log in a folder. Raises RegistryUnavailable if it does not start."""
    address, settings, log = f"{LOOPBACK}:{network.free_port()}", folder / "settings.yml", folder / "log"
    settings.write_text("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                        f"storage: {{filesystem: {{rootdirectory: '{folder / 'data'}'}}, delete: {{enabled: true}}}}\n"
                        f"http: {{addr: '{address}', secret: {secrets.token_hex(16)}}}\n")
    # REGISTRY_... in the environment would override the settings.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    command = ["/bin/sh", "-c", _GUARD, "guard", str(folder), program, "serve", str(settings)]
    with open(log, "ab") as output, running(command, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd="/",
                                            env=environment) as process:
        if not _await(address, process):
            raise RegistryUnavailable("The registry did not start.", evidence=tail(log.read_text(errors="replace"), 10),
                                      why=f"{program} ended, or did not answer within {_START_SECONDS} s.",
                                      remedy="Run it again.")
        yield Server(address, f"{_PROGRAM} on this machine", process)


def _await(address: str, process: subprocess.Popen) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(address):
            return process.poll() is None
        time.sleep(0.02)
    return False


def _answers(address: str) -> bool:
    """Whether a registry answers there (Docker Registry HTTP API V2)."""
    with requests.Session() as session, contextlib.suppress(requests.exceptions.RequestException):
        session.trust_env = False   # no proxy
        return session.get(f"http://{address}/v2/", timeout=2, allow_redirects=False).status_code == 200
    return False
