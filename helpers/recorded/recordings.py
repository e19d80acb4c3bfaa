"""What was recorded of each lesson: the outputs that its notebook is kept with."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

MARK = "multistage.recorded"   # metadata of an output that was itself a recording
RUN = "multistage.run"         # metadata of the output of `this_run()`: engine and date
COMMANDS = "multistage.commands"   # metadata of the docker commands below a cell, which are no measurement
_GIT_SECONDS = 10


@dataclass(frozen=True)
class Recording:
    """One lesson's run."""

    lesson: str                           # the notebook's name, without its ending
    engine: str                           # what it was measured on, in the engine's own words
    date: str                             # when, as 2026-11-24
    sources: Sequence[str]                # of its code cells, in order
    outputs: Sequence[Sequence[Mapping]]  # of each of them, as nbformat has them

    def find(self, source: str, after: int = -1) -> int | None:
        """The number of that cell: the next one after `after`, for a text that stands there twice."""
        wanted = source.strip()
        found = [index for index, each in enumerate(self.sources) if each.strip() == wanted]
        return next((index for index in found if index > after), found[0] if found else None)


def recording(lesson: str, text: str) -> Recording | None:
    """What a notebook's text records; None where it records nothing, or records recordings."""
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
    """Those of all lessons in a folder, in reading order. A notebook that a learner has saved holds what they ran, so
    it is read as git keeps it where there is git, and only else as it lies in the folder."""
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
        return None   # no git, or a copy that came as an archive
    return done.stdout.decode("utf-8", "replace")
