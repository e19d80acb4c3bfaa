"""The hints of an exercise: the folds in its task.md, one at a time."""

from __future__ import annotations

import re

from .exercise import Exercise

_FOLD = re.compile(r"<details>\s*<summary>\s*Hint\b[^<]*</summary>\s*(.*?)\s*</details>", re.S | re.I)


def hints(exercise: Exercise) -> tuple[str, ...]:
    """Their texts, in Markdown, in order."""
    return tuple(_FOLD.findall(exercise.task))


def how(exercise: Exercise, taken: int) -> str:
    """How to get the next one; '' if there is none."""
    there = len(hints(exercise))
    return (f"Hint {taken + 1} of {there} is there if you want it: `%hint {exercise.name}`, or "
            f"`python -m helpers hint {exercise.name}`.") if taken < there else ""
