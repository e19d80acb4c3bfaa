"""Every run of two samples, drawn, with its medians."""

from __future__ import annotations

from collections.abc import Sequence

from ..experiments.significance import SpeedComparison
from ..image import Image
from ..units import seconds
from .style import BUILD, FAINT, INK, RUN, Chart, canvas, finish, footnote

_ROW = 0.85
_SPREAD = 0.24     # rows that the dots of a sample are spread over


def runs(compared: SpeedComparison, names: Sequence[str], images: Sequence[Image] = ()) -> Chart:
    """A dot a run, in the order they were made from top to bottom, and the median as a
    line. `names` of the first and the second sample; the second is drawn above."""
    figure, axes = canvas(0.45 + _ROW * 2)
    samples = list(zip((compared.second, compared.first), reversed(names), (BUILD, RUN),
                       reversed(compared.medians)))
    for row, (sample, _, colour, middle) in enumerate(samples):
        heights = [row + _SPREAD * (2 * place / max(len(sample) - 1, 1) - 1) for place in range(len(sample))]
        axes.plot(sample, heights, "o", color=colour, markersize=6, markeredgecolor="white",
                  markeredgewidth=0.6, clip_on=False)
        axes.plot([middle, middle], [row - 0.34, row + 0.34], color=INK, linewidth=2)
        axes.annotate(f"median {seconds(middle)}", (middle, row - 0.34), xytext=(3, 2),
                      textcoords="offset points", va="bottom", fontsize=9)
    axes.set_yticks([0, 1], [f"{name}\n{len(sample)} runs" for sample, name, *_ in samples])
    axes.set_ylim(1.45, -0.65)
    axes.set_xlim(0, max(*compared.first, *compared.second) * 1.15)
    axes.xaxis.set_major_formatter(lambda value, _: seconds(value) if value else "0")
    axes.tick_params(axis="x", labelsize=9, colors=FAINT)
    axes.tick_params(axis="y", length=0)
    # No bar is hatched here; that the images rest on stand-ins is to be said all the same.
    source = footnote(images).replace("Hatched: ", "")
    return finish(figure, _finding(compared, names), _spoken(compared, names), source=source)


def _finding(compared: SpeedComparison, names: Sequence[str]) -> str:
    one, two = map(seconds, compared.medians)
    what = "First answer" if compared.faster else "No faster"
    return f"{what}: {names[0]} after {one}, {names[1]} after {two}"


def _spoken(compared: SpeedComparison, names: Sequence[str]) -> str:
    told = ". ".join(
        f"{name}: {len(sample)} runs from {seconds(min(sample))} to {seconds(max(sample))}, "
        f"median {seconds(middle)}"
        for name, sample, middle in zip(names, (compared.first, compared.second), compared.medians))
    return f"{told}. {compared}"
