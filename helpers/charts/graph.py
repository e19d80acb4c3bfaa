"""The stages of a Dockerfile, and what ties them."""

from __future__ import annotations

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from ..build import BuildResult
from ..units import seconds
from .style import BUILD, FAINT, INK, PAPER, RUN, SHARED, Chart, canvas, finish

_WIDE, _HIGH = 2.6, 0.7         # of a box
_LETTERS = 17                    # of a name that fit into a box
_ACROSS, _DOWN = 4.3, 1.05       # from box to box


def stages(result: BuildResult) -> Chart:
    """The stage graph of a build: base images, stages, and the bridges between
    them (FROM, COPY --from, RUN --mount), with what each stage cost."""
    places = _places(result)
    columns = 1 + max(column for column, _ in places.values())
    rows = 1 + max(row for _, row in places.values())
    figure, axes = canvas(0.3 + 0.85 * rows)
    axes.set_axis_off()
    spots = {key: (column * _ACROSS, -row * _DOWN) for key, (column, row) in places.items()}
    for (name, external), spot in spots.items():
        _box(axes, spot, name, *_looks(result, name, external))
    for edge in result.dockerfile.edges:
        _arrow(axes, spots[edge.source, edge.external], spots[edge.target, False], edge.via)
    axes.set_xlim(-0.1, (columns - 1) * _ACROSS + _WIDE + 0.1)
    axes.set_ylim(-(rows - 1) * _DOWN - _HIGH, _HIGH)
    return finish(figure, _finding(result), _spoken(result), source=_source(result))


def _places(result: BuildResult) -> dict[tuple[str, bool], tuple[int, int]]:
    """{(name, whether it is an image and no stage): (column, row)}: a row a stage, with the image that it is FROM at its
    left; a column further right than all that the stage takes from."""
    edges = result.dockerfile.edges
    places: dict[tuple[str, bool], tuple[int, int]] = {}
    extra = len(result.dockerfile.stages)   # rows for images that several stages take from
    for row, stage in enumerate(result.dockerfile.stages):
        above = [edge for edge in edges if edge.target == stage.label]
        for edge in above:
            if edge.external and (edge.source, True) not in places:
                own = edge.via == "FROM"
                places[edge.source, True] = (0, row if own else extra)
                extra += not own
        column = 1 + max((places.get((edge.source, edge.external), (0, 0))[0] for edge in above),
                         default=0)
        places[stage.label, False] = (column, row)
    return places


def _looks(result: BuildResult, name: str, external: bool) -> tuple[str, str, str]:
    """(colour, second line, line style) of a box."""
    if external:
        return SHARED, "base image", "-"
    report = next(s for s in result.stages if s.name == name)
    shipped = name == _shipped(result)
    cost = seconds(report.seconds) if report.status == "built" else report.status
    colour = SHARED if report.status == "skipped" else RUN if shipped else BUILD
    return colour, f"{cost}{', shipped' if shipped else ''}", "--" if report.status == "skipped" else "-"


def _shipped(result: BuildResult) -> str:
    stages = result.dockerfile.stages
    return result.dockerfile.stage(result.target).label if result.target else stages[-1].label


def _box(axes, place: tuple[float, float], name: str, colour: str, below: str, line: str) -> None:
    x, y = place
    axes.add_patch(FancyBboxPatch((x, y - _HIGH / 2), _WIDE, _HIGH, linewidth=2, linestyle=line,
                                  boxstyle="round,pad=0.02,rounding_size=0.1",
                                  edgecolor=colour, facecolor=PAPER))
    axes.text(x + _WIDE / 2, y + 0.1, _in_box(name), ha="center", va="center", color=INK,
              fontweight="bold", fontsize=9.5 if len(name) <= _LETTERS else 8, linespacing=1.0)
    axes.text(x + _WIDE / 2, y - 0.2, below, ha="center", va="center", color=FAINT, fontsize=9)


def _in_box(name: str) -> str:
    """A long reference in two lines, broken at its last slash."""
    if len(name) <= _LETTERS:
        return name
    head, slash, tail = name.rpartition("/")
    return "\n".join(part if len(part) <= _LETTERS + 4 else f"{part[: _LETTERS + 3]}\u2026"
                     for part in (head + slash, tail) if part)


def _arrow(axes, source: tuple[float, float], target: tuple[float, float], via: str) -> None:
    colour = {"FROM": SHARED, "COPY": RUN, "RUN": BUILD}[via]
    words = {"FROM": "FROM", "COPY": "COPY --from", "RUN": "RUN --mount"}[via]
    begin, end = (source[0] + _WIDE + 0.05, source[1]), (target[0] - 0.05, target[1])
    if source[0] == target[0]:
        begin, end = (source[0] + _WIDE / 2, source[1] - _HIGH / 2), (target[0] + _WIDE / 2, target[1] + _HIGH / 2)
    axes.add_patch(FancyArrowPatch(begin, end, arrowstyle="-|>", mutation_scale=14,
                                   linewidth=1.6, color=colour, shrinkA=0, shrinkB=0))
    axes.text((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2 + 0.1, words, ha="center",
              fontsize=8.5, color=INK,
              bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1})


def _finding(result: BuildResult) -> str:
    shipped = _shipped(result)
    bridges = [e for e in result.dockerfile.edges if e.target == shipped and not e.external]
    if not bridges and len(result.stages) > 1:
        return f"Only {shipped} is shipped, and no bridge leads into it"
    if not bridges:
        return f"One stage, {shipped}: all that it holds is shipped"
    sources = ", ".join(dict.fromkeys(edge.source for edge in bridges))
    return f"Only {shipped} is shipped; what it takes from {sources} crosses one bridge" \
        if len(bridges) == 1 else f"Only {shipped} is shipped; {len(bridges)} bridges lead into it"


def _spoken(result: BuildResult) -> str:
    told = [f"Stage {s.name} from {s.base}: {s.status}"
            + (f" in {seconds(s.seconds)}" if s.status == "built" else "") for s in result.stages]
    ties = [f"{e.via} from {e.source} to {e.target}" for e in result.dockerfile.edges]
    return f"{'; '.join(told)}. Ties: {'; '.join(ties)}."


def _source(result: BuildResult) -> str:
    return f"Built in {seconds(result.seconds)} with {result.builder} on {result.engine.describe()}."
