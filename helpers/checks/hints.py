"""The hints of an exercise: the folded sections of its task.md, shown one at a time."""

import re

from .exercise import Exercise

_FOLD = re.compile(r"<details>\s*<summary>\s*Hint\b[^<]*</summary>\s*(.*?)\s*</details>\s*", re.S | re.I)


def hints(exercise: Exercise) -> tuple[str, ...]:
    """The hints in Markdown, in order."""
    return tuple(_FOLD.findall(exercise.task))


def task_without_hints(exercise: Exercise) -> str:
    """The text of task.md without the hints."""
    return _FOLD.sub("", exercise.task).strip()


def next_hint(exercise: Exercise, taken: int) -> str:
    """A sentence on how to get the hint after `taken` hints; '' if there are no more."""
    there = len(hints(exercise))
    return (f"Hint {taken + 1} of {there} is there if you want it: `%hint {exercise.name}`, or "
            f"`python -m helpers hint {exercise.name}`.") if taken < there else ""
