"""A class's settings, kept in one file that deploy/jupyterhub_config.py reads: names, addresses, passwords, limits.

Everything that a class creates in the engine has the label `multistage.class` with the name of the class.
"""

import hashlib
import json
import os
import secrets
import shutil
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import labels, paths
from ..errors import CourseError

LABEL, PART = "multistage.class", "multistage.class.part"
MEMORY = 1536 * 2**20     # bytes of a session: lessons 01 and 02 used at most 641 MiB
_PROCESSES = 600
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"    # no lookalikes on a projector


@dataclass(frozen=True)
class Room:
    """A class.

    name                 the network's name, and the prefix of all containers and volumes
    engine               the engine's address
    image                the learners' image
    listen, port         where the proxy listens
    gateway              the machine's address in the learners' network; the hub and the view listen there
    hub_port, view_port  their ports at `gateway`
    proxy_port           port of the proxy's own API on loopback
    password, token      the class password, and the instructor's token
    proxy_token          authenticates the hub to the proxy
    view_token           authenticates the view to the hub
    homes                folder for the learners' work after the class
    kit, packages_port   folder of a kit, and the port that serves its packages; '' and 0 without a kit
    limited              whether learners' homes and engines are on size-limited disks
    """

    name: str
    engine: str
    image: str
    listen: str
    port: int
    gateway: str
    hub_port: int
    proxy_port: int
    password: str
    token: str
    proxy_token: str
    homes: str
    memory: int = MEMORY    # bytes per session
    # Missing in a class opened by an older version, which must still be closed.
    view_port: int = 0
    view_token: str = ""
    kit: str = ""
    packages_port: int = 0
    limited: bool = False

    @property
    def address(self) -> str:
        """The address for browsers."""
        return self._at(self.listen if self.listen != "0.0.0.0" else _own_address())

    @property
    def local_address(self) -> str:
        """The same for requests from this machine itself."""
        return self._at(self.listen if self.listen != "0.0.0.0" else "127.0.0.1")

    def _at(self, host: str) -> str:
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def view(self) -> str:
        """The address of the live view."""
        return f"{self.address}/services/class/"

    @property
    def store(self) -> str:
        """The volume that all learners share, read-only."""
        return store(self.name)

    @property
    def packages(self) -> str:
        """Address of the kit's packages; '' without a kit."""
        return f"http://{self.gateway}:{self.packages_port}" if self.kit else ""

    @property
    def environment(self) -> dict[str, str]:
        """Extra variables of sessions and their builds: where pip and npm find a kit's packages."""
        return {"PIP_INDEX_URL": f"{self.packages}/simple/", "PIP_TRUSTED_HOST": self.gateway,
                "npm_config_registry": f"{self.packages}/registry/", "npm_config_audit": "false"} if self.kit else {}

    @property
    def labels(self) -> dict[str, str]:
        """The labels of everything that the class creates in the engine."""
        return marks(self.name)

    @property
    def limits(self) -> dict[str, Any]:
        """A learner's limits as host_config settings: no capabilities, but user namespaces."""
        return {"security_opt": ["no-new-privileges", "seccomp=unconfined"], "cap_drop": ["ALL"],
                "memswap_limit": self.memory, "pids_limit": _PROCESSES, "init": True}

    def save(self) -> None:
        """Write the settings file, readable by this user only."""
        facts = {**asdict(self), "store": self.store, "labels": self.labels, "limits": self.limits,
                 "environment": self.environment}
        paths.write_whole(folder() / "class.json", json.dumps(facts, indent=1).encode())


def marks(name: str) -> dict[str, str]:
    """The labels of everything that this class creates in the engine."""
    return labels.marked(labels.CLASS, **{LABEL: name})


def store(name: str) -> str:
    """The volume that all learners of this class share."""
    return f"{name}-store"


def folder() -> Path:
    """The hub's files while a class is open."""
    return paths.state() / "class"


def homes() -> Path:
    """The folder for the learners' saved work."""
    return paths.data() / "class-homes"


def name() -> str:
    """The name of this machine's class; another state folder is another class."""
    return f"multistage-class-{hashlib.sha256(os.fsencode(folder())).hexdigest()[:6]}"


def current() -> Room | None:
    """The class that is open on this machine, or None. Raises CourseError if its file cannot be read."""
    try:
        facts = json.loads((folder() / "class.json").read_text())
        return Room(**{key: value for key, value in facts.items() if key in Room.__dataclass_fields__})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise CourseError(f"{folder() / 'class.json'} cannot be read.", why=str(error),
                          remedy="`make class-stop` saves the homes and removes the rest.") from error


def forget() -> None:
    """Delete the class's folder."""
    shutil.rmtree(folder(), ignore_errors=True)


def password() -> str:
    """Three groups of four letters: easy to read aloud, 59 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def listening(text: str) -> tuple[str, int]:
    """(address, port) of LISTEN: '0.0.0.0', ':9000', '10.0.0.5:9000', '[::1]:8000'. Raises CourseError."""
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    try:
        number = int(port or 8000)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise CourseError(f"LISTEN={text} is not an address.", remedy="Use LISTEN=0.0.0.0 or LISTEN=10.0.0.5:9000.")
    return host.strip("[]") or "127.0.0.1", number


def _own_address() -> str:
    """This machine's address on its default route. Connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))     # RFC 5737: reserved for documentation
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
