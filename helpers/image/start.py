"""How a container of an image starts: its command, and what surrounds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..engine import Engine, connect
from .model import Image


@dataclass(frozen=True)
class Start:
    """What an engine runs when an image is started without further words.

    command      ENTRYPOINT and CMD together, word by word; () if there is none
    environment  {name: value}
    directory    in which it starts
    user         '' for root
    """

    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = ""

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
                 config.get("User") or "")
