"""The learner's progress: one file, which can be exported and imported.

    {"version": 1, "exercises": {NAME: {"attempts", "passed", "hints", "last", "holds", "of", "dockerfile"}},
     "predictions": {QUESTION: {"said", "found", "how", "when"}}}

passed      time of the first pass, in UTC, or null
last        time of the last attempt
holds, of   goals that the best attempt met, and all goals
dockerfile  the text of the best attempt
how         'right', 'not right', or how far off the newest prediction was: '3.19 times more'

It is replaced as a whole, under a lock, so that two notebooks can use it. An unreadable file is renamed, not lost.
"""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from .. import paths
from ..errors import CourseError, writing
from .verdict import Verdict

VERSION = 1
LARGEST = 20_000_000    # bytes of a file that is read


@dataclass(frozen=True)
class Record:
    """The progress in one exercise."""

    attempts: int = 0
    hints: int = 0
    passed: str | None = None
    last: str | None = None
    holds: int = 0   # goals that the best attempt met
    of: int = 0      # all goals
    dockerfile: str = ""

    def merged(self, other: Self) -> Self:
        """The better of both, or the later one if they have different numbers of goals."""
        alike = self.of == other.of
        best = max(self, other, key=lambda each: (
            each.passed is not None, each.of > 0, each.holds if alike else 0, each.last or ""))
        return replace(best, attempts=max(self.attempts, other.attempts), hints=max(self.hints, other.hints),
                       passed=min(filter(None, (self.passed, other.passed)), default=None),
                       last=max(filter(None, (self.last, other.last)), default=None))


@dataclass(frozen=True)
class Predicted:
    """What was predicted and what came out, in words; `when` in UTC."""

    said: str
    found: str
    how: str
    when: str


@dataclass(frozen=True)
class ExerciseProgress:
    """The content of the file."""

    records: Mapping[str, Record] = field(default_factory=dict)    # {exercise: what was done}, if it was tried
    set_aside: str = ""    # the new path of a damaged file, '' for none
    predictions: Mapping[str, Predicted] = field(default_factory=dict)    # {question: what was predicted}

    def record(self, name: str) -> Record:
        """The progress in an exercise."""
        return self.records.get(name, Record())

    def facts(self) -> dict[str, object]:
        """The content of the file as JSON."""
        return {"version": VERSION, "exercises": {name: asdict(each) for name, each in sorted(self.records.items())},
                "predictions": {question: asdict(each) for question, each in sorted(self.predictions.items())}}


def path() -> Path:
    """Path of the learner's file: MULTISTAGE_PROGRESS, or in the course's folder for state."""
    named = os.environ.get("MULTISTAGE_PROGRESS")
    return Path(named).expanduser() if named else paths.state() / "progress.json"


def load() -> ExerciseProgress:
    """The progress so far. Raises CourseError for a file from a newer version of the course."""
    try:
        return parse(path().read_bytes())
    except FileNotFoundError:
        return ExerciseProgress()
    except ValueError:
        aside = path().with_name(f"progress.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.json")
        with contextlib.suppress(FileNotFoundError):   # another process was first
            os.replace(path(), aside)
        return ExerciseProgress(set_aside=str(aside))


def parse(data: bytes) -> ExerciseProgress:
    """The content of such a file. Raises ValueError for anything else, CourseError for a newer version."""
    facts = json.loads(data)
    if not isinstance(facts, dict) or not isinstance(facts.get("version"), int):
        raise ValueError("it has no version")
    if facts["version"] > VERSION:
        raise CourseError(f"This progress file has version {facts['version']}; this course reads version {VERSION}.",
                          remedy="Use it with the newer version of the course.")
    if not isinstance(facts.get("exercises"), dict):
        raise ValueError("it has no exercises")
    return ExerciseProgress({name: _record(each) for name, each in facts["exercises"].items()},
                    predictions=_predictions(facts.get("predictions", {})))


def _predictions(facts: object) -> dict[str, Predicted]:
    try:
        made = {question: Predicted(**each) for question, each in facts.items()}     # type: ignore[attr-defined]
    except (AttributeError, TypeError) as error:
        raise ValueError("the predictions are not a table") from error
    if not all(isinstance(text, str) for each in made.values() for text in asdict(each).values()):
        raise ValueError("a prediction is not text")
    return made


def _record(facts: object) -> Record:
    if not isinstance(facts, dict):
        raise ValueError("a record is not a table")
    known = {each.name: facts[each.name] for each in fields(Record) if facts.get(each.name) is not None}
    for name, value in known.items():
        if type(value) is not (int if name in ("attempts", "hints", "holds", "of") else str):
            raise ValueError(f"{value!r} is not a valid value of {name}")
    return Record(**known)


def attempted(verdict: Verdict) -> ExerciseProgress:
    """Count an attempt, and keep it if it is the best. One that could not be judged does not count."""
    if verdict.lacks:
        return load()
    now = _now()
    this = Record(passed=now if verdict.passed else None, last=now, holds=len(verdict.met), of=len(verdict.goals),
                  dockerfile=verdict.text)
    return _in_record(verdict.exercise, lambda old: replace(old.merged(this), attempts=old.attempts + 1))


def hinted(name: str, most: int) -> ExerciseProgress:
    """Count a hint of an exercise that has `most` hints."""
    return _in_record(name, lambda old: replace(old, hints=min(old.hints + 1, most)))


def predicted(question: str, said: str, found: str, how: str) -> None:
    """Keep a prediction, in place of an older one for the same question.

    said, found   what was predicted and what came out, as text
    how           'right', 'not right', or how far off
    """
    made = Predicted(said, found, how, _now())
    _changed(lambda old: replace(old, predictions={**old.predictions, question: made}))


def export() -> bytes:
    """The content of the file, for another machine."""
    return _written(load())


def merge(data: bytes) -> ExerciseProgress:
    """Merge an exported file; the better of both records is kept. Raises CourseError."""
    try:
        if len(data) > LARGEST:
            raise ValueError(f"it has {len(data):,} bytes")
        imported = parse(data)
    except ValueError as error:
        raise CourseError("This is not an exported progress file.", why=f"{error}.",
                          remedy="Choose the file that `%progress export` wrote.") from error
    return _changed(lambda mine: replace(
        mine, records={name: mine.record(name).merged(imported.record(name))
                       for name in {*mine.records, *imported.records}},
        predictions=dict(sorted([*imported.predictions.items(), *mine.predictions.items()],
                                key=lambda made: made[1].when))))


def export_file(file: Path) -> None:
    """Write the progress to a file. Raises CourseError if that cannot be written."""
    with writing(file):
        file.write_bytes(export())


def merge_file(file: Path) -> ExerciseProgress:
    """Merge an exported file. Raises CourseError if it cannot be read, or is none."""
    try:
        return merge(file.read_bytes())
    except OSError as error:
        raise CourseError(f"{file} cannot be read.", why=error.strerror or str(error),
                          remedy="Name the file that `progress --export` or `%progress export` wrote.") from error


def _in_record(name: str, change: Callable[[Record], Record]) -> ExerciseProgress:
    return _changed(lambda old: replace(old, records={**old.records, name: change(old.record(name))}))


def _changed(change: Callable[[ExerciseProgress], ExerciseProgress]) -> ExerciseProgress:
    with paths.locked(path().with_suffix(".lock")):
        new = change(load())
        paths.write_whole(path(), _written(new))
    return new


def _written(progress: ExerciseProgress) -> bytes:
    return json.dumps(progress.facts(), indent=1).encode() + b"\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
