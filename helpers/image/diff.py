"""Two builds of the same thing: is it the same image, and if not, what differs?

    >>> from helpers.image import compare
    >>> compare("app:monday", "app:tuesday").differences
    ('/app: time', '/app/app: time', 'configuration: created')
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import IO

from ..engine import Engine, connect
from ..errors import ImageUnreadable
from .archive import path
from .stream import stream


@dataclass(frozen=True)
class Entry:
    """An entry of a layer's archive, as far as it can differ."""

    kind: bytes
    content: str      # digest of a file's bytes, or where a link leads
    mode: int
    owner: tuple[int, int]
    time: float
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, repr=False)
class Twins:
    """Two images, compared from the inside out.

    files          (path, what of it) for each entry that is not the same in both
    configuration  the places in the configuration that differ, as 'history[2].created'
    layers         whether all layers have the same digests
    image          whether it is the same image, by its id
    """

    files: tuple[tuple[str, str], ...]
    configuration: tuple[str, ...]
    layers: bool
    image: bool

    def same(self, file: str) -> bool:
        """Whether that file has the same bytes in both, or is in neither's own layers."""
        return not {(file, "content"), (file, "only in one")} & set(self.files)

    @property
    def differences(self) -> tuple[str, ...]:
        """What differs, in words."""
        return (*(f"{file}: {what}" for file, what in self.files),
                *(f"configuration: {place}" for place in self.configuration))

    def __repr__(self) -> str:
        return "\n".join(self.differences) or "nothing differs"


def compare(one: str, other: str, engine: Engine | None = None) -> Twins:
    """Compare two images of the engine. Layers that both have are not opened.

    Raises ImageNotFound, ImageUnreadable and the engine's errors.
    """
    engine = engine or connect()
    with _saved(one, engine) as mine, _saved(other, engine) as theirs:
        files: list[tuple[str, str]] = []
        for index, (here, there) in enumerate(zip_longest(mine.digests, theirs.digests)):
            if here != there:
                files += unlike(mine.entries(index), theirs.entries(index))
        places = tuple(place for place in changes(mine.config, theirs.config)
                       if not place.startswith("rootfs"))   # the layers' digests: told already
        return Twins(tuple(files), places, mine.digests == theirs.digests, mine.id == theirs.id)


def unlike(mine: dict[str, Entry], theirs: dict[str, Entry]) -> list[tuple[str, str]]:
    """(path, field) for all that differs between two layers.

    Layers whose entries are all the same and whose digests are not differ in the
    order or the form of their archives.
    """
    found = []
    for name in sorted(mine.keys() | theirs.keys()):
        one, other = mine.get(name), theirs.get(name)
        if one is None or other is None:
            found.append((name, "only in one"))
            continue
        found += [(name, field) for field in Entry.__dataclass_fields__
                  if getattr(one, field) != getattr(other, field)]
    return found or [("the archive", "form")]


def changes(one: object, other: object, place: str = "") -> Iterator[str]:
    """Where two JSON values differ: 'created', 'history[2].created'."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from changes(one.get(key), other.get(key), f"{place}.{key}" if place else key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other)):
            yield from changes(mine, theirs, f"{place}[{index}]")
    elif one != other:
        yield place


# -- a saved image ---------------------------------------------------------------------

class _Archive:
    """A saved image that can be read in any order. Both layouts have a manifest.json."""

    def __init__(self, image_id: str, file: IO[bytes]):
        self.id = image_id
        self._tar = tarfile.open(fileobj=file)
        index, = json.load(self._tar.extractfile("manifest.json"))
        self.config = json.load(self._tar.extractfile(index["Config"]))
        self.digests = self.config["rootfs"]["diff_ids"]
        self._layers = index["Layers"]

    def entries(self, index: int) -> dict[str, Entry]:
        """{absolute path: what it is} of one layer; nothing for one too many."""
        if index >= len(self._layers):
            return {}
        with self._tar.extractfile(self._layers[index]) as packed, \
                tarfile.open(fileobj=packed) as layer:
            return {path(each.name): _entry(layer, each) for each in layer}


def _entry(layer: tarfile.TarFile, each: tarfile.TarInfo) -> Entry:
    content = each.linkname
    if each.isreg():
        content = hashlib.file_digest(layer.extractfile(each), "sha256").hexdigest()
    extra = tuple(sorted((name, value) for name, value in each.pax_headers.items()
                         if name not in ("mtime", "path", "linkpath", "size")))
    return Entry(each.type, content, each.mode, (each.uid, each.gid), each.mtime, extra)


@contextlib.contextmanager
def _saved(reference: str, engine: Engine) -> Iterator[_Archive]:
    api = engine.client.api
    with tempfile.TemporaryFile() as file:
        with engine.translate_errors(f"save {reference}"):
            image_id = api.inspect_image(reference)["Id"]
            for chunk in stream(api, image_id):
                file.write(chunk)
        file.seek(0)
        try:
            archive = _Archive(image_id, file)
        except (tarfile.TarError, KeyError, ValueError, TypeError) as error:
            raise ImageUnreadable(f"The saved image {reference} cannot be read.", why=str(error),
                                  remedy="Build it anew.") from error
        yield archive
