"""What a learner hands in: a Dockerfile, and the files beside it."""

from __future__ import annotations

from pathlib import Path

from ..dockerfile import read_file
from ..errors import DockerfileError, ExerciseError
from .exercise import STARTER, Exercise
from .globs import matches
from .dockerfile_rules import LONGEST


def text(path: Path) -> str:
    """A Dockerfile's text. Raises ExerciseError."""
    try:
        return read_file(path, 4 * LONGEST)
    except DockerfileError as error:
        raise ExerciseError(error.what, why=error.why, remedy=error.remedy) from error


def shown(path: Path) -> str:
    """Where it is, in short."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def brought(exercise: Exercise, path: Path) -> dict[str, bytes]:
    """{name: content} of the files beside a Dockerfile that a learner may change."""
    return {name: each.read_bytes() for name, each in beside(exercise, path).items()
            if any(matches(name, wanted) for wanted in exercise.may_change)}


def beside(exercise: Exercise, path: Path) -> dict[str, Path]:
    """The files beside one that is called Dockerfile, but for the exercise's own."""
    folder = path.parent
    if path.name != STARTER or not folder.is_dir() or folder.resolve() == exercise.folder:
        return {}
    return {each.relative_to(folder).as_posix(): each for each in sorted(folder.rglob("*"))
            if each.is_file() and not each.is_symlink()}
