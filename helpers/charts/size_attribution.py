"""Four images, two by two, and what each of the two changes saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from ..experiments.size_attribution import Parts, Reduction, split
from ..image import Image
from ..units import listed, share, size
from .sizes import Part, bar_axis, bars, base_part, legend_of
from .style import BUILD, BUILD_OWN, DANGER, INK, PAPER, RUN, SHARED, Chart, canvas, finish

_ROW = 0.58        # inches of height for a bar
_GAP = 0.55        # rows between the images and what was saved
_APART = 0.6       # of the largest image: as wide as the two labels of a saving need
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
    found = [base_part(image, f"{'build tools' if image.base_role == 'build' else 'base'}: {image.base}"),
             Part("the application" if several else "tools and source brought in, left by the build",
                  image.own_bytes, RUN if several else BUILD_OWN)]
    return [part for part in found if part.count]


def _saved(axes: Axes, row: float, saved: Reduction, first: str) -> None:
    parts: Parts = saved.base_first if first == "base" else saved.stages_first
    cut = {"base": (parts.base, "smaller base", SHARED), "stages": (parts.stages, "second stage", BUILD)}
    order = [cut[first], *(each for name, each in cut.items() if name != first)]
    left = saved.multi_slim    # what remains stands at the left, where it does above
    words = [f"{name}: {size(count)}, {share(count, parts.total)}" for count, name, _ in order]
    largest = max(saved.single_full, saved.single_slim, saved.multi_full, saved.multi_slim)
    apart = min(parts.base, parts.stages) >= 0 and parts.total >= _APART * largest
    if not apart:   # no room for both at their ends
        axes.text(0, row - 0.3, f"  {'; '.join(words)}", va="bottom", fontsize=9, color=INK)
    # From the right end, where the largest image ends, the first change cuts first.
    for index, (count, _, colour) in enumerate(reversed(order)):
        # What costs goes back over the other, so it is drawn inside of it.
        axes.barh(row, count, left=left, height=0.46 if count >= 0 else 0.24, facecolor=PAPER,
                  edgecolor=colour if count >= 0 else DANGER, linestyle="--", linewidth=1.6)
        if apart:
            at, side = (left, "left") if index == 0 else (left + count, "right")
            axes.text(at, row - 0.3, words[1 - index], ha=side, va="bottom", fontsize=9, color=INK)
        left += count  # type: ignore[assignment]


def _finding(saved: Reduction) -> str:
    mean = saved.mean
    return (f"{size(saved.total)} saved: {share(mean.base, mean.total)} by the smaller base, "
            f"{share(mean.stages, mean.total)} by the second stage (mean of both orders)")


def _spoken(images: Sequence[Image], saved: Reduction) -> str:
    words = ", ".join(f"{name.replace(chr(10), ' ')}: {size(image.unpacked)}"
                     for name, image in zip(_NAMES, images))
    return f"{words}. {saved}"


# -- several reductions side by side -------------------------------------------------------

_LINE = 0.3        # inches of height for a bar
_HEAD = 1.1        # rows that a heading takes
_ALONE = ("smaller base alone", "second stage alone", "both")


def splits(fours: Mapping[str, Sequence[Image]]) -> Chart:
    """What each change saves without the other, and what both save: three bars for each of
    {name: four images, as `reduction` takes them}, on one scale. What costs goes left."""
    found = {name: split(*(image.unpacked for image in images)) for name, images in fours.items()}
    high = len(_ALONE) + _HEAD
    figure, axes = canvas(0.3 + _LINE * high * len(found))
    rows = [number * high + _HEAD + bar for number in range(len(found)) for bar in range(len(_ALONE))]
    values = [value for saved in found.values() for value in _alone(saved)]
    for row, value, colour in zip(rows, values, (SHARED, BUILD, RUN) * len(found)):
        axes.barh(row, value, height=0.8, facecolor=PAPER, linestyle="--", linewidth=1.6,
                  edgecolor=colour if value >= 0 else DANGER)
        words = size(value) if value >= 0 else f"costs {size(-value)}"
        axes.annotate(words, (max(value, 0), row), xytext=(6, 0), textcoords="offset points", va="center",
                      fontsize=9.5, fontweight="bold")
    largest = max([*values, 1])
    bar_axis(axes, largest, room=1.16)
    left = min([*values, 0])
    axes.set_xlim(left=1.05 * left)
    for number, (name, saved) in enumerate(found.items()):
        top = number * high
        axes.text(1.05 * left, top + 0.1, f"{name}: {_shares(saved)}", va="center", fontsize=10, color=INK)
        axes.vlines(0, top + _HEAD - 0.5, top + high - 0.6, color=SHARED, linewidth=0.8)
    axes.spines["left"].set_visible(False)
    axes.set_yticks(rows, _ALONE * len(found), fontsize=9.5)
    axes.set_ylim(high * len(found) - 0.4, -0.5)
    images = [image for four in fours.values() for image in four]
    return finish(figure, _needed(found), _all_spoken(found), images, hatched=False)


def _alone(saved: Reduction) -> tuple[float, float, float]:
    """Bytes: by the base alone, by the stages alone, by both."""
    return saved.base_first.base, saved.stages_first.stages, saved.total


def _shares(saved: Reduction) -> str:
    mean = saved.mean
    return (f"{share(mean.base, mean.total)} by the base, {share(mean.stages, mean.total)} by the stages "
            "(mean of both orders)")


def _needed(found: Mapping[str, Reduction]) -> str:
    """Where most of the saving needs both changes."""
    both = [name for name, saved in found.items() if saved.together > saved.total / 2 > 0]
    if not both:
        most = max(found, key=lambda name: found[name].total)
        total = found[most].total
        return f"Both changes save {size(total)} in {most}" if total > 0 else "Both changes save nothing"
    where = "" if len(both) == len(found) else f" in {listed(both)}"
    return f"Neither change saves much without the other{where}"


def _all_spoken(found: Mapping[str, Reduction]) -> str:
    said = []
    for name, saved in found.items():
        words = ", ".join(f"{what} {size(value) if value >= 0 else f'costs {size(-value)}'}"
                         for what, value in zip(_ALONE, _alone(saved)))
        said.append(f"{name}: {words}; {_shares(saved)}.")
    return " ".join(said)
