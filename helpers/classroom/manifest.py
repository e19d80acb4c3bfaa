"""A kit's index: path, size and SHA-256 of every file.

Base images are added one by one as they are saved, all other files together at the end. An index without those belongs
to an incomplete kit, or to one with base images only.

`python3 -m helpers.classroom.manifest FOLDER` checks a kit with the standard library only, before anything is
installed.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import paths
from ..errors import CourseError
from ..text import write as write_line

INDEX = "index.json"
Report = Callable[[str], None]


@dataclass(frozen=True)
class File:
    """A file in a kit: path relative to the folder, size in bytes, SHA-256 of the content."""

    path: str
    size: int
    sha256: str


def described(folder: Path, path: Path) -> File:
    """The index entry of a file in `folder`. Raises OSError."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return File(path.relative_to(folder).as_posix(), path.stat().st_size, digest)


def write(folder: Path, files: Iterable[File]) -> None:
    """Add the files other than base images to the index, which makes the kit complete."""
    with paths.locked(folder / ".lock"):
        index = {**_index(folder), "files": [asdict(each) for each in files]}
        paths.write_whole(folder / INDEX, f"{json.dumps(index, indent=1)}\n".encode())
        (folder / INDEX).chmod(0o644)


def listed(folder: Path) -> tuple[File, ...]:
    """All files of a complete kit. Raises CourseError if it is incomplete or its index cannot be read."""
    index = _index(folder)
    again = f"Run `make kit TO={folder}` on a machine with a network: it continues where it stopped."
    if "files" not in index:
        raise CourseError(f"The kit in {folder} is not complete.",
                          why="`make kit` was interrupted, or it holds base images only.", remedy=again)
    try:
        bases = [File(each["file"], each["size"], each["sha256"]) for each in index["bases"]]
        return (*bases, *(File(**each) for each in index["files"]))
    except (KeyError, TypeError) as error:
        raise CourseError(f"The index of the kit in {folder} cannot be read.", why=f"{type(error).__name__}: {error}",
                          remedy=f"Delete {folder / INDEX}. {again}") from error


def check(folder: Path, report: Report) -> None:
    """Read every file of a kit. Raises CourseError naming those that are missing or have changed."""
    files = listed(folder)
    report(f"Checking the kit in {folder} ({sum(each.size for each in files) / 1e9:.1f} GB) ...")
    wrong = [f"{each.path}: {fault}" for each in files if (fault := _fault(folder, each))]
    if wrong:
        raise CourseError(f"The kit in {folder} cannot be used.",
                          why="Some files are missing or have changed since they were saved.",
                          remedy=f"Delete them, and run `make kit TO={folder}` on a machine with a network to save "
                                 "them again.", evidence="\n".join(wrong))


def _fault(folder: Path, file: File) -> str:
    """What is wrong with a file, '' if nothing."""
    try:
        return "" if described(folder, folder / file.path) == file else "changed"
    except OSError as error:
        return error.strerror or str(error)


def _index(folder: Path) -> dict:
    try:
        return dict(json.loads((folder / INDEX).read_text()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise CourseError(f"The index of the kit in {folder} cannot be read.", why=str(error),
                          remedy=f"Delete {folder / INDEX} and run `make kit TO={folder}` again.") from error


if __name__ == "__main__":
    try:
        check(Path(sys.argv[1]).absolute(), lambda words: write_line(words, sys.stderr))
    except CourseError as error:
        sys.exit(str(error))
