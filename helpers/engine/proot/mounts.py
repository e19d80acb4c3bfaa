"""What `RUN --mount` brings into a file system for one command: where secrets come from, and
what is left of the places that they were bound over."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from .paths import inside


@contextlib.contextmanager
def bound_over(root: str, paths: Sequence[str]) -> Iterator[None]:
    """Take away afterwards the files and folders that PRoot made to bind these paths over."""
    added, times = list[str](), dict[str, int]()
    for path in paths:
        place = inside(root, path)
        while place != root and not os.path.lexists(place):
            added.append(place)
            place = os.path.dirname(place)
        times.setdefault(place, os.stat(place).st_mtime_ns)
    try:
        yield
    finally:
        for place in dict.fromkeys(added):
            with contextlib.suppress(OSError):   # not empty: the command put something there
                if os.path.isdir(place):
                    os.rmdir(place)
                elif not os.path.getsize(place):
                    os.unlink(place)
        for place, when in times.items():
            with contextlib.suppress(OSError):
                os.utime(place, ns=(when, when))


def secrets_of(asked: list[str], context: Path, folder: Path) -> dict[str, str]:
    """{id: place} of secrets that came as files of the context, `id=ID,src=FILE` each: moved out
    of it into `folder`, where no COPY sees them. The form is that of Podman's API."""
    found: dict[str, str] = {}
    for each in asked:
        given = dict(part.partition("=")[::2] for part in each.split(","))
        place = folder / f"secret-{len(found)}"
        os.replace(inside(str(context), given["src"]), place)
        found[given["id"]] = str(place)
    return found
