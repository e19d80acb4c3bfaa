"""The file system that layers add up to, from their lists of names.

Source of the rules: the OCI image specification, "Image Layer Filesystem
Changeset": `.wh.NAME` hides NAME of the layers below, `.wh..wh..opq` hides all
that the layers below have in its folder.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

_HIDES, _OPAQUE = ".wh.", ".wh..wh..opq"


def path(name: str) -> str:
    """An archive's member name as an absolute path: './usr/bin/' -> '/usr/bin'."""
    return posixpath.normpath("/" + name.lstrip("/"))


def visible(layers: Sequence[Iterable[str]]) -> dict[str, int]:
    """{absolute path: index of the topmost layer that has it}, for what a container
    sees. `layers` are lists of absolute paths, the lowest layer first."""
    seen: dict[str, int] = {}
    for index, paths in enumerate(layers):
        added, hidden = [], []
        for each in paths:
            folder, name = posixpath.split(each)
            if name == _OPAQUE:
                hidden.append((folder, False))
            elif name.startswith(_HIDES):
                hidden.append((posixpath.join(folder, name[len(_HIDES):]), True))
            else:
                added.append(each)
        if hidden:
            seen = _without(seen, hidden)
        seen.update(dict.fromkeys(added, index))
    return seen


def _without(seen: dict[str, int], hidden: list[tuple[str, bool]]) -> dict[str, int]:
    """`seen` without what was hidden: (path, whether the path itself goes too)."""
    whole = {path for path, itself in hidden if itself}
    below = whole | {path for path, itself in hidden if not itself}

    def gone(path: str) -> bool:
        if path in whole:
            return True
        if path == "/":   # what is in it goes, it stays
            return False
        folder = posixpath.dirname(path)
        while folder != "/":
            if folder in below:
                return True
            folder = posixpath.dirname(folder)
        return "/" in below

    return {path: index for path, index in seen.items() if not gone(path)}
