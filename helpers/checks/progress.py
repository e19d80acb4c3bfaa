"""What the learner has done: one file, that can be taken along.

    {"version": 1, "exercises": {NAME: {"attempts", "passed", "hints", "last", "dockerfile"}}}

passed      when it was passed first, in UTC, or None
last        when it was last tried
holds, of   how many rules held at the best attempt, and of how many
dockerfile  the text of the best attempt

It is written whole or not at all, and held by a lock, so that two notebooks can work on
it. A file that cannot be read is set aside under another name and not lost.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from .. import paths
from ..errors import CourseError
from .verdict import Verdict

VERSION = 1
LARGEST = 20_000_000    # bytes of a file that is read


@dataclass(frozen=True)
class Record:
    """What was done of one exercise."""

    attempts: int = 0
    hints: int = 0
    passed: str | None = None
    last: str | None = None
    holds: int = 0
    of: int = 0
    dockerfile: str = ""

    def best_of(self, other: Record) -> Record:
        """Both, with the best of each."""
        better = max(self, other, key=lambda each: (each.passed is not None, each.of > 0, each.holds - each.of, each.last or ""))
        return Record(max(self.attempts, other.attempts), max(self.hints, other.hints),
                      min(filter(None, (self.passed, other.passed)), default=None),
                      max(filter(None, (self.last, other.last)), default=None),
                      better.holds, better.of, better.dockerfile)


@dataclass(frozen=True)
class Progress:
    """Every exercise that was tried. `set_aside`: where a damaged file was put, or ''."""

    records: Mapping[str, Record] = field(default_factory=dict)
    set_aside: str = ""

    def record(self, name: str) -> Record:
        return self.records.get(name, Record())

    def facts(self) -> dict[str, object]:
        """The content of the file."""
        return {"version": VERSION, "exercises": {name: asdict(each) for name, each in sorted(self.records.items())}}


def path() -> Path:
    """The learner's file; MULTISTAGE_PROGRESS names another."""
    named = os.environ.get("MULTISTAGE_PROGRESS")
    return Path(named).expanduser() if named else paths.state() / "progress.json"


def load() -> Progress:
    """What was kept. Raises CourseError for a file of a newer version of the course."""
    try:
        data = path().read_bytes()
    except FileNotFoundError:
        return Progress()
    try:
        return parse(data)
    except ValueError:
        return Progress(set_aside=_aside())


def parse(data: bytes) -> Progress:
    """The content of such a file. Raises ValueError for another thing, CourseError for a
    newer version."""
    facts = json.loads(data)
    if not isinstance(facts, dict) or not isinstance(facts.get("version"), int):
        raise ValueError("it is no progress of the course")
    if facts["version"] > VERSION:
        raise CourseError(f"This progress is of version {facts['version']}; this course knows {VERSION}.",
                          remedy="Use the newer course with it.")
    records = facts.get("exercises")
    if not isinstance(records, dict):
        raise ValueError("it has no exercises")
    return Progress({name: _record(each) for name, each in records.items()})


def _record(facts: object) -> Record:
    if not isinstance(facts, dict):
        raise ValueError("a record is no table")
    number = lambda key: _checked(facts.get(key, 0), int)
    text = lambda key: _checked(facts.get(key), (str, type(None)))
    return Record(number("attempts"), number("hints"), text("passed"), text("last"), number("holds"), number("of"),
                  text("dockerfile") or "")


def _checked(value, kind):
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{value!r} stands in the wrong place")
    return value


def attempted(verdict: Verdict) -> Progress:
    """Count an attempt, and keep it if it is the best. One that was not judged is none."""
    if verdict.lacks:
        return load()
    now = _now()
    this = Record(1, 0, now if verdict.passed else None, now, len(verdict.holds),
                  len(verdict.holds) + len(verdict.fails), verdict.text)
    return _changed(verdict.exercise, lambda old: replace(old.best_of(this), attempts=old.attempts + 1))


def hinted(name: str, most: int) -> Progress:
    """Count a hint; `most` are there."""
    return _changed(name, lambda old: replace(old, hints=min(old.hints + 1, most)))


def export() -> bytes:
    """The file, to be taken along."""
    return _packed(load())


def merge(data: bytes) -> Progress:
    """Take in a file that was exported: the best of both stays. Raises CourseError."""
    try:
        if len(data) > LARGEST:
            raise ValueError(f"it has {len(data):,} bytes")
        brought = parse(data)
    except ValueError as error:
        raise CourseError("That is no progress of the course.", why=f"{error}.",
                          remedy="Choose the file that `%progress export` wrote.") from error
    with _held() as mine:
        names = {*mine.records, *brought.records}
        merged = Progress({name: mine.record(name).best_of(brought.record(name)) for name in names}, mine.set_aside)
        paths.write_whole(path(), _packed(merged))
    return merged


def _changed(name: str, change) -> Progress:
    with _held() as old:
        new = Progress({**old.records, name: change(old.record(name))}, old.set_aside)
        paths.write_whole(path(), _packed(new))
    return new


@contextlib.contextmanager
def _held() -> Iterator[Progress]:
    with paths.locked(path().with_suffix(".lock")):
        yield load()


def _aside() -> str:
    damaged = path().with_name(f"progress.damaged-{datetime.now(timezone.utc):%Y%m%dT%H%M%S%f}.json")
    with contextlib.suppress(FileNotFoundError):   # another process was first
        os.replace(path(), damaged)
    return str(damaged)


def _packed(progress: Progress) -> bytes:
    return json.dumps(progress.facts(), indent=1).encode() + b"\n"


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
