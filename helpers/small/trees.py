"""File systems, unpacked from layers: lent to one step or container at a time.

Unpacking is the dear part, so that a tree that is given back as it was lent, or as a
new layer says, is kept for the next that wants those layers.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tarfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from . import layers
from .scan import Seen, scan

_KEPT = 2   # trees that are kept: each takes the room of an unpacked image


@dataclass
class Tree:
    """A file system in the folder `root`, as its layers `chain` (digests) say.

    seen    what was in it then
    owners  {path: (uid, gid)} where it is not root
    """

    root: str
    chain: tuple[str, ...]
    seen: dict[str, Seen] = field(default_factory=dict)
    owners: dict[str, layers.Owner] = field(default_factory=dict)

    @property
    def place(self) -> Path:
        return Path(self.root).parent


class Trees:
    """The trees in `folder`; `layer` gives the archive of a digest."""

    def __init__(self, folder: Path, layer):
        self._folder, self._layer = folder, layer
        self._idle: list[Tree] = []
        self._lock = threading.Lock()
        layers.remove(str(folder))   # what an engine that was killed has left
        folder.mkdir(parents=True)

    def lend(self, chain: tuple[str, ...]) -> Tree:
        """A tree with these layers, nobody else's until it is given back."""
        with self._lock:
            for tree in self._idle:
                if tree.chain == chain:
                    self._idle.remove(tree)
                    return tree
        tree = Tree(str(self._folder / secrets.token_hex(6) / "root"), chain)
        os.makedirs(tree.root)
        try:
            for digest in chain:
                with tarfile.open(self._layer(digest)) as archive:
                    layers.lay(archive, tree.root, tree.owners)
        except BaseException:
            layers.remove(str(tree.place))
            raise
        tree.seen = scan(tree.root)
        return tree

    def give_back(self, tree: Tree) -> None:
        """Keep it if it still is what its layers say, else delete it."""
        whole = False
        with contextlib.suppress(OSError):
            whole = scan(tree.root) == tree.seen
        with self._lock:
            if whole:
                self._idle.append(tree)
            dropped = self._idle[:-_KEPT] if whole else [tree]
            self._idle = self._idle[-_KEPT:]
        for each in dropped:
            layers.remove(str(each.place))
