"""The table of engines and features: tests passed, skipped and failed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .suite import ROOT, Outcome

# A feature, and the files with its tests.
FEATURES = {
    "same bytes as the plain engine": ("agreement",),
    "builds": ("test_limits", "test_build", "test_buildkit_page", "test_control", "test_dockerfile", "test_oracle", "test_outputs",
               "test_reference", "test_session", "test_snapshots"),
    "cache": ("test_cache",),
    "sizes": ("test_image",),
    "inventory": ("test_inventory", "test_syft", "test_report"),
    "bases": ("test_bases", "test_kit", "test_versions"),
    "secrets": ("test_host_secrets", "test_secrets_and_layers"),
    "containers": ("test_container", "test_lifecycle"),
    "registry": ("test_registry", "test_shipping"),
    "languages": ("test_languages",), "cleaning": ("test_clean",)}


@dataclass(frozen=True)
class Row:
    """The results of an engine's tests on a day; `absent` says why it was not tested."""

    engine: str
    date: str
    outcomes: tuple[Outcome, ...] = ()
    absent: str = ""


def cell(outcomes: Sequence[Outcome]) -> str:
    """'12', '12 of 14' with skipped tests, '2 of 14 failed', or '-' without tests."""
    count = {kind: sum(each.ended == kind for each in outcomes) for kind in ("passed", "failed", "skipped")}
    if count["failed"]:
        return f"{count['failed']} of {len(outcomes)} failed"
    if count["skipped"]:
        return f"{count['passed']} of {len(outcomes)}" if count["passed"] else "not there"
    return str(count["passed"]) if outcomes else "-"


def written(rows: Sequence[Row]) -> str:
    """The table in Markdown, followed by the reasons of skipped tests."""
    head = ["| engine | tested on | " + " | ".join(FEATURES) + " |", "|---" * (len(FEATURES) + 2) + "|"]
    lines, notes = [], []
    for row in rows:
        if row.absent:
            lines.append(f"| {row.engine} | {row.date} | not tested: {row.absent} |" + " |" * (len(FEATURES) - 1))
            continue
        cells = [_cell(row, files) for files in FEATURES.values()]
        lines.append(f"| {row.engine} | {row.date} | " + " | ".join(cells) + " |")
        notes += [f"- {row.engine}: {reason} ({count})" for reason, count in reasons(row.outcomes).items()]
    return put_together(head, lines, notes)


def _cell(row: Row, files: Sequence[str]) -> str:
    """The cell of some files, marked if not all were run."""
    found = of(row.outcomes, files)
    whole = {each.file for each in found} == set(files)
    return cell(found) if whole or not found else f"{cell(found)}, in part"


def of(outcomes: Sequence[Outcome], files: Sequence[str]) -> list[Outcome]:
    return [each for each in outcomes if each.file in files]


def reasons(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """{reason: number of skipped tests}, the most frequent first."""
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


DOCS = ROOT / "docs" / "engines.md"
BEGIN, END = "<!-- engines: written by `make engines` -->", "<!-- engines: end -->"


def placed(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """A text with `table` between two marks. Raises ValueError without them."""
    before, _, after = _around(text, begin, end)
    return f"{before}{begin}\n{table}{end}{after}"


def there(text: str, begin: str = BEGIN, end: str = END) -> str:
    """The present table."""
    return _around(text, begin, end)[1].lstrip("\n")


def _around(text: str, begin: str, end: str) -> tuple[str, str, str]:
    before, begun, rest = text.partition(begin)
    table, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"there is no place for a table between {begin} and {end}")
    return before, table, after


def merged(old: str, new: str) -> str:
    """`new` with the rows and notes of `old` for engines that it lacks, which another machine may have tested."""
    (_, rows, notes), (head, again, others) = taken_apart(old), taken_apart(new)
    told = {name for name, _ in again}
    rows = sorted([*again, *(row for row in rows if row[0] not in told)])
    notes = [*others, *(note for note in notes if not any(note.startswith(f"- {name}: ") for name in told))]
    return put_together(head, [line for _, line in rows], notes)


def taken_apart(table: str) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    """(head, [(first cell, row)], notes) of a table with notes below it."""
    lines = table.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    return (rows[:2], [(line.split("|")[1].strip(), line) for line in rows[2:]],
            [line for line in lines if line.startswith("- ")])


def put_together(head: Sequence[str], rows: Sequence[str], notes: Sequence[str],
                 why: str = "Not there, and so not tested:") -> str:
    return "\n".join([*head, *rows, *(["", why, "", *notes] if notes else [])]) + "\n"
