"""Hard links: which file of its layer each of them names.

In an archive a link comes after its file, since unpacking makes the link at once. One that
names nothing before it can only mean a file of a lower layer.
"""

from __future__ import annotations

import posixpath

from .entries import Entries

_HARD = ord("h")


def named(link: str) -> str:
    """The absolute path that a hard link names."""
    return posixpath.normpath("/" + link.lstrip("/"))


def origins(entries: Entries) -> dict[int, int]:
    """{row of a hard link: row of the file that it finally names} within one layer."""
    ends: dict[int, int] = {}
    rows: dict[str, int] = {}
    passed = 0
    for row in sorted(row for row in entries.links if entries.kinds[row] == _HARD):
        rows.update(zip(entries.paths[passed:row], range(passed, row)))
        passed = row
        before = rows.get(named(entries.links[row]))
        if before is not None:
            ends[row] = ends.get(before, before)
    return ends
