"""Does an image have what its programs need to start? A dynamic program names a loader and the libraries that it needs.
They are searched as the loader does: the program's own RUNPATH; the list that ldconfig made; the usual directories.
Source: ld.so(8), ldconfig(8); for musl, its dynamic linker's path_open."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from ..formats import Elf
from ..image import Tree

_TRIPLETS = {"x86-64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu", "arm": "arm-linux-gnueabihf",
             "i386": "i386-linux-gnu", "riscv": "riscv64-linux-gnu", "s390": "s390x-linux-gnu",
             "ppc64": "powerpc64le-linux-gnu"}
_USUAL = ("/lib", "/usr/lib", "/lib64", "/usr/lib64")
_USUAL_MUSL = ("/lib", "/usr/local/lib", "/usr/lib")
_CACHE = "/etc/ld.so.cache"


@dataclass(frozen=True)
class Needs:
    """What a program needs besides itself."""

    loader: str               # that must start it, '' if it is static
    found: dict[str, str]     # {library: its path in the image}
    missing: tuple[str, ...]  # libraries and loader that the program will not find


class Libraries:
    """The libraries of one image."""

    def __init__(self, tree: Tree):
        self._tree = tree
        texts = {node.path: text for node, text in tree.under("texts")}
        self._elves = {node.path: program.elf for node, program in tree.under("programs") if program.elf}
        self._listed: dict[str, list[str]] = {}
        for path in texts.get(_CACHE, "").split("\n"):
            self._listed.setdefault(posixpath.basename(path), []).append(path)

    def needs(self, path: str, elf: Elf) -> Needs:
        """What the program at `path` needs, and what its libraries need in turn."""
        found: dict[str, str] = {}
        missing: list[str] = []
        if elf.interpreter and self._library(elf.interpreter, elf) is None:
            missing.append(elf.interpreter)
        loader = posixpath.basename(elf.interpreter)
        waiting = [(path, elf)]
        while waiting:
            where, wanting = waiting.pop()
            for name in wanting.needed:
                # The loader is a library too, for programs that ask for it by name.
                if name in found or name in missing or name == loader:
                    continue
                own = [*_own(wanting, where), *_own(elf, path)]
                place = self._first(self._places(name, own, elf), elf)
                if place is None:
                    missing.append(name)
                    continue
                found[name] = place
                waiting.append((place, self._elves[place]))
        return Needs(elf.interpreter, found, tuple(missing))

    def _places(self, name: str, own: list[str], program: Elf) -> Iterator[str]:
        """Where the loader looks for a library, in order; `own` are the directories that the file itself names."""
        if "/" in name:
            yield name
            return
        yield from (f"{folder}/{name}" for folder in own)
        if "musl" in program.interpreter:
            folders = _USUAL_MUSL
        else:
            yield from self._listed.get(name, ())
            triplet = _TRIPLETS.get(program.machine)
            folders = (*((f"/lib/{triplet}", f"/usr/lib/{triplet}") if triplet else ()), *_USUAL)
        yield from (f"{folder}/{name}" for folder in folders)

    def _first(self, places: Iterator[str], program: Elf) -> str | None:
        return next(filter(None, (self._library(place, program) for place in places)), None)

    def _library(self, place: str, program: Elf) -> str | None:
        """The file at that place if it is an ELF file for the program's machine."""
        node = self._tree.resolve(place)
        path = self._tree.origin(node).path if node else ""
        elf = self._elves.get(path)
        alike = elf is not None and (elf.machine, elf.bits) == (program.machine, program.bits)
        return path if alike else None


def _own(elf: Elf, path: str) -> Iterator[str]:
    """The directories that a file names itself. A program's RPATH applies to its libraries too, its RUNPATH does not.
    Which of them it is is not recorded: they always apply, so that nothing is wrongly called missing."""
    origin = posixpath.dirname(path)
    return (each.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for each in elf.runpath if each)
