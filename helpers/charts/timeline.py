"""When each step of a build ran: a lane for each stage, on one axis of time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..builder import TITLES, BuildResult, Progress, StageReport, Step, covered, dependencies, together, work
from ..errors import BuildFailed, CourseError
from ..units import counted, listed, seconds
from . import style
from .style import BUILD, DANGER, FAINT, INK, PAPER, RUN, SHARED, SMALL, Chart, canvas, finish, fitted, wide, words_on

_HEAD = 0.35          # inches for a panel's name
_ROW = 0.5            # inches of height for a lane
_BAR = 0.62           # of a lane's height
_GAP = 0.1            # of a lane's height, between a bar and an arrow along it
_PAD = 0.08           # inches between a bar and words
_THIN = 0.02          # inches of the thinnest bar: a step of a moment is to be seen too
_NAME = 1.4           # inches for the names of the lanes, and what stands under them
_BUSTER = re.compile(r"\d{16,}")   # of `cache_buster`, for which no reader has a use
_SHORT = 0.02         # of the whole: overlaps under this are not worth words
_ALIKE = 3            # times as long: a longer build would leave a shorter one no room on an axis of both
_AROUND = "outside stages"   # the lane of what belongs to no stage: bases, context, labels, export


@dataclass(frozen=True)
class Lane:
    """A stage and its steps (FROM is none), or what the builder does around them."""

    name: str
    steps: tuple[Step, ...]
    colour: str
    state: str = ""    # in words where no step ran: 'cached', 'skipped: never started', 'not reached'

    @property
    def ran(self) -> list[Step]:
        """The steps that took time."""
        return [step for step in self.steps if step.status in ("done", "failed")
                and step.started is not None and step.completed is not None]

    @property
    def cached(self) -> list[Step]:
        """The steps that came from the build cache."""
        return [step for step in self.steps if step.status == "cached"]


def timeline(build: BuildResult | BuildFailed | Mapping[str, BuildResult | BuildFailed]) -> Chart:
    """A lane for each stage, a bar for each step that ran, a ring for each that was cached;
    shaded where two stages ran at once, and an arrow where a step needs another stage's step.

    build  one, or several by name: each in a panel, all on one axis if they took about as long

    Raises CourseError for a build that was refused before its first step.
    """
    named = build if isinstance(build, Mapping) else {"": build}
    drawn = [_lanes(each) for each in named.values()]
    lengths = [max((step.completed or 0.0 for lane in lanes for step in (*lane.ran, *lane.cached)), default=0.0) or 1.0
               for lanes in drawn]
    several, alike = len(drawn) > 1, max(lengths) <= _ALIKE * min(lengths)
    figure, panels = canvas(sum(0.45 + _ROW * len(lanes) + _HEAD * several for lanes in drawn), rows=len(drawn))
    for name, lanes, length, axes in zip(named, drawn, lengths, panels if several else [panels]):
        _panel(axes, lanes, max(lengths) if alike else length)
        axes.set_title(name if alike else f"{name}: {seconds(length)}, on an axis of its own",
                       fontsize=10.5, loc="left", pad=14)
    found = [_finding(each, lanes, whole) for each, lanes, whole in zip(named.values(), drawn, lengths)]
    found = [f"{name}: {each[0].lower()}{each[1:]}" if name else each for name, each in zip(named, found)]
    spoken = [f"{name}: " * bool(name) + _spoken(lanes) for name, lanes in zip(named, drawn)]
    return finish(figure, "; ".join(found), " ".join(spoken), source=_source(list(named.values())),
                  legend=_legend([lane for lanes in drawn for lane in lanes]))


def _panel(axes: Axes, lanes: Sequence[Lane], whole: float) -> None:
    """The lanes of a build, on an axis of so many seconds."""
    scale = whole / (style.WIDTH - _NAME - 0.3)   # seconds an inch
    stretches = _shared(lanes, whole)
    for begin, end in stretches:
        axes.axvspan(begin, end, color=INK, alpha=0.07, linewidth=0, zorder=0)
    names = [fitted(lane.name, 10, _NAME) + _draw(axes, row, lane, whole, scale) for row, lane in enumerate(lanes)]
    _arrows(axes, lanes)
    _frame(axes, names, whole)
    if stretches:
        begin, end = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
        axes.text((begin + end) / 2, -0.5, "in parallel", ha="center", va="bottom", fontsize=SMALL, color=INK)


def _lanes(build: BuildResult | BuildFailed) -> list[Lane]:
    reports, steps, dockerfile, target = _parts(build)
    shipped = dockerfile.stage(target).label if target else dockerfile.stages[-1].label
    lanes = [Lane(report.name, tuple(work(report.steps)), RUN if report.name == shipped else BUILD,
                  _state(report, isinstance(build, BuildFailed))) for report in reports]
    around = Lane(_AROUND, tuple(step for step in steps if not step.stage or _fetched(step)), SHARED)
    whole = max((step.completed for step in steps if step.completed is not None), default=0.0)
    return lanes + [around] * (covered(around.steps) > 0.03 * whole)


def _fetched(step: Step) -> bool:
    """Whether it took a base image, for any number of stages; one from the cache took no time."""
    return step.instruction.upper().startswith("FROM ") and step.seconds > 0


def _parts(build: BuildResult | BuildFailed) -> tuple:
    if not isinstance(build, BuildFailed):
        return build.stages, build.steps, build.dockerfile, build.target
    if not build.progress:
        raise CourseError("No step of that build ever began: there is no time to draw.", why=build.what)
    progress: Progress = build.progress
    return progress.stages(), progress.steps(), progress.dockerfile, progress.target


def _state(report: StageReport, failed: bool) -> str:
    if report.status == "built":
        return ""
    if report.status == "cached":
        return "cached"
    return "not reached" if failed else "skipped: never started"


def _shared(lanes: Sequence[Lane], whole: float) -> list[tuple[float, float]]:
    """The stretches, longer than a moment, in which two stages or more were at work."""
    pairs = combinations([lane.steps for lane in lanes if lane.name != _AROUND], 2)
    return [(begin, end) for one, two in pairs for begin, end in together(one, two) if end - begin > _SHORT * whole]


def _draw(axes: Axes, row: int, lane: Lane, whole: float, scale: float) -> str:
    """Draw a lane; what stands under its name where no bar has room for words."""
    free = -1.0    # where the last words end: outside stages, bars may overlap
    for step in sorted(lane.ran, key=lambda step: step.started or 0):
        colour = DANGER if step.status == "failed" else lane.colour
        axes.barh(row, max(step.seconds, _THIN * scale), left=step.started, height=_BAR, color=colour,
                  edgecolor=PAPER, linewidth=0.8 if step.seconds > 3 * _THIN * scale else 0)
        words = next((each for each in _words(step) if wide(each, SMALL) + 2 * _PAD <= step.seconds / scale), "")
        if words and (step.started or 0) >= free:
            axes.text((step.started or 0) + _PAD * scale, row, words, va="center", fontsize=SMALL,
                      color=words_on(colour))
            free = (step.started or 0) + (wide(words, SMALL) + _PAD) * scale
    if lane.cached:
        axes.plot([step.started or 0.0 for step in lane.cached], [row] * len(lane.cached), linestyle="none",
                  marker="o", markersize=7, markerfacecolor=PAPER, markeredgecolor=FAINT, clip_on=False)
    elif not lane.ran:
        axes.plot([0, whole], [row, row], color=SHARED, linewidth=1, linestyle=(0, (2, 4)))
    return "" if free >= 0 else f"\n{_summary(lane)}"


def _words(step: Step) -> tuple[str, ...]:
    """What a bar may say, the fullest first."""
    took, mark = seconds(step.seconds), "\u2718 " if step.status == "failed" else ""
    line = _instruction(step)
    shorter = (f"{line[:cut].rsplit(' ', 1)[0]}\u2026" for cut in (36, 24, 14) if len(line) > cut)
    return (*(f"{mark}{each}  {took}" for each in (line, *shorter, line.split(" ")[0])), f"{mark}{took}")


def _summary(lane: Lane) -> str:
    failed = next((step for step in lane.ran if step.status == "failed"), None)
    if failed:
        return _words(failed)[-2]
    if lane.ran:
        return f"{counted(len(lane.ran), 'step')}, {seconds(covered(lane.ran))}"
    return f"{lane.state}: {counted(len(lane.cached), 'step')}" if lane.cached else lane.state


def _arrows(axes: Axes, lanes: Sequence[Lane]) -> None:
    """From the end of a step to the start of one in another lane that needs it: along the gap beside its lane, where
    there are no words."""
    rows = {lane.name: row for row, lane in enumerate(lanes)}
    for giver, taker in dependencies([step for lane in lanes for step in lane.steps]):
        if giver.completed is not None and taker.started is not None:
            side = 1 if rows[taker.stage] > rows[giver.stage] else -1
            axes.annotate("", (taker.started, rows[taker.stage] - side * _BAR / 2),
                          (giver.completed, rows[giver.stage] + side * (_BAR / 2 + _GAP)), zorder=2, arrowprops={
                              "arrowstyle": "-|>", "color": INK, "linewidth": 1, "shrinkA": 0, "shrinkB": 0,
                              "mutation_scale": 10, "connectionstyle": "angle,angleA=0,angleB=90,rad=0"})


def _frame(axes: Axes, names: Sequence[str], whole: float) -> None:
    axes.set_xlim(0, whole * 1.02)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names, fontsize=10)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=9, colors=FAINT)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} s" if value else "0")
    axes.spines["left"].set_visible(False)


def _legend(lanes: Sequence[Lane]) -> list[Patch | Line2D]:
    ran = {lane.colour for lane in lanes if any(step.status == "done" for step in lane.ran)}
    failed = any(step.status == "failed" for lane in lanes for step in lane.ran)
    kinds = [(BUILD, "a step of a stage that stays behind"), (RUN, "a step of the stage that is shipped"),
             (SHARED, "around the stages: bases, context, labels, export")]
    legend: list[Patch | Line2D] = [Patch(facecolor=colour, label=label) for colour, label in kinds if colour in ran]
    if failed:
        legend.append(Patch(facecolor=DANGER, label="\u2718 failed"))
    if any(lane.cached for lane in lanes):
        legend.append(Line2D([], [], linestyle="none", marker="o", markersize=7, markerfacecolor=PAPER,
                             markeredgecolor=FAINT, label="taken from the cache"))
    return legend


def _finding(build: BuildResult | BuildFailed, lanes: Sequence[Lane], whole: float) -> str:
    own = [lane for lane in lanes if lane.name != _AROUND]
    if isinstance(build, BuildFailed):
        needless = build.stage and build.stage not in build.progress.dockerfile.needed(build.progress.target)
        return (f"The build failed after {seconds(whole)}"
                + f" in {build.stage}" * bool(build.stage) + ", which nothing needs" * bool(needless))
    busy = [lane for lane in own if lane.ran]
    skipped = [lane.name for lane in own if lane.state.startswith("skipped")]
    also = f"; {' and '.join(skipped)} never started" if skipped else ""
    if not busy:
        return f"No step ran: all came from the cache{also}"
    pairs = [(sum(end - begin for begin, end in together(one.steps, two.steps)), one, two)
             for one, two in combinations(busy, 2)]
    longest, one, two = max(pairs, key=lambda pair: pair[0], default=(0.0, busy[0], busy[0]))
    if longest > _SHORT * whole:
        return f"{one.name} and {two.name} ran in parallel for {seconds(longest)} of {seconds(whole)}{also}"
    if len(busy) == 1:
        return f"Only {busy[0].name} had steps to run: {seconds(covered(busy[0].steps))}{also}"
    return f"One stage after another: {seconds(whole)}{also}"


def _spoken(lanes: Sequence[Lane]) -> str:
    def listed(lane: Lane) -> str:
        return "; ".join(_report(step) for step in sorted(lane.steps, key=lambda step: step.started or 0))

    return " ".join(f"{lane.name}: {listed(lane) or lane.state or 'no step'}." for lane in lanes)


def _report(step: Step) -> str:
    line = _instruction(step)
    if step.status not in ("done", "failed") or step.started is None or step.completed is None:
        return f"{line}, {step.status}"
    return f"{line}, {'failed, ' * (step.status == 'failed')}{step.started:.1f} s to {step.completed:.1f} s"


def _instruction(step: Step) -> str:
    """A step's instruction in one line, without the digits that keep it from being cached."""
    return _BUSTER.sub("\u2026", " ".join(step.instruction.split()))


def _source(builds: Sequence[BuildResult | BuildFailed]) -> str:
    ran = [(each.progress.builder, each.progress.engine) if isinstance(each, BuildFailed) else
           (each.builder, each.engine.describe()) for each in builds]
    arrows = any(dependencies(step for step in _parts(each)[1]) for each in builds)
    builders, engines = (list(dict.fromkeys(each)) for each in zip(*((TITLES[name], where) for name, where in ran)))
    return (f"As reported by {listed(builders)}, in seconds since "
            f"{'its' if len(builds) == 1 else 'each'} first step began{'; on ' * any(engines)}{'; '.join(engines)}."
            + " Arrows: a step that needs one of another stage." * arrows)
