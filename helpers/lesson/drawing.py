"""`charts` as a lesson has it: imported with the first chart.

An exercise draws none, and matplotlib would be a third of the time and the memory that its kernel takes to start.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["charts"]


class _Charts(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)

    def __dir__(self) -> list[str]:
        return dir(import_module(self.__name__))


if TYPE_CHECKING:
    from .. import charts
else:
    charts = _Charts("helpers.charts")
