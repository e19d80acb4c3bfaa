"""Pairs of builds, and what was the same in both."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.patches import Rectangle

from ..image import Twins
from ..units import counted
from .style import DANGER, PAPER, RUN, Chart, canvas, finish

_ROW = 0.5
_COLUMNS = ("program", "layers", "image id")
_SAME, _OTHER = "\u2714 same", "\u2718 differs"


def twins(pairs: Mapping[str, Twins], program: str) -> Chart:
    """A row a pair, {what was done: the comparison}: is the file `program` the same in
    both builds, are the layers, is the image?"""
    figure, axes = canvas(0.35 + _ROW * len(pairs))
    held = {name: (pair.same(program), pair.layers, pair.image) for name, pair in pairs.items()}
    for row, answers in enumerate(held.values()):
        for column, same in enumerate(answers):
            axes.add_patch(Rectangle((column + 0.03, row - 0.42), 0.94, 0.84,
                                     facecolor=RUN if same else DANGER))
            axes.text(column + 0.5, row, _SAME if same else _OTHER, ha="center", va="center",
                      color=PAPER, fontweight="bold", fontsize=10)
    axes.set_xlim(0, len(_COLUMNS))
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.set_yticks(range(len(pairs)), list(pairs))
    axes.set_xticks([column + 0.5 for column in range(len(_COLUMNS))], _COLUMNS)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    told = "; ".join(f"{name}: " + ", ".join(f"{what} {'same' if same else 'differs'}"
                                             for what, same in zip(_COLUMNS, answers))
                     for name, answers in held.items())
    return finish(figure, _finding(held), told, source="Each row is two builds without the cache.")


def _finding(held: Mapping[str, tuple[bool, ...]]) -> str:
    first, last = list(held.items())[0], list(held.items())[-1]
    if all(last[1]):
        return f"{last[0]}: the same image twice, to the last bit"
    same = [what for what, is_same in zip(_COLUMNS, last[1]) if is_same]
    before = sum(first[1])
    return (f"{counted(before, 'part')} of {len(_COLUMNS)} the same at first, "
            f"{len(same)} at the end" + (f": {' and '.join(same)}" if same else ""))
