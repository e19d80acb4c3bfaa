"""BuildKit's build cache: find and remove records.

    >>> ours = cache.marked(cache.records(engine), "1795504546172355657")
    >>> cache.prune(engine, [record.id for record in ours])

A record has no labels, but its description has the text of its RUN: a unique word there marks the record, and all built
on it, as the course's own.
"""

import re
from collections.abc import Collection, Iterable

from ..engine import Engine
from ..errors import EngineFault
from .control.client import Control, Record

_ID = re.compile(r"[0-9a-z]{25}")


def records(engine: Engine) -> tuple[Record, ...]:
    """Every record of the build cache, as listed by `docker buildx du --verbose`. BuildKit gives a step's record a
    new id when an image first needs it as a layer. Raises Unsupported without BuildKit, and the engine's errors."""
    # Not by /system/df: an older engine sizes all its images for that.
    with Control(engine) as control:
        return control.disk_usage()


def marked(found: Iterable[Record], mark: str) -> tuple[Record, ...]:
    """The records whose step has `mark` in its text, and those built on them; not their parents, which may be another
    user's too."""
    found = list(found)
    ours = {record.id for record in found if mark in record.description}
    grown = True
    while grown:
        above = {record.id for record in found if ours.intersection(record.parents)} - ours
        ours |= above
        grown = bool(above)
    return tuple(record for record in found if record.id in ours)


def prune(engine: Engine, ids: Collection[str]) -> tuple[str, ...]:
    """Remove these records in one call; returns the ids of those removed.

    The engine keeps records that a build uses or others are built on, and the layers of images.

    Raises Unsupported without BuildKit, ValueError for an invalid id, EngineFault if the engine removed anything else,
    and the engine's errors.
    """
    for each in ids:
        if not _ID.fullmatch(each):   # but a filter expression
            raise ValueError(f"{each!r} is not the id of a record.")
    with Control(engine) as control:    # without a filter, prune removes everything; `all_kinds`: layers of images too
        gone = [each.id for each in control.prune(*(f"id=={each}" for each in ids), all_kinds=True)] if ids else []
    if more := set(gone).difference(ids):
        raise EngineFault("The engine pruned more of its build cache than it was asked to.",
                          why=f"It also removed {', '.join(sorted(more))}.",
                          remedy="Nothing is lost but time: those steps run again when needed.")
    return tuple(gone)
