"""The chart: a dot for each learner, a row for each thing that it waits for."""

from __future__ import annotations

import statistics
from datetime import date

from helpers.charts.style import DANGER, FAINT, PAPER, RUN, Chart, canvas, finish
from helpers.units import counted, seconds

from .figures import AIMS, Load, at
from .learners import BUILD, CHECK, LAB

_ROWS = (LAB, BUILD, CHECK)
_SPREAD = 0.28     # of a row, over which its dots lie


def chart(load: Load) -> Chart:
    """Seconds that each learner waited, with the median, the 95th percentile and the aim of each row."""
    rows = [(what, values) for what in _ROWS if (values := sorted(load.values(what)))]
    figure, axes = canvas(0.6 + 0.75 * len(rows))
    for row, (what, values) in enumerate(rows):
        heights = [row + _SPREAD * (2 * ((7 * place) % len(values)) / max(len(values) - 1, 1) - 1)
                   for place in range(len(values))]
        axes.plot(values, heights, "o", color=RUN, markersize=5, markeredgecolor=PAPER, markeredgewidth=0.5, zorder=2)
        axes.plot([AIMS[what]] * 2, [row - 0.4, row + 0.4], color=DANGER, linestyle="--", linewidth=1.2, zorder=1)
        axes.annotate(_words(values, AIMS[what]), (1, row - 0.4), xycoords=("axes fraction", "data"), ha="right",
                      fontsize=8, color=FAINT)
    axes.set_yticks(range(len(rows)), [what for what, _ in rows])
    axes.set_ylim(len(rows) - 0.45, -0.6)
    axes.set_xlim(0, max(AIMS[LAB], *(max(values) for _, values in rows)) * 1.05)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} s")
    axes.tick_params(axis="x", labelsize=9, colors=FAINT)
    axes.tick_params(axis="y", length=0)
    title = (f"{counted(len(load.others), 'learner')} waited for their first build at most "
             f"{seconds(max(load.values(BUILD), default=0))}")
    alt = ". ".join(f"{what}: {_words(values, AIMS[what])}" for what, values in rows)
    return finish(figure, title, alt, source=f"A dot is a learner who waits; dashed: the aim at the 95th percentile. "
                                             f"Measured {date.today().isoformat()} on {load.machine}.")


def _words(values: list[float], aim: float) -> str:
    return f"median {seconds(statistics.median(values))}, 95th percentile {seconds(at(0.95, values))}, aim {seconds(aim)}"
