"""What had to run again after each edit, step by step."""

import re
from collections.abc import Mapping
from datetime import date

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from ..builder import TITLES, BuildResult, Step
from ..experiments.incremental import executed_steps, step_seconds, steps
from ..inventory import printable
from ..units import counted, seconds
from .grids import grid
from .sizes import in_lines
from .style import BUILD, FAINT, INK, MONOSPACE, PALE, PAPER, SHARED, SMALL, Chart, canvas, finish, words_on

_ROW = 0.31          # inches of height
_GAP = 0.5           # rows between two Dockerfiles
_MOMENT = 1e-3       # seconds: what takes less took no time
_MOUNT = re.compile(r"--mount=type=(\w+)\S*")
_SECRET = re.compile(r"--mount=type=secret\S* ")

Built = Mapping[str, BuildResult]


def edits(built: Mapping[str, Built]) -> Chart:
    """A row for each step, a column for each edit after which one ran, a block for each Dockerfile: {its name:
    {what was edited: the build after it}}. A cell of a step that ran says how long, in words and as a bar.

    Raises ValueError if there is nothing to draw.
    """
    if not built or not all(built.values()):
        raise ValueError("no build to draw")
    every = list(next(iter(built.values())))
    whats = [what for what in every if any(executed_steps(results[what]) for results in built.values())] or every
    blocks = {name: [steps(results[what]) for what in whats] for name, results in built.items()}
    longest = max((step.seconds for columns in blocks.values() for column in columns for step in column), default=0.0)
    rows = sum(2 + len(columns[0]) for columns in blocks.values()) + _GAP * (len(blocks) - 1)
    figure, axes = canvas(0.25 + _ROW * rows)
    top = 0.0
    labels: dict[float, str] = {}
    for name, columns in blocks.items():
        axes.text(0.02, top + 0.5, name, va="center", fontsize=10.5)
        for column, made in enumerate(columns):
            for row, step in enumerate(made):
                _cell(axes, column, top + 1 + row, step, longest or 1.0)
            _sum(axes, column, top + 1 + len(made), built[name][whats[column]])
        labels |= {top + 1.5 + row: _label(step) for row, step in enumerate(columns[0])}
        top += 2 + len(columns[0]) + _GAP
    grid(axes, whats, [], size=10)
    axes.set_ylim(top - _GAP, 0)
    axes.annotate("edited:", (0, 0), xytext=(-6, 4), textcoords="offset points", ha="right", va="bottom",
                  fontsize=10, color=FAINT)
    axes.set_yticks(list(labels), list(labels.values()), family=MONOSPACE, fontsize=SMALL, linespacing=1.1)
    legend = [Patch(facecolor=PALE[BUILD], edgecolor=BUILD, label="had to run"),
              Patch(facecolor=BUILD, label="how long, against the longest step"),
              Patch(facecolor="white", edgecolor=SHARED, label="taken from the cache")]
    idle = "".join(f" Edited {what}: no step ran." for what in every if what not in whats)
    return finish(figure, _finding(built), _spoken(built), source=_source(built) + idle, legend=legend)


def _cell(axes: Axes, column: int, row: float, step: Step, longest: float) -> None:
    axes.add_patch(Rectangle((column + 0.02, row + 0.06), 0.96, 0.88, linewidth=0.8,
                             facecolor=PAPER if step.cached else PALE[BUILD],
                             edgecolor=SHARED if step.cached else BUILD))
    if not step.cached:
        axes.add_patch(Rectangle((column + 0.02, row + 0.06), 0.96 * step.seconds / longest, 0.88,
                                 facecolor=BUILD, linewidth=0))
    words, colour, weight = (("cached", FAINT, "normal") if step.cached else
                             (seconds(step.seconds), INK if 2 * step.seconds < longest else words_on(BUILD), "bold"))
    axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", fontsize=9, color=colour, fontweight=weight)


def _sum(axes: Axes, column: int, row: float, result: BuildResult) -> None:
    ran = executed_steps(result)
    said = f"{len(ran)} of {len(steps(result))} ran, {seconds(step_seconds(result))}" if ran else "nothing ran"
    axes.text(column + 0.5, row + 0.5, said, ha="center", va="center", fontsize=9, color=INK)


def _label(step: Step) -> str:
    """The instruction in a row's room: a mount by its type alone, and none of a secret,
    which has no part in the cache and would leave no room for the command."""
    line = _SECRET.sub("", " ".join(step.instruction.split()))
    return in_lines(printable(_MOUNT.sub(r"--mount=\1", line)))


def _finding(built: Mapping[str, Built]) -> str:
    """An edit (the one at which the Dockerfiles differ by the largest factor), and their times."""
    times = {what: [step_seconds(results[what]) for results in built.values()] for what in next(iter(built.values()))}
    what = max(times, key=lambda each: max(times[each]) / max(min(times[each]), _MOMENT) if len(built) > 1
               else max(times[each]))
    found = [f"{seconds(step_seconds(results[what]))} with {name}" if executed_steps(results[what])
             else f"nothing to do with {name}" for name, results in built.items()]
    return f"After editing {what}: {', '.join(found)}"


def _spoken(built: Mapping[str, Built]) -> str:
    said = []
    for name, results in built.items():
        for what, result in results.items():
            ran = [f"{' '.join(step.instruction.split())} ({seconds(step.seconds)})" for step in executed_steps(result)]
            said.append(f"{name}, edited {what}: {counted(len(ran), 'step')} of {len(steps(result))} ran"
                        + (f": {', '.join(ran)}" if ran else "") + ".")
    return " ".join(said)


def _source(built: Mapping[str, Built]) -> str:
    any_of = next(iter(next(iter(built.values())).values()))
    return f"Measured {date.today().isoformat()} with {TITLES[any_of.builder]} on {any_of.engine.describe()}."
