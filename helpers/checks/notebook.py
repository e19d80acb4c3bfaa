"""The notebook of an exercise, made from its folder: `python -m helpers exercises --write NAME`.

It is kept with the outputs of the starter's run, so that whoever only reads it sees what a
check says: `make outputs`. Making it anew leaves the outputs of cells that stay as they were.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from . import dockerfile_rules
from .exercise import Exercise
from .hints import hints
from .verdict import Findings

_HINTS = re.compile(r"<details>\s*<summary>\s*Hint\b.*?</details>\s*", re.S | re.I)
_LANGUAGES = {".go": "go", ".py": "python", ".js": "js", ".jsx": "jsx", ".java": "java", ".c": "c", ".h": "c",
              ".json": "json", ".html": "html", ".toml": "toml", ".txt": "text", ".sh": "sh"}
_LONGEST = 120      # lines of a file that is shown whole


def path(exercise: Exercise) -> Path:
    return exercise.folder / f"{exercise.name}.ipynb"


def write(exercise: Exercise) -> Path:
    """Write the notebook of an exercise; where it is."""
    made = notebook(exercise)
    if path(exercise).is_file():
        _keep(made, json.loads(path(exercise).read_text()))
    path(exercise).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    return path(exercise)


def _keep(made: dict, old: dict) -> None:
    """Take over the outputs, if every cell of code is as it was."""
    was, now = ({cell["id"]: cell for cell in each["cells"] if cell["cell_type"] == "code"} for each in (old, made))
    if all(name in was and was[name]["source"] == cell["source"] for name, cell in now.items()):
        for name, cell in now.items():
            cell.update(outputs=was[name]["outputs"], execution_count=was[name]["execution_count"])


def told_by_its_text(exercise: Exercise) -> bool:
    """Whether the starter's text alone fails the check: then the verdict is the same everywhere."""
    found = Findings()
    dockerfile_rules.judge(exercise, exercise.starter.read_text(), exercise.source(), (), found)
    return bool(found.fails)


def notebook(exercise: Exercise, dockerfile: str | None = None) -> dict:
    """It in the format of Jupyter (nbformat 4.5). `dockerfile`: what the cell begins with,
    instead of the starter."""
    name = exercise.name
    text = (exercise.starter.read_text() if dockerfile is None else dockerfile).rstrip("\n")
    there = len(hints(exercise))
    told = f"There are {there} hints. Make a cell with `%hint {name}` for the next one.\n\n" if there else ""
    return {
        "cells": [
            _markdown(name, 0, _HINTS.sub("", exercise.task).strip()),
            _code(name, 1, "from helpers.lesson import *\n\nthis_run()"),
            _markdown(name, 2, "## What is built\n\n" + _source(exercise)),
            _markdown(name, 3, "## Your Dockerfile\n\nThis is the starter. Change it, and run the cell: what you wrote is "
                      f"kept in `work/Dockerfile`, and built.\n\n{told}".rstrip()),
            _code(name, 4, f"%%dockerfile {name}\n{text}"),
            _markdown(name, 5, "## Check it\n\nThe check builds it once more, with a random word in the source, looks "
                      "inside and runs it."),
            _code(name, 6, f"%check {name}", compared=told_by_its_text(exercise)),
            _markdown(name, 7, "## Your progress"),
            _code(name, 8, "%progress"),
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
                     "language_info": {"name": "python"}},
        "nbformat": 4, "nbformat_minor": 5,
    }


def _source(exercise: Exercise) -> str:
    parts = []
    for file, content in exercise.source().items():
        try:
            text = content.decode()
        except UnicodeDecodeError:
            parts.append(f"`{file}`: {len(content):,} bytes\n")
            continue
        if len(text.splitlines()) > _LONGEST:
            parts.append(f"`{file}`: {len(text.splitlines()):,} lines\n")
            continue
        fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
        language = _LANGUAGES.get(Path(file).suffix, "text")
        parts.append(f"<details><summary><code>{file}</code></summary>\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n\n</details>\n")
    return "\n".join(parts).strip()


def _markdown(name: str, number: int, text: str) -> dict:
    return {"cell_type": "markdown", "id": _id(name, number), "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(name: str, number: int, text: str, compared: bool = False) -> dict:
    """`compared`: its output is the same at each run, and nbval holds it to that."""
    return {"cell_type": "code", "execution_count": None, "id": _id(name, number),
            "metadata": {} if compared else {"tags": ["nbval-ignore-output"]}, "outputs": [],
            "source": text.splitlines(keepends=True)}


def _id(name: str, number: int) -> str:
    return hashlib.sha256(f"{name}/{number}".encode()).hexdigest()[:8]
