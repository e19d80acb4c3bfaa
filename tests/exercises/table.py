"""Exercise by rung: the results of the last run of each, and the table in docs/engines.md."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from helpers import paths
from tests.engines import table
from tests.engines.suite import Outcome

DOCS = table.DOCS
BEGIN, END = "<!-- rungs: written by `make exercises` -->", "<!-- rungs: end -->"
_WHY = "Not judged there, since the engine cannot do what it needs:"
# Parts of a run are merged into the results of the same day.
Kept = dict[str, dict[str, dict]]    # {exercise: {rung: {"date", "outcomes"}}}


def keep(name: str, rung: str, date: str, outcomes: Sequence[Outcome]) -> None:
    kept = read()
    before = kept.get(name, {}).get(rung, {})
    again = {each.name for each in outcomes}
    others = [each for each in before.get("outcomes", ()) if each["name"] not in again] if before.get("date") == date else []
    kept.setdefault(name, {})[rung] = {"date": date, "outcomes": others + [asdict(each) for each in outcomes]}
    paths.write_whole(_place(), json.dumps(kept, indent=1).encode())


def read() -> Kept:
    try:
        return json.loads(_place().read_text())
    except (OSError, ValueError):
        return {}


def _place():
    return paths.cache() / "exercises-by-rung.json"


def written(kept: Mapping[str, Mapping[str, dict]], exercises: Mapping[str, int], rungs: Sequence[str]) -> str:
    """The table in Markdown, with what a rung cannot judge below it. `exercises` is {name: number of tests}. A cell has the
    number of tests that passed, and of those run if not all were; a - if none was run."""
    head = ["| exercise | tests | " + " | ".join(rungs) + " |", "|---" * (len(rungs) + 2) + "|"]
    lines, notes = [], {}
    for name, there in exercises.items():
        cells = []
        for rung in rungs:
            last = kept.get(name, {}).get(rung)
            outcomes = [Outcome(**each) for each in last["outcomes"]] if last else []
            cells.append(_cell(outcomes, there, last["date"]) if outcomes else "-")
            notes |= {f"- {name} on {rung}: {reason} ({count})": None for reason, count in table.reasons(outcomes).items()}
        lines.append(f"| {name} | {there} | " + " | ".join(cells) + " |")
    return table.put_together(head, lines, list(notes), _WHY)


def merged(old: str, new: str, rungs: Sequence[str]) -> str:
    """`new`, with the cells of `old` that it lacks: each cell has its own date, perhaps from another machine."""
    (_, before, notes), (head, rows, others) = table.taken_apart(old), table.taken_apart(new)
    known, lines, kept = dict(before), [], []
    for name, line in rows:
        cells = _cells(line)
        for at, (cell, had) in enumerate(zip(cells, _cells(known.get(name, "")))):
            if cell == "-" != had:
                cells[at] = had
                kept.append(f"- {name} on {rungs[at - 2]}: ")
        lines.append("| " + " | ".join(cells) + " |")
    others += [note for note in notes if note.startswith(tuple(kept))]
    return table.put_together(head, lines, others, _WHY)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _cell(outcomes: Sequence[Outcome], there: int, date: str) -> str:
    count = {kind: sum(each.ended == kind for each in outcomes) for kind in ("passed", "failed", "skipped")}
    run = count["passed"] + count["failed"]
    said = [f"{count['failed']} of {run} failed"] if count["failed"] else [str(run) if run == there else f"{run} of {there}"] if run else []
    return ", ".join([*said, *([f"{count['skipped']} not judged"] if count["skipped"] else []), date])


def there(text: str) -> str:
    """The table in a text."""
    return table.there(text, BEGIN, END)


def placed(text: str, written: str) -> str:
    """The text with the table between its two marks. Raises ValueError without them."""
    return table.placed(text, written, BEGIN, END)
