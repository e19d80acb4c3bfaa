"""The hints of an exercise at the press of a button, the smallest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..checks import Exercise, hints, progress
from ..units import counted
from ..views.exercises import MarkdownText
from .ask import with_widget

if TYPE_CHECKING:
    from ipywidgets import VBox


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
