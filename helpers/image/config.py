"""How a container of an image starts: its command and its environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain

from ..engine import Engine, connect
from .model import Image

_PORTS = re.compile(r"(\d+)(?:-(\d+))?(?:/.*)?")
_LAST_PORT = 65535


@dataclass(frozen=True)
class Start:
    """What an engine runs when an image is started without arguments."""

    command: tuple[str, ...] = ()           # the words of ENTRYPOINT and CMD
    environment: Mapping[str, str] = field(default_factory=dict)  # {name: value}
    directory: str = "/"
    user: str = ""                          # '' for root
    ports: frozenset[int] = frozenset()     # exposed by EXPOSE

    @property
    def is_root(self) -> bool:
        """Whether its processes run as root."""
        return self.user.partition(":")[0] in ("", "root", "0")


def start(image: Image, engine: Engine | None = None) -> Start:
    """How containers of `image` start. Raises ImageNotFound and the engine's errors."""
    config = _inspected(image.id, image.reference, engine or connect()).get("Config") or {}
    pairs = (each.partition("=") for each in config.get("Env") or ())
    return Start((*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
                 {name: value for name, _, value in pairs}, config.get("WorkingDir") or "/", config.get("User") or "",
                 frozenset(chain.from_iterable(map(ports, config.get("ExposedPorts") or ()))))


def ports(exposed: str) -> range:
    """The numbers of an exposed port: '80/tcp', '80', or the range '8000-8010/tcp', which Buildah keeps. Empty for
    anything else. Source: OCI image-spec, config.md, "ExposedPorts"; moby/moby#52553."""
    if not (match := _PORTS.fullmatch(exposed)):
        return range(0)
    return range(int(match[1]), min(int(match[2] or match[1]), _LAST_PORT) + 1)


def stored(reference: str, engine: Engine) -> tuple[str, int]:
    """(id, bytes) of an image as the engine's store counts them: fast, but comparable within one engine only. Raises
    ImageNotFound and the engine's errors."""
    found = _inspected(reference, reference, engine)
    return found["Id"], found["Size"]


def _inspected(image_id: str, reference: str, engine: Engine) -> dict:
    with engine.translate_errors(f"show the image {reference}"):
        return engine.client.api.inspect_image(image_id)
