"""What an intruder managed, image by image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.patches import Patch, Rectangle

from ..container.attack import AttackResult
from ..image import Image
from ..units import counted
from .style import DANGER, INK, PALE, RUN, Chart, canvas, finish

_CELL_HIGH = 0.4   # inches


def tries(found: Mapping[str, Sequence[AttackResult]], images: Sequence[Image] = ()) -> Chart:
    """A grid: a row a try, a column an image ({its name: its tries})."""
    names, columns = list(found), list(found.values())
    whats = [each.what for each in columns[0]]
    figure, axes = canvas(0.4 + _CELL_HIGH * len(whats))
    for column, done in enumerate(columns):
        for row, each in enumerate(done):
            colour, mark = (DANGER, "✘ works") if each.worked else (RUN, "✔ fails")
            axes.add_patch(Rectangle((column + 0.02, row + 0.06), 0.96, 0.88, facecolor=PALE[colour],
                                     edgecolor=colour, linewidth=1))
            axes.text(column + 0.5, row + 0.5, mark, ha="center", va="center", color=INK, fontsize=10.5,
                      fontweight="bold" if each.worked else "normal")
    axes.set_xlim(0, len(names))
    axes.set_ylim(len(whats), 0)
    axes.set_xticks([column + 0.5 for column in range(len(names))], names, fontweight="bold")
    axes.xaxis.tick_top()
    axes.set_yticks([row + 0.5 for row in range(len(whats))], whats)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    legend = [Patch(facecolor=PALE[DANGER], edgecolor=DANGER, label="✘ the intruder can"),
              Patch(facecolor=PALE[RUN], edgecolor=RUN, label="✔ the intruder cannot")]
    return finish(figure, _finding(names, columns), _spoken(names, columns), images, legend=legend, hatched=False)


def _finding(names: Sequence[str], columns: Sequence[Sequence[AttackResult]]) -> str:
    worked = [sum(each.worked for each in done) for done in columns]
    most, least = max(range(len(names)), key=worked.__getitem__), min(range(len(names)), key=worked.__getitem__)
    if worked[most] == worked[least]:
        return f"{worked[most]} of {counted(len(columns[0]), 'try').replace('trys', 'tries')} work in every image"
    return f"{names[most]}: {worked[most]} of {len(columns[0])} tries work. {names[least]}: {worked[least]}"


def _spoken(names: Sequence[str], columns: Sequence[Sequence[AttackResult]]) -> str:
    return " ".join(f"{name}: " + ", ".join(f"{each.what} {'works' if each.worked else 'fails'}" for each in done) + "."
                    for name, done in zip(names, columns))
