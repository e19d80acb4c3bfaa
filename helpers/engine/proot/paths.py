"""Paths inside a file system that lies in a folder: links never lead out of it."""

from __future__ import annotations

import os
import posixpath

_LINKS = 40   # in a row; Linux gives up there too


def inside(root: str, path: str, *, follow: bool = True) -> str:
    """The place on this machine of `path` in the file system at `root`.

    Links on the way are followed as they lead inside: one to /etc means root's etc, and
    `..` stops at the root. The last part is followed if `follow`. What is not there may
    be asked for, too. Raises OSError (ELOOP) for a circle of links.
    """
    done: list[str] = []
    waiting, links = [part for part in reversed(path.split("/")) if part not in ("", ".")], 0
    while waiting:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done[-1:] = []
            continue
        place = os.path.join(root, *done, part)
        if os.path.islink(place) and (waiting or follow):
            links += 1
            if links > _LINKS:
                raise OSError(40, "Too many levels of symbolic links", path)
            target = os.readlink(place)
            if target.startswith("/"):
                done = []
            waiting += reversed(target.split("/"))
        else:
            done.append(part)
    return os.path.join(root, *done)


def clean(path: str) -> str:
    """A path of a tar or of a container without slashes at its ends: './a/' -> 'a', '/' -> ''."""
    return posixpath.normpath("/" + path).strip("/")
