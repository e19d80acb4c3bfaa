"""BuildKit's build cache: its records, whose they are, and removing some of them.

    >>> ours = cache.marked(cache.records(engine), "1795504546172355657")
    >>> cache.prune(engine, [record.id for record in ours])

A record carries no label. The course recognizes its own by the description, which has the text
of the RUN that made it: a unique text in it marks the record, and everything built on top of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from docker import APIClient
from docker.errors import APIError
from requests import HTTPError, Response

from ..engine import Engine
from ..errors import EngineFault, Unsupported

_BUSY_SECONDS, _PAUSE = 60.0, 0.1
_ID = re.compile(r"[0-9a-z]{25}")


@dataclass(frozen=True)
class Record:
    """What a step left in the build cache.

    parents      ids of the records that it is built on
    kind         'regular' for the files of a step, 'source.local' for a build context,
                 'exec.cachemount' for a cache mount
    description  of the step that made it, in the builder's words
    size         bytes, as the builder counts them
    uses         builds that it served
    shared       whether an image in the engine has it as a layer
    in_use       whether a build holds it now
    """

    id: str
    parents: tuple[str, ...]
    kind: str
    description: str
    size: int
    uses: int
    shared: bool
    in_use: bool


def records(engine: Engine) -> tuple[Record, ...]:
    """Every record of the engine's build cache. Ids change: BuildKit gives a step's record a new
    one when an image first needs it as a layer.

    Raises Unsupported if the engine has no BuildKit, and the engine's errors.
    """
    _check(engine)
    api = engine.client.api
    with engine.translate_errors("list its build cache"):
        answer = _disk_usage(api)
        try:
            answer.raise_for_status()
        except HTTPError as error:
            raise APIError(error, response=answer, explanation=answer.text) from error
    return tuple(map(_record, read(answer.json())))


def _disk_usage(api: APIClient) -> Response:
    """The engine's answer. Docker 20.10 refuses to work it out for two clients at once: then it is asked again."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        # Without `type`, the SDK's df() has a large engine weigh all its images first.
        # From API 1.52 on the records come only if asked for, and under a new name.
        answer = api.get(f"{api.base_url}/v{api.api_version}/system/df",
                         params={"type": "build-cache", "verbose": "1"})
        if answer.status_code != 500 or "already running" not in answer.text or time.monotonic() > deadline:
            return answer
        time.sleep(_PAUSE)


def read(usage: dict) -> list[dict]:
    """The build cache's part of the engine's answer, in either form."""
    return usage.get("BuildCache") or (usage.get("BuildCacheUsage") or {}).get("Items") or []


def _record(entry: dict[str, Any]) -> Record:
    """The parents: one and a string before API 1.42. From there to 1.51 the list's name has a blank in
    front of it: a slip in the engine's own source (api/types/build/cache.go, Docker 23 to 28)."""
    parents = entry.get("Parents") or entry.get(" Parents") or [entry.get("Parent")]
    return Record(entry["ID"], tuple(filter(None, parents)), entry.get("Type") or "",
                  entry.get("Description") or "", max(0, entry.get("Size") or 0),
                  entry.get("UsageCount") or 0, bool(entry.get("Shared")), bool(entry.get("InUse")))


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
    """Remove these records and no other; returns the ids of those that were removed.

    The engine keeps one that a build uses, or that other records are built on. An image keeps its
    layers, whatever is removed from the cache.

    Raises Unsupported if the engine has no BuildKit, ValueError for what is no id, EngineFault at
    once if the engine removed anything else, and the engine's errors.
    """
    _check(engine)
    for each in ids:
        if not _ID.fullmatch(each):   # the engine takes it for a regular expression
            raise ValueError(f"{each!r} is not the id of a record.")
    asked = {record.id: record.parents for record in records(engine) if record.id in ids}
    parents = {each: [above for above in asked[each] if above in asked] for each in asked}
    gone: list[str] = []
    for each in reversed(list(TopologicalSorter(parents).static_order())):   # children first
        with engine.translate_errors("prune its build cache"):
            # `all`: a record that is a layer of an image too is passed over without it.
            removed = engine.client.api.prune_builds(filters={"id": [each]}, all=True).get("CachesDeleted") or []
        if set(removed) - {each}:
            raise EngineFault("The engine pruned more of its build cache than it was asked to.",
                              why=f"Asked for {each}, it removed {', '.join(removed)}.",
                              remedy="Nothing is lost but time: those steps run again when needed.")
        gone += removed
    return tuple(gone)


def _check(engine: Engine) -> None:
    if "buildkit" not in engine.builders:
        raise Unsupported("There is no build cache of BuildKit in this engine.",
                          why=f"{engine.describe()} builds with {', '.join(engine.builders)}.",
                          remedy="Use a Docker Engine.")
