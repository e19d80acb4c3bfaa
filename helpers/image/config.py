"""How a container of an image starts: its command, and what surrounds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from docker.errors import NotFound

from ..engine import Engine, connect
from ..errors import ImageNotFound
from .model import Image


@dataclass(frozen=True)
class Start:
    """What an engine runs when an image is started without further words.

    command      ENTRYPOINT and CMD together, word by word; () if there is none
    environment  {name: value}
    directory    in which it starts
    user         '' for root
    ports        numbers of those that EXPOSE names
    """

    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = ""
    ports: frozenset[int] = frozenset()

    @property
    def is_root(self) -> bool:
        return self.user.partition(":")[0] in ("", "root", "0")


def start(image: Image, engine: Engine | None = None) -> Start:
    """How containers of `image` start. Raises ImageNotFound and the engine's errors."""
    engine = engine or connect()
    with engine.speaking(f"show the image {image.reference}"):
        config = engine.client.api.inspect_image(image.id).get("Config") or {}
    pairs = (each.partition("=") for each in config.get("Env") or ())
    return Start((*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
                 {name: value for name, _, value in pairs}, config.get("WorkingDir") or "/",
                 config.get("User") or "",
                 frozenset(int(port.partition("/")[0]) for port in config.get("ExposedPorts") or ()))


def stored(reference: str, engine: Engine) -> tuple[str, int]:
    """(id, bytes) of an image as the engine's store counts them: at once, before anything
    of it is read, and comparable within one engine alone. Raises ImageNotFound."""
    with engine.speaking(f"show the image {reference}"):
        try:
            found = engine.client.api.inspect_image(reference)
        except NotFound as error:
            raise ImageNotFound(f"The engine has no image {reference}.", remedy="Build it, or fetch it.") from error
    return found["Id"], found["Size"]
