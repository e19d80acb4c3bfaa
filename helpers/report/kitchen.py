"""The kitchen and the dining room: what is in the builder, what crosses, and what is shipped.

Every byte that a container sees counts once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..dockerfile import Dockerfile, Instruction
from ..image.provenance import Provenance
from ..inventory import BUILDING, KINDS, Inventory
from .files import BuildFiles, cache, unused_kind, visible_files

SOURCE, CACHE, MATERIAL, REST, ADDED, FOOD = ("source", "caches", "libraries and headers to build with",
                                              "system libraries and data", "other added files", "what crosses")
_PLURAL = {kind: f"{kind}s" for kind in KINDS} | {"version control": "version control", "privilege": "privilege"}


@dataclass(frozen=True)
class Thing:
    """Things of one kind in a room."""

    name: str
    size: int    # bytes
    use: str    # 'build', 'own' (made by the build), 'run' (what crosses) or 'rest'
    names: tuple[str, ...] = ()    # of tools


@dataclass(frozen=True)
class Rooms:
    """Two images of one Dockerfile: the stage that builds and the one that is shipped."""

    kitchen: tuple[Thing, ...]    # the things in each, the largest first
    dining: tuple[Thing, ...]
    bridges: tuple[Instruction, ...]    # the COPY --from instructions over which it crossed
    crossed: Mapping[str, int]    # {path in the dining room: bytes}
    inventories: tuple[Inventory, Inventory]

    @property
    def crossing(self) -> int:
        """Bytes that crossed."""
        return sum(self.crossed.values())

    def tools(self) -> tuple[str, ...]:
        """Kinds of tools in the kitchen that are not in the dining room."""
        left = {each.name for each in self.dining}
        return tuple(each.name for each in self.kitchen if each.names and each.name not in left)


def total(things: Iterable[Thing]) -> int:
    """Bytes of all these things."""
    return sum(each.size for each in things)


def rooms(kitchen: Inventory, dining: Inventory, dockerfile: Dockerfile, target: str | None = None) -> Rooms:
    """What is in the stage that builds and in the one that ships (`target`, None: the last), and what crossed."""
    lines = Provenance(dockerfile, target, dining.image)
    from_stages = {edge.line for edge in dockerfile.edges if edge.via == "COPY" and not edge.external}
    bridges: dict[int, Instruction] = {}
    crossed: dict[str, int] = {}
    for index in range(len(dining.image.layers)):
        made = lines.instruction(index)
        if made and made.keyword == "COPY" and made.line in from_stages:
            bridges[made.line] = made
            crossed |= visible_files(dining, index)
    food = {path for made in bridges.values() for source in made.operands[0] for path in _below(kitchen, source)}
    return Rooms(_things(kitchen, food), _things(dining, set(crossed)), tuple(bridges.values()), crossed,
                 (kitchen, dining))


def _below(inventory: Inventory, source: str) -> set[str]:
    """The file that a source of a COPY names, or all files in that folder."""
    node = inventory.tree.resolve(source)
    if node is None:
        return set()
    if node.kind != "d":
        return {inventory.tree.origin(node).path}
    return {path for path in inventory.tree if path.startswith(f"{node.path.rstrip('/')}/")}


def _things(inventory: Inventory, food: set[str]) -> tuple[Thing, ...]:
    kind_of = {tool.path: tool.kind for tool in reversed(inventory.tools)}   # the first kind of a tool counts
    material = BuildFiles(inventory)
    sizes: dict[str, int] = {}
    for index in range(len(inventory.image.layers)):
        own = index >= inventory.image.base_layers
        for path, count in visible_files(inventory, index).items():
            name = _kind(path, own, food, kind_of, material)
            sizes[name] = sizes.get(name, 0) + count
    names = {_PLURAL[kind]: tuple(dict.fromkeys(tool.name for tool in inventory.kind(kind))) for kind in KINDS}
    found = [Thing(name, count, _use(name), names.get(name, ())) for name, count in sizes.items() if count]
    return tuple(sorted(found, key=lambda each: -each.size))


def _kind(path: str, own: bool, food: set[str], kind_of: Mapping[str, str], material: BuildFiles) -> str:
    if path in food:
        return FOOD
    if path in kind_of:
        return _PLURAL[kind_of[path]]
    if own and cache(path):
        return CACHE
    if path in material:
        return MATERIAL
    return REST if not own else SOURCE if unused_kind(path) else ADDED


def _use(name: str) -> str:
    if name == FOOD:
        return "run"
    if name in (SOURCE, CACHE):
        return "own"
    return "build" if name == MATERIAL or name in _BUILDING else "rest"


_BUILDING = frozenset(_PLURAL[kind] for kind in BUILDING)
