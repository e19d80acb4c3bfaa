"""What a learner submits: a Dockerfile, and the files beside it."""

from pathlib import Path

from ..dockerfile import read_file
from ..errors import DockerfileError, ExerciseError
from .exercise import STARTER, Exercise
from .globs import matches

LONGEST = 200_000      # characters of a Dockerfile


def text(path: Path) -> str:
    """The text of a Dockerfile. Raises ExerciseError if it cannot be read."""
    try:
        return read_file(path, 4 * LONGEST)
    except DockerfileError as error:
        raise ExerciseError(error.what, why=error.why, remedy=error.remedy) from error


def short_path(path: Path) -> str:
    """The path, relative to the working directory if it is below it."""
    path = path.resolve()
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)


def changed_files(exercise: Exercise, path: Path) -> dict[str, bytes]:
    """{name: content} of the files beside a Dockerfile that a learner may change."""
    folder = path.parent
    if path.name != STARTER or folder.resolve() == exercise.folder:
        return {}
    found = {each.relative_to(folder).as_posix(): each for each in sorted(folder.rglob("*"))
             if each.is_file() and not each.is_symlink()}
    return {name: each.read_bytes() for name, each in found.items()
            if any(matches(name, wanted) for wanted in exercise.may_change)}
