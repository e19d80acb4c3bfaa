"""What a class is made of, in one file: names, addresses, passwords, limits.

Everything that a class makes in the engine carries the label `multistage.class` with the name of the class.
deploy/jupyterhub_config.py reads the file.
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
MEMORY = 1536 * 2**20     # bytes of a learner: lessons 01 and 02 took at most 641 MiB of it
_PROCESSES = 600
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"    # nothing that is mistaken for another on a projector


@dataclass(frozen=True)
class Room:
    """A class.

    name         of the network, and the beginning of every container's and volume's
    engine       address of the engine
    image        of the learners' sessions
    listen, port where the proxy listens
    gateway      address of the machine in the learners' network, where the hub listens for their servers
    hub_port, proxy_port    of the hub there, and of the proxy's own API on loopback
    password     of the class; `token` of the instructor
    proxy_token  that the hub shows to the proxy
    view_port    of the live class view, at `gateway`; `view_token` that it shows to the hub
    homes        folder where the learners' work is kept after the class
    kit          folder of the kit of a class without a network, and where its packages are served; or ''
    limited      whether each learner's home and engine have a disk of their own
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
    memory: int = MEMORY    # bytes of each learner
    # A class that an older version of the course opened has none of these, and is closed all the same.
    view_port: int = 0
    view_token: str = ""
    kit: str = ""
    packages_port: int = 0
    limited: bool = False

    @property
    def address(self) -> str:
        """What a browser opens."""
        return self._at(self.listen if self.listen != "0.0.0.0" else _own_address())

    @property
    def local_address(self) -> str:
        """The same for this machine, behind no proxy of the network's."""
        return self._at(self.listen if self.listen != "0.0.0.0" else "127.0.0.1")

    def _at(self, host: str) -> str:
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def view(self) -> str:
        """What the instructor opens to watch the class."""
        return f"{self.address}/services/class/"

    @property
    def store(self) -> str:
        """The volume that all learners read."""
        return store(self.name)

    @property
    def packages(self) -> str:
        """Where the sessions find the packages of the kit; '' where they ask the network."""
        return f"http://{self.gateway}:{self.packages_port}" if self.kit else ""

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a session, beside what every session has: where pip and npm find packages. Builds get them."""
        return {"PIP_INDEX_URL": f"{self.packages}/simple/", "PIP_TRUSTED_HOST": self.gateway,
                "npm_config_registry": f"{self.packages}/registry/", "npm_config_audit": "false"} if self.kit else {}

    @property
    def labels(self) -> dict[str, str]:
        """The labels of everything that the class makes in the engine."""
        return marks(self.name)

    @property
    def limits(self) -> dict[str, Any]:
        """What a learner's container may do, as the SDK's host configuration: no privilege, and user namespaces."""
        return {"security_opt": ["no-new-privileges", "seccomp=unconfined"], "cap_drop": ["ALL"],
                "memswap_limit": self.memory, "pids_limit": _PROCESSES, "init": True}

    def save(self) -> None:
        """Write the file, for this user alone."""
        facts = {**asdict(self), "store": self.store, "labels": self.labels, "limits": self.limits,
                 "environment": self.environment}
        paths.write_whole(folder() / "class.json", json.dumps(facts, indent=1).encode())


def marks(name: str) -> dict[str, str]:
    """The labels of everything that the class of that name makes."""
    return labels.marked(labels.CLASS, **{LABEL: name})


def store(name: str) -> str:
    """The volume that all learners of the class of that name read."""
    return f"{name}-store"


def folder() -> Path:
    """Where the hub of the class on this machine keeps its files while the class is open."""
    return paths.state() / "class"


def homes() -> Path:
    """Where the learners' work is kept."""
    return paths.data() / "class-homes"


def name() -> str:
    """The name of the class on this machine: another folder is another class."""
    return f"multistage-class-{hashlib.sha256(os.fsencode(folder())).hexdigest()[:6]}"


def current() -> Room | None:
    """The class that was opened on this machine and not closed. Raises CourseError for a file that cannot be read."""
    try:
        facts = json.loads((folder() / "class.json").read_text())
        return Room(**{key: value for key, value in facts.items() if key in Room.__dataclass_fields__})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise CourseError(f"{folder() / 'class.json'} cannot be read.", why=str(error),
                          remedy="`make class-stop` saves the homes and removes the rest.") from error


def forget() -> None:
    """Delete the folder of the class."""
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
        raise CourseError(f"LISTEN={text} is no address.", remedy="Write it as LISTEN=0.0.0.0 or LISTEN=10.0.0.5:9000.")
    return host.strip("[]") or "127.0.0.1", number


def _own_address() -> str:
    """The address by which others in the network reach this machine: that of its default route. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))     # RFC 5737: an address of nobody
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
