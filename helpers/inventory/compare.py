"""Compare images: what only one of them has."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..formats import Package
from ..text import plain
from .model import Inventory
from .tools import Tool


@dataclass(frozen=True)
class Comparison:
    """Several inventories, in the given order."""

    inventories: tuple[Inventory, ...]

    def only_tools(self, one: Inventory) -> tuple[Tool, ...]:
        """The tools of one image that no other has, by name and kind."""
        others = {(tool.name, tool.kind) for each in self._others(one) for tool in each.tools}
        return tuple(tool for tool in one.tools if (tool.name, tool.kind) not in others)

    def only_packages(self, one: Inventory) -> tuple[Package, ...]:
        """The packages of one image that no other has in any version."""
        others = {(found.package.type, found.package.name) for each in self._others(one) for found in each.packages}
        return tuple(dict.fromkeys(
            found.package for found in one.packages if (found.package.type, found.package.name) not in others))

    def _others(self, one: Inventory) -> list[Inventory]:
        at = next(index for index, each in enumerate(self.inventories) if each is one)
        return [*self.inventories[:at], *self.inventories[at + 1:]]    # not by equality: an image may occur twice

    def facts(self) -> dict[str, object]:
        """The content of `compare --json`."""
        return {
            "images": [each.facts() for each in self.inventories],
            "only_in": {each.image.reference: {
                "tools": [plain(tool.name) for tool in self.only_tools(each)],
                "packages": [package.name for package in self.only_packages(each)]} for each in self.inventories}}


def compare(inventories: Sequence[Inventory]) -> Comparison:
    """Put inventories side by side."""
    return Comparison(tuple(inventories))
