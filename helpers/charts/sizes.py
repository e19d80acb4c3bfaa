"""How large images are, and which instruction brought how much."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..experiments.size_attribution import Reduction, split
from ..image import Image
from ..text import one_line
from ..units import counted, listed, ratio, size
from .style import BUILD, BUILD_OWN, FAINT, HATCH, MONOSPACE, RUN, SHARED, SMALL, Chart, canvas, finish

_ROW = 0.62          # inches of height for a bar
_LINE = 0.004        # a part under this part of the longest bar is not seen
_NARROW = 0.05       # a bar under this part of the longest gets the second panel
_ROOM = 1.34         # length of an axis over its longest bar: values stand behind the bars
_NARROW_ROOM = 2.05  # the same in the second panel, where a value takes more of the width
_PAIR, _APART = 0.27, 0.6    # inches for a bar of a pair; bars between one pair and the next
_SCALES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
LABEL = 36           # characters of an instruction in a title
_LETTERS = 30        # characters of a line of an instruction beside its bar
ADDED = "added by the last stage"    # the application, and whatever else its stage copied or installed
_ENTRY = 50          # characters of a legend's entry


@dataclass(frozen=True)
class Part:
    """A stretch of a bar: bytes of one kind, '' where the legend says nothing of it."""

    name: str
    count: float
    colour: str
    hatched: bool = False

    @property
    def hatch(self) -> str | None:
        """Its hatch for matplotlib, None for a plain bar."""
        return HATCH if self.hatched else None


def sizes(images: Sequence[Image], names: Sequence[str] | None = None) -> Chart:
    """Bars of the unpacked sizes on one linear scale, and a second panel that zooms in on
    those too small to be read there, if it can show what they are made of."""
    names = list(names or (image.reference for image in images))
    largest = max(images, key=lambda image: image.unpacked)
    stacks = [parts(image) for image in images]
    small = [i for i, image in enumerate(images) if image.unpacked < _NARROW * largest.unpacked]
    if len(small) == 1 and len(_seen(stacks[small[0]])) < 2:
        small = []
    height = 0.5 + _ROW * len(images)
    figure, axes = canvas(height, *((2, (3, 2)) if small else (1, None)))
    left, right = axes if small else (axes, None)
    bars(left, stacks, names)
    if right is not None:
        bars(right, [stacks[i] for i in small], [names[i] for i in small], ticks=2, room=_NARROW_ROOM)
        right.set_title("the same, enlarged", fontsize=10, fontweight="normal", color=FAINT)
    legend = legend_of([stack for i, stack in enumerate(stacks) if i not in small], [stacks[i] for i in small])
    return finish(figure, _finding(images, names), _spoken(names, images, stacks), images, legend=legend)


def layers(image: Image, name: str | None = None) -> Chart:
    """One bar for each layer, in the order of the instructions."""
    drawn = [(layer, layer_part(image, index < image.base_layers, layer.unpacked))
             for index, layer in enumerate(image.layers) if layer.unpacked or len(image.layers) < 12]
    figure, axes = canvas(0.5 + 0.36 * len(drawn))
    for row, (layer, part) in enumerate(drawn):
        bar(axes, row, [part], size(layer.unpacked), height=0.72, fontsize=10)
    instructions(axes, [layer.instruction for layer, _ in drawn])
    axes.invert_yaxis()
    bar_axis(axes, max((layer.unpacked for layer, _ in drawn), default=1))
    alt = "; ".join(f"{layer.instruction}: {size(layer.unpacked)}" for layer, _ in drawn)
    return finish(figure, _layers_finding(image, name or image.reference), f"Layers in order: {alt}", [image],
                  legend=legend_of([[part for _, part in drawn]]))


def languages(pairs: Mapping[str, tuple[Image, Image]]) -> Chart:
    """A pair of bars for each language, {its name: (one stage, several)}, on one linear scale."""
    figure, axes = canvas(0.3 + _PAIR * len(pairs) * (2 + _APART))
    stacks, rows = [], []
    for number, (one, several) in enumerate(pairs.values()):
        first = number * (2 + _APART)
        rows.append(first + 0.5)
        less = f", {ratio(one.unpacked, several.unpacked)} smaller" if several.unpacked < one.unpacked else ""
        for row, image, said in ((first, one, ""), (first + 1, several, less)):
            stacks.append(_parts_of_language(image, image is one))
            bar(axes, row, stacks[-1], size(image.unpacked) + said, height=0.94, bold=True, fontsize=9.5)
    axes.set_yticks(rows, list(pairs), fontweight="bold")
    axes.set_ylim((len(pairs) - 1) * (2 + _APART) + 1.6, -0.6)
    images = [image for pair in pairs.values() for image in pair]
    bar_axis(axes, max(image.unpacked for image in images), room=1.16)
    alt = " ".join(f"{name}: {size(one.unpacked)} with one stage, {size(several.unpacked)} with several."
                   for name, (one, several) in pairs.items())
    return finish(figure, _languages_finding(pairs), alt, images, legend=legend_of(stacks))


def parts(image: Image) -> list[Part]:
    """The image's bytes by kind: its base, then what its Dockerfile added."""
    found = [layer_part(image, True, image.base_bytes), layer_part(image, False, image.own_bytes)]
    return [part for part in found if part.count]


def layer_part(image: Image, of_base: bool, count: int) -> Part:
    """Bytes of a layer, by what it belongs to: the base, what the build left, what the last stage added."""
    building = image.base_role == "build"
    if of_base:
        return base_part(image, f"{'base with build tools' if building else 'base'}: {image.base}", count)
    if building:
        return Part("left by the build: source, cache, output", count, BUILD_OWN)
    return Part(ADDED, count, RUN)


def base_part(image: Image, name: str, count: int | None = None) -> Part:
    """The base of an image, or `count` bytes of it; orange if it has build tools."""
    below = image.base_bytes if count is None else count
    return Part(name, below, BUILD if image.base_role == "build" else SHARED, image.stand_in is not None)


def _parts_of_language(image: Image, single: bool) -> list[Part]:
    """`single` for the image of one stage, whose own layers are what the build left. One legend
    for all, whatever the bases are called."""
    name = "base with the build tools" if image.base_role == "build" else "base to run on"
    own = ("left by the build, program included", BUILD_OWN) if single else (ADDED, RUN)
    return [part for part in (base_part(image, name), Part(own[0], image.own_bytes, own[1])) if part.count]


def bars(axes: Axes, stacks: Sequence[Sequence[Part]], names: Sequence[str], ticks: int = 4,
         room: float = _ROOM) -> None:
    """A bar for each stack, with the sum behind it; `ticks` and `room` as for `bar_axis`."""
    for row, stack in enumerate(stacks):
        bar(axes, row, stack, size(sum(part.count for part in stack)), height=0.66, bold=True)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    bar_axis(axes, max((sum(p.count for p in stack) for stack in stacks), default=1), room, ticks)


def bar(axes: Axes, row: float, stack: Sequence[Part], said: str, *, height: float, bold: bool = False,
        fontsize: float = 11) -> None:
    """A bar whose parts stand end to end, with words behind it."""
    left = 0.0
    for part in stack:
        axes.barh(row, part.count, left=left, color=part.colour, edgecolor="white", hatch=part.hatch, height=height)
        left += part.count
    axes.annotate(said, (left, row), xytext=(5, 0), textcoords="offset points", va="center", fontsize=fontsize,
                  fontweight="bold" if bold else "normal")


def bar_axis(axes: Axes, largest: float, room: float = _ROOM, ticks: int = 4) -> None:
    """A linear scale from zero in bytes, with `room` for the values behind the bars and `ticks` values below."""
    axes.set_xlim(0, max(largest, 1) * room)
    axes.xaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    unit, scale = next(((u, s) for u, s in _SCALES if largest >= s), ("B", 1))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / scale:g} {unit}" if value else "0")
    axes.tick_params(axis="x", labelsize=9, colors=FAINT)
    axes.tick_params(axis="y", length=0)


def instructions(axes: Axes, lines: Sequence[str]) -> None:
    """Instructions as the names of the rows."""
    axes.set_yticks(range(len(lines)), [in_lines(line) for line in lines], family=MONOSPACE, fontsize=SMALL,
                    linespacing=1.1)


def in_lines(instruction: str, letters: int = _LETTERS, most: int = 2) -> str:
    """An instruction in so many lines at most, the last one marked where there is more."""
    lines = textwrap.wrap(" ".join(instruction.split()), letters, break_on_hyphens=False)
    if len(lines) > most:
        lines[most - 1:] = [one_line(" ".join(lines[most - 1:]), letters)]
    return "\n".join(lines)


def legend_of(*panels: Sequence[Sequence[Part]]) -> list[Patch]:
    """A patch for each look that can be seen in the panels, each a list of stacks on one scale. One look that
    has several names has them all, or where they are too long what is the same in them."""
    names: dict[tuple[str, str | None], list[str]] = {}
    for stacks in panels:
        longest = max((sum(part.count for part in stack) for stack in stacks), default=0)
        for part in (part for stack in stacks for part in _seen(stack, longest)):
            names.setdefault((part.colour, part.hatch), []).append(part.name)
    return [Patch(facecolor=colour, edgecolor="white", hatch=hatch, label=_entry(list(dict.fromkeys(found))))
            for (colour, hatch), found in names.items()]


def _entry(names: Sequence[str]) -> str:
    """'base: a, b' for 'base: a' and 'base: b', 'base: 2 images' where that is too long."""
    kind = names[0].partition(": ")[0]
    whole = ", ".join([names[0], *(name.removeprefix(f"{kind}: ") for name in names[1:])])
    return whole if len(names) == 1 or len(whole) <= _ENTRY else f"{kind}: {len(names)} images"


def _seen(stack: Sequence[Part], longest: float = 0) -> list[Part]:
    """The parts that are no thinner than a line, on the scale of the longest stack (0: of this one)."""
    longest = longest or sum(part.count for part in stack)
    return [part for part in stack if part.count >= _LINE * longest and part.count]


def _finding(images: Sequence[Image], names: Sequence[str]) -> str:
    ordered = sorted(zip(images, names), key=lambda pair: -pair[0].unpacked)
    (large, large_name), (small, small_name) = ordered[0], ordered[-1]
    if len(images) == 1:
        return _whole(large, large_name) if not large.base else (
            f"{size(large.base_bytes)} of the {size(large.unpacked)} in {large_name} "
            f"came with {large.base}")
    if size(large.unpacked) == size(small.unpacked):
        return f"{' and '.join(names)}: {size(large.unpacked)} each"
    less = f"{small_name}: {size(small.unpacked)}, {ratio(large.unpacked, small.unpacked)} smaller"
    first = size(images[0].unpacked)
    same = [name for image, name in zip(images[1:], names[1:]) if size(image.unpacked) == first]
    if same and size(large.unpacked) == first:   # what was tried, and saved nothing
        return f"{listed(same)}: {first}, no less than {names[0]}; {less}"
    return f"{large_name}: {size(large.unpacked)}, {less}"


def _layers_finding(image: Image, name: str) -> str:
    own = image.layers[image.base_layers:] if image.base else ()
    most = max(own, key=lambda layer: layer.unpacked, default=None)
    if most is None or not most.unpacked:
        return _whole(image, name)
    return (f"{one_line(most.instruction, LABEL)} added {size(most.unpacked)} to the {size(image.base_bytes)} of "
            f"{image.base}")


def _whole(image: Image, name: str) -> str:
    return f"{counted(len(image.layers), 'layer')} with {size(image.unpacked)} in {name}"


def _languages_finding(pairs: Mapping[str, tuple[Image, Image]]) -> str:
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


def _spoken(names: Sequence[str], images: Sequence[Image], stacks: Sequence[Sequence[Part]]) -> str:
    return " ".join(
        f"{name} is {size(image.unpacked)}"
        + "".join(f"{', ' if index else ': '}{size(part.count)} {part.name}" for index, part in enumerate(stack)) + "."
        for name, image, stack in zip(names, images, stacks))


_HIGH = 0.58        # inches of height for a bar
_NAMES = tuple(f"{stages},\n{base} base" for stages in ("one stage", "several stages") for base in ("full", "small"))


def reduction(images: Sequence[Image]) -> Chart:
    """The images (single on full, single on small, multi on full, multi on small) on one
    scale, each with what it saves next to the first."""
    saved = split(*(image.unpacked for image in images))
    stacks = [_parts_of_four(image, several=index > 1) for index, image in enumerate(images)]
    figure, axes = canvas(0.4 + _HIGH * len(images))
    for row, (image, stack, less) in enumerate(zip(images, stacks, (0, *_alone(saved)), strict=True)):
        bar(axes, row, stack, size(image.unpacked) + (f", {_saves(less)}" if row else ""), height=0.66, bold=True)
    axes.set_yticks(range(len(images)), _NAMES, fontsize=10)
    axes.set_ylim(len(images) - 0.4, -0.6)
    bar_axis(axes, max(image.unpacked for image in images), room=1.5)
    words = ", ".join(f"{name.replace(chr(10), ' ')}: {size(image.unpacked)}" for name, image in zip(_NAMES, images))
    base, stages, both = _alone(saved)
    title = f"A smaller base alone {_saves(base)}, a second stage alone {_saves(stages)}; together they "
    return finish(figure, title + _saves(both, "save", "cost"), words, images, legend=legend_of(stacks))


def _parts_of_four(image: Image, several: bool) -> list[Part]:
    """Base and own layers. What one stage adds is the build's, what the last of
    several adds is its own, whatever they stand on."""
    found = [base_part(image, f"{'base with build tools' if image.base_role == 'build' else 'base'}: {image.base}"),
             Part(ADDED if several else "tools and source brought in, left by the build",
                  image.own_bytes, RUN if several else BUILD_OWN)]
    return [part for part in found if part.count]


def _alone(saved: Reduction) -> tuple[float, float, float]:
    """Bytes: by the base alone, by the stages alone, by both."""
    return saved.base, saved.stages, saved.total


def _saves(count: float, saves: str = "saves", costs: str = "costs") -> str:
    return f"{saves if count >= 0 else costs} {size(abs(count))}"
