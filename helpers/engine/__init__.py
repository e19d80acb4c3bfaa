"""A Docker engine: found or started, and what it is.

    >>> from helpers.engine import connect
    >>> engine = connect()
    >>> engine.describe()
    'Docker Engine 20.10.24 (API 1.41, overlay2), started by the course'

Each name is imported when it is asked for: the programs that become Podman or PRoot (`helpers.engine.podman`) are
processes of their own, and importing Docker's SDK would be most of their time.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .discovery import connect
    from .model import MINIMUM_API, Engine
    from .translate import translate_errors

__all__ = ["MINIMUM_API", "Engine", "connect", "translate_errors"]

_MODULES = {"MINIMUM_API": ".model", "Engine": ".model", "connect": ".discovery", "translate_errors": ".translate"}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"{__name__} has no {name}")
    return getattr(import_module(_MODULES[name], __name__), name)
