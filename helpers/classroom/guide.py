"""The instructor's guide: the instructor's notes in the lessons' metadata, as one page to print.

Notes are a table under `instructor` in a cell's metadata: minutes, say, usual_wrong_prediction, before_the_class,
while_it_runs, and any others.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from ..errors import CourseError, writing
from ..text import escape

ROOT = Path(__file__).resolve().parents[2]
PLANS = {"Two hours": 95, "Half a day": 195}     # minutes of lessons; the rest is for questions and a break
_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_EVENING = (
    "Run `make class`, which takes a few minutes the first time, and `make class-check LEARNERS=30`.",
    "Open the address on a second machine in the same network, log in with a name, and run the first lesson.",
    "Put the address and the class password where everyone can see them. Keep the instructor's token to yourself.",
    "If the room has no network: `make kit TO=FOLDER` at home, and `make class KIT=FOLDER` in the room.",
    "After the class, `make class-stop` saves every learner's work.")
_STYLE = """
:root { color-scheme: light dark }
body { font: 11pt/1.45 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2 }
h2 { margin-top: 2rem; break-after: avoid }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-top: 1px solid #8888 }
td:last-child { text-align: right; white-space: nowrap }
dt { font-weight: 600; margin-top: .5rem }
dd { margin: 0 }
section { break-inside: avoid }
"""


@dataclass(frozen=True)
class Lesson:
    """A lesson's headings (`rounds`), and the instructor's notes on it: {topic: note}, and the minutes."""

    title: str
    minutes: int
    rounds: tuple[str, ...]
    remarks: dict[str, str]


def lessons(folder: Path = ROOT / "notebooks") -> list[Lesson]:
    """All lessons in order, with their notes. Raises CourseError if a notebook cannot be read."""
    return [_lesson(path) for path in sorted(folder.glob("*.ipynb"))]


def _lesson(path: Path) -> Lesson:
    try:
        cells = json.loads(path.read_text())["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        found = [cell["metadata"]["instructor"] for cell in cells if "instructor" in cell["metadata"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{path.name} is not a notebook.", why=str(error),
                          remedy="Save it again, or restore it with git.") from error
    remarks = {key.replace("_", " "): text for each in found for key, text in each.items() if key != "minutes"}
    rounds = tuple(line.removeprefix("## ") for text in texts for line in text.splitlines() if line.startswith("## "))
    title = re.search(r"^# (.+)$", texts[0] if texts else "", re.M)
    return Lesson(f"{path.name[:2]} {title[1] if title else path.stem}", sum(each.get("minutes", 0) for each in found),
                  rounds, remarks)


def plan(lessons: Sequence[Lesson], minutes: int) -> list[Lesson]:
    """The first lessons that fit into `minutes`; none is skipped, because each builds on those before it."""
    ends = accumulate(lesson.minutes for lesson in lessons)
    return [lesson for lesson, end in zip(lessons, ends) if end <= minutes]


def page(lessons: Sequence[Lesson]) -> str:
    """The guide as HTML."""
    plans = "".join(f"<h2>{name}</h2>{_table(plan(lessons, minutes))}" for name, minutes in PLANS.items())
    evening = "".join(f"<li>{_marked(each)}</li>" for each in _EVENING)
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Instructor\'s guide</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
            f"<h1>Multi-Stage Builds, Measured: the instructor's guide</h1>{plans}"
            f"<h2>The evening before</h2><ol>{evening}</ol>{''.join(map(_section, lessons))}</body></html>\n")


def _table(chosen: Sequence[Lesson]) -> str:
    rows = "".join(f"<tr><td>{_marked(each.title)}</td><td>{each.minutes} min</td></tr>" for each in chosen)
    return f"<table>{rows}<tr><th>Total</th><td>{sum(each.minutes for each in chosen)} min</td></tr></table>"


def _section(lesson: Lesson) -> str:
    terms = {**lesson.remarks, "parts": " · ".join(lesson.rounds)}
    listed = "".join(f"<dt>{escape(key.capitalize())}</dt><dd>{_marked(text)}</dd>" for key, text in terms.items())
    return f"<section><h2>{_marked(lesson.title)} ({lesson.minutes} min)</h2><dl>{listed}</dl></section>"


def _marked(text: str) -> str:
    """Text as HTML, with `code` marked up."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def write(file: Path) -> list[Path]:
    """Write the guide as HTML, and as PDF next to it if a browser is installed. Returns the files. Raises
    CourseError."""
    with writing(file):
        file.write_text(page(lessons()))
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    return [file, *([_printed(browser, file)] if browser else [])]


def _printed(browser: str, file: Path) -> Path:
    pdf = file.with_suffix(".pdf")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="multistage-guide-") as profile:
        done = subprocess.run([browser, "--headless", "--disable-gpu", *as_root, f"--user-data-dir={profile}",
                               "--no-pdf-header-footer", f"--print-to-pdf={pdf.absolute()}", file.absolute().as_uri()],
                              capture_output=True, text=True, timeout=120)
    if done.returncode or not pdf.exists():
        raise CourseError(f"The browser could not print {file}.", why=f"{browser} exited with {done.returncode}.",
                          remedy="Open it in a browser and print it from there.", evidence=done.stderr[-1000:])
    return pdf
