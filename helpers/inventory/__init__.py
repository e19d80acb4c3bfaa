"""What is in an image: files, tools and packages, each with its layer.

    >>> from helpers.inventory import inventory
    >>> found = inventory("go-hello:single")
    >>> found.tool("gcc").path, found.image.layers[found.tool("gcc").layer].instruction
    >>> found.surface.executables, found.wasted

Nothing is run in the image: it may have no shell, or be for another platform."""

from ..engine import Engine, connect
from ..image import contents, inspect
from ..text import plain, printable
from .compare import Comparison, compare
from .kinds import BUILDING, KINDS, known
from .libraries import Needs
from .model import Found, Inventory, Surface, Waste, take
from .tools import Tool

__all__ = ["BUILDING", "Comparison", "Found", "Inventory", "KINDS", "Needs", "Surface", "Tool", "Waste",
           "compare", "inventory", "known", "plain", "printable", "take"]


def inventory(reference: str, engine: Engine | None = None) -> Inventory:
    """The inventory of the image of that name or id; a layer is read only once. Raises ImageNotFound, ImageUnreadable
    and the engine's errors."""
    engine = engine or connect()
    image = inspect(reference, engine)
    return take(image, contents(image, engine))
