"""An ssh agent of a lesson, with a key that was made for it."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import Unsupported

__all__ = ["open_agent"]
_PROGRAMS = ("ssh-agent", "ssh-keygen", "ssh-add")
_SECONDS = 20


@dataclass(frozen=True)
class Agent:
    """An agent that runs until the notebook ends.

    socket   where it listens
    private  a line of its private key
    """

    socket: str
    private: str


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
    return Agent(str(socket), key.read_text().splitlines()[3])
