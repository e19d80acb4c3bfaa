"""An exercise: its folder, and what its check.toml asks for.

exercises/README.md tells every key. They are the fields of the classes below, so that a
key without a field is an error, which names the line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ExerciseError
from .globs import matches
from .toml_schema import CHECK, Table

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"
TASK, STARTER, WORK, SOLUTION = "task.md", "Dockerfile", "work", "solution"
Texts = tuple[str, ...]


@dataclass(frozen=True)
class Building:
    """[build]"""

    bases: Texts
    network: bool = False
    seconds: float = 180
    disk: int = 2_000_000_000
    caches: Texts = ()
    args: Mapping[str, str] = field(default_factory=dict)
    secrets: Texts = ()
    leaks: Texts = ()
    no_lint: Texts = ()


@dataclass(frozen=True)
class Proof:
    """[proof]: a word of the source that a random one takes the place of."""

    file: str
    word: str


@dataclass(frozen=True)
class Stages:
    """[stages]"""

    least: int = 1
    named: Texts = ()
    final_bases: Texts = ()
    unused: bool = False
    numbers: bool = True


@dataclass(frozen=True)
class Content:
    """[image]: what holds of an image that nobody has started yet."""

    starter: float | None = None
    base: float | None = None
    absent: Texts = ()
    present: Texts = ()
    no_files: Texts = ()
    files: Texts = ()
    copied: Texts = ()
    stripped: Texts = ()
    wasted: float | None = None
    layers: int | None = None
    user: str = ""
    expose: tuple[int, ...] = ()
    exec_form: bool = False


@dataclass(frozen=True)
class Run:
    """[[run]]: a program, and what it prints."""

    arguments: Texts | None = None
    exit: int = 0
    output: Texts = ()
    not_output: Texts = ()
    times: int = 2
    read_only: bool = False
    capabilities: Texts = ()


@dataclass(frozen=True)
class Request:
    """[[serve.requests]]"""

    path: str
    status: int = 200
    contains: Texts = ()
    lacks: Texts = ()
    times: int = 2


@dataclass(frozen=True)
class Serve:
    """[serve]: a server, and what it answers."""

    port: int
    requests: tuple[Request, ...]
    read_only: bool = False
    writable: Texts = ()
    seconds: float = 20
    healthy: bool = False
    users: bool = False
    capabilities: Texts = ()


@dataclass(frozen=True)
class Edit:
    """[[edits]]: a change of the source, and what the cache makes of it."""

    file: str
    append: str
    cached: Texts = ()
    again: Texts = ()


@dataclass(frozen=True)
class Same:
    """[reproducible]"""

    layers: bool = False
    files: Texts = ()


@dataclass(frozen=True)
class Change:
    """A change of the source: a word that stands once in a file, and what takes its place."""

    file: str
    word: str
    by: str


@dataclass(frozen=True)
class Target:
    """[targets.NAME]"""

    image: Content = Content()
    run: tuple[Run, ...] = ()
    serve: Serve | None = None
    apart: bool = False
    same: bool = False
    shell: bool = False
    breaks: tuple[Change, ...] = ()
    keeps: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """An exercise. The fields are the keys of check.toml; `folder` and `name` are added."""

    title: str
    minutes: int
    context: Texts
    build: Building
    may_change: Texts = ()
    proof: Proof | None = None
    stages: Stages = Stages()
    image: Content = Content()
    run: tuple[Run, ...] = ()
    serve: Serve | None = None
    edits: tuple[Edit, ...] = ()
    reproducible: Same | None = None
    targets: Mapping[str, Target] = field(default_factory=dict)
    folder: Path = field(default=Path(), metadata={"own": True})

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def work(self) -> Path:
        """Where the learner's own Dockerfile is, if there is one."""
        return self.folder / WORK / STARTER

    @property
    def starter(self) -> Path:
        return self.folder / STARTER

    @property
    def task(self) -> str:
        return (self.folder / TASK).read_text()

    def source(self) -> dict[str, bytes]:
        """{path: content} of the files that a build gets, in the order of their paths."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            here = path.relative_to(self.folder).as_posix()
            if path.is_symlink() or not path.is_file() or _kept_out(here):
                continue
            if any(matches(here, each) for each in self.context):
                found[here] = path.read_bytes()
        return found


def names() -> list[str]:
    """The names of all exercises, in order."""
    return sorted(path.parent.name for path in EXERCISES.glob(f"*/{CHECK}"))


def find(name: str | Path) -> Exercise:
    """The exercise of that name, of a name that begins so and no other does, or in that
    folder. Raises ExerciseError."""
    text = str(name)
    if "/" in text or (Path(text) / CHECK).is_file():
        folder = Path(text)
    else:
        close = [each for each in names() if each.startswith(text)] if text else []
        folder = EXERCISES / (text if text in close or len(close) != 1 else close[0])
    if not (folder / CHECK).is_file():
        raise ExerciseError(f"There is no exercise {text}.", remedy="There are: " + ", ".join(names()))
    return read(folder.resolve())


def read(folder: Path) -> Exercise:
    """The exercise in a folder. Raises ExerciseError, which names the line of check.toml."""
    text = (folder / CHECK).read_text()
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise ExerciseError(f"{folder.name}/{CHECK} is no TOML.", why=f"{error}.",
                            line=int(line[1]) if line else None) from error
    reader = Table(folder.name, text)
    exercise = reader.take(Exercise, table, ())
    object.__setattr__(exercise, "folder", folder)
    _sound(exercise, reader)
    return exercise


def _kept_out(path: str) -> bool:
    top = path.split("/")[0]
    return path in (CHECK, TASK, STARTER) or top in (WORK, SOLUTION) or path.endswith(".ipynb")


def _sound(exercise: Exercise, reader: Table) -> None:
    """What single keys do not show. Raises ExerciseError."""
    source = exercise.source()
    for pattern in exercise.context:
        if not any(matches(path, pattern) for path in source):
            raise reader.error(("context",), f"no file of the folder is {pattern!r}")
    patches = [(("proof", "word"), exercise.proof.file, exercise.proof.word)] if exercise.proof else []
    patches += [(("targets", name, key), change.file, change.word) for name, each in exercise.targets.items()
                for key in ("breaks", "keeps") for change in getattr(each, key)]
    for where, file, word in patches:
        if source.get(file, b"").count(word.encode()) != 1:
            raise reader.error(where, f"{word!r} has to stand once in {file}")
    for edit in exercise.edits:
        if edit.file not in source:
            raise reader.error(("edits",), f"there is no file {edit.file}")
    if exercise.proof and "{proof}" not in _asked(exercise):
        raise reader.error(("proof",), "no run and no request asks for {proof}")


def _asked(exercise: Exercise) -> str:
    requests = exercise.serve.requests if exercise.serve else ()
    return " ".join(text for each in (*exercise.run, *requests)
                    for text in (each.output if isinstance(each, Run) else each.contains))
