"""Questions: a prediction before an experiment, and a check after it.

Each shows a widget where there is one. In a saved notebook, or with no
widgets, it is plain HTML with the answer folded away, and a prediction can be
given as a plain value: `predict("How large?", unit="MB", value=300)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..text import escape
from ..units import ratio, size

if TYPE_CHECKING:
    from ipywidgets import Box, VBox

COMPARED = "multistage.compared"   # metadata of an output: the question, and what was measured
_WHOLE = {"width": "max-content"}   # else a long choice is cut, and its button with it
_UNITS = {"B": 1, "kB": 1000, "MB": 1_000_000, "GB": 1_000_000_000}


def predict(question: str, choices: Sequence[str] = (), *, unit: str = "",
            value: object = None) -> Prediction:
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
    said = asked.compare(kept["measured"])
    return {**output, "data": {"text/plain": repr(said), "text/html": said._repr_html_()}}


def ask(question: str, choices: Sequence[str], answer: str, because: str) -> Question:
    """A checked question. `answer` is one of `choices`, best computed by the run."""
    if answer not in choices:
        raise ValueError(f"{answer!r} is none of the choices {list(choices)}")
    return Question(question, tuple(choices), answer, because)


_asked: dict[str, Prediction] = {}   # what was asked in this session, by its question


class Prediction:
    """What the learner expects. `value` is None until something was said."""

    def __init__(self, question: str, choices: tuple[str, ...], unit: str, value: object):
        self.question = question
        self.choices = choices
        self.unit = unit
        self.value = value

    def compare(self, measured: object) -> Comparison:
        """Put the prediction beside what was measured (bytes, where the unit is one)."""
        return Comparison(self, measured)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict] | dict:
        number = f"in {self.unit}" if self.unit in _UNITS else "a number"
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
        entry.observe(lambda change: setattr(self, "value", change["new"]), "value")
        return VBox([label, entry])


class Comparison:
    """A prediction beside the measurement: shows itself, judges nobody."""

    def __init__(self, prediction: Prediction, measured: Any):
        self.prediction = prediction
        self.measured = measured

    def __repr__(self) -> str:
        predicted, unit = self.prediction.value, self.prediction.unit
        found = size(self.measured) if unit in _UNITS else self.measured
        if predicted is None or unit in _UNITS and not predicted:
            return f"You made no prediction. Measured: {found}."
        if unit not in _UNITS:
            return f"You predicted: {predicted}. Measured: {found}."
        expected = float(str(predicted)) * _UNITS[unit]
        if size(expected) == found:
            return f"You predicted {size(expected)}. Measured: {found}. Well guessed!"
        larger, smaller = max(expected, self.measured), min(expected, self.measured)
        way = "more" if self.measured > expected else "less"
        return (f"You predicted {size(expected)}. Measured: {found}, "
                f"{ratio(larger, smaller)} {way}.")

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        """Nothing to show beside the text: what is kept with it, for `retold`."""
        plain = self.measured if isinstance(self.measured, int | float) else str(self.measured)
        return {}, {COMPARED: {"question": self.prediction.question, "measured": plain}}


class Question:
    """A question with one right answer, which the learner gets told kindly."""

    def __init__(self, question: str, choices: tuple[str, ...], answer: str, because: str):
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

        told = HTML()
        entry = RadioButtons(options=self.choices, value=None, layout=_WHOLE)

        def answered(change: dict) -> None:
            told.value = f"<p role='status'>{escape(self.check(change['new']))}</p>"

        entry.observe(answered, "value")
        return VBox([HTML(f"<b>{escape(self.question)}</b>"), entry, told])


def with_widget(make: Callable[[], Box], plain: dict[str, str]) -> dict[str, Any]:
    """`plain`, and the widget's view in front of it where widgets are to be had."""
    try:
        view = make()._repr_mimebundle_()
    except ImportError:
        return {**plain}
    bundle = view[0] if isinstance(view, tuple) else view
    kept = {kind: data for kind, data in bundle.items() if kind not in plain}
    return {**plain, **kept}
