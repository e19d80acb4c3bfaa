"""Four images, two by two, and what each of the two changes saves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..experiments.size_attribution import Reduction, split
from ..image import Image
from ..units import listed, size
from .sizes import Part, bar, bar_axis, base_part, legend_of
from .style import BUILD_OWN, DANGER, FAINT, INK, PALE, RUN, SHARED, Chart, canvas, finish

_ROW = 0.58        # inches of height for a bar
_NAMES = ("one stage,\nfull base", "one stage,\nslim base", "several stages,\nfull base",
          "several stages,\nslim base")
_ALONE = ("smaller base alone", "second stage alone", "both")
_LINE = 0.3        # inches of height for a bar of a saving
_HEAD = 1.1        # rows that a heading takes


def reduction(images: Sequence[Image]) -> Chart:
    """The images (single on full, single on slim, multi on full, multi on slim) on one
    scale, each with what it saves next to the first."""
    saved = split(*(image.unpacked for image in images))
    stacks = [_parts(image, several=index > 1) for index, image in enumerate(images)]
    figure, axes = canvas(0.4 + _ROW * len(images))
    for row, (image, stack, less) in enumerate(zip(images, stacks, (0, *_alone(saved)), strict=True)):
        bar(axes, row, stack, size(image.unpacked) + (f", {_saves(less)}" if row else ""), height=0.66, bold=True)
    axes.set_yticks(range(len(images)), _NAMES, fontsize=10)
    axes.set_ylim(len(images) - 0.4, -0.6)
    bar_axis(axes, max(image.unpacked for image in images), room=1.5)
    words = ", ".join(f"{name.replace(chr(10), ' ')}: {size(image.unpacked)}" for name, image in zip(_NAMES, images))
    base, stages, both = _alone(saved)
    title = f"A smaller base alone {_saves(base)}, a second stage alone {_saves(stages)}; together they "
    return finish(figure, title + _saves(both, "save", "cost"), words, images, legend=legend_of(stacks))


def _parts(image: Image, several: bool) -> list[Part]:
    """Base and own layers. What one stage adds is the build's, what the last of
    several adds is the application, whatever they stand on."""
    found = [base_part(image, f"{'base with build tools' if image.base_role == 'build' else 'base'}: {image.base}"),
             Part("the application" if several else "tools and source brought in, left by the build",
                  image.own_bytes, RUN if several else BUILD_OWN)]
    return [part for part in found if part.count]


def _alone(saved: Reduction) -> tuple[float, float, float]:
    """Bytes: by the base alone, by the stages alone, by both."""
    return saved.base, saved.stages, saved.total


def _saves(count: float, saves: str = "saves", costs: str = "costs") -> str:
    return f"{saves if count >= 0 else costs} {size(abs(count))}"


def splits(fours: Mapping[str, Sequence[Image]]) -> Chart:
    """What each change saves without the other, and what both save: three bars for each of
    {name: four images, as `reduction` takes them}, on one scale. What costs goes left."""
    found = {name: split(*(image.unpacked for image in images)) for name, images in fours.items()}
    high = len(_ALONE) + _HEAD
    figure, axes = canvas(0.3 + _LINE * high * len(found))
    rows = [number * high + _HEAD + bar for number in range(len(found)) for bar in range(len(_ALONE))]
    values = [value for saved in found.values() for value in _alone(saved)]
    for row, value in zip(rows, values):
        edge = SHARED if value >= 0 else DANGER
        axes.barh(row, value, height=0.8, facecolor=PALE[edge], edgecolor=FAINT if value >= 0 else edge)
        axes.annotate(f"{'' if value >= 0 else chr(0x2718) + ' '}{_saves(value)}", (max(value, 0), row), xytext=(6, 0),
                      textcoords="offset points", va="center", fontsize=9.5, fontweight="bold")
    bar_axis(axes, max([*values, 1]), room=1.22)
    left = min([*values, 0])
    axes.set_xlim(left=1.05 * left)
    for number, name in enumerate(found):
        top = number * high
        axes.text(1.05 * left, top + 0.1, name, va="center", fontsize=10.5, fontweight="bold", color=INK)
        axes.vlines(0, top + _HEAD - 0.5, top + high - 0.6, color=SHARED, linewidth=0.8)
    axes.spines["left"].set_visible(False)
    axes.set_yticks(rows, _ALONE * len(found), fontsize=9.5)
    axes.set_ylim(high * len(found) - 0.4, -0.5)
    images = [image for four in fours.values() for image in four]
    alt = " ".join(f"{name}: {', '.join(f'{what} {_saves(value)}' for what, value in zip(_ALONE, _alone(saved)))}."
                   for name, saved in found.items())
    return finish(figure, _needed(found), alt, images)


def _needed(found: Mapping[str, Reduction]) -> str:
    """Where most of the saving needs both changes."""
    both = [name for name, saved in found.items() if saved.together > saved.total / 2 > 0]
    if not both:
        most = max(found, key=lambda name: found[name].total)
        total = found[most].total
        return f"Both changes save {size(total)} in {most}" if total > 0 else "Both changes save nothing"
    where = "" if len(both) == len(found) else f" in {listed(both)}"
    return f"Neither change saves much without the other{where}"
