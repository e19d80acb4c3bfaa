"""Four images, two by two, and what each of the two changes saved."""

from __future__ import annotations

from collections.abc import Sequence

from ..image import Image
from ..reduction import Parts, Reduction, split
from ..units import share, size
from .sizes import Part, bars, legend_of
from .style import BUILD, BUILD_OWN, INK, PAPER, RUN, SHARED, Chart, canvas, finish

_ROW = 0.58        # inches of height for a bar
_GAP = 0.55        # rows between the images and what was saved
_NAMES = ("one stage,\nfull base", "one stage,\nslim base", "several stages,\nfull base",
          "several stages,\nslim base")


def reduction(images: Sequence[Image]) -> Chart:
    """The images (single on full, single on slim, multi on full, multi on slim) on one
    scale, and below them what the smaller base and the second stage saved, in both orders."""
    saved = split(*(image.unpacked for image in images))
    stacks = [_parts(image, several=index > 1) for index, image in enumerate(images)]
    figure, axes = canvas(0.4 + _ROW * (len(images) + 2 + _GAP))
    bars(axes, stacks, _NAMES)
    rows = [len(images) + _GAP, len(images) + _GAP + 1]
    for row, order in zip(rows, ("base", "stages")):
        _saved(axes, row, saved, order)
    axes.set_yticks([*range(len(images)), *rows],
                    [*_NAMES, "saved,\nbase first", "saved,\nstages first"], fontsize=10)
    axes.set_ylim(rows[-1] + 0.5, -0.6)
    axes.axhline(len(images) - 1 + (1 + _GAP) / 2, color=SHARED, linewidth=0.8)
    return finish(figure, _finding(saved), _spoken(images, saved), images, legend=legend_of(stacks))


def _parts(image: Image, several: bool) -> list[Part]:
    """Base and own layers. What one stage adds is the build's, what the last of
    several adds is the application, whatever they stand on."""
    below, building = image.unpacked - image.own_bytes, image.base_role == "build"
    found = [Part(f"{'build tools' if building else 'base'}: {image.base}", below,
                  BUILD if building else SHARED, image.stand_in is not None),
             Part("the application" if several else "tools and source brought in, left by the build",
                  image.own_bytes, RUN if several else BUILD_OWN)]
    return [part for part in found if part.count]


def _saved(axes, row: float, saved: Reduction, first: str) -> None:
    parts: Parts = saved.base_first if first == "base" else saved.stages_first
    cut = {"base": (parts.base, "smaller base", SHARED), "stages": (parts.stages, "second stage", BUILD)}
    order = [cut[first], *(each for name, each in cut.items() if name != first)]
    left = saved.multi_slim    # what remains stands at the left, where it does above
    # From the right end, where the largest image ends, the first change cuts first.
    for index, (count, name, colour) in enumerate(reversed(order)):
        axes.barh(row, count, left=left, height=0.46, facecolor=PAPER, edgecolor=colour,
                  linestyle="--", linewidth=1.6)
        at, side = (left, "left") if index == 0 else (left + count, "right")
        axes.text(at, row - 0.3, f"{name}: {size(count)}, {share(count, parts.total)}", ha=side,
                  va="bottom", fontsize=9, color=INK)
        left += count


def _finding(saved: Reduction) -> str:
    mean = saved.mean
    return (f"{size(saved.total)} saved: {share(mean.base, mean.total)} by the smaller base, "
            f"{share(mean.stages, mean.total)} by the second stage (mean of both orders)")


def _spoken(images: Sequence[Image], saved: Reduction) -> str:
    told = ", ".join(f"{name.replace(chr(10), ' ')}: {size(image.unpacked)}"
                     for name, image in zip(_NAMES, images))
    return f"{told}. {saved}"
