"""Compare two images: are they identical, and if not, what differs?

    >>> from helpers.image import compare
    >>> compare("app:monday", "app:tuesday").differences
    ('/app: time', '/app/app: time', 'configuration: created')
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import zip_longest

from ..engine import Engine, connect
from ..errors import ImageUnreadable
from ..text import shown
from .archive import Archive, Member
from .archive_reader import collect, save


@dataclass(frozen=True)
class FileState:
    """The properties of a file that may differ between two images."""

    kind: str                # as in `archive.Member`
    content: str             # SHA-256 of a file's bytes, or a link's target
    mode: int                # permission bits
    owner: tuple[int, int]   # (user id, group id)
    time: float              # of the last change, in seconds since 1970
    capability: bytes = b""  # the file capabilities, b'' if none


@dataclass(frozen=True, repr=False)
class Twins:
    """The comparison of two images."""

    files: tuple[tuple[str, str], ...]  # (path, property) for each difference
    configuration: tuple[str, ...]      # differing places in the configuration, as 'history[2].created'
    layers: bool                        # whether all layers have the same digests
    image: bool                         # whether the ids are the same
    engine: str = ""                    # description of the engine that has them

    def same(self, file: str) -> bool:
        """Whether the file has the same bytes in both, or is in no layer that differs."""
        return not {(file, "content"), (file, "only in one")} & set(self.files)

    @property
    def differences(self) -> tuple[str, ...]:
        """What differs, in words."""
        return (*(f"{file}: {what}" for file, what in self.files),
                *(f"configuration: {place}" for place in self.configuration))

    def __repr__(self) -> str:
        return shown("\n".join(self.differences)) or "nothing differs"


def compare(one: str, other: str, engine: Engine | None = None) -> Twins:
    """Compare two images, given by name or id. Raises ImageNotFound, ImageUnreadable and the engine's errors."""
    engine = engine or connect()
    mine, theirs = (_Contents(reference, engine) for reference in (one, other))
    files: list[tuple[str, str]] = []
    for here, there in zip_longest(mine.digests, theirs.digests):
        if here != there:
            files += file_changes(mine.layers.get(here, {}), theirs.layers.get(there, {}))
    places = tuple(place for place in changes(mine.config, theirs.config)
                   if not place.startswith("rootfs"))   # the layers' digests: compared already
    return Twins(tuple(files), places, mine.digests == theirs.digests, mine.id == theirs.id, engine.describe())


def file_changes(mine: dict[str, FileState], theirs: dict[str, FileState]) -> list[tuple[str, str]]:
    """(path, property) for each difference between two layers, {path: FileState}. Layers of the same entries with
    different digests differ in the archives' order or format."""
    found = []
    for name in sorted(mine.keys() | theirs.keys()):
        if name in mine and name in theirs:
            found += [(name, each.name) for each in fields(FileState)
                      if getattr(mine[name], each.name) != getattr(theirs[name], each.name)]
        else:
            found.append((name, "only in one"))
    return found or [("the archive", "form")]


def changes(one: object, other: object, place: str = "") -> Iterator[str]:
    """Where two JSON values differ, as paths below `place`: 'created', 'history[2].created'."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from changes(one.get(key), other.get(key), f"{place}.{key}" if place else key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other)):
            yield from changes(mine, theirs, f"{place}[{index}]")
    elif one != other:
        yield place


class _Contents:
    """A saved image: its configuration, and {layer digest: {path: FileState}}."""

    def __init__(self, reference: str, engine: Engine):
        configs: dict[str, dict] = {}
        with engine.translate_errors(f"save {reference}"):
            self.id = engine.client.api.inspect_image(reference)["Id"]
            found = collect(save(engine.client.api, self.id), _state, configs)
        self.layers = {digest: dict(files) for digest, files in found.items()}
        self.config = configs.get(self.id) or next(iter(configs.values()), {})
        self.digests: list[str] = self.config.get("rootfs", {}).get("diff_ids")
        if self.digests is None or not self.layers.keys() >= set(self.digests):
            raise ImageUnreadable(f"The saved image {reference} cannot be read.",
                                  why="Its configuration or one of its layers is missing.", remedy="Build it again.")


def _state(member: Member, archive: Archive) -> tuple[str, FileState]:
    digest = hashlib.sha256()
    for piece in archive.content():
        digest.update(piece)
    return member.path, FileState(member.kind, digest.hexdigest() if member.kind == "f" else member.link, member.mode,
                                  (member.uid, member.gid), archive.time, member.capability)
