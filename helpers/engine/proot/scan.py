"""What is in a file system, and what changed between two looks at it. Nothing is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """What differs between a changed thing and an unchanged one."""

    mode: int      # as in st_mode: kind and permissions
    size: int      # 0 for a directory: its size says nothing of its content
    mtime: int     # ns
    inode: int
    target: str = ""   # of a link


class Change(NamedTuple):
    """One difference; `gone` if the path is no longer there."""

    path: str
    gone: bool = False


def scan(root: str) -> dict[str, Seen]:
    """{path relative to root: Seen} of all below `root`, without sockets and devices."""
    found: dict[str, Seen] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with _readable(os.path.join(root, folder)) as children:
            for child in children:
                path = f"{folder}/{child.name}" if folder else child.name
                status = child.stat(follow_symlinks=False)
                kind = stat.S_IFMT(status.st_mode)
                if kind == stat.S_IFDIR:
                    waiting.append(path)
                elif kind not in (stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO):
                    continue
                found[path] = Seen(status.st_mode, 0 if kind == stat.S_IFDIR else status.st_size,
                                   status.st_mtime_ns, status.st_ino,
                                   os.readlink(child.path) if kind == stat.S_IFLNK else "")
    return found


def _readable(folder: str) -> Any:
    try:
        return os.scandir(folder)
    except PermissionError:   # its owner may look all the same, once it is allowed to
        mode = stat.S_IMODE(os.stat(folder).st_mode)
        os.chmod(folder, mode | 0o700)
        try:
            return os.scandir(folder)
        finally:
            os.chmod(folder, mode)


def changes(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> list[Change]:
    """The entries of a layer that turns `before` into `after`, parents first.

    A changed path brings the directories above it, as an overlay does. Of a tree that
    is gone only its top is named.
    """
    changed = {path for path, seen in after.items() if before.get(path) != seen}
    gone = set()
    for path in before.keys() - after.keys():
        above = path.rpartition("/")[0]
        # Gone with its directory, or with the directory that became something else.
        if above in after and stat.S_ISDIR(after[above].mode) or not above:
            gone.add(path)
    for path in [*changed, *gone]:
        while (path := path.rpartition("/")[0]) and path not in changed:
            changed.add(path)
    found = [Change(path) for path in changed] + [Change(path, True) for path in gone]
    return sorted(found, key=lambda change: change.path.split("/"))
