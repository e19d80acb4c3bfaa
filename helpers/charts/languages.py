"""Every language, built in one stage and in several: how large, and which tools are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from ..image import Image
from ..inventory import BUILDING, KINDS, Inventory
from ..units import counted, ratio, size
from .sizes import Part, bar_axis, legend_of
from .style import (
    BUILD,
    BUILD_OWN,
    DANGER,
    FAINT,
    HATCH,
    INK,
    PALE,
    RUN,
    SHARED,
    Chart,
    canvas,
    finish,
)

_BAR = 0.27        # inches of height
_APART = 0.6       # bars between one language and the next
_CELL_HIGH = 0.36  # inches


def languages(pairs: Mapping[str, tuple[Image, Image]]) -> Chart:
    """A pair of bars a language, {its name: (one stage, several)}, on one linear scale."""
    figure, axes = canvas(0.3 + _BAR * len(pairs) * (2 + _APART))
    stacks, rows = [], []
    for number, (one, several) in enumerate(pairs.values()):
        told = size(several.unpacked)
        if several.unpacked < one.unpacked:
            told += f", {ratio(one.unpacked, several.unpacked)} smaller"
        first = number * (2 + _APART)
        for row, image, words, build in ((first, one, size(one.unpacked), True), (first + 1, several, told, False)):
            stack = _parts(image, build)
            _bar(axes, row, stack, words)
            stacks.append(stack)
        rows.append(first + 0.5)
    axes.set_yticks(rows, list(pairs), fontweight="bold")
    axes.set_ylim((len(pairs) - 1) * (2 + _APART) + 1.6, -0.6)
    bar_axis(axes, max(image.unpacked for pair in pairs.values() for image in pair), room=1.16)
    images = [image for pair in pairs.values() for image in pair]
    return finish(figure, _finding(pairs), _spoken(pairs), images, legend=legend_of(stacks))


def _bar(axes: Axes, row: float, stack: Sequence[Part], words: str) -> None:
    left = 0
    for part in stack:
        axes.barh(row, part.count, left=left, color=part.colour, edgecolor="white", height=0.94,
                  hatch=HATCH if part.hatched else None)
        left += part.count
    axes.annotate(words, (left, row), xytext=(5, 0), textcoords="offset points", va="center",
                  fontsize=9.5, fontweight="bold")


def _parts(image: Image, build: bool) -> list[Part]:
    """Base and own layers: `build` for the image of one stage, whose own layers are what
    the build left."""
    building = image.base_role == "build"
    # One legend for all: hatched where it is a stand-in, whatever the base is called.
    found = [Part("base with the build tools" if building else "base to run on",
                  image.unpacked - image.own_bytes, BUILD if building else SHARED, image.stand_in is not None),
             Part("left by the build, program included" if build else "the program", image.own_bytes,
                  BUILD_OWN if build else RUN)]
    return [part for part in found if part.count]


def _finding(pairs: Mapping[str, tuple[Image, Image]]) -> str:
    times = {name: one.unpacked / several.unpacked for name, (one, several) in pairs.items()
             if several.unpacked < one.unpacked}
    if len(pairs) == len(times) == 1:
        return f"Several stages ship less in {''.join(times)}: {ratio(next(iter(times.values())), 1)} smaller"
    every = "all " if len(times) == len(pairs) > 1 else f"{len(times)} of "
    if not times:
        return f"Several stages ship no less in {counted(len(pairs), 'language')}"
    least, most = min(times, key=times.__getitem__), max(times, key=times.__getitem__)
    spread = "" if least == most else f", from {ratio(times[least], 1)} ({least}) to {ratio(times[most], 1)} ({most})"
    return f"Several stages ship less in {every}{counted(len(pairs), 'language')}{spread}"


def _spoken(pairs: Mapping[str, tuple[Image, Image]]) -> str:
    return " ".join(f"{name}: {size(one.unpacked)} with one stage, {size(several.unpacked)} with several."
                    for name, (one, several) in pairs.items())


# -- which tools are left -----------------------------------------------------------------

def left_behind(pairs: Mapping[str, tuple[Inventory, Inventory]]) -> Chart:
    """A grid of kinds of tools and languages: how many with one stage, how many with several."""
    both = [found for pair in pairs.values() for found in pair]
    kinds = [kind for kind in KINDS if any(found.kind(kind) for found in both)]
    figure, axes = canvas(0.4 + _CELL_HIGH * max(1, len(kinds)))
    for row, kind in enumerate(kinds):
        for column, (one, several) in enumerate(pairs.values()):
            _cell(axes, column, row, kind, len(one.kind(kind)), len(several.kind(kind)))
    axes.set_xlim(0, len(pairs))
    axes.set_ylim(max(1, len(kinds)), 0)
    axes.set_xticks([column + 0.5 for column in range(len(pairs))], list(pairs), fontweight="bold")
    axes.xaxis.tick_top()
    axes.set_yticks([row + 0.5 for row in range(len(kinds))], kinds)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    legend = [Patch(facecolor=PALE[colour], edgecolor=colour, label=label) for colour, label in (
        (RUN, "all left behind"), (BUILD, "still there, for building"),
        (DANGER, "still there, of use to an intruder"))]
    return finish(figure, _tools_finding(pairs), _tools_spoken(pairs, kinds), [each.image for each in both],
                  legend=legend, hatched=False)


def _cell(axes: Axes, column: int, row: int, kind: str, before: int, after: int) -> None:
    if not before and not after:
        axes.text(column + 0.5, row + 0.5, "none", ha="center", va="center", color=FAINT, fontsize=9)
        return
    colour = RUN if not after else BUILD if kind in BUILDING else DANGER
    axes.add_patch(Rectangle((column + 0.03, row + 0.06), 0.94, 0.88, facecolor=PALE[colour],
                             edgecolor=colour, linewidth=1))
    axes.text(column + 0.5, row + 0.5, f"{before} → {after}", ha="center", va="center", color=INK,
              fontsize=10, fontweight="bold" if after else "normal")


def _tools_finding(pairs: Mapping[str, tuple[Inventory, Inventory]]) -> str:
    before, after = (sum(len(pair[index].build_tools) for pair in pairs.values()) for index in (0, 1))
    return f"{counted(before, 'build tool')} in images of one stage, {after or 'none'} in images of several"


def _tools_spoken(pairs: Mapping[str, tuple[Inventory, Inventory]], kinds: Sequence[str]) -> str:
    said = []
    for name, (one, several) in pairs.items():
        told = [f"{kind} {len(one.kind(kind))} to {len(several.kind(kind))}" for kind in kinds
                if one.kind(kind) or several.kind(kind)]
        said.append(f"{name}: {', '.join(told) or 'no known tool'}.")
    return " ".join(said)


__all__ = ["languages", "left_behind"]
