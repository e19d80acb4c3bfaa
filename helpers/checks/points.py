"""Verdicts as points for a gradebook: one for each goal that is met."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from .. import paths
from ..errors import writing
from .exercise import Exercise
from .goals import goals
from .verdict import Verdict


@dataclass(frozen=True)
class Points:
    """The points of an exercise."""

    exercise: str
    points: int    # goals that are met; 0 if it was not tried or could not be judged
    of: int    # all goals
    passed: bool    # whether every rule holds


def of(exercises: Iterable[Exercise], verdicts: Iterable[Verdict]) -> list[Points]:
    """The points of each exercise, with or without a verdict."""
    given = {each.exercise: each for each in verdicts}
    pairs = [(each, given.get(each.name)) for each in exercises]
    return [Points(exercise.name, len(verdict.met) if verdict else 0, sum(map(len, goals(exercise).values())),
                   bool(verdict and verdict.passed)) for exercise, verdict in pairs]


def write(path: Path, rows: Iterable[Points]) -> None:
    """Write the points to a file: as JSON if its name ends in .json, else as CSV.

    Raises CourseError if it cannot be written.
    """
    records = [asdict(each) for each in rows]
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, [each.name for each in fields(Points)])
    writer.writeheader()
    writer.writerows(records)
    text = json.dumps(records, indent=1) if path.suffix == ".json" else table.getvalue()
    with writing(path):
        paths.write_whole(path, text.encode())
