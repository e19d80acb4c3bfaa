"""Recordings: the outputs in the lessons' committed notebooks."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

MARK = "multistage.recorded"   # metadata of an output that was shown as recorded
RUN = "multistage.run"         # metadata of the output of `this_run()`: engine and date
COMMANDS = "multistage.commands"   # metadata of the docker commands below a cell
_GIT_SECONDS = 10


@dataclass(frozen=True)
class Recording:
    """One lesson's run."""

    lesson: str                           # the notebook's name without .ipynb
    engine: str                           # description of the engine
    date: str                             # as 2026-11-24
    sources: Sequence[str]                # of the code cells, in order
    outputs: Sequence[Sequence[Mapping]]  # of each code cell, in nbformat

    def find(self, source: str, after: int = -1) -> int | None:
        """The index of a cell by its source; of several, the next one after `after`."""
        wanted = source.strip()
        found = [index for index, each in enumerate(self.sources) if each.strip() == wanted]
        return next((index for index in found if index > after), found[0] if found else None)


def recording(lesson: str, text: str) -> Recording | None:
    """The recording in a notebook's text; None if there is none, or if it was itself shown as recorded."""
    try:
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"]) for cell in cells]
        outputs = [cell.get("outputs") or [] for cell in cells]
        kept = [output.get("metadata", {}) for each in outputs for output in each]
        run = next((each[RUN] for each in kept if RUN in each), None)
        if run is None or any(each.get(MARK) for each in kept):
            return None
        date.fromisoformat(run["date"])
        return Recording(lesson, run["engine"], run["date"], sources, outputs)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@cache
def recordings(folder: Path) -> tuple[Recording, ...]:
    """The recordings of all lessons in a folder, in order. Read from git if possible, because a notebook that a learner
    saved has the learner's own outputs."""
    found = []
    for path in sorted(folder.glob("[0-9]*.ipynb")):
        kept = _kept(path)
        found.append((recording(path.stem, kept) if kept else None)
                     or recording(path.stem, path.read_text(encoding="utf-8", errors="replace")))
    return tuple(filter(None, found))


def _kept(path: Path) -> str | None:
    try:
        done = subprocess.run(["git", "show", f"HEAD:./{path.name}"], cwd=path.parent, check=True,
                              capture_output=True, timeout=_GIT_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None   # no git, or not a git checkout
    return done.stdout.decode("utf-8", "replace")
