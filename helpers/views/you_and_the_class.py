"""You and the class: what others answered to the same question, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..text import escape
from .markup import table

_NONE = "There is nothing to compare yet: your instructor has revealed none of the questions that you have answered."
_BAR = 20    # characters of the longest


class YouAndTheClass:
    """Questions that were revealed, as the class view has them: {question, mine, answers [{answer, count, engine}]}."""

    def __init__(self, questions: Sequence[Mapping[str, Any]]):
        self.questions = questions

    def __repr__(self) -> str:
        return "\n\n".join("\n".join([each["question"], *("  " + "  ".join(filter(None, row)) for row in _rows(each))])
                           for each in self.questions) or _NONE

    def _repr_html_(self) -> str:
        head = "answer", "learners", "", ""
        return "".join(table(head, [[*map(escape, row)] for row in _rows(each)], each["question"], right=(1,))
                       for each in self.questions) or f"<p>{_NONE}</p>"


def _rows(question: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """(answer, how many, a bar, who) of each answer."""
    most = max(each["count"] for each in question["answers"])
    return [(each["answer"], str(each["count"]), "█" * round(_BAR * each["count"] / most),
             ", ".join(["you"] * (each["answer"] == question["mine"]) + ["the engine"] * each["engine"]))
            for each in question["answers"]]
