"""File systems, unpacked from layers, each used by one step or container at a time. One that is given back unchanged,
or as a new layer describes it, is kept for the next user of those layers, since unpacking takes most of the time."""

import contextlib
import os
import secrets
import tarfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from ...extraction import Owner, extract
from ...paths import remove
from .layers import Seen, scan

_KEPT = 3   # trees that are kept: each takes the room of an unpacked image


@dataclass
class FileSystem:
    """A file system in the folder `root`, as its layers `chain` (digests) say."""

    root: str
    chain: tuple[str, ...]
    seen: dict[str, Seen] = field(default_factory=dict)       # what was in it then
    owners: dict[str, Owner] = field(default_factory=dict)    # {path: (uid, gid)} where it is not root
    mounts: tuple[str, ...] = ()                              # paths over which a RUN binds files

    @property
    def place(self) -> Path:
        """The folder around its root, with what is noted of it."""
        return Path(self.root).parent

    def unbind(self, now: dict[str, Seen], bound: Iterable[str]) -> None:
        """Take away what PRoot made in the file system to bind the paths `bound` over: empty files
        and folders, from `now` too. The folder around them gets the time that it had."""
        for path in bound:
            while path and path not in self.seen:
                entry = now.get(path)
                if entry and not entry.size and not _children(now, path):   # else the command put something there
                    remove(os.path.join(self.root, path))
                    del now[path]
                path = path.rpartition("/")[0]
            if path in now and _children(now, path) == _children(self.seen, path):
                os.utime(os.path.join(self.root, path), ns=(self.seen[path].mtime,) * 2)
                now[path] = now[path]._replace(mtime=self.seen[path].mtime)


def _children(seen: Mapping[str, Seen], folder: str) -> set[str]:
    return {path for path in seen if path.rpartition("/")[0] == folder}


class Waste:
    """Files that nobody needs any more: moved into `folder`, on the same disk, and deleted in the background, since
    that of an unpacked image may take a minute."""

    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._waiting: SimpleQueue[str] = SimpleQueue()
        for left in folder.iterdir():   # by an engine that was ended meanwhile
            self._waiting.put(str(left))
        threading.Thread(target=self._delete, daemon=True).start()

    def throw(self, place: str) -> None:
        """Take a file or tree away from `place`; nothing if there is none."""
        if os.path.lexists(place):
            target = str(self._folder / secrets.token_hex(8))
            os.rename(place, target)
            self._waiting.put(target)

    def _delete(self) -> None:
        while True:
            with contextlib.suppress(OSError):   # what cannot be deleted is left for the next engine
                remove(self._waiting.get())


class FileSystems:
    """The trees in `folder`. `layer` gives the archive of a digest, `waste` takes trees that are not needed any more;
    `bound` are paths over which whoever borrows a tree binds this machine's."""

    def __init__(self, folder: Path, layer: Callable[[str], Path], waste: Waste, bound: Iterable[str] = ()):
        self._folder, self._layer, self._waste, self._bound = folder, layer, waste, tuple(bound)
        self._idle: list[FileSystem] = []
        self._lock = threading.Lock()
        waste.throw(str(folder))   # what an engine that was killed has left
        folder.mkdir(parents=True)

    def take(self, chain: tuple[str, ...]) -> FileSystem:
        """A tree with these layers, nobody else's until it is given back."""
        with self._lock:
            for tree in self._idle:
                if tree.chain == chain:
                    self._idle.remove(tree)
                    return tree
        tree = FileSystem(str(self._folder / secrets.token_hex(6) / "root"), chain)
        os.makedirs(tree.root)
        try:
            for digest in chain:
                with tarfile.open(self._layer(digest)) as archive:
                    extract(archive, tree.root, tree.owners, whiteouts=True)
        except BaseException:
            self._waste.throw(str(tree.place))
            raise
        tree.seen = scan(tree.root)
        return tree

    def give_back(self, tree: FileSystem) -> None:
        """Keep it if it still is what its layers describe, else delete it."""
        whole = False
        with contextlib.suppress(OSError):
            now = scan(tree.root)
            tree.unbind(now, self._bound)
            whole = now == tree.seen
        with self._lock:
            if whole:
                self._idle.append(tree)
            dropped = self._idle[:-_KEPT] if whole else [tree]
            self._idle = self._idle[-_KEPT:]
        for each in dropped:
            self._waste.throw(str(each.place))
