"""The packages in an image, each with the layer that brought it. Most packages are recorded in a file of their own,
which came with them. dpkg and apk keep one list for all, which every layer that installs something ships whole again:
there a package came with the first layer since which the list has it in that version."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..formats import Package
from ..image import Tree

_LISTED = ("deb", "apk")


@dataclass(frozen=True)
class Found:
    """A package in an image: `path` is the file that records it, `layer` the index of the layer that brought it."""

    package: Package
    path: str
    layer: int


def packages(tree: Tree) -> tuple[Found, ...]:
    """Every package, by type and name: once, whether a list records it or its own bytes do."""
    lists = _lists(tree)
    found = {Found(each, node.path, _layer(each, node.layer, lists.get(node.path, [])))
             for node, recorded in tree.under("packages") for each in recorded}
    found |= {Found(each, node.path, node.layer) for node, program in tree.under("programs") if program.elf
              for each in program.elf.packages}
    listed = [(each.package.name, _upstream(each.package.version)) for each in found if each.package.type in _LISTED]
    once = (each for each in found if each.package.type != "binary" or not _is_listed(each.package, listed))
    return tuple(sorted(once, key=lambda each: (each.package.type, each.package.name,
                                                each.package.version, each.path)))


def _is_listed(program: Package, listed: Sequence[tuple[str, str]]) -> bool:
    """Whether a program is one that a system's list records too, as bash or python3.11 in Debian."""
    return any(name.startswith(program.name) and version.startswith(program.version) for name, version in listed)


def _upstream(version: str) -> str:
    """A package's version without its epoch: '1:1.35.0-4' begins as BusyBox's own does."""
    return version.partition(":")[2] or version


def _lists(tree: Tree) -> dict[str, list[tuple[int, frozenset[Package]]]]:
    """{path of a list: (layer, packages in it) of each layer that has it, the lowest first}, visible or not."""
    lists: dict[str, list[tuple[int, frozenset[Package]]]] = {}
    for index, entries in enumerate(tree.entries):
        for row, recorded in entries.packages.items():
            if recorded[0].type in _LISTED:
                lists.setdefault(entries.paths[row], []).append((index, frozenset(recorded)))
    return lists


def _layer(package: Package, layer: int, versions: list[tuple[int, frozenset[Package]]]) -> int:
    """The first layer since which the list has the package; `layer` is the last that has it."""
    for index, recorded in reversed(versions):
        if package not in recorded:
            break
        layer = index
    return layer
