"""What is in the kit of a class: path, size and SHA-256 of every file, in the kit's index.

Base images enter the index one by one as they are saved. The other files enter it together, and last: an index without
them is that of a kit that was cut short, or of one that holds base images alone.

`python3 -m helpers.classroom.manifest FOLDER` checks a kit with nothing but Python, before anything in it is installed.
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
    """A file of a kit: its path in the folder, its size in bytes, the SHA-256 of its content."""

    path: str
    size: int
    sha256: str


def described(folder: Path, path: Path) -> File:
    """The entry of a file that lies in `folder`. Raises OSError."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return File(path.relative_to(folder).as_posix(), path.stat().st_size, digest)


def write(folder: Path, files: Iterable[File]) -> None:
    """Put the files that are no base images into the index, which makes the kit complete."""
    with paths.locked(folder / ".lock"):
        index = {**_index(folder), "files": [asdict(each) for each in files]}
        paths.write_whole(folder / INDEX, f"{json.dumps(index, indent=1)}\n".encode())
        (folder / INDEX).chmod(0o644)


def listed(folder: Path) -> tuple[File, ...]:
    """Every file of a complete kit. Raises CourseError where it is none."""
    index = _index(folder)
    again = f"Run `make kit TO={folder}` on a machine with a network: it goes on where it stopped."
    if "files" not in index:
        raise CourseError(f"The kit in {folder} is not complete.",
                          why="It was cut short, or holds base images alone.", remedy=again)
    try:
        bases = [File(each["file"], each["size"], each["sha256"]) for each in index["bases"]]
        return (*bases, *(File(**each) for each in index["files"]))
    except (KeyError, TypeError) as error:
        raise CourseError(f"The index of the kit in {folder} cannot be read.", why=f"{type(error).__name__}: {error}",
                          remedy=f"Delete {folder / INDEX}. {again}") from error


def check(folder: Path, report: Report) -> None:
    """Read every file of a kit. Raises CourseError with the names of those that are missing or have changed."""
    files = listed(folder)
    report(f"Checking the kit in {folder} ({sum(each.size for each in files) / 1e9:.1f} GB) ...")
    wrong = [f"{each.path}: {fault}" for each in files if (fault := _fault(folder, each))]
    if wrong:
        raise CourseError(f"The kit in {folder} cannot be used.",
                          why="Files in it are missing or are not those that were saved.",
                          remedy=f"Delete them and run `make kit TO={folder}` on a machine with a network: it saves "
                                 "them again.", evidence="\n".join(wrong))


def _fault(folder: Path, file: File) -> str:
    """What is wrong with a file, '' where nothing is."""
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
