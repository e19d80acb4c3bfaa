"""The notebook of an exercise, made from its folder: `python -m helpers exercises --write NAME`.

`make outputs` keeps it with the outputs of a run with the starter. Writing it again keeps these outputs unless the code
or the starter has changed.
"""

import hashlib
import json
import re
from pathlib import Path

from . import dockerfile_rules
from .exercise import Exercise
from .globs import matches
from .hints import task_without_hints
from .verdict import Findings

_LANGUAGES = {".jsx": "jsx", ".js": "js", ".py": "python", ".sh": "sh", ".go": "go", ".c": "c", ".h": "c",
              ".java": "java", ".json": "json", ".html": "html", ".toml": "toml"}
_LONGEST = 120      # lines of a file that is shown in full
_STARTER = "## Your Dockerfile\n"
_CELL = 15          # lines of a cell; a longer Dockerfile is edited as a file


def path(exercise: Exercise) -> Path:
    """Path of an exercise's notebook."""
    return exercise.folder / f"{exercise.name}.ipynb"


def write(exercise: Exercise) -> Path:
    """Write the notebook of an exercise, and make the folder for a learner's work. Returns the notebook's path."""
    exercise.work.parent.mkdir(exist_ok=True)
    (exercise.work.parent / ".gitkeep").touch()
    made, place = notebook(exercise), path(exercise)
    if place.is_file():
        _keep_outputs(made, json.loads(place.read_text()))
    place.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    return place


def _keep_outputs(made: dict, old: dict) -> None:
    was, now = ({cell["id"]: cell for cell in each["cells"]
                 if cell["cell_type"] == "code" or _STARTER in cell["source"]} for each in (old, made))
    if all(name in was and was[name]["source"] == cell["source"] for name, cell in now.items()):
        for name, cell in now.items():
            cell |= {each: was[name][each] for each in ("outputs", "execution_count") if each in cell}


def starter_fails_unbuilt(exercise: Exercise) -> bool:
    """Whether the starter fails by its text alone, so that its verdict is the same on every machine."""
    found = Findings()
    dockerfile_rules.judge(exercise, exercise.starter.read_text(), tuple(exercise.source()), found)
    return bool(found.fails)


def notebook(exercise: Exercise, dockerfile: str | None = None) -> dict:
    """The notebook in Jupyter's format (nbformat 4.5).

    dockerfile  the text in the cell to edit, None for the starter
    """
    name = exercise.name
    text = exercise.starter.read_text() if dockerfile is None else dockerfile
    cells: list[str | list[str]] = [
        task_without_hints(exercise),
        ["from helpers.lesson import *\n\nthis_run()"],
        "## What is built\n\n" + "\n".join(_shown(*each) for each in exercise.source().items()).strip(),
        *_to_edit(exercise, text.rstrip("\n"), in_cell=dockerfile is not None),
        *(each for file, content in changeable(exercise).items() for each in (
            f"## Your {file}\n\nThe check takes it from `work/{file}`.",
            [f"%%writefile work/{file}\n{content}".rstrip("\n")])),
        *(["## Enter the step that failed", ["%%in_step\npwd\nls -l"]] if exercise.build.starter_fails else ()),
        "## Check it\n\nThe check builds it once more, with a random word in the source, looks inside and runs it.",
        [f"%check {name}"],
        "## A hint, if you want one",
        [f"%hint {name} --button"],
        "## Your progress",
        ["%progress"],
    ]
    compared = f"%check {name}" if starter_fails_unbuilt(exercise) else ""
    raising = (f"%%dockerfile {name}", f"%dockerfile {name}", "%%in_step") if exercise.build.starter_fails else ()
    return {
        "cells": [_cell(name, number, cell, compared, raising) for number, cell in enumerate(cells)],
        "metadata": {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
                     "language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}


def _to_edit(exercise: Exercise, dockerfile: str, in_cell: bool) -> tuple[str, list[str]]:
    """The text above the cell that builds the learner's Dockerfile, and that cell, with the Dockerfile in it unless it
    is too long."""
    name = exercise.name
    cell = f"%%dockerfile {name}\n{dockerfile}"
    target = next(iter(exercise.targets), "")
    more = (f"\n\nIn a cell of its own, `%dockerfile {name} --target {target}` builds that target, and "
            "`%%in_step --stage NAME` runs shell commands where a stage ends.") if target else ""
    if in_cell or len(cell.splitlines()) <= _CELL:
        return (f"{_STARTER}\nThis is the starter. Change it, and run the cell: what you wrote is saved in "
                f"`work/Dockerfile`, and built.{more}", [cell])
    return (f"{_STARTER}\nThis is the starter:\n\n```dockerfile\n{dockerfile}\n```\n\n"
            "It is long, so you edit it as a file. The cell below puts it into `work/Dockerfile`, if nothing is there "
            f"yet, and builds what is there. Open that file, change it, save it, and run the cell again.{more}",
            [f"%dockerfile {name}"])


def _shown(file: str, content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"`{file}`: {len(content):,} bytes\n"
    if len(text.splitlines()) > _LONGEST:
        return f"`{file}`: {len(text.splitlines()):,} lines\n"
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    language = _LANGUAGES.get(Path(file).suffix, "text")
    return f"<details><summary><code>{file}</code></summary>\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n\n</details>\n"  # noqa: E501


def changeable(exercise: Exercise) -> dict[str, str]:
    """{name: content} of the files in the source that a learner may change."""
    return {file: content.decode() for file, content in exercise.source().items()
            if any(matches(file, wanted) for wanted in exercise.may_change)}


def _cell(name: str, number: int, content: str | list[str], compared: str, raising: tuple[str, ...]) -> dict:
    """A text cell, or a code cell for [source]. nbval compares only the output of the cell `compared`, and a cell that
    begins with a text in `raising` may fail."""
    text = content if isinstance(content, str) else content[0]
    cell: dict[str, object] = {"cell_type": "markdown",
                               "id": hashlib.sha256(f"{name}/{number}".encode()).hexdigest()[:8], "metadata": {}}
    if text is not content:
        cell = {**cell, "cell_type": "code", "execution_count": None, "outputs": [],
                "metadata": {} if text == compared else {"tags": [
                    "nbval-ignore-output", *(["raises-exception"] if text.startswith(raising) else [])]}}
    return {**cell, "source": text.splitlines(keepends=True)}
