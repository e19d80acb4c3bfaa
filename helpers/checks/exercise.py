"""An exercise: its folder, and its check.toml.

exercises/README.md explains the keys of check.toml, which are the fields of these classes.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from ..errors import ExerciseError
from . import toml_schema
from .globs import matches
from .toml_schema import CHECK, Table

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"
TASK, STARTER, WORK, SOLUTION = "task.md", "Dockerfile", "work", "solution"
PLATFORMS = {"linux/amd64": "x86-64", "linux/arm64": "aarch64"}    # {platform: the machine of its programs}
Texts = tuple[str, ...]


@dataclass(frozen=True)
class Building:
    """[build]; `seconds` and `disk` (bytes) are limits."""

    bases: Texts
    network: bool = False
    seconds: float = 180
    disk: int = 2_000_000_000
    caches: Texts = ()
    secrets: Texts = ()
    leaks: Texts = ()
    no_lint: Texts = ()
    starter_fails: bool = False


@dataclass(frozen=True)
class Proof:
    """[proof]: a word in the source that each check replaces with a random one."""

    file: str
    word: str


@dataclass(frozen=True)
class Stages:
    """[stages]"""

    least: int = 1
    named: Texts = ()
    final_bases: Texts = ()
    numbers: bool = True
    pinned: bool = False


@dataclass(frozen=True)
class Content:
    """[image]: what must hold before the image is run."""

    starter: float | None = None
    base: float | None = None
    absent: Texts = ()
    present: Texts = ()
    no_files: Texts = ()
    files: Texts = ()
    copied: Texts = ()
    stripped: Texts = ()
    wasted: float | None = None
    user: str = ""
    expose: tuple[int, ...] = ()
    exec_form: bool = False


@dataclass(frozen=True)
class Run:
    """[[run]]: a program that runs to its end, and its output."""

    arguments: Texts | None = None
    exit: int = 0
    output: Texts = ()
    not_output: Texts = ()
    read_only: bool = False


@dataclass(frozen=True)
class Request:
    """[[serve.requests]]"""

    path: str
    status: int = 200
    contains: Texts = ()
    lacks: Texts = ()


@dataclass(frozen=True)
class Serve:
    """[serve]: a server, and its answers."""

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
    """[[edits]]: a change to the source, the steps that stay cached, and those that run again."""

    file: str
    append: str
    cached: Texts = ()
    again: Texts = ()


@dataclass(frozen=True)
class CI:
    """[ci]: a bake file, and edits for which an empty builder has only the registry's cache."""

    file: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Same:
    """[reproducible]"""

    files: Texts = ()
    layers: bool = False


@dataclass(frozen=True)
class Change:
    """[[targets.NAME.breaks]]: a word that occurs once in a file, and its replacement."""

    file: str
    word: str
    by: str


@dataclass(frozen=True)
class Target:
    """[targets.NAME]"""

    image: Content = Content()
    run: tuple[Run, ...] = ()
    serve: Serve | None = None
    same: bool = False
    breaks: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """An exercise: the keys of check.toml, and its folder."""

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
    ci: CI | None = None
    reproducible: Same | None = None
    platforms: Texts = ()
    report: Texts = ()
    targets: Mapping[str, Target] = field(default_factory=dict)
    folder: Path = field(default=Path(), metadata={"own": True})

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def work(self) -> Path:
        """Path of the learner's own Dockerfile, which may not exist."""
        return self.folder / WORK / STARTER

    @property
    def starter(self) -> Path:
        """Path of the Dockerfile to begin with."""
        return self.folder / STARTER

    @property
    def task(self) -> str:
        """The text of task.md."""
        return (self.folder / TASK).read_text()

    @property
    def parts(self) -> tuple[Self | Target, ...]:
        """The exercise itself, and its targets."""
        return (self, *self.targets.values())

    def source(self) -> dict[str, bytes]:
        """{path: content} of the files in the build context, sorted by path."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and not path.is_symlink() and not _is_own(name) and any(
                    matches(name, pattern) for pattern in self.context):
                found[name] = path.read_bytes()
        return found


def json_schema() -> dict[str, object]:
    """The JSON Schema of check.toml."""
    kind = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": CHECK}
    return {**kind, **toml_schema.json_schema(Exercise)}


def names() -> list[str]:
    """The names of all exercises, in order."""
    return sorted(path.parent.name for path in EXERCISES.glob(f"*/{CHECK}"))


def find(name: str | Path) -> Exercise:
    """The exercise with that name, or the beginning of one name, or in that folder.

    Raises ExerciseError if there is none.
    """
    text = str(name)
    folder = Path(text)
    if "/" not in text and not (folder / CHECK).is_file():
        close = [each for each in names() if each.startswith(text)] if text else []
        folder = EXERCISES / (close[0] if len(close) == 1 and text not in close else text)
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
        raise ExerciseError(f"{folder.name}/{CHECK} is not valid TOML.", why=f"{error}.",
                            line=int(line[1]) if line else None) from error
    reader = Table(folder.name, text)
    exercise = replace(reader.take(Exercise, table, ()), folder=folder)
    for where, why in _contradictions(exercise):
        raise reader.error(where, why)
    return exercise


def _is_own(path: str) -> bool:
    """Whether a file is part of the exercise and never of the build context."""
    return path in (CHECK, TASK, STARTER) or path.startswith((f"{WORK}/", f"{SOLUTION}/")) or path.endswith(".ipynb")


def _contradictions(exercise: Exercise) -> Iterator[tuple[Texts, str]]:
    """(keys, message) for mistakes that no key shows by itself."""
    source = exercise.source()
    for pattern in exercise.context:
        if not any(matches(path, pattern) for path in source):
            yield ("context",), f"no file in the folder matches {pattern!r}"
    words: list[tuple[Texts, Proof | Change]] = [(("proof", "word"), exercise.proof)] if exercise.proof else []
    words += [(("targets", name, "breaks"), each) for name, target in exercise.targets.items()
              for each in target.breaks]
    for where, each in words:
        if source.get(each.file, b"").count(each.word.encode()) != 1:
            yield where, f"{each.word!r} has to occur exactly once in {each.file}"
    ci = exercise.ci
    for where, file in [*(("edits", each.file) for each in exercise.edits), *((("ci", each) for each in (
            ci.file, *(edit.file for edit in ci.edits))) if ci else ())]:
        if file not in source:
            yield (where,), f"there is no file {file}"
    if unknown := [each for each in exercise.platforms if each not in PLATFORMS]:
        yield ("platforms",), f"{unknown[0]!r} is none of {', '.join(PLATFORMS)}"
    asked = [*(text for each in exercise.run for text in each.output),
             *(text for each in (exercise.serve.requests if exercise.serve else ()) for text in each.contains)]
    if exercise.proof and not any("{proof}" in text for text in asked):
        yield ("proof",), "no run and no request asks for {proof}"
