"""The packages in an image, each with its layer. Most packages have their own metadata file, in the same layer. dpkg
and apk keep one list of all packages, which is in every layer that installs something: there a package belongs to the
first layer since which the list has it in that version."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..formats import Package
from ..image import Tree

_LISTED = ("deb", "apk")


@dataclass(frozen=True)
class Found:
    """A package in an image: `path` is the file that records it, `layer` the index of its layer."""

    package: Package
    path: str
    layer: int


def packages(tree: Tree) -> tuple[Found, ...]:
    """Every package, by type and name; once, if both a list and its own bytes record it."""
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
    """Whether the system's list has this program too, as bash or python3.11 in Debian."""
    return any(name.startswith(program.name) and version.startswith(program.version) for name, version in listed)


def _upstream(version: str) -> str:
    """A version without its epoch: '1.35.0-4' for '1:1.35.0-4'."""
    return version.partition(":")[2] or version


def _lists(tree: Tree) -> dict[str, list[tuple[int, frozenset[Package]]]]:
    """{path of a list: [(layer, its packages)] of each layer with that list, the lowest first}, visible or not."""
    lists: dict[str, list[tuple[int, frozenset[Package]]]] = {}
    for index, entries in enumerate(tree.entries):
        for row, recorded in entries.packages.items():
            if recorded[0].type in _LISTED:
                lists.setdefault(entries.paths[row], []).append((index, frozenset(recorded)))
    return lists


def _layer(package: Package, layer: int, versions: list[tuple[int, frozenset[Package]]]) -> int:
    """The first layer since which the list has the package; `layer` is the last one with the list."""
    for index, recorded in reversed(versions):
        if package not in recorded:
            break
        layer = index
    return layer
