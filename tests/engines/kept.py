"""What came of the last run on each kind of engine, kept: a table needs no run of all in one go."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from helpers import paths

from .kinds import Kind
from .rootfs import folder
from .suite import Outcome
from .table import FEATURES, Row


def keep(kind: Kind, row: Row) -> None:
    """Keep a row. What the same engine showed on the same day in other files of tests stays."""
    before = next(iter(rows([kind])), row)
    if (before.engine, before.date) == (row.engine, row.date):
        again = {each.file for each in row.outcomes}
        others = tuple(each for each in before.outcomes if each.file not in again)
        row = replace(row, outcomes=others + row.outcomes)
    paths.write_whole(_place(kind), json.dumps(asdict(row), indent=1).encode())


def rows(kinds: Iterable[Kind]) -> list[Row]:
    """The last row of each kind that was ever tested here."""
    found, known = [], set().union(*FEATURES.values())   # a file may have left the suite meanwhile
    for kind in kinds:
        try:
            told = json.loads(_place(kind).read_text())
            told["outcomes"] = tuple(Outcome(**each) for each in told["outcomes"] if each["file"] in known)
            found.append(Row(**told))
        except (OSError, ValueError, TypeError, KeyError):   # none, or of an older form
            continue
    return found


def _place(kind: Kind) -> Path:
    return folder() / "results" / f"{kind.key}.json"
