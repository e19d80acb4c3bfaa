"""A kit: base images saved in a folder, for machines without a registry.

    kit/index.json                           the entries, written last
    kit/golang-1.22-3f9c0a1b2c4d.tar.zst     a base image

Each image is an archive of `docker save`, compressed with zstd. It has the course's name for the image, so that loading
it never takes a name from one of the user's images."""

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import paths, units
from ..engine import Engine
from ..engine.processes import Report
from ..engine.timeouts import patient
from ..engine.translate import engine_fault
from ..errors import CourseError
from . import references

VARIABLE = paths.KIT
INDEX = "index.json"
FORMAT = 1
_CHUNK = 1 << 20
_LOAD_SECONDS = 1800


class KitDamaged(CourseError):
    """A kit's index or one of its files is damaged."""


@dataclass(frozen=True)
class Kept:
    """A base image in a kit."""

    ref: str                 # its name in a Dockerfile
    file: str                # the archive's name in the folder
    sha256: str              # of its bytes
    size: int                # bytes
    origin: str              # as in `ResolvedBase` when it was saved: 'pulled', 'mirror', 'made' or 'local'
    stand_in: bool           # whether the course made it, from `made_of`
    made_of: str
    architecture: str        # an engine's name: 'amd64'
    config: str              # digest of its configuration (the engine's id for the image)
    layers: tuple[str, ...]  # digests of its uncompressed layers, lowest first
    unpacked: int            # bytes of the archive, uncompressed
    digest: str = ""         # its registry's digest, '' if unknown
    saved: str = ""          # day on which it was saved, such as 2026-11-24
    folder: Path = dataclasses.field(default=Path(), compare=False)

    @property
    def path(self) -> Path:
        """The archive."""
        return self.folder / self.file

    def facts(self) -> dict[str, object]:
        """Its entry in the index."""
        facts = dataclasses.asdict(self)
        del facts["folder"]
        return {**facts, "layers": list(self.layers)}

    def check(self) -> None:
        """Verify the file's checksum. Raises KitDamaged."""
        try:
            with open(self.path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise self._damaged(error.strerror or str(error)) from error
        if digest != self.sha256:
            raise self._damaged("Its checksum is wrong.")

    def archive(self) -> Iterator[bytes]:
        """The archive, decompressed while it is read. `check` it first. Raises KitDamaged."""
        import zstandard

        with open(self.path, "rb") as file:
            try:
                yield from zstandard.ZstdDecompressor().read_to_iter(file, write_size=_CHUNK)
            except zstandard.ZstdError as error:
                raise self._damaged(f"zstd: {error}") from error

    def _damaged(self, why: str) -> KitDamaged:
        return KitDamaged(f"{self.path} cannot be used.", why=why,
                          remedy=f"Delete it and save {self.ref} into the kit again.")


folders = paths.kits


def find(ref: str) -> Kept | None:
    """The first kit's entry for a base image, or None. Raises KitDamaged for an index that cannot be read, and if
    MULTISTAGE_KIT names a folder that is not a kit."""
    wanted = references.parse(ref)
    for folder in folders():
        for kept in entries(folder):
            if references.parse(kept.ref) == wanted:
                return kept
    return None


def entries(folder: Path, *, required: bool | None = None) -> tuple[Kept, ...]:
    """The entries of the kit in `folder`; () if there is none. Raises KitDamaged, also if there is none and it is
    `required` (default: if MULTISTAGE_KIT is set)."""
    if required is None:
        required = bool(os.environ.get(VARIABLE, "").strip())
    try:
        text = (folder / INDEX).read_text()
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise KitDamaged(f"{VARIABLE} is {folder}, which is not a kit.", why=f"It has no {INDEX}.",
                             remedy=f"Fill it with `python -m helpers bases --save {folder}`, "
                                    f"or unset {VARIABLE}.") from None
        return ()
    except OSError as error:
        raise _unreadable(folder, error.strerror or str(error)) from error
    return read(text, folder)


def read(text: str, folder: Path) -> tuple[Kept, ...]:
    """The entries of an index. Raises KitDamaged if it is invalid."""
    try:
        index = json.loads(text)
        if index["format"] != FORMAT:
            raise _unreadable(folder, f"Its format is {index['format']!r}; this course supports {FORMAT}.")
        listed = tuple(Kept(**{**each, "layers": tuple(each["layers"])}, folder=folder) for each in index["bases"])
        for kept in listed:
            references.parse(kept.ref)
            if Path(kept.file).name != kept.file:
                raise _unreadable(folder, f"{kept.file!r} is not a file in the kit's folder.")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _unreadable(folder, f"{type(error).__name__}: {error}") from error
    return listed


def write(folder: Path, kept: Kept) -> None:
    """Add an entry, whose archive must be in the folder, to the index. An older one for the same base image is replaced
    and its file deleted. Readers see either the old or the new index."""
    with paths.locked(folder / ".lock"):
        index = folder / INDEX
        text = index.read_text() if index.exists() else ""
        there = read(text, folder) if text else ()
        others = [each for each in there if references.parse(each.ref) != references.parse(kept.ref)]
        listed = sorted((*others, kept), key=lambda each: each.ref)
        facts = {"format": FORMAT, "bases": [each.facts() for each in listed]}
        text = json.dumps({**json.loads(text or "{}"), **facts}, indent=1)    # a class's kit has further keys
        paths.write_whole(index, f"{text}\n".encode())
        os.chmod(index, 0o644)   # a kit may be shared
        for gone in {each.file for each in there} - {each.file for each in listed}:
            (folder / gone).unlink(missing_ok=True)


def load(engine: Engine, kept: Kept, report: Report) -> str:
    """Load an image. Returns its name, the course's own for it. Raises KitDamaged for a damaged file or if the loaded
    image is another one, and the errors of `engine.translate_errors`."""
    name = references.course_name(references.parse(kept.ref))
    started = time.monotonic()
    report(f"Loading {kept.ref} from the kit in {kept.folder} ({units.size(kept.size)}) ...")
    kept.check()
    with engine.translate_errors(f"load {kept.ref}"):
        api = patient(engine.client.api, _LOAD_SECONDS)
        for event in api.load_image(kept.archive()):
            if event.get("error"):
                raise engine_fault(f"load {kept.ref}", event["error"])
        found = engine.find_image(name)
        if found is None or tuple(found["RootFS"]["Layers"]) != kept.layers:
            if found:
                api.remove_image(name, noprune=True)
            raise KitDamaged(f"{engine.name} loaded another image from {kept.path}.",
                             why="Its layers differ from those that were saved.",
                             remedy=f"Delete the file and save {kept.ref} into the kit again.")
    report(f"Loaded {kept.ref} in {units.seconds(time.monotonic() - started)}.")
    return name


def _unreadable(folder: Path, why: str) -> KitDamaged:
    return KitDamaged(f"The kit in {folder} cannot be read.", why=why,
                      remedy="Delete the folder and save the base images again.")
