"""Does an image have what its programs need to start? A dynamic program names a loader and libraries, which are
searched as the loader does: RUNPATH, ldconfig's cache, the default directories. Source: ld.so(8), ldconfig(8); for
musl, path_open of its dynamic linker."""

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

    loader: str               # '' if it is static
    found: dict[str, str]     # {library: its path in the image}
    missing: tuple[str, ...]  # libraries, and the loader, that are not in the image


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
        """What the program at `path` and its libraries need."""
        found: dict[str, str] = {}
        missing: list[str] = []
        if elf.interpreter and self._library(elf.interpreter, elf) is None:
            missing.append(elf.interpreter)
        loader = posixpath.basename(elf.interpreter)
        waiting = [(path, elf)]
        while waiting:
            where, wanting = waiting.pop()
            for name in wanting.needed:
                if name in found or name in missing or name == loader:    # the loader may be listed as a library too
                    continue
                places = self._places(name, [*_own(wanting, where), *_own(elf, path)], elf)
                if place := next(filter(None, (self._library(place, elf) for place in places)), None):
                    found[name] = place
                    waiting.append((place, self._elves[place]))
                else:
                    missing.append(name)
        return Needs(elf.interpreter, found, tuple(missing))

    def _places(self, name: str, own: list[str], program: Elf) -> Iterator[str]:
        """The places where the loader looks for a library, in order; `own` are the file's RUNPATH."""
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

    def _library(self, place: str, program: Elf) -> str | None:
        """The path of the file there, if it is an ELF file for the program's machine."""
        node = self._tree.resolve(place)
        path = self._tree.origin(node).path if node else ""
        elf = self._elves.get(path)
        return path if elf and (elf.machine, elf.bits) == (program.machine, program.bits) else None


def _own(elf: Elf, path: str) -> Iterator[str]:
    """The directories in a file's RUNPATH or RPATH. Only an RPATH applies to the program's libraries too, but `Elf`
    does not tell them apart: both are applied, so that nothing is reported missing in error."""
    origin = posixpath.dirname(path)
    return (each.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for each in elf.runpath if each)
