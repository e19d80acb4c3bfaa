"""Questions that can be answered on a page, where there is no kernel.

A prediction becomes a form, and what the cells after it brought is folded, up to the one that compares the
prediction with it. A question with one right answer becomes a form whose answer unfolds. Both work without JavaScript;
with it (`_static/course.js`) the page says whether the answer was right.
"""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterator, Sequence
from typing import Any

from helpers.questions import UNITS
from helpers.views.markup import whole_names
from helpers.widgets.ask import COMPARED

_ASKED = re.compile(r"<p><b>(.*?)</b></p><ul>(.*?)</ul><details><summary>Answer</summary><p>(.*?)</p></details>", re.S)
_PREDICTED = "<p><b>Your prediction:</b> "
_MEASURED = re.compile(r"Measured: (.*)</p>", re.S)
FOLDED = "hide-output"      # myst-nb's tag


def adapt(notebook: dict[str, Any]) -> None:
    """Put the forms into `notebook`, and fold what they ask about."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for at, cell in enumerate(cells):
        for output in cell.get("outputs", ()):
            text = "".join(output.get("data", {}).get("text/html", ""))
            if asked := _ASKED.fullmatch(text):
                output["data"]["text/html"] = _question(f"question-{at}", asked)
            elif text.startswith(_PREDICTED) and (call := _call("".join(cell["source"]))):
                question, choices, unit = call
                end, measured = _compared(cells[at + 1:], question)
                output["data"]["text/html"] = _prediction(f"question-{at}", question, choices, unit, measured)
                for each in cells[at + 1:at + 1 + end]:
                    if any(map(_predicts, each.get("outputs", ()))):    # two predictions of one run
                        continue
                    tags = each["metadata"].setdefault("tags", [])
                    tags += [FOLDED] * (FOLDED not in tags and any(map(_shows, each.get("outputs", ()))))


def _predicts(output: dict[str, Any]) -> bool:
    return "".join(output.get("data", {}).get("text/html", "")).startswith(_PREDICTED)


def _shows(output: dict[str, Any]) -> bool:
    """Whether there is anything in an output: a progress bar leaves an empty one behind."""
    return "data" not in output or any("".join(text) for text in output["data"].values())


def _call(source: str) -> tuple[str, Sequence[str], str] | None:
    """(question, choices, unit) of the call of predict() in a cell; None if they are not written out there."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "predict":
            try:
                values = [ast.literal_eval(each) for each in node.args]
                named = {each.arg: ast.literal_eval(each.value) for each in node.keywords}
            except ValueError:
                return None
            return values[0], values[1] if len(values) > 1 else named.get("choices", ()), named.get("unit", "")
    return None


def _compared(cells: Sequence[dict[str, Any]], question: str) -> tuple[int, str]:
    """How many cells there are up to the one that compares the prediction, and what it found; (0, '') if none does."""
    for at, cell in enumerate(cells):
        for output in cell.get("outputs", ()):
            if output.get("metadata", {}).get(COMPARED, {}).get("question") == question:
                found = _MEASURED.search("".join(output["data"]["text/html"]))
                return at + 1, found[1] if found else ""
    return 0, ""


def _question(name: str, asked: re.Match[str]) -> str:
    question, items, answer = asked.groups()
    choices = re.findall(r"<li>(.*?)</li>", items, re.S)
    right = max((each for each in choices if answer.startswith(each + ". ")), key=len, default="")
    return _form(name, question, _radios(name, choices), f"<summary>Answer</summary><p>{answer}</p>", right=right)


def _prediction(name: str, question: str, choices: Sequence[str], unit: str, measured: str) -> str:
    number = html.escape(f"in {unit}" if unit in UNITS else unit or "a number")
    entry = "".join(_radios(name, [html.escape(choice) for choice in choices])) if choices else (
        f'<label>{number} <input type="number" name="{name}" min="0" step="any"></label>')
    unfolds = f"<summary>What was measured</summary><p>{measured}</p>" if measured else ""
    return _form(name, f"Your prediction: {html.escape(question)}", [entry], unfolds)


def _radios(name: str, choices: Sequence[str]) -> Iterator[str]:
    """Radio buttons; the texts are HTML already."""
    for choice in choices:
        yield f'<label><input type="radio" name="{name}" value="{choice}"> {whole_names(choice)}</label>'


def _form(name: str, legend: str, entries: Iterator[str] | list[str], unfolds: str, right: str = "") -> str:
    answer = f' data-right="{right}"' if right else ""
    details = f"<details>{unfolds}</details>" if unfolds else ""
    asked = f"<legend>{whole_names(legend)}</legend>{''.join(entries)}"
    return (f'<form class="course-question" id="{name}"{answer}><fieldset>{asked}'
            f'</fieldset><p role="status"></p>{details}</form>')
