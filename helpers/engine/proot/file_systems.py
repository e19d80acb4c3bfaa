"""File systems unpacked from layers, each used by one step or container at a time. Since unpacking is slow, one that
still matches its layers when it is given back is kept for the next user."""

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

_KEPT = 3   # idle trees; each is as large as the unpacked image


@dataclass
class FileSystem:
    """A file system in the folder `root`, unpacked from the layers `chain` (digests)."""

    root: str
    chain: tuple[str, ...]
    seen: dict[str, Seen] = field(default_factory=dict)       # its scan when it matched its layers
    owners: dict[str, Owner] = field(default_factory=dict)    # {path: (uid, gid)} if not root
    mounts: tuple[str, ...] = ()                              # paths over which a RUN binds files

    def unbind(self, now: dict[str, Seen], bound: Iterable[str]) -> None:
        """Remove the empty mount points that PRoot made for the paths `bound`, also from the scan `now`, and restore
        the times of the folders around them."""
        for path in bound:
            while path and path not in self.seen:
                entry = now.get(path)
                if entry and not entry.size and not _children(now, path):   # else the command wrote there
                    remove(os.path.join(self.root, path))
                    del now[path]
                path = path.rpartition("/")[0]
            if path in now and _children(now, path) == _children(self.seen, path):
                os.utime(os.path.join(self.root, path), ns=(self.seen[path].mtime,) * 2)
                now[path] = now[path]._replace(mtime=self.seen[path].mtime)


def _children(seen: Mapping[str, Seen], folder: str) -> set[str]:
    return {path for path in seen if path.rpartition("/")[0] == folder}


class Waste:
    """Deletes files in the background, since an unpacked image may take a minute. They are moved to `folder` first,
    which must be on the same disk."""

    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._waiting: SimpleQueue[str] = SimpleQueue()
        for left in folder.iterdir():   # by an engine that was killed
            self._waiting.put(str(left))
        threading.Thread(target=self._delete, daemon=True).start()

    def throw(self, place: str) -> None:
        """Delete the file or tree at `place`, if there is one."""
        if os.path.lexists(place):
            target = str(self._folder / secrets.token_hex(8))
            os.rename(place, target)
            self._waiting.put(target)

    def _delete(self) -> None:
        while True:
            with contextlib.suppress(OSError):   # the next engine tries again
                remove(self._waiting.get())


class FileSystems:
    """The trees in `folder`. `layer` returns the archive of a digest; over the paths `bound`, users of a tree bind this
    machine's files."""

    def __init__(self, folder: Path, layer: Callable[[str], Path], waste: Waste, bound: Iterable[str] = ()):
        self._folder, self._layer, self._waste, self._bound = folder, layer, waste, tuple(bound)
        self._idle: list[FileSystem] = []
        self._lock = threading.Lock()
        waste.throw(str(folder))   # left by an engine that was killed
        folder.mkdir(parents=True)

    def take(self, chain: tuple[str, ...]) -> FileSystem:
        """A tree with these layers, exclusive until it is given back."""
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
            self._waste.throw(os.path.dirname(tree.root))
            raise
        tree.seen = scan(tree.root)
        return tree

    def give_back(self, tree: FileSystem) -> None:
        """Keep a tree if it still matches its layers, else delete it."""
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
            self._waste.throw(os.path.dirname(each.root))
