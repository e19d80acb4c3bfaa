"""A kit: base images kept as files in a folder, for where no registry is near.

    kit/index.json                     what there is, written last
    kit/golang-1.22-3f9c0a1b2c4d.tar.zst     one base image each

Each file is what `docker save` writes, packed with zstd. The image in it has the course's own name, so that loading one
never takes a name from an image of the user's."""

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
    """A kit's index or one of its files is not what was saved."""


@dataclass(frozen=True)
class Kept:
    """A base image in a kit."""

    ref: str                 # its name in a Dockerfile
    file: str                # the archive's name in the folder
    sha256: str              # of its bytes
    size: int                # bytes
    origin: str              # where it came from when it was saved: 'pulled', 'mirror', 'made' or 'local'
    stand_in: bool           # whether the course made it, from `made_of`
    made_of: str
    architecture: str        # as an engine names it: 'amd64'
    config: str              # digest of its configuration (the engine's id for the image)
    layers: tuple[str, ...]  # digests of its layers' tars, the lowest first
    unpacked: int            # bytes of the archive before it was packed
    digest: str = ""         # what its registry called it, '' where that is not known
    saved: str = ""          # day on which it was saved, as 2026-11-24
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
        """Raises KitDamaged unless the file is, byte for byte, the one that was saved."""
        try:
            with open(self.path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise self._damaged(error.strerror or str(error)) from error
        if digest != self.sha256:
            raise self._damaged("Its bytes are not those that were saved.")

    def archive(self) -> Iterator[bytes]:
        """The archive, unpacked as it is read. `check` first. Raises KitDamaged."""
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
    """The first kit's entry for a base image, or None. Raises KitDamaged for an index that cannot be read, and where
    MULTISTAGE_KIT names a folder that is no kit: what the user set by hand is never passed over."""
    wanted = references.parse(ref)
    for folder in folders():
        for kept in entries(folder):
            if references.parse(kept.ref) == wanted:
                return kept
    return None


def entries(folder: Path, *, required: bool | None = None) -> tuple[Kept, ...]:
    """What is in the kit in `folder`, and nothing where there is none unless it is
    `required` (default: where MULTISTAGE_KIT names it). Raises KitDamaged."""
    if required is None:
        required = bool(os.environ.get(VARIABLE, "").strip())
    try:
        text = (folder / INDEX).read_text()
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise KitDamaged(f"{VARIABLE} is {folder}, which is not a kit.", why=f"There is no {INDEX} in it.",
                             remedy=f"Fill it with `python -m helpers bases --save {folder}`, "
                                    f"or unset {VARIABLE}.") from None
        return ()
    except OSError as error:
        raise _unreadable(folder, error.strerror or str(error)) from error
    return read(text, folder)


def read(text: str, folder: Path) -> tuple[Kept, ...]:
    """The entries of an index. Raises KitDamaged for one that this course did not write."""
    try:
        index = json.loads(text)
        if index["format"] != FORMAT:
            raise _unreadable(folder, f"It has format {index['format']!r}; this course reads {FORMAT}.")
        listed = tuple(Kept(**{**each, "layers": tuple(each["layers"])}, folder=folder) for each in index["bases"])
        for kept in listed:
            references.parse(kept.ref)
            if Path(kept.file).name != kept.file:
                raise _unreadable(folder, f"{kept.file!r} is not a file in the kit's folder.")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _unreadable(folder, f"{type(error).__name__}: {error}") from error
    return listed


def write(folder: Path, kept: Kept) -> None:
    """Put `kept` into the index, in place of an older one, whose file then goes. Its archive has to be there by then:
    readers see the old entry or the new one."""
    with paths.locked(folder / ".lock"):
        index = folder / INDEX
        text = index.read_text() if index.exists() else ""
        there = read(text, folder) if text else ()
        others = [each for each in there if references.parse(each.ref) != references.parse(kept.ref)]
        listed = sorted((*others, kept), key=lambda each: each.ref)
        facts = {"format": FORMAT, "bases": [each.facts() for each in listed]}
        text = json.dumps({**json.loads(text or "{}"), **facts}, indent=1)    # a class's kit lists more files
        paths.write_whole(index, f"{text}\n".encode())
        os.chmod(index, 0o644)   # a kit may be read by others
        for gone in {each.file for each in there} - {each.file for each in listed}:
            (folder / gone).unlink(missing_ok=True)


def load(engine: Engine, kept: Kept, report: Report) -> str:
    """Load `kept`; the name that it then has: the course's own for it. Raises KitDamaged where the file is not what was
    saved or the engine made something else of it, and what `engine.translate_errors` raises."""
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
            raise KitDamaged(f"{engine.name} made another image of {kept.path}.",
                             why="Its layers are not those that were saved.",
                             remedy=f"Delete the file and save {kept.ref} into the kit again.")
    report(f"Loaded {kept.ref} in {units.seconds(time.monotonic() - started)}.")
    return name


def _unreadable(folder: Path, why: str) -> KitDamaged:
    return KitDamaged(f"The kit in {folder} cannot be read.", why=why,
                      remedy="Delete the folder and save the base images again.")
