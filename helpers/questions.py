"""What the lessons ask: predictions, as their cells have them, and questions, from notebooks/questions.toml."""

import ast
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .claims import NOTEBOOKS
from .units import size

QUESTIONS = NOTEBOOKS / "questions.toml"
UNITS = {"B": 1, "kB": 1000, "MB": 1_000_000, "GB": 1_000_000_000}
NONE_OF_THESE = "none of these"    # what came out where it was none of the choices


@dataclass(frozen=True)
class Asked:
    """A question of a lesson. `lesson` is the name of its notebook; without `choices` the answer is a number, in
    bytes where `unit` is one of UNITS."""

    question: str
    lesson: str
    choices: tuple[str, ...] = ()
    unit: str = ""
    predicted: bool = True


def written(value: float, unit: str) -> str:
    """A number that answers a question with that unit, in words."""
    return size(value) if unit in UNITS else f"{value:,.10g}"


def quiz() -> dict[str, dict[str, Any]]:
    """notebooks/questions.toml: {name: its table}."""
    return tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))


def asked(folder: Path = NOTEBOOKS) -> list[Asked]:
    """Everything that the lessons in a folder ask, in order."""
    tables = quiz()
    return [each for path in sorted(folder.glob("*.ipynb")) for each in in_notebook(path, tables)]


def in_notebook(notebook: Path, tables: Mapping[str, Mapping[str, Any]]) -> list[Asked]:
    """What a lesson asks, in order, with its questions from `tables`; nothing where its file cannot be read
    (JupyterLab may be saving it)."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        return [_read(call, notebook.stem, tables) for source in sources for call in _calls(source)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SyntaxError):
        return []


def _calls(source: str) -> Iterator[ast.Call]:
    """The calls of `predict` and `ask` in a cell; one with a magic is no Python."""
    if "predict(" in source or "ask(" in source:
        found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)
                 and isinstance(node.func, ast.Name) and node.func.id in ("predict", "ask")]
        yield from sorted(found, key=lambda node: node.lineno)


def _read(call: ast.Call, lesson: str, tables: Mapping[str, Mapping[str, Any]]) -> Asked:
    name = str(ast.literal_eval(call.args[0]))
    if isinstance(call.func, ast.Name) and call.func.id == "ask":
        return Asked(tables[name]["question"], lesson, tuple(tables[name]["choices"]), predicted=False)
    words = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
    return Asked(name, lesson, tuple(ast.literal_eval(call.args[1])) if call.args[1:] else (), words.get("unit", ""))
