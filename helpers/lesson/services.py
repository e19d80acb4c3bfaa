"""What a lesson starts on this machine: a package mirror, whose files change between two builds, and an ssh agent."""

from __future__ import annotations

import atexit
import contextlib
import os
import posixpath
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from docker.errors import APIError
from IPython.display import display

from ..errors import Unsupported
from ..views.lesson import say
from .session import engine
from .terminal import note, put_file, start, tell

__all__ = ["open_agent", "open_mirror"]
_LOOPBACK = "127.0.0.1"
_FILES, _PORT = "/tmp/multistage-mirror", 8041    # of a terminal's own mirror
_SOCKET, _KEY = "/tmp/multistage-agent", "/tmp/multistage-key"    # of a terminal's own agent
_POLL = 0.05    # seconds that its end may take


class Mirror(ThreadingHTTPServer):
    """Serves `files`, {path: content}, until `close`; `put` changes one.

    reached  whether anybody has connected
    """

    reached = False

    def __init__(self, files: Mapping[str, bytes]):
        super().__init__((_LOOPBACK, 0), _Answer)
        self.files = dict(files)
        threading.Thread(target=self.serve_forever, args=(_POLL,), daemon=True).start()
        atexit.register(self.close)

    @property
    def address(self) -> str:
        """'http://127.0.0.1:PORT'"""
        return f"http://{_LOOPBACK}:{self.server_port}"

    def put(self, path: str, content: bytes) -> None:
        """Serve a file, or another content of it."""
        self.files[path] = content
        note("\n".join(put_file(_FILES, path, content)))

    def process_request(self, request: Any, client_address: Any) -> None:
        self.reached = True
        super().process_request(request, client_address)

    def close(self) -> None:
        """End it. A second time does no harm."""
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        content = self.server.files.get(posixpath.normpath(self.path).lstrip("/"))
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content or b"")

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing: the notebook is for what was measured."""


def open_mirror(files: Mapping[str, bytes]) -> Mirror | None:
    """A web server with these files that builds with network="host" can ask. None, and a sentence
    that says why, where the engine cannot reach this machine."""
    here, mirror = engine(), Mirror(files)
    # The engine looks for an image there: it has none, and even that is an answer.
    with here.translate_errors("look for a server"), contextlib.suppress(APIError):
        here.client.api.inspect_distribution(f"{_LOOPBACK}:{mirror.server_port}/probe:none")
    if mirror.reached:
        serve = f"python3 -m http.server {_PORT} --bind {_LOOPBACK} --directory {_FILES} >/dev/null 2>&1 & MIRROR=$!"
        put = [line for each in files.items() for line in put_file(_FILES, *each)]
        start(mirror.address, f"http://{_LOOPBACK}:{_PORT}",
              "\n".join([f"rm -rf {_FILES}; mkdir {_FILES}", *put, serve]), end="kill $MIRROR")
        return mirror
    mirror.close()
    display(say(f"The engine cannot reach a server on this machine: for it, {_LOOPBACK} is another machine. "
                "The lesson goes on without it."))
    return None


_PROGRAMS = ("ssh-agent", "ssh-keygen", "ssh-add")
_SECONDS = 20


@dataclass(frozen=True)
class Agent:
    """An agent that runs until the notebook ends."""

    socket: str    # where it listens
    private: str    # a line of its private key


def missing() -> list[str]:
    """The programs of OpenSSH that are not installed."""
    return [each for each in _PROGRAMS if not shutil.which(each)]


def open_agent() -> Agent:
    """Start an agent with a new key. Raises Unsupported where OpenSSH is not installed."""
    if lacking := missing():
        raise Unsupported("There is no ssh agent to hand to a build.", why=f"Not installed: {', '.join(lacking)}.",
                          remedy="Install OpenSSH's client.")
    place = Path(tempfile.mkdtemp(prefix="multistage-agent-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    socket, key = place / "socket", place / "key"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE, text=True)
    atexit.register(agent.kill)
    assert agent.stdout
    agent.stdout.readline()    # it says where it listens once it does
    for words in (["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], ["ssh-add", "-q", str(key)]):
        subprocess.run(words, env={**os.environ, "SSH_AUTH_SOCK": str(socket)}, check=True,
                       capture_output=True, timeout=_SECONDS)
    private = key.read_text().splitlines()[3]
    start(str(socket), _SOCKET, f"rm -f {_SOCKET} {_KEY} {_KEY}.pub\n" f'eval "$(ssh-agent -a {_SOCKET})"\n'
          f"ssh-keygen -q -t ed25519 -N '' -f {_KEY}\nssh-add -q {_KEY}", end="ssh-agent -k")
    tell(private, f'"$(sed -n 4p {_KEY})"')
    return Agent(str(socket), private)
