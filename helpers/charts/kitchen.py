"""The kitchen and the dining room of a build, drawn to scale."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle

from ..report.kitchen import Rooms, Thing, total
from ..units import listed, share, size
from .style import BETWEEN, BUILD, BUILD_OWN, HATCH, INK, RUN, SHARED, SMALL, Chart, canvas, finish, words_on

_SIDE = 3.05               # inches of the larger room's wall
_WIDE, _HIGH = 6.2, 4.0    # inches of the whole drawing
_TOP = 3.72                 # where the rooms hang
_HALL = 0.98               # inches between the rooms
_LISTED = 2.3              # the widest dining room that leaves room for a list below it
_LINE = 0.172              # inches from line to line of a list
_LETTER = 0.074            # inches that a letter takes at the size of labels
_COLOURS = {"build": BUILD, "own": BUILD_OWN, "run": RUN, "rest": SHARED}

_TELLING = ("compilers", "package managers", "shells")

Box = tuple[float, float, float, float]   # left, bottom, width, height


def kitchen(rooms: Rooms) -> Chart:
    """Two rooms, their areas as large as their images: what stands in the kitchen, what
    crosses the bridge, what is in the dining room."""
    cook, guest = (total(things) for things in (rooms.kitchen, rooms.dining))
    walls = cook ** 0.5 + guest ** 0.5
    # Inches of a wall for the root of a byte: areas are compared, not walls.
    scale = min(_SIDE / max(cook, guest, 1) ** 0.5, (_WIDE - _HALL) / max(walls, 1))
    figure, axes = canvas(_HIGH)
    axes.set_axis_off()
    axes.set_xlim(0, _WIDE)
    axes.set_ylim(0, _HIGH)
    made = [inventory.image.stand_in is not None for inventory in rooms.inventories]
    one = _room(axes, 0, scale * cook ** 0.5, rooms.kitchen, made[0])
    two = _room(axes, one[2] + _HALL, scale * guest ** 0.5, rooms.dining, made[1])
    _frame(axes, one, BUILD, f"kitchen: {size(cook)} that a container sees")
    _frame(axes, two, RUN, f"dining room: {size(guest)}")
    _bridge(axes, one, two, rooms)
    if two[2] <= _LISTED:
        _listed(axes, two[0], two[1] - 0.28, rooms)
    legend = [Patch(facecolor=colour, edgecolor="white", label=label) for colour, label in (
        (BUILD, "for building"), (BUILD_OWN, "left by the build"), (RUN, "what crosses"), (SHARED, "the system"))]
    return finish(figure, _finding(rooms), _spoken(rooms), [each.image for each in rooms.inventories], legend=legend)


def _room(axes: Axes, left: float, side: float, things: Sequence[Thing], hatched: bool) -> Box:
    room = (left, _TOP - side, side, side)
    for thing, box in zip(things, tiles([each.size for each in things], room)):
        x, y, wide, high = box
        axes.add_patch(Rectangle((x, y), wide, high, facecolor=_COLOURS[thing.use], edgecolor=BETWEEN, linewidth=0.8,
                                 hatch=HATCH if hatched and thing.use in ("build", "rest") else None))
        _label(axes, box, thing)
    return room


def _label(axes: Axes, box: Box, thing: Thing) -> None:
    """The thing's name and size, if there is room for them in its tile."""
    x, y, wide, high = box
    lines = _broken(thing.name, max(1, int((wide - 0.1) / _LETTER)))
    text = "\n".join([*lines, size(thing.size)])
    if high < 0.16 * (len(lines) + 1) + 0.04 or max(map(len, text.split("\n"))) * _LETTER > wide - 0.06:
        return
    axes.text(x + wide / 2, y + high / 2, text, ha="center", va="center", fontsize=SMALL, linespacing=1.15,
              color=words_on(_COLOURS[thing.use]),
              bbox={"facecolor": _COLOURS[thing.use], "edgecolor": "none", "pad": 3})


def _broken(name: str, letters: int) -> list[str]:
    """A name on as many lines as it needs."""
    lines: list[str] = []
    for word in name.split():
        if lines and len(lines[-1]) + 1 + len(word) <= letters:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _frame(axes: Axes, room: Box, colour: str, words: str) -> None:
    x, y, wide, high = room
    axes.add_patch(Rectangle((x, y), wide, high, fill=False, edgecolor=colour, linewidth=2.5))
    axes.text(x, y + high + 0.07, words, fontsize=10.5, fontweight="bold", color=INK)


def _bridge(axes: Axes, one: Box, two: Box, rooms: Rooms) -> None:
    y = two[1] + two[3] / 2
    begin, end = one[0] + one[2] + 0.04, two[0] - 0.04
    axes.add_patch(FancyArrowPatch((begin, y), (end, y), arrowstyle="-|>", mutation_scale=14, linewidth=2,
                                   color=RUN if rooms.crossed else SHARED, shrinkA=0, shrinkB=0,
                                   linestyle="-" if rooms.crossed else "--"))
    words = ["COPY --from", f"{size(rooms.crossing)}", "cross"] if rooms.crossed else ["nothing", "crosses"]
    axes.text((begin + end) / 2, y - 0.1, "\n".join(words), ha="center", va="top", fontsize=SMALL, color=INK,
              linespacing=1.2)


def _listed(axes: Axes, left: float, top: float, rooms: Rooms) -> None:
    """What is in the dining room, and which kinds of tools stayed in the kitchen."""
    stayed = [each for each in rooms.kitchen if each.name in rooms.tools()]
    lines = int((top + 0.1) / _LINE) - len(rooms.dining) - 3
    shown = stayed if len(stayed) <= lines else stayed[:max(0, lines - 1)]
    rows: list[tuple[str, str | None]] = [("In the dining room", None)] + [(each.name, size(each.size))
                                                                           for each in rooms.dining]
    if stayed:
        rows += [("", ""), ("Stayed in the kitchen", None)] + [(each.name, size(each.size)) for each in shown]
    if len(stayed) > len(shown):
        rows.append((f"and {len(stayed) - len(shown)} kinds more", ""))
    for row, (words, count) in enumerate(rows):
        y = top - row * _LINE
        axes.text(left, y, words, fontsize=SMALL, va="center", fontweight="bold" if count is None else "normal")
        axes.text(_WIDE, y, count or "", fontsize=SMALL, va="center", ha="right")


def tiles(sizes: Sequence[float], room: Box) -> list[Box]:
    """A squarified treemap: a tile for each of `sizes` (the largest first), of that part
    of the room's area, as near to a square as can be.

    Source: Bruls, Huizing and van Wijk, "Squarified Treemaps", 2000.
    """
    whole = sum(sizes)
    if not whole:
        return []
    x, y, wide, high = room
    areas = [each * wide * high / whole for each in sizes]
    found: list[Box] = []
    while areas:
        side, count = min(wide, high), 1
        while count < len(areas) and _worst(areas[:count + 1], side) <= _worst(areas[:count], side):
            count += 1
        row, areas = areas[:count], areas[count:]
        deep, at = sum(row) / side, 0.0
        for area in row:
            along = area / deep
            # From the top down and from the left: the largest stands where one looks first.
            found.append((x, y + high - at - along, deep, along) if wide >= high else
                         (x + at, y + high - deep, along, deep))
            at += along
        x, wide, high = (x + deep, wide - deep, high) if wide >= high else (x, wide, high - deep)
    return found


def _worst(row: Sequence[float], side: float) -> float:
    """How far the least square tile of a row is from a square: 1 is one."""
    together = sum(row) ** 2
    return max(max(side ** 2 * area / together, together / (side ** 2 * area)) for area in row)


def _finding(rooms: Rooms) -> str:
    if not rooms.crossed:
        return "Nothing crosses from the kitchen into the dining room"
    part = share(rooms.crossing, total(rooms.kitchen))
    part = "less than 1 %" if part == "0 %" else part
    here, left = {each.name for each in rooms.dining if each.names}, rooms.tools()
    own, stayed = ([name for name in _TELLING if name in names] for names in (here, left))
    if own:
        return f"{part} of the kitchen crosses, but the dining room has {listed(own)} of its own"
    return f"{part} of the kitchen crosses" + (f"; {listed(stayed)} stay there" if stayed else "")


def _spoken(rooms: Rooms) -> str:
    contents = [f"{room}: " + ", ".join(f"{each.name} {size(each.size)}" for each in things)
            for room, things in (("Kitchen", rooms.kitchen), ("Dining room", rooms.dining))]
    bridges = "; ".join(f"{each.keyword} {each.value}" for each in rooms.bridges)
    return f"{contents[0]}. {contents[1]}. Over the bridge ({bridges or 'none'}): {size(rooms.crossing)}."
