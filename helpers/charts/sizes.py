"""How large images are, and which instruction brought how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..image import Image
from ..units import counted, ratio, size
from .style import BUILD, BUILD_OWN, FAINT, HATCH, RUN, SHARED, Chart, canvas, finish

_ROW = 0.62          # inches of height for a bar
_NARROW = 0.05       # a bar under this part of the longest gets the second panel
_SCALES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_LABEL = 36          # characters of an instruction that a row shows


@dataclass(frozen=True)
class Part:
    """A stretch of a bar: bytes of one kind."""

    name: str
    count: int
    colour: str
    hatched: bool = False


def sizes(images: Sequence[Image], names: Sequence[str] | None = None) -> Chart:
    """Bars of the unpacked sizes on one linear scale, and a second panel that
    zooms in on those too small to be read there."""
    names = list(names or (image.reference for image in images))
    largest = max(images, key=lambda image: image.unpacked)
    small = [i for i, image in enumerate(images) if image.unpacked < _NARROW * largest.unpacked]
    height = 0.5 + _ROW * len(images)
    figure, axes = canvas(height, *((2, (3, 2)) if small else (1, None)))
    left, right = axes if small else (axes, None)
    stacks = [parts(image) for image in images]
    bars(left, stacks, names)
    if right is not None:
        bars(right, [stacks[i] for i in small], [names[i] for i in small])
        right.set_title("the same, enlarged", fontsize=10, fontweight="normal", color=FAINT)
    return finish(figure, _finding(images, names), _spoken(names, images, stacks), images,
                  legend=legend_of(stacks))


def layers(image: Image, name: str | None = None) -> Chart:
    """One bar a layer, in the order of the instructions."""
    name = name or image.reference
    drawn = [(layer, _colour(image, index)) for index, layer in enumerate(image.layers)
             if layer.unpacked or len(image.layers) < 12]
    shown, kinds = [layer for layer, _ in drawn], [part for _, part in drawn]
    figure, axes = canvas(0.5 + 0.34 * len(shown))
    for row, (layer, part) in enumerate(zip(shown, kinds)):
        axes.barh(row, layer.unpacked, color=part.colour, edgecolor="white",
                  hatch=HATCH if part.hatched else None, height=0.72)
        axes.annotate(size(layer.unpacked), (layer.unpacked, row), xytext=(5, 0),
                      textcoords="offset points", va="center", fontsize=10)
    axes.set_yticks(range(len(shown)), [short(layer.instruction) for layer in shown],
                    family="DejaVu Sans Mono", fontsize=9)
    axes.invert_yaxis()
    bar_axis(axes, max((layer.unpacked for layer in shown), default=1))
    title = _layers_finding(image, name)
    alt = "; ".join(f"{layer.instruction}: {size(layer.unpacked)}" for layer in shown)
    return finish(figure, title, f"Layers in order: {alt}", [image],
                  legend=legend_of([kinds]))


# -- what a bar is made of ---------------------------------------------------------

def parts(image: Image) -> list[Part]:
    """The image's bytes by kind: its base, then what its Dockerfile added."""
    base = sum(layer.unpacked for layer in image.layers[: image.base_layers])
    found = [_part(image, True, base), _part(image, False, image.own_bytes)]
    return [part for part in found if part.count]


def _part(image: Image, of_base: bool, count: int) -> Part:
    building = image.base_role == "build"
    if of_base:
        name = f"{'build tools' if building else 'base'}: {image.base}"
        return Part(name, count, BUILD if building else SHARED, image.stand_in is not None)
    if building:
        return Part("left by the build: source, cache, binary", count, BUILD_OWN)
    return Part("the application", count, RUN)


def _colour(image: Image, index: int) -> Part:
    return _part(image, index < image.base_layers, image.layers[index].unpacked)


# -- drawing ------------------------------------------------------------------------

def bars(axes: Axes, stacks: Sequence[Sequence[Part]], names: Sequence[str]) -> None:
    """A bar a stack, its parts end to end, with the sum behind it."""
    for row, stack in enumerate(stacks):
        left = 0
        for part in stack:
            axes.barh(row, part.count, left=left, color=part.colour, edgecolor="white",
                      hatch=HATCH if part.hatched else None, height=0.66)
            left += part.count
        axes.annotate(size(left), (left, row), xytext=(6, 0), textcoords="offset points",
                      va="center", fontweight="bold")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    bar_axis(axes, max((sum(p.count for p in stack) for stack in stacks), default=1))


def bar_axis(axes: Axes, largest: float, room: float = 1.28) -> None:
    """A linear scale from zero in bytes, with `room` for the values behind the bars."""
    axes.set_xlim(0, max(largest, 1) * room)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    unit, scale = next(((u, s) for u, s in _SCALES if largest >= s), ("B", 1))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / scale:g} {unit}" if value else "0")
    axes.tick_params(axis="x", labelsize=9, colors=FAINT)
    axes.tick_params(axis="y", length=0)


def legend_of(stacks: Sequence[Sequence[Part]]) -> list[Patch]:
    """A patch for each kind of part in the stacks."""
    kinds = {(p.name, p.colour, p.hatched): p for stack in stacks for p in stack}
    return [Patch(facecolor=p.colour, edgecolor="white", label=p.name,
                  hatch=HATCH if p.hatched else None) for p in kinds.values()]


def short(instruction: str) -> str:
    """An instruction in one line that a row has room for."""
    line = " ".join(instruction.split())
    return line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}\u2026"


# -- words ---------------------------------------------------------------------------

def _finding(images: Sequence[Image], names: Sequence[str]) -> str:
    ordered = sorted(zip(images, names), key=lambda pair: -pair[0].unpacked)
    (large, large_name), (small, small_name) = ordered[0], ordered[-1]
    if len(images) == 1:
        return _layers_finding(large, large_name)
    if size(large.unpacked) == size(small.unpacked):
        return f"{' and '.join(names)}: {size(large.unpacked)} each"
    return (f"{large_name}: {size(large.unpacked)}, {small_name}: {size(small.unpacked)}, "
            f"{ratio(large.unpacked, small.unpacked)} smaller")


def _layers_finding(image: Image, name: str) -> str:
    if not image.base:
        return f"{name} is {size(image.unpacked)} in {counted(len(image.layers), 'layer')}"
    return (f"{name}: {size(image.unpacked - image.own_bytes)} of {size(image.unpacked)} "
            f"came with {image.base}")


def _spoken(names: Sequence[str], images: Sequence[Image], stacks: Sequence[Sequence[Part]]) -> str:
    return " ".join(
        f"{name} is {size(image.unpacked)}"
        + "".join(f"{', ' if index else ': '}{size(part.count)} {part.name}"
                  for index, part in enumerate(stack)) + "."
        for name, image, stack in zip(names, images, stacks))
