"""What images contain: which tools are within reach, how much there is to attack, and
what lies in layers that nobody sees."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.patches import Patch, Rectangle

from ..image import Image
from ..inventory import BUILDING, KINDS, Inventory
from ..units import counted, size
from .sizes import bar_axis, short
from .style import BUILD, DANGER, FAINT, HATCH, INK, PALE, RUN, SHARED, Chart, canvas, finish

_CELL_HIGH = 0.42          # inches
_NAMES_WIDE = 96           # characters that fit into all columns together


def tools(inventories: Sequence[Inventory], names: Sequence[str] | None = None) -> Chart:
    """A grid of kinds of tools and images: what an intruder would find in each."""
    names = list(names or (each.image.reference for each in inventories))
    kinds = [kind for kind in KINDS if any(each.kind(kind) for each in inventories)]
    figure, axes = canvas(0.5 + _CELL_HIGH * max(1, len(kinds)))
    letters = _NAMES_WIDE // max(1, len(inventories)) - 8
    for row, kind in enumerate(kinds):
        for column, each in enumerate(inventories):
            _cell(axes, column, row, kind, [tool.name for tool in each.kind(kind)], letters)
    axes.set_xlim(0, len(inventories))
    axes.set_ylim(max(1, len(kinds)), 0)
    axes.set_xticks([column + 0.5 for column in range(len(names))], names, fontweight="bold")
    axes.xaxis.tick_top()
    axes.set_yticks([row + 0.5 for row in range(len(kinds))], kinds)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    legend = [Patch(facecolor=PALE[BUILD], edgecolor=BUILD, label="for building"),
              Patch(facecolor=PALE[DANGER], edgecolor=DANGER, label="of use to an intruder")]
    return finish(figure, _tools_finding(inventories, names), _tools_spoken(inventories, names, kinds),
                  [each.image for each in inventories], legend=legend, hatched=False)


def _cell(axes, column: int, row: int, kind: str, found: list[str], letters: int) -> None:
    colour = BUILD if kind in BUILDING else DANGER
    if not found:
        axes.text(column + 0.5, row + 0.5, "none", ha="center", va="center", color=RUN, fontsize=9.5)
        return
    axes.add_patch(Rectangle((column + 0.02, row + 0.06), 0.96, 0.88, facecolor=PALE[colour],
                             edgecolor=colour, linewidth=1))
    axes.annotate(str(len(found)), (column + 0.02, row + 0.5), xytext=(20, 0), va="center", ha="right",
                  textcoords="offset points", fontsize=10, fontweight="bold")
    axes.annotate(_listed(found, letters), (column + 0.02, row + 0.5), xytext=(25, 0), va="center",
                  textcoords="offset points", fontsize=8.5, color=INK)


def _listed(found: Sequence[str], letters: int) -> str:
    """As many of the names as fit, and how many more there are."""
    unique = list(dict.fromkeys(found))
    shown = []
    for name in unique:
        if len(", ".join([*shown, name])) > letters - 4:
            break
        shown.append(name)
    rest = len(unique) - len(shown)
    return ", ".join(shown) + (" …" if rest else "")


def _tools_finding(inventories: Sequence[Inventory], names: Sequence[str]) -> str:
    ordered = sorted(zip(inventories, names), key=lambda pair: len(pair[0].tools))
    (least, few), (most, many) = ordered[0], ordered[-1]
    if len(inventories) == 1:
        return f"{few} has {counted(len(least.tools), 'known tool')}"
    return (f"{many} has {counted(len(most.tools), 'known tool')}, "
            f"{few} has {len(least.tools) or 'none'}")


def _tools_spoken(inventories: Sequence[Inventory], names: Sequence[str], kinds: Sequence[str]) -> str:
    said = []
    for each, name in zip(inventories, names):
        found = [f"{kind}: {', '.join(dict.fromkeys(t.name for t in each.kind(kind)))}"
                 for kind in kinds if each.kind(kind)]
        said.append(f"{name}: {'; '.join(found) or 'no known tool'}.")
    return " ".join(said)


# -- how much there is to attack -------------------------------------------------------

def surface(inventories: Sequence[Inventory], names: Sequence[str] | None = None) -> Chart:
    """What an auditor must look at, in numbers: a panel a count, a bar an image."""
    names = list(names or (each.image.reference for each in inventories))
    counts = [each.surface.rows() for each in inventories]
    labels = [what for what, _ in counts[0]]
    rows = -(-len(labels) // 2)
    figure, grid = canvas((0.27 * len(names) + 0.36) * rows, columns=2, rows=rows)
    for axes in grid.flat[len(labels):]:
        axes.set_axis_off()
    for index, (label, axes) in enumerate(zip(labels, grid.flat)):
        values = [each[index][1] for each in counts]
        for row, (value, each) in enumerate(zip(values, inventories)):
            colour = BUILD if each.build_tools else RUN
            axes.barh(row, value, color=colour, height=0.7,
                      hatch=HATCH if each.image.stand_in else None, edgecolor="white")
            axes.annotate(f"{value:,}", (value, row), xytext=(5, 0), textcoords="offset points",
                          va="center", fontweight="bold", fontsize=9.5)
        axes.set_yticks(range(len(names)), names if index % 2 == 0 else [""] * len(names), fontsize=9)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(0, max(max(values), 1) * 1.25)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_title(label, fontsize=10, fontweight="normal", color=FAINT)
    spoken = " ".join(f"{name}: {', '.join(f'{value:,} {what}' for what, value in rows)}."
                      for name, rows in zip(names, counts))
    kinds = {bool(each.build_tools) for each in inventories}
    legend = [Patch(facecolor=colour, label=label) for holds, colour, label in (
        (True, BUILD, "has build tools"), (False, RUN, "has none")) if holds in kinds]
    return finish(figure, _surface_finding(inventories, names), spoken,
                  [each.image for each in inventories], legend=legend)


def _surface_finding(inventories: Sequence[Inventory], names: Sequence[str]) -> str:
    ordered = sorted(zip(inventories, names), key=lambda pair: pair[0].surface.executables)
    (least, few), (most, many) = ordered[0], ordered[-1]
    if len(inventories) == 1 or most.surface.executables == least.surface.executables:
        return f"{few} has {counted(least.surface.executables, 'program')} to run"
    return (f"{many} has {counted(most.surface.executables, 'program')} to run, "
            f"{few} has {least.surface.executables:,}")


# -- what nobody sees --------------------------------------------------------------------

def waste(inventory: Inventory, name: str | None = None) -> Chart:
    """One bar a layer: what of it a container sees, and what a later layer hid."""
    name = name or inventory.image.reference
    image, hidden = inventory.image, {each.layer: each for each in inventory.waste}
    rows = [(index, layer) for index, layer in enumerate(image.layers) if layer.unpacked]
    figure, axes = canvas(0.5 + 0.4 * len(rows))
    for row, (index, layer) in enumerate(rows):
        unseen = hidden[index].size if index in hidden else 0
        axes.barh(row, layer.unpacked - unseen, height=0.72, edgecolor="white",
                  color=SHARED if index < image.base_layers else RUN,
                  hatch=HATCH if image.stand_in and index < image.base_layers else None)
        if unseen:
            axes.barh(row, unseen, left=layer.unpacked - unseen, color=DANGER, height=0.72,
                      edgecolor="white", hatch="xx")
        told = size(layer.unpacked) + (f", {size(unseen)} of it unseen" if _felt(unseen, image) else "")
        axes.annotate(told, (layer.unpacked, row), xytext=(5, 0), textcoords="offset points",
                      va="center", fontsize=10)
    axes.set_yticks(range(len(rows)), [short(layer.instruction) for _, layer in rows],
                    family="DejaVu Sans Mono", fontsize=9)
    axes.invert_yaxis()
    bar_axis(axes, max((layer.unpacked for _, layer in rows), default=1), room=1.6)
    legend = [Patch(facecolor=SHARED, label="the base's"), Patch(facecolor=RUN, label="added"),
              Patch(facecolor=DANGER, hatch="xx", edgecolor="white", label="hidden by a later layer, and still shipped")]
    spoken = "; ".join(f"{layer.instruction}: {size(layer.unpacked)}, "
                       f"{size(hidden[index].size if index in hidden else 0)} unseen"
                       for index, layer in rows)
    return finish(figure, _waste_finding(inventory, name), f"Layers in order: {spoken}", [image],
                  legend=legend)


def _felt(unseen: int, image: Image) -> bool:
    """Whether it is worth a word: every apt-get replaces a few small files."""
    return unseen > 0.005 * max(1, image.unpacked)


def _waste_finding(inventory: Inventory, name: str) -> str:
    total, hidden = inventory.image.unpacked, inventory.wasted
    if not hidden:
        return f"Every byte of {name} is seen"
    return f"{size(hidden)} of {size(total)} in {name} are shipped and never seen"


__all__ = ["surface", "tools", "waste"]
