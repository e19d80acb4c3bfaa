"""BuildKit's build cache: its records, whose they are, and removing some of them.

    >>> ours = cache.marked(cache.records(engine), "1795504546172355657")
    >>> cache.prune(engine, [record.id for record in ours])

A record carries no label. The course recognizes its own by the description, which has the text
of the RUN that made it: a unique text in it marks the record, and everything built on top of it.
"""

import re
from collections.abc import Collection, Iterable

from ..engine import Engine
from ..errors import EngineFault
from .control.client import Control, Record

_ID = re.compile(r"[0-9a-z]{25}")


def records(engine: Engine) -> tuple[Record, ...]:
    """Every record of the engine's build cache, as `docker buildx du --verbose` lists them. Ids change: BuildKit
    gives a step's record a new one when an image first needs it as a layer.

    Raises Unsupported if the engine has no BuildKit, and the engine's errors.
    """
    # Asked by /system/df, an older engine weighs all its images first.
    with Control(engine) as control:
        return control.disk_usage()


def marked(found: Iterable[Record], mark: str) -> tuple[Record, ...]:
    """The records whose step has `mark` in its text, and those built on them, but not those that
    they are built on, which may be another user's too."""
    found = list(found)
    ours = {record.id for record in found if mark in record.description}
    grown = True
    while grown:
        above = {record.id for record in found if ours.intersection(record.parents)} - ours
        ours |= above
        grown = bool(above)
    return tuple(record for record in found if record.id in ours)


def prune(engine: Engine, ids: Collection[str]) -> tuple[str, ...]:
    """Remove these records and no other, in one call; returns the ids of those that were removed.

    The engine keeps one that a build uses, or that other records are built on. An image keeps its
    layers, whatever is removed from the cache.

    Raises Unsupported if the engine has no BuildKit, ValueError for what is no id, EngineFault
    if the engine removed anything else, and the engine's errors.
    """
    for each in ids:
        if not _ID.fullmatch(each):   # it would be an expression
            raise ValueError(f"{each!r} is not the id of a record.")
    with Control(engine) as control:
        # Without a filter everything would go. `all_kinds`: a record that is a layer of an image too is passed over
        # without it.
        gone = [each.id for each in control.prune(*(f"id=={each}" for each in ids), all_kinds=True)] if ids else []
    if more := set(gone).difference(ids):
        raise EngineFault("The engine pruned more of its build cache than it was asked to.",
                          why=f"Besides what it was asked for, it removed {', '.join(sorted(more))}.",
                          remedy="Nothing is lost but time: those steps run again when needed.")
    return tuple(gone)
