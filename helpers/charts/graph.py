"""The stages of a Dockerfile, and what connects them."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from ..builder import TITLES, BuildResult
from ..dockerfile import SCRATCH, Edge
from ..units import counted, listed, seconds
from .layout import WIDE, Box, Wire, plan
from .style import BUILD, FAINT, INK, PAPER, RUN, SHARED, SMALL, Chart, canvas, finish, fitted, wide

_PAD = 0.02                       # that a box is drawn larger than its text's room
_SIZES = (9.5, SMALL)             # points of a name: the second where it is long
_WORDS = {"FROM": "FROM", "COPY": "COPY --from", "RUN": "RUN --mount"}
_COLOURS = {"FROM": SHARED, "COPY": RUN, "RUN": BUILD}


def stages(result: BuildResult) -> Chart:
    """The stages of a build with what each cost, their bases, and what leads over (FROM, COPY --from, mounts)."""
    drawn = plan(result.dockerfile)
    figure, axes = canvas(drawn.high + 0.1)
    axes.set_axis_off()
    for wire in drawn.wires:
        _draw_wire(axes, wire)
    for box in drawn.boxes.values():
        _draw_box(axes, box, *_looks(result, box))
    axes.set_xlim(-0.05, WIDE)
    axes.set_ylim(drawn.high + 0.02, -0.02)
    source = f"Built in {seconds(result.seconds)} with {TITLES[result.builder]} on {result.engine.describe()}."
    return finish(figure, _finding(result), _spoken(result), source=source)


def _looks(result: BuildResult, box: Box) -> tuple[str, str, str]:
    """(colour, second line, line style) of a box."""
    if box.external:
        return SHARED, "empty" if box.name == SCRATCH else "base image", "-"
    report = next(s for s in result.stages if s.name == box.name)
    shipped = box.name == _shipped(result)
    cost = seconds(report.seconds) if report.status == "built" else report.status
    colour = SHARED if report.status == "skipped" else RUN if shipped else BUILD
    return colour, f"{cost}{', shipped' if shipped else ''}", "--" if report.status == "skipped" else "-"


def _shipped(result: BuildResult) -> str:
    stages = result.dockerfile.stages
    return result.dockerfile.stage(result.target).label if result.target else stages[-1].label


def _draw_box(axes: Axes, box: Box, colour: str, below: str, line: str) -> None:
    axes.add_patch(FancyBboxPatch((box.x + _PAD, box.y - box.high / 2 + _PAD), box.wide - 2 * _PAD,
                                  box.high - 2 * _PAD, linewidth=2, linestyle=line, edgecolor=colour,
                                  boxstyle=f"round,pad={_PAD},rounding_size=0.1", facecolor=PAPER))
    name, size = _in_box(box.name, box.wide - 0.12)
    middle = box.x + box.wide / 2
    axes.text(middle, box.y - (0.08 if "\n" not in name else 0.1), name, ha="center", va="center",
              color=INK, fontweight="bold", fontsize=size, linespacing=1.0)
    axes.text(middle, box.y + (0.13 if "\n" not in name else 0.18), below, ha="center", va="center",
              color=FAINT, fontsize=SMALL)


def _in_box(name: str, room: float) -> tuple[str, float]:
    """A name that fits into `room` inches, and its size in points: on one line, or on two
    with the break at its last slash or in front of a dash, cut where it must be."""
    for points in _SIZES:
        if wide(name, points, bold=True) <= room:
            return name, points
    head, slash, tail = name.rpartition("/")
    parts = [head + slash, tail] if slash else _halves(name, points, room)
    return "\n".join(fitted(part, points, room, bold=True) for part in parts if part), points


def _halves(name: str, size: float, room: float) -> list[str]:
    breaks = [n for n, letter in enumerate(name) if n and letter in "-_." and wide(name[:n], size, bold=True) <= room]
    return [name[: breaks[-1]], name[breaks[-1]:]] if breaks else [name]


def _draw_wire(axes: Axes, wire: Wire) -> None:
    axes.add_patch(FancyArrowPatch(path=Path(wire.points), arrowstyle="-|>", mutation_scale=13, linewidth=1.6,
                                   color=_COLOURS[wire.via], joinstyle="round"))
    words = _WORDS[wire.via] + (f" \u00d7{wire.count}" if wire.count > 1 else "")
    axes.text(*wire.label, words, ha="left" if wire.words_left else "right", va="center",
              fontsize=SMALL, color=INK, bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1})


def _finding(result: BuildResult) -> str:
    shipped = _shipped(result)
    skipped = [stage.name for stage in result.stages if stage.status == "skipped"]
    if skipped:
        return f"{listed(skipped)} never ran: {shipped}, which is shipped, takes nothing from there"
    bridges = [e for e in result.dockerfile.edges if e.target == shipped and not e.external]
    if not bridges and len(result.stages) > 1:
        return f"Only {shipped} is shipped, and it takes nothing from another stage"
    if not bridges:
        return f"One stage, {shipped}: all that it holds is shipped"
    sources = listed(list(dict.fromkeys(edge.source for edge in bridges)))
    joined = f"{counted(len(bridges), 'bridge')} {'connects' if len(bridges) == 1 else 'connect'}"
    return f"Only {shipped} is shipped; {joined} it to {sources}"


def _spoken(result: BuildResult) -> str:
    stages = [f"Stage {s.name} from {s.base}: {s.status}"
              + (f" in {seconds(s.seconds)}" if s.status == "built" else "") for s in result.stages]
    edges = [f"{e.via} from {_source_name(result, e)} to {e.target}" for e in result.dockerfile.edges]
    return f"{'; '.join(stages)}. Dependencies: {'; '.join(edges)}."


def _source_name(result: BuildResult, edge: Edge) -> str:
    """Where an image and a stage have one name, which of the two is meant."""
    sources = {(each.source, each.kind) for each in result.dockerfile.edges}
    both = {(edge.source, "stage"), (edge.source, "image")} <= sources
    return f"the {edge.kind} {edge.source}" if both else edge.source
