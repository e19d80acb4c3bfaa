"""An inventory: what an image contains, and in which layer."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..image import Entries, Image, Layer, Node, Program, Tree, Unseen
from ..image.merge import FILE, HARD
from ..text import plain
from .kinds import BUILDING, COMPILER, SHELL
from .libraries import Libraries, Needs
from .packages import Found, packages
from .tools import Tool, executables, setuid, tools


@dataclass(frozen=True)
class Surface:
    """The attack surface: counts of what a container sees."""

    files: int
    executables: int
    packages: int
    tools: int
    compilers: int
    shells: int
    setuid: int

    def rows(self) -> tuple[tuple[str, int], ...]:
        """(what is counted, count), the broadest first."""
        return (("files", self.files), ("executables", self.executables),
                ("packages", self.packages), ("known tools", self.tools),
                ("setuid files", self.setuid), ("shells", self.shells), ("compilers", self.compilers))


@dataclass(frozen=True)
class Waste:
    """Files of a layer that a later layer hides or replaces."""

    layer: int                 # its index
    files: tuple[Unseen, ...]  # the largest first

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(each.size for each in self.files)

    @property
    def by(self) -> tuple[int, ...]:
        """Indexes of the layers that hide them."""
        return tuple(sorted({each.by for each in self.files}))


@dataclass(frozen=True)
class Inventory:
    """What an image contains, determined without running anything in it.

    tree      every path that a container sees
    programs  {path: Program} of everything that can be run
    tools     known programs, by kind
    packages  by type and name
    setuid    paths of programs that always run as their owner"""

    image: Image
    tree: Tree = field(repr=False)
    programs: dict[str, Program] = field(repr=False)
    tools: tuple[Tool, ...]
    packages: tuple[Found, ...]
    setuid: tuple[str, ...]

    def layer(self, index: int) -> Layer:
        """The layer with that index."""
        return self.image.layers[index]

    def kind(self, *kinds: str) -> tuple[Tool, ...]:
        """The tools of these kinds."""
        return tuple(tool for tool in self.tools if tool.kind in kinds)

    def tool(self, name: str) -> Tool | None:
        """The tool with that name or file name, None if it is not in the image."""
        return next((tool for tool in self.tools if name == tool.name or
                     any(path.endswith(f"/{name}") for path in tool.names)), None)

    def package(self, name: str) -> Found | None:
        """The package of that name, None if it is not in the image."""
        return next((each for each in self.packages if each.package.name == name), None)

    @property
    def build_tools(self) -> tuple[Tool, ...]:
        """The tools that only building needs."""
        return self.kind(*BUILDING)

    @property
    def os(self) -> str:
        """The distribution, as in os-release: 'Debian GNU/Linux 12 (bookworm)'; '' if unknown."""
        for path in ("/etc/os-release", "/usr/lib/os-release"):
            node = self.tree.resolve(path)
            node = self.tree.origin(node) if node else None
            text = node.entries.texts.get(node.row, "") if node else ""
            for line in text.splitlines():
                if line.startswith("PRETTY_NAME="):
                    return _unquoted(line.partition("=")[2])
        return ""

    def needs(self, path: str) -> Needs:
        """What the program at `path` needs to start, and whether it is there. Raises KeyError if that is no program."""
        node = self.tree.resolve(path)
        program = self.programs.get(self.tree.origin(node).path) if node else None
        if node is None or program is None or program.elf is None:
            raise KeyError(f"{path} is no ELF program of {self.image.reference}")
        return self._libraries.needs(node.path, program.elf)

    @cached_property
    def _libraries(self) -> Libraries:
        return Libraries(self.tree)

    @cached_property
    def surface(self) -> Surface:
        """The attack surface."""
        kinds = Counter(tool.kind for tool in self.tools)
        return Surface(files=sum(1 for _ in self._files()),
                       executables=sum(1 for path in self.programs if self.tree[path].mode & 0o111),
                       packages=len(self.packages), tools=len(self.tools), compilers=kinds[COMPILER],
                       shells=kinds[SHELL], setuid=len(self.setuid))

    @cached_property
    def waste(self) -> tuple[Waste, ...]:
        """The files of each layer that no container sees; layers without any are left out."""
        by_layer: dict[int, list[Unseen]] = {}
        for each in self.tree.unseen:
            by_layer.setdefault(each.layer, []).append(each)
        return tuple(Waste(index, tuple(by_layer[index])) for index in sorted(by_layer))

    @property
    def deleted(self) -> tuple[Unseen, ...]:
        """The files of lower layers that the layers on top of the base delete."""
        return tuple(each for each in self.tree.unseen if each.deleted and each.by >= self.image.base_layers)

    @property
    def wasted(self) -> int:
        """Bytes of all files that no container sees."""
        return sum(each.size for each in self.waste)

    def _files(self) -> Iterator[Node]:
        """Visible regular files, including hard links."""
        for index, entries in enumerate(self.tree.entries):
            for row in self.tree.visible(index):
                node = Node(entries.paths[row], index, row, entries)
                if entries.kinds[row] == FILE or (entries.kinds[row] == HARD and self.tree.origin(node).kind in "fh"):
                    yield node

    def listing(self) -> Iterator[tuple[str, int, Layer]]:
        """(path, bytes, layer) of each visible regular file."""
        for node in self._files():
            yield node.path, self.tree.origin(node).size, self.image.layers[node.layer]

    def facts(self, *, files: bool = False) -> dict[str, object]:
        """The content of `inventory --json`, with `files` including a listing of all files."""
        made = [layer.digest for layer in self.image.layers]
        facts = {
            **self.image.facts(), "transfer": None, "os": self.os,
            "files": self.surface.files, "executables": self.surface.executables,
            "setuid": list(map(plain, self.setuid)), "wasted": self.wasted,
            "tools": [{"name": plain(tool.name), "kind": tool.kind, "path": plain(tool.path),
                       "layer": made[tool.layer], "names": list(map(plain, tool.names)),
                       "instruction": self.image.layers[tool.layer].instruction} for tool in self.tools],
            "packages": [{"type": each.package.type, "name": each.package.name,
                          "version": each.package.version, "layer": made[each.layer],
                          "path": plain(each.path)} for each in self.packages],
            "waste": [{"layer": made[each.layer], "unpacked": each.size, "files": len(each.files),
                       "hidden_by": [self.image.layers[by].instruction for by in each.by]} for each in self.waste]}
        if files:
            facts["listing"] = [{"path": plain(path), "size": count, "layer": layer.digest}
                                for path, count, layer in self.listing()]
        return facts


def _unquoted(value: str) -> str:
    """A value as a shell reads it, as os-release(5) requires."""
    try:
        return " ".join(shlex.split(value))
    except ValueError:      # an unbalanced quotation mark
        return value.strip()


def take(image: Image, layers: Sequence[Entries]) -> Inventory:
    """The inventory of an image with these layers, the lowest first."""
    tree = Tree(layers)
    programs = executables(tree)
    return Inventory(image, tree, programs, tools(tree, programs), packages(tree), setuid(tree))
