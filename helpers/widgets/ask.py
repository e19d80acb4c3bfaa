"""Questions: a prediction before an experiment, a check after it, and the hints of an exercise.

Each shows a widget where there is one. In a saved notebook, or with no widgets, it is plain HTML with the answer folded
away, and a prediction can be given as a plain value: `predict("How large?", unit="MB", value=300)`.

What was predicted is kept with what came out. The questions with one right answer stand in notebooks/questions.toml, so
that a cell does not show the answer above its question.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..checks import Exercise, hints, progress
from ..classroom.live import client
from ..errors import CourseError
from ..questions import NONE_OF_THESE, UNITS, quiz, written
from ..text import escape
from ..units import counted, ratio
from ..views.exercises import MarkdownText

if TYPE_CHECKING:
    from ipywidgets import Box, VBox

COMPARED = "multistage.compared"   # metadata of an output: the question, and what was measured
_WHOLE = {"width": "max-content"}   # else a long choice is cut, and its button with it


def predict(question: str, choices: Sequence[str] = (), *, unit: str = "", value: object = None) -> Prediction:
    """Ask for a prediction: one of `choices`, or a number in `unit`."""
    _asked[question] = Prediction(question, tuple(choices), unit, value)
    return _asked[question]


def retold(output: Mapping) -> Mapping:
    """An output as nbformat has it. If it compares the measurement of another session with a
    prediction, then with what was predicted in this one."""
    kept = output.get("metadata", {}).get(COMPARED)
    asked = _asked.get(kept["question"]) if kept else None
    if asked is None:
        return output
    said = asked.compare(kept["measured"], recorded=True)
    return {**output, "data": {"text/plain": repr(said), "text/html": said._repr_html_()}}


def ask(name: str, found: object = "") -> Question:
    """The question of that name in notebooks/questions.toml. Where its answer depends on the run,
    `found` is what was measured.

    Raises KeyError for a name that is not there, ValueError for an answer that is none of the choices.
    """
    facts = quiz()[name]
    answer = facts.get("answer", found)
    if isinstance(answer, dict):
        answer = answer.get(str(found), answer.get("else"))
    return Question(facts["question"], tuple(facts["choices"]), answer, facts["because"].replace("{found}", str(found)))


_asked: dict[str, Prediction] = {}   # what was asked in this session, by its question


class Prediction:
    """What the learner expects. `value` is None until something was said."""

    def __init__(self, question: str, choices: tuple[str, ...], unit: str, value: object):
        self.question = question
        self.choices = choices
        self.unit = unit
        self.value = value

    def compare(self, measured: object, *, recorded: bool = False) -> Comparison:
        """Put the prediction beside what came out, and keep both.

        `measured` is a number (bytes, where the unit is one), a choice, or {choice: whether it came out}; where
        nothing could be measured, None or another object that is false. `recorded`: it was not measured here.
        Raises ValueError for a key that is none of the choices.
        """
        if measured and isinstance(measured, Mapping):
            if unknown := set(measured) - set(self.choices):
                raise ValueError(f"{unknown} are none of the choices {list(self.choices)}")
            measured = next((choice for choice, true in measured.items() if true), NONE_OF_THESE)
        compared = Comparison(self, measured)
        if compared.said:
            found = compared.found + " (recorded)" * recorded
            with contextlib.suppress(OSError, CourseError):     # a lesson goes on without
                progress.predicted(self.question, compared.said, found, compared.how)
            client.answer(self.question, self.given, None if recorded else compared.found if self.choices else measured)
        return compared

    @property
    def given(self) -> str | float:
        """The choice, or the number in the unit's smallest; '' or 0 where nothing was predicted."""
        if self.choices:
            return "" if self.value is None else str(self.value)
        return _number(self.value) * UNITS.get(self.unit, 1)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict] | dict:
        number = f"in {self.unit}" if self.unit in UNITS else "a number"
        options = f" ({' / '.join(self.choices) or number})"
        text = f"Your prediction: {self.question}{options}"
        shown = f"<p><b>Your prediction:</b> {escape(self.question + options)}</p>"
        return with_widget(self._widget, {"text/html": shown, "text/plain": text})

    def _widget(self) -> VBox:
        from ipywidgets import HTML, FloatText, RadioButtons, VBox

        label = HTML(f"<b>Your prediction:</b> {escape(self.question)}")
        if self.choices:
            entry = RadioButtons(options=self.choices, value=None, layout=_WHOLE)
        else:
            entry = FloatText(description=self.unit)   # 0 says that nothing was predicted
        entry.observe(self._entered, "value")
        return VBox([label, entry])

    def _entered(self, change: Mapping[str, Any]) -> None:
        self.value = change["new"]
        client.answer(self.question, self.given)


class Comparison:
    """A prediction beside what came out: shows itself, judges nobody.

    said, found  both in words; '' where nothing was predicted, or measured
    how          'right', 'not right', or how far off: '3.19 times more'
    """

    def __init__(self, prediction: Prediction, measured: Any):
        self.prediction = prediction
        self.measured = measured
        self.said, self.found, self.how = "", str(measured), ""
        if not measured and not isinstance(measured, str | int | float):
            self.found = ""
            return
        given = prediction.given
        if isinstance(given, str):
            self.said, self.how = given, "right" if given == self.found else "not right"
            return
        self.found = written(measured, prediction.unit)
        if given:
            self.said, self.how = written(given, prediction.unit), _distance(given, measured)
            self.how = "right" if self.said == self.found else self.how

    def __repr__(self) -> str:
        found = self.found.rstrip(".")
        if not found:
            return "Nothing was measured here, so there is nothing to compare."
        if not self.said:
            return f"You made no prediction. Measured: {found}."
        if not self.prediction.choices:
            end = ". Well guessed!" if self.how == "right" else f", {self.how}."
            return f"You predicted {self.said}. Measured: {found}{end}"
        end = "Well guessed!" if self.how == "right" else "Not what you expected."
        return f"You predicted: {self.said.rstrip('.')}. Measured: {found}. {end}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        """Nothing to show beside the text: what is kept with it, for `retold`."""
        plain = self.measured if isinstance(self.measured, int | float) else str(self.measured)
        return {}, {COMPARED: {"question": self.prediction.question, "measured": plain}}


def _number(value: object) -> float:
    """The number that was predicted; 0 for none, which an empty field gives too."""
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return 0.0


def _distance(expected: float, measured: float) -> str:
    way = "more" if measured > expected else "less"
    return f"{ratio(max(expected, measured), min(expected, measured))} {way}"


class Question:
    """A question with one right answer, and the words for the one that was given."""

    def __init__(self, question: str, choices: tuple[str, ...], answer: str, because: str):
        if answer not in choices:
            raise ValueError(f"{answer!r} is none of the choices {list(choices)}")
        self.question = question
        self.choices = choices
        self.answer = answer
        self.because = because

    def check(self, choice: str) -> str:
        """The words for a choice."""
        if choice == self.answer:
            return f"Yes. {self.because}"
        return f"Not quite. It is: {self.answer}. {self.because}"

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict] | dict:
        items = "".join(f"<li>{escape(choice)}</li>" for choice in self.choices)
        shown = (f"<p><b>{escape(self.question)}</b></p><ul>{items}</ul>"
                 f"<details><summary>Answer</summary><p>{escape(self.answer)}. "
                 f"{escape(self.because)}</p></details>")
        text = f"{self.question}\n" + "\n".join(f"  - {choice}" for choice in self.choices)
        return with_widget(self._widget, {"text/html": shown, "text/plain": text})

    def _widget(self) -> VBox:
        from ipywidgets import HTML, RadioButtons, VBox

        verdict = HTML()
        entry = RadioButtons(options=self.choices, value=None, layout=_WHOLE)

        def answered(change: dict) -> None:
            verdict.value = f"<p role='status'>{escape(self.check(change['new']))}</p>"
            client.answer(self.question, change["new"], self.answer)

        entry.observe(answered, "value")
        return VBox([HTML(f"<b>{escape(self.question)}</b>"), entry, verdict])


def with_widget(make: Callable[[], Box], plain: dict[str, str]) -> dict[str, Any]:
    """`plain`, and the widget's view in front of it where widgets are to be had."""
    try:
        view = make()._repr_mimebundle_()
    except ImportError:
        return {**plain}
    bundle = view[0] if isinstance(view, tuple) else view
    kept = {kind: data for kind, data in bundle.items() if kind not in plain}
    return {**plain, **kept}


def hint_text(there: Sequence[str], number: int) -> MarkdownText:
    """A hint under its number, from 1."""
    return MarkdownText(f"**Hint {number} of {len(there)}**\n\n{there[number - 1]}")


class HintButton:
    """A button for the hints of an exercise; where there are no widgets, a sentence on `%hint`."""

    def __init__(self, exercise: Exercise):
        self.exercise, self.hints = exercise, hints(exercise)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict] | dict:
        line = f"%hint {self.exercise.name}"
        said = f"{counted(len(self.hints), 'hint')}, the smallest first. {{}} in its own cell shows the next."
        return with_widget(self._widget, {"text/plain": said.format(line),
                                          "text/html": f"<p>{said.format(f'<code>{line}</code>')}</p>"})

    def _widget(self) -> VBox:
        from ipywidgets import Button, Output, VBox

        left = list(range(1, len(self.hints) + 1))
        button, out = Button(description=f"Hint 1 of {len(left)}"), Output()

        def clicked(_: object) -> None:
            number = left.pop(0)
            if number > progress.load().record(self.exercise.name).hints:
                progress.hinted(self.exercise.name, len(self.hints))
            out.append_display_data(hint_text(self.hints, number))
            button.disabled = not left
            button.description = f"Hint {number + 1} of {len(self.hints)}" if left else "No more hints"

        button.on_click(clicked)
        return VBox([button, out])
