"""You against the engine: every prediction beside what came out. You and the class: what others answered."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from ..checks.progress import Predicted
from ..questions import asked
from ..text import escape
from ..units import counted
from .markup import BAD, FAIR, GOOD, marked, table

_MARKS = {"right": ("✔", GOOD), "not right": ("✘", BAD)}
_NEAR = ("≈", FAIR)    # a number, with how far off it was
_NONE = ("You have made no prediction yet. The lessons ask for one before each experiment; come back when you have "
         "made some.")
_NOTHING_REVEALED = ("There is nothing to compare yet: your instructor has revealed none of the questions that you "
                     "have answered.")
_BAR = 20    # characters of the longest


class Scores:
    """What was predicted, `made`, in the order of the lessons."""

    def __init__(self, made: Mapping[str, Predicted]):
        self.made = made

    @cached_property
    def rows(self) -> list[tuple[str, str, Predicted]]:
        """The lesson's number, the question, and what was predicted. Questions that no lesson asks any more
        come last, with no number."""
        lessons = {each.question: each.lesson[:2] for each in asked() if each.predicted}
        order = [*(each for each in lessons if each in self.made), *(each for each in self.made if each not in lessons)]
        return [(lessons.get(each, ""), each, self.made[each]) for each in order]

    def _sum(self) -> str:
        count = Counter(each.how for each in self.made.values())
        off = len(self.made) - count["right"] - count["not right"]
        return (f"{counted(len(self.made), 'prediction')}: {count['right']} right, {count['not right']} not right"
                + (f", {counted(off, 'number')} off" if off else "") + ".")

    def __repr__(self) -> str:
        if not self.made:
            return _NONE
        return "\n".join([self._sum()] + [
            f"{lesson:>2}  {question}\n      You: {each.said}. Engine: {each.found}. {each.how.capitalize()}."
            for lesson, question, each in self.rows])

    def _repr_html_(self) -> str:
        if not self.made:
            return f"<p>{_NONE}</p>"
        rows = [(lesson, *map(escape, (question, each.said, each.found)), marked(mark, each.how, colour))
                for lesson, question, each in self.rows for mark, colour in [_MARKS.get(each.how, _NEAR)]]
        return table(("lesson", "question", "you", "the engine", "how close"), rows, self._sum())


class YouAndTheClass:
    """Questions that were revealed, as the class view has them: {question, mine, answers [{answer, count, engine}]}."""

    def __init__(self, questions: Sequence[Mapping[str, Any]]):
        self.questions = questions

    def __repr__(self) -> str:
        return "\n\n".join("\n".join([each["question"], *("  " + "  ".join(filter(None, row)) for row in _rows(each))])
                           for each in self.questions) or _NOTHING_REVEALED

    def _repr_html_(self) -> str:
        head = "answer", "learners", "", ""
        return "".join(table(head, [[*map(escape, row)] for row in _rows(each)], each["question"], right=(1,))
                       for each in self.questions) or f"<p>{_NOTHING_REVEALED}</p>"


def _rows(question: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """(answer, how many, a bar, who) of each answer."""
    most = max(each["count"] for each in question["answers"])
    return [(each["answer"], str(each["count"]), "█" * round(_BAR * each["count"] / most),
             ", ".join(["you"] * (each["answer"] == question["mine"]) + ["the engine"] * each["engine"]))
            for each in question["answers"]]
