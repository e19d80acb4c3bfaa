"""The program that an image starts: what it is, and whether it can start."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..formats import script
from ..formats.model import Elf
from ..image import Node, Start
from ..inventory import Inventory, known
from ..inventory.kinds import INTERPRETER, SHELL
from .commands import SHELLS, script_operand, started
from .shell_line import Command, Word

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_AT_RUN_TIME = ("/dev/", "/proc/", "/sys/", "/run/", "/var/run/", "/tmp/")   # filled when a container runs
OWN = ("static", "glibc", "musl")
_PLAIN = {"nodejs": "node"}
_DEPTH = 5    # wrappers and shells in a row


@dataclass(frozen=True)
class Entrypoint:
    """The program that an image starts."""

    name: str    # as written in the command
    path: str = ""    # of its file in the image, '' if there is none
    # 'static', 'glibc' or 'musl' for a native program; 'python', 'node', 'java', 'shell' and so on for one that an
    # interpreter runs; '' if unknown
    kind: str = ""
    layer: int | None = None    # index of the layer with its file, or with its code; None if there is none
    missing: tuple[str, ...] = ()    # what it needs to start and the image certainly lacks
    elf: Elf | None = None    # its ELF header, None for a script
    through: tuple[str, ...] = ()    # shells, wrappers and scripts that start it, in order: ('tini', 'sh')

    @property
    def libraries(self) -> tuple[str, ...]:
        """Names of the shared libraries that it needs."""
        return self.elf.needed if self.elf else ()


def find(inventory: Inventory, start: Start) -> Entrypoint | None:
    """The program that a container starts; if the image names none, the only one that its own instructions added. None
    if unknown."""
    return _Finder(inventory, start).main() if start.command else _only(inventory)


class _Finder:
    def __init__(self, inventory: Inventory, start: Start):
        self.inventory, self.tree = inventory, inventory.tree
        self.start = start
        self.folders = (start.environment.get("PATH") or _PATH).split(":")

    def main(self) -> Entrypoint:
        return self.followed(Command([Word(each) for each in self.start.command], self.start.directory), ())

    def followed(self, command: Command, through: tuple[str, ...]) -> Entrypoint:
        """The program that a command finally starts, through shells and wrappers."""
        name = command.words[0].text
        node = self.place(name, command.directory)
        if node is None:
            missing = (name,) if command.certain and self.known(name, command) else ()
            return Entrypoint(name, missing=missing, through=through)
        inner = started(command, self.start.environment) or self.of_script(command, node)
        if inner and len(through) < _DEPTH:
            return self.followed(inner, (*through, posixpath.basename(name)))
        return replace(self.findings_of(command, node), through=through)

    def place(self, word: str, directory: str | None) -> Node | None:
        """The file of the program that a word names."""
        if "/" in word:
            return self.file(word, directory)
        return next((node for folder in self.folders if (node := self.file(f"{folder}/{word}", "/"))), None)

    def file(self, path: str, directory: str | None) -> Node | None:
        node = self.node(path, directory)
        return self.tree.origin(node) if node is not None and node.kind in "fh" else None

    def node(self, path: str, directory: str | None) -> Node | None:
        return self.tree.resolve(posixpath.join(directory or self.start.directory, path))

    def known(self, path: str, command: Command) -> bool:
        """Whether it is certain which file a path means, and that only the image can provide it."""
        return not path.startswith(_AT_RUN_TIME) and (
            path.startswith("/") or "/" not in path or command.directory is not None)

    def of_script(self, command: Command, node: Node) -> Command | None:
        """The arguments of a shell script, if they name a program: most entry points end in exec "$@". What they do
        before that is unknown."""
        program = self.inventory.programs.get(node.path)
        reads = known(script.program(program.interpreter)) if program and not program.elf else ""
        words = [word for word in command.words[1:] if word.text != "--"]
        if reads in SHELLS and words and self.place(words[0].text, command.directory):
            return Command(words, command.directory, certain=False, direct=False)
        return None

    def findings_of(self, command: Command, node: Node) -> Entrypoint:
        program = self.inventory.programs.get(node.path)
        kind, layer = self.kind(node), node.layer
        missing = list(self.missing(command, node)) if command.certain else []
        read = script_operand(command) if kind not in OWN else None
        if read:
            word, endings = read
            found = next(filter(None, (self.node(word.text + ending, command.directory) for ending in endings)), None)
            if found is None and known(posixpath.basename(command.words[0].text)) in SHELLS and "/" not in word.text:
                found = self.place(word.text, command.directory)
            path = word.text if "/" in word.text else f"./{word.text}"
            if found is None and word.literal and command.certain and self.known(path, command):
                missing.append(word.text)
            layer = self.tree.origin(found).layer if found else layer
        return Entrypoint(command.words[0].text, node.path, kind, layer, tuple(missing),
                    program.elf if program and kind in OWN else None)

    def missing(self, command: Command, node: Node) -> Iterator[str]:
        """What a program in the image needs and the image lacks."""
        program = self.inventory.programs.get(node.path)
        if not node.mode & 0o111:
            yield f"the right to execute {node.path}"
        elif program is None:
            if command.direct:   # a shell, or execvp, would run it as a script
                yield f"a program in {node.path}"
        elif program.elf:
            folders = self.start.environment.get("LD_LIBRARY_PATH", "").split(":")
            yield from (each for each in self.inventory.needs(node.path).missing
                        if not any(folder and self.file(f"{folder}/{each}", "/") for folder in folders))
        else:
            yield from self.reader(program.interpreter)

    def kind(self, node: Node) -> str:
        names = [tool.name for tool in self.inventory.kind(INTERPRETER) if tool.path == node.path]
        if names:
            return _PLAIN.get(names[0], names[0])
        if any(tool.path == node.path for tool in self.inventory.kind(SHELL)):
            return "shell"
        program = self.inventory.programs.get(node.path)
        if program is None:
            return ""
        if program.elf:
            return _linked(program.elf)
        reads = known(script.program(program.interpreter))
        return "shell" if reads in SHELLS else _PLAIN.get(reads, reads)

    def reader(self, line: str) -> Iterator[str]:
        """The missing parts of the interpreter that a script names on its first line."""
        words = line.split()
        if not words:
            return
        if self.file(words[0], "/") is None:
            yield words[0]
        elif posixpath.basename(words[0]) == "env":
            wanted = script.program(line)
            if wanted and self.place(wanted, None) is None:
                yield wanted


def _linked(elf: Elf) -> str:
    if elf.static:
        return "static"
    return "musl" if "musl" in elf.interpreter or any("musl" in each for each in elf.needed) else "glibc"


def _only(inventory: Inventory) -> Entrypoint | None:
    """The only ELF program in the image's own layers that is no known tool."""
    tools = {tool.path for tool in inventory.tools}
    own = [(path, program.elf) for path, program in inventory.programs.items() if program.elf and path not in tools
           and inventory.tree[path].layer >= inventory.image.base_layers]
    if len(own) != 1:
        return None
    path, elf = own[0]
    return Entrypoint(posixpath.basename(path), path, _linked(elf), inventory.tree[path].layer,
                      inventory.needs(path).missing, elf)
