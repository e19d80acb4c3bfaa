"""Engine by feature: what was tested, what an engine has not, what failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .suite import Outcome

# A feature in the words of the table, and the files whose tests show it.
FEATURES = {
    "same bytes as the plain engine": ("agreement",),
    "builds": ("test_bounds", "test_build", "test_session", "test_oracle"),
    "cache": ("test_cache",),
    "sizes": ("test_image", "test_saved"),
    "inventory": ("test_inventory", "test_syft", "test_report"),
    "bases": ("test_bases", "test_kit", "test_versions"),
    "secrets": ("test_lent", "test_secrets_and_layers"),
    "containers": ("test_container", "test_lifecycle"),
    "registry": ("test_registry", "test_shipping"),
    "languages": ("test_languages", "test_habits"),
    "cleaning": ("test_clean",),
}


@dataclass(frozen=True)
class Row:
    """An engine and what came of its tests on a day; `absent` says why there was none."""

    engine: str
    date: str
    outcomes: tuple[Outcome, ...] = ()
    absent: str = ""


def cell(outcomes: Sequence[Outcome]) -> str:
    """'12', or '12 of 14' where the engine has not all, or '2 failed'; '-' for no test."""
    count = {kind: sum(each.ended == kind for each in outcomes) for kind in ("passed", "failed", "skipped")}
    if count["failed"]:
        return f"{count['failed']} of {len(outcomes)} failed"
    if count["skipped"]:
        return f"{count['passed']} of {len(outcomes)}" if count["passed"] else "not there"
    return str(count["passed"]) if outcomes else "-"


def written(rows: Sequence[Row]) -> str:
    """The table in Markdown; below it what each engine has not, in the tests' own words."""
    lines = ["| engine | tested on | " + " | ".join(FEATURES) + " |", "|---" * (len(FEATURES) + 2) + "|"]
    notes = []
    for row in rows:
        if row.absent:
            lines.append(f"| {row.engine} | {row.date} | not tested: {row.absent} |" + " |" * (len(FEATURES) - 1))
            continue
        cells = [_cell(row, files) for files in FEATURES.values()]
        lines.append(f"| {row.engine} | {row.date} | " + " | ".join(cells) + " |")
        notes += [f"- {row.engine}: {reason} ({count})" for reason, count in reasons(row.outcomes).items()]
    return "\n".join(lines + (["", "Not there, and so not tested:", "", *notes] if notes else [])) + "\n"


def _cell(row: Row, files: Sequence[str]) -> str:
    """The cell of some files; one of which some were not run says so."""
    found = of(row.outcomes, files)
    whole = {each.file for each in found} == set(files)
    return cell(found) if whole or not found else f"{cell(found)}, in part"


def of(outcomes: Sequence[Outcome], files: Sequence[str]) -> list[Outcome]:
    return [each for each in outcomes if each.file in files]


def reasons(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """{why tests were skipped: how many}, the most frequent first."""
    found: dict[str, int] = {}
    for each in outcomes:
        if each.ended == "skipped":
            said = re.sub(r"^Skipped: ", "", each.said)
            found[said] = found.get(said, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def failures(rows: Sequence[Row]) -> list[str]:
    """A line for each test that failed."""
    return [f"{row.engine}: {each.file}::{each.name}: {each.said.splitlines()[0] if each.said else ''}"
            for row in rows for each in row.outcomes if each.ended == "failed"]


# -- the README's part -----------------------------------------------------------------

BEGIN, END = "<!-- engines: written by `make engines` -->", "<!-- engines: end -->"


def placed(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """A README's text with `table` between two marks. Raises ValueError without them."""
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"there is no place for a table between {begin} and {end}")
    return f"{before}{begin}\n{table}{end}{after}"
