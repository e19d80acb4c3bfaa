"""The packages in an image, each with the layer that brought it.

Of most packages a file of their own tells, and came with them. dpkg and apk keep one
list for all, which every layer that installs something ships anew and whole: there
a package came with the first layer since which the list has it in that version.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..formats import Package
from ..image import Tree

_LISTED = ("deb", "apk")


@dataclass(frozen=True)
class Found:
    """A package in an image: `path` is the file that tells of it, `layer` the index of
    the layer that brought it."""

    package: Package
    path: str
    layer: int


def packages(tree: Tree) -> tuple[Found, ...]:
    """Every package, by type and name."""
    lists = _lists(tree)
    found = {Found(each, node.path, _layer(each, node.layer, lists.get(node.path, ())))
             for node, told in tree.under("packages") for each in told}
    found |= {Found(each, node.path, node.layer)
              for node, program in tree.under("programs") if program.elf
              for each in program.elf.packages}
    return tuple(sorted(found, key=lambda each: (each.package.type, each.package.name,
                                                 each.package.version, each.path)))


def _lists(tree: Tree) -> dict[str, list[tuple[int, frozenset[Package]]]]:
    """{path of a list: (layer, what it says there) of each that has it, the lowest first},
    seen or not."""
    lists: dict[str, list[tuple[int, frozenset[Package]]]] = {}
    for index in range(tree.depth):
        entries = tree.entries(index)
        for row, told in entries.packages.items():
            if told[0].type in _LISTED:
                lists.setdefault(entries.paths[row], []).append((index, frozenset(told)))
    return lists


def _layer(package: Package, layer: int, versions: list[tuple[int, frozenset[Package]]]) -> int:
    """The first layer since which the list has the package; `layer` has it last."""
    for index, told in reversed(versions):
        if package not in told:
            break
        layer = index
    return layer
