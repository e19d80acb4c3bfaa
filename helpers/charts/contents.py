"""What images contain: which tools are within reach, how much there is to attack, and
what lies in layers that nobody sees."""

import re
import textwrap
from collections import Counter
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from ..inventory import BUILDING, KINDS, Inventory, Tool, printable
from ..units import counted, size
from .grids import cell, grid, pale_legend
from .sizes import Part, bar, bar_axis, instructions, layer_part, legend_of
from .style import BUILD, DANGER, FAINT, HATCH, INK, RUN, SHARED, SMALL, Chart, canvas, finish

_CELL_HIGH, _LINE_HIGH = 0.42, 0.19    # inches: a row of the grid, a line of the names above it
_GRID_WIDE = 4.6                       # inches of all columns together
_COUNT_WIDE = 0.42                     # inches that the number in a cell takes
_LETTER, _BOLD, _SMALL_BOLD = 0.066, 0.105, 0.084    # inches of a letter in a cell and above
_NAME_LINES = 3                        # lines of an image's name above its column
_LABEL = 26                            # characters of an image's name beside its bars
_FEWEST = 6                            # letters in a cell under which it has its number alone


def tools(inventories: Sequence[Inventory], names: Sequence[str] | None = None) -> Chart:
    """A grid of kinds of tools and images: what an intruder would find in each."""
    names = _names(inventories, names)
    kinds = [kind for kind in KINDS if any(each.kind(kind) for each in inventories)]
    rows = kinds or ["known tool"]
    wide = _GRID_WIDE / len(inventories)
    headings = [_wrapped(name, wide, len(names)) for name in names]
    lines = max(heading.count("\n") + 1 for heading in headings)
    figure, axes = canvas(0.3 + _LINE_HIGH * lines + _CELL_HIGH * len(rows))
    for column, each in enumerate(inventories):
        if each.image.stand_in:
            axes.add_patch(Rectangle((column + 0.02, -0.16), 0.96, 0.16, facecolor=SHARED, edgecolor="white",
                                     hatch=HATCH))
        for row, kind in enumerate(rows):
            _cell(axes, column, row, kind, each.kind(kind), int((wide - _COUNT_WIDE) / _LETTER))
    grid(axes, headings, rows, top=-0.2, size=11 if len(names) < 4 else 9)
    legend = pale_legend(*((colour, label) for colour, label in (
        (BUILD, "for building"), (DANGER, "of use to an intruder"))
        if any((kind in BUILDING) == (colour == BUILD) for kind in kinds)))
    return finish(figure, _finding(names, [len(each.tools) for each in inventories], "known tool", "", "no"),
                  _tools_spoken(inventories, names, kinds), [each.image for each in inventories], legend=legend)


def _names(inventories: Sequence[Inventory], names: Sequence[str] | None) -> list[str]:
    return [printable(name) for name in names or [each.image.reference for each in inventories]]


def _wrapped(name: str, wide: float, columns: int) -> str:
    """An image's name in as many lines as its column has room for, broken where its parts end."""
    letters = max(4, int(wide / (_BOLD if columns < 4 else _SMALL_BOLD)))
    for each in (name, _cut(name, _NAME_LINES * letters)):
        lines = [line.replace("\t", "") for line in textwrap.wrap(    # a tab: a line may end here
            re.sub("([/:@-])", "\\1\t", each), letters, break_on_hyphens=False, expand_tabs=False,
            replace_whitespace=False)]
        if len(lines) <= _NAME_LINES:
            return "\n".join(lines)
    return "\n".join(textwrap.wrap(each, letters, break_on_hyphens=False))


def _cut(name: str, letters: int) -> str:
    """A name with its middle left out if it is too long: the end tells tags apart."""
    if len(name) <= letters:
        return name
    end = (letters - 1) * 2 // 3
    return f"{name[:letters - 1 - end]}\u2026{name[-end:]}"


def _cell(axes: Axes, column: int, row: int, kind: str, found: Sequence[Tool], letters: int) -> None:
    colour = BUILD if kind in BUILDING else DANGER
    if not found:
        axes.text(column + 0.5, row + 0.5, "none", ha="center", va="center", color=FAINT, fontsize=9.5)
        return
    cell(axes, column, row, colour)
    place = (column + 0.02, row + 0.5) if letters >= _FEWEST else (column + 0.5, row + 0.5)
    axes.annotate(str(len(found)), place, xytext=(20 if letters >= _FEWEST else 7, 0), va="center", ha="right",
                  textcoords="offset points", fontsize=10, fontweight="bold")
    if letters >= _FEWEST:
        axes.annotate(_listed(_counted_names(found), letters), place, xytext=(25, 0), va="center",
                      textcoords="offset points", fontsize=SMALL, color=INK, linespacing=1.1)


def _counted_names(found: Sequence[Tool]) -> list[str]:
    """['git\u00a0\u00d72', 'hg']: one of a name may be in an image more than once."""
    return [f"{printable(name)}\u00a0\u00d7{count}" if count > 1 else printable(name)
            for name, count in Counter(tool.name for tool in found).items()]


def _listed(names: Sequence[str], letters: int) -> str:
    """As many of the names as fit into two lines, and a mark if there are more."""
    for shown in range(len(names), 0, -1):
        text = ", ".join(names[:shown]) + (" \u2026" if shown < len(names) else "")
        lines = textwrap.wrap(text, letters, break_on_hyphens=False)
        if len(lines) <= 2:
            return "\n".join(lines)
    return _cut(names[0], letters)


def _finding(names: Sequence[str], counts: Sequence[int], what: str, rest: str, none: str) -> str:
    """The most against the fewest. `none`: what is said for 0 of them."""
    def said(count: int) -> str:
        return (counted(count, what) if count or none == "0" else f"{none} {what}") + rest

    ordered = sorted(zip(counts, names), key=lambda pair: pair[0])
    (least, few), (most, many) = ordered[0], ordered[-1]
    if len(names) == 1:
        return f"{few} has {said(least)}"
    if most == least:
        return f"Each has {said(most)}"
    return f"{many} has {said(most)}, {few} has {f'{least:,}' if least or none == '0' else 'none'}"


def _tools_spoken(inventories: Sequence[Inventory], names: Sequence[str], kinds: Sequence[str]) -> str:
    said = []
    for each, name in zip(inventories, names):
        found = [f"{kind} {len(each.kind(kind))}: {', '.join(_counted_names(each.kind(kind)))}"
                 for kind in kinds if each.kind(kind)]
        said.append(f"{name}: {'; '.join(found) or 'no known tool'}.")
    return " ".join(said)


def surface(inventories: Sequence[Inventory], names: Sequence[str] | None = None) -> Chart:
    """What an auditor must look at, in numbers: a panel for each count, a bar for each image."""
    names = _names(inventories, names)
    labels = [_cut(name, _LABEL) for name in names]
    counts = [each.surface.rows() for each in inventories]
    panels = [what for what, _ in counts[0] if what != "compilers"]   # colour says which has one
    rows = -(-len(panels) // 2)
    figure, grid = canvas((0.27 * len(names) + 0.36) * rows, columns=2, rows=rows)
    for axes in grid.flat[len(panels):]:
        axes.set_axis_off()
    for index, (panel, axes) in enumerate(zip(panels, grid.flat)):
        values = [each[index][1] for each in counts]
        for row, (value, each) in enumerate(zip(values, inventories)):
            part = Part("", value, BUILD if each.kind("compiler") else RUN, each.image.stand_in is not None)
            bar(axes, row, [part], f"{value:,}", height=0.7, bold=True, fontsize=9.5)
        axes.set_yticks(range(len(names)), labels if index % 2 == 0 else [""] * len(names), fontsize=9)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(0, max(max(values), 1) * 1.35)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_title(panel, fontsize=10, fontweight="normal", color=FAINT)
    spoken = " ".join(f"{name}: {', '.join(counted(value, what.removesuffix('s')) for what, value in rows)}."
                      for name, rows in zip(names, counts))
    kinds = {bool(each.kind("compiler")) for each in inventories}
    legend = [Patch(facecolor=colour, label=label) for holds, colour, label in (
        (True, BUILD, "has a compiler"), (False, RUN, "has no compiler")) if holds in kinds]
    executables = [each.surface.executables for each in inventories]
    return finish(figure, _finding(names, executables, "program", " to run", "0"), spoken,
                  [each.image for each in inventories], legend=legend)


def waste(inventory: Inventory, name: str | None = None, *, own: bool = False) -> Chart:
    """One bar for each layer: what of it a container sees, and what a later layer hid.

    own  without the base: only the layers that its own Dockerfile added, empty ones too
    """
    name = printable(name or inventory.image.reference)
    image, hidden = inventory.image, {each.layer: each.size for each in inventory.waste}
    rows = [(index, layer) for index, layer in enumerate(image.layers)
            if (index >= image.base_layers if own else layer.unpacked)]
    whole = sum(layer.unpacked for _, layer in rows)
    figure, axes = canvas(0.5 + 0.4 * len(rows))
    stacks = []
    for row, (index, layer) in enumerate(rows):
        unseen = hidden.get(index, 0)
        stacks.append([layer_part(image, index < image.base_layers, layer.unpacked - unseen),
                       *([Part("\u2718 hidden by a later layer, still shipped", unseen, DANGER)] if unseen else [])])
        part = f", \u2718 {'all' if unseen == layer.unpacked else size(unseen)} unseen" if _felt(unseen, whole) else ""
        bar(axes, row, stacks[-1], size(layer.unpacked) + part, height=0.72, fontsize=10)
    instructions(axes, [printable(layer.instruction) for _, layer in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    long = any(_felt(hidden.get(index, 0), whole) for index, _ in rows)
    bar_axis(axes, max((layer.unpacked for _, layer in rows), default=1), room=2.1 if long else 1.28)
    spoken = "; ".join(f"{printable(layer.instruction)}: {size(layer.unpacked)}, {size(hidden.get(index, 0))} unseen"
                       for index, layer in rows)
    unseen = sum(hidden.get(index, 0) for index, _ in rows)
    return finish(figure, _waste_finding(unseen, whole, name, own), f"Layers in order: {spoken or 'none has a file'}",
                  [image], legend=legend_of(stacks))


def _felt(unseen: int, whole: int) -> bool:
    """Whether it is worth a word: every apt-get replaces a few small files."""
    return unseen > 0.0005 * max(1, whole)


def _waste_finding(unseen: int, whole: int, name: str, own: bool) -> str:
    if not whole:
        return f"{name} adds no file" if own else f"{name} has no file"
    if not unseen:
        return f"Every byte that {name} adds is seen" if own else f"Every byte of {name} is seen"
    where = f"that {name} adds" if own else f"in {name}"
    return f"{size(unseen)} of {size(whole)} {where} is shipped and never seen"
