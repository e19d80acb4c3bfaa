"""Does an image have what its programs need to start?

A dynamic program names a loader and the libraries that it wants. The search goes as
the loader's does: the program's own RUNPATH, the folders of /etc/ld.so.conf, the usual
ones. Source: ld.so(8); for musl its own manual.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from ..content import Elf
from ..image import Tree

_TRIPLETS = {"x86-64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu", "arm": "arm-linux-gnueabihf",
             "i386": "i386-linux-gnu", "riscv": "riscv64-linux-gnu", "s390": "s390x-linux-gnu",
             "ppc64": "powerpc64le-linux-gnu"}
_USUAL = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")


@dataclass(frozen=True)
class Needs:
    """What a program needs beside itself.

    loader     that must start it, '' if it is static
    found      {library: its path in the image}
    missing    libraries and loader that the image does not have
    """

    loader: str
    found: dict[str, str]
    missing: tuple[str, ...]


class Libraries:
    """The libraries of one image."""

    def __init__(self, tree: Tree):
        self._tree = tree
        self._configured = tuple(_configured(tree))
        self._elves = {node.path: program.elf for node, program in tree.under("programs") if program.elf}

    def needs(self, path: str, elf: Elf) -> Needs:
        """What the program at `path` needs, and what its libraries need in turn."""
        found: dict[str, str] = {}
        missing: list[str] = []
        if elf.interpreter and self._tree.resolve(elf.interpreter) is None:
            missing.append(elf.interpreter)
        loader = posixpath.basename(elf.interpreter)
        waiting = [(path, elf)]
        while waiting:
            where, wanting = waiting.pop()
            for name in wanting.needed:
                # The loader is a library too, for those that ask for it by name.
                if name in found or name in missing or name == loader:
                    continue
                place = self._search(name, where, wanting, elf)
                if place is None:
                    missing.append(name)
                    continue
                found[name] = place
                if place in self._elves:
                    waiting.append((place, self._elves[place]))
        return Needs(elf.interpreter, found, tuple(missing))

    def _search(self, name: str, where: str, wanting: Elf, program: Elf) -> str | None:
        if "/" in name:
            places: tuple[str, ...] = (name,)
        else:
            origin = posixpath.dirname(where)
            own = [each.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
                   for each in (*wanting.runpath, *program.runpath) if each]
            triplet = _TRIPLETS.get(program.machine)
            multiarch = [f"/lib/{triplet}", f"/usr/lib/{triplet}"] if triplet else []
            places = tuple(f"{folder}/{name}" for folder in (*own, *self._configured, *multiarch, *_USUAL))
        for place in places:
            node = self._tree.resolve(place)
            if node is None:
                continue
            elf = self._elves.get(self._tree.origin(node).path)
            if elf is not None and (elf.machine, elf.bits) == (program.machine, program.bits):
                return self._tree.origin(node).path
        return None


def _configured(tree: Tree) -> Iterator[str]:
    """The folders that /etc/ld.so.conf names, its includes in order."""
    texts = {node.path: text for node, text in tree.under("texts")}
    waiting, seen = ["/etc/ld.so.conf"], set()
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        for line in texts.get(path, "").splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["include"]:
                waiting += [each for pattern in words[1:]
                            for each in sorted(fnmatch.filter(texts, pattern))]
            elif words and words[0].startswith("/"):
                yield words[0].rstrip("/")
