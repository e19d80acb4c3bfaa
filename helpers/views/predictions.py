"""You against the engine: every prediction of the lessons, beside what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property

from ..checks.progress import Predicted
from ..questions import asked
from ..text import escape
from ..units import counted
from .markup import marked, table

_MARKS = {"right": ("✔", "#0072B2"), "not right": ("✘", "#D55E00")}
_NEAR = ("≈", "#9A6A00")    # a number, with how far off it was
_NONE = ("You have made no prediction yet. The lessons ask for one before each experiment; come back when you have "
         "made some.")


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
