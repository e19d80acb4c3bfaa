"""The program that an image is for: what it is, and whether it can start."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..formats import script
from ..formats.model import Elf
from ..image import Node, Start
from ..inventory import Inventory, known
from ..inventory.kinds import INTERPRETER, KIND_OF, SHELL

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# They start the program that their arguments name, and only that.
_WRAPPERS = ("tini", "dumb-init", "docker-init", "catatonit", "su-exec", "gosu", "exec", "env", "nohup")
_CODE = (".py", ".js", ".mjs", ".cjs", ".jar", ".rb", ".pl", ".php")
_DEPTH = 5    # wrappers and shells in a row


@dataclass(frozen=True)
class Main:
    """The program that an image is for.

    name     as its command says it
    path     of its file in the image, '' if it is not there
    kind     'static', 'glibc' or 'musl' for a program of its own; 'python', 'node',
             'java', 'shell' and so on for one that an interpreter reads; '' if unknown
    layer    index of the layer that its file (or its code) is in, None if it is not there
    missing  what it needs to start and the image does not have
    elf      the ELF header's story, None for a script
    """

    name: str
    path: str = ""
    kind: str = ""
    layer: int | None = None
    missing: tuple[str, ...] = ()
    elf: Elf | None = None

    @property
    def libraries(self) -> tuple[str, ...]:
        return self.elf.needed if self.elf else ()


def find(inventory: Inventory, start: Start) -> Main | None:
    """The program that a container starts; where the image names none, the one program
    that its own instructions brought. None if that cannot be told."""
    return _Finder(inventory, start).main() if start.command else _only(inventory)


class _Finder:
    def __init__(self, inventory: Inventory, start: Start):
        self.inventory, self.tree = inventory, inventory.tree
        self.start = start
        self.folders = (start.environment.get("PATH") or _PATH).split(":")

    def main(self) -> Main:
        words: Sequence[str] = self.start.command
        for _ in range(_DEPTH):
            node = self.place(words[0])
            if node is None:
                return Main(words[0], missing=(words[0],))
            inner = self.inner(words, node)
            if not inner:
                break
            words = inner
        return self.judged(words, node)

    def place(self, word: str) -> Node | None:
        """The file that a word of a command means."""
        if "/" in word:
            return self.file(word)
        return next((node for folder in self.folders if (node := self.file(f"{folder}/{word}"))), None)

    def file(self, path: str) -> Node | None:
        node = self.tree.resolve(posixpath.join(self.start.directory, path))
        return self.tree.origin(node) if node is not None and node.kind in "fh" else None

    def inner(self, words: Sequence[str], node: Node) -> list[str]:
        """The command that a shell or a wrapper is asked to run, [] for any other word."""
        name = posixpath.basename(words[0])
        if known(name) in _SHELLS and len(words) > 2 and words[1].startswith("-") and words[1].endswith("c"):
            return _last_command(words[2])
        program = self.inventory.programs.get(node.path)
        reads = known(script.program(program.interpreter)) if program and not program.elf else ""
        if name not in _WRAPPERS and not (reads in _SHELLS and len(words) > 1):
            return []
        rest = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        # A script's arguments are a command if they name a program; its own business if not.
        return rest if rest and (name in _WRAPPERS or self.place(rest[0])) else []

    def judged(self, words: Sequence[str], node: Node) -> Main:
        program = self.inventory.programs.get(node.path)
        missing: list[str] = []
        elf = program.elf if program else None
        if program is None or not node.mode & 0o111:
            missing.append(f"the right to execute {node.path}" if program else f"a program in {node.path}")
        elif elf:
            missing += self.inventory.needs(node.path).missing
        else:
            missing += self.reader(program.interpreter)
        kind = self.kind(node, words)
        layer = node.layer
        if kind not in _OWN:
            code = next((word for word in words[1:] if word.endswith(_CODE)), None)
            place = self.file(code) if code else None
            if code and place is None:
                missing.append(code)
            layer = place.layer if place else layer
        return Main(words[0], node.path, kind, layer, tuple(missing), elf if kind in _OWN else None)

    def kind(self, node: Node, words: Sequence[str]) -> str:
        names = [tool.name for tool in self.inventory.kind(INTERPRETER) if tool.path == node.path]
        if names:
            return _PLAIN.get(names[0], names[0])
        program = self.inventory.programs.get(node.path)
        if program is None:
            return ""
        if program.elf:
            return _linked(program.elf)
        reads = known(script.program(program.interpreter))
        return "shell" if reads in _SHELLS else _PLAIN.get(reads, reads)

    def reader(self, line: str) -> Iterator[str]:
        """What is missing of the interpreter that a script names on its first line."""
        words = line.split()
        if not words:
            return
        if self.file(words[0]) is None:
            yield words[0]
        elif posixpath.basename(words[0]) == "env":
            wanted = script.program(line)
            if wanted and self.place(wanted) is None:
                yield wanted


_OWN = ("static", "glibc", "musl")
_PLAIN = {"nodejs": "node"}
_SHELLS = frozenset(name for name, kind in KIND_OF.items() if kind == SHELL)


def _linked(elf: Elf) -> str:
    if elf.static:
        return "static"
    return "musl" if "musl" in elf.interpreter or any("musl" in each for each in elf.needed) else "glibc"


def _last_command(line: str) -> list[str]:
    """The words of the last command of a shell's line: what stays running."""
    try:
        words = shlex.split(line.replace("&&", " && ").replace(";", " ; ").replace("||", " || "))
    except ValueError:   # a quote that is left open
        return []
    for stop in ("&&", ";", "||"):
        while stop in words:
            words = words[words.index(stop) + 1:]
    while words and (words[0] == "exec" or "=" in words[0].partition("/")[0]):
        words = words[1:]
    return words


def _only(inventory: Inventory) -> Main | None:
    """The one ELF program that the image's own layers brought and that is no known tool."""
    tools = {tool.path for tool in inventory.tools}
    own = [path for path, program in inventory.programs.items() if program.elf and path not in tools
           and inventory.tree.layer_of(path) >= inventory.image.base_layers]
    if len(own) != 1:
        return None
    path, elf = own[0], inventory.programs[own[0]].elf
    return Main(posixpath.basename(path), path, _linked(elf), inventory.tree.layer_of(path),
                inventory.needs(path).missing, elf)
