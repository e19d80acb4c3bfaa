"""What a push and a pull cost, and how long until the first answer."""

from collections.abc import Sequence

from ..experiments.significance import SpeedComparison
from ..image import Image
from ..registry import Transfer
from ..units import seconds, size
from .sizes import Part, bar, bar_axis
from .style import BUILD, FAINT, PAPER, RUN, Chart, canvas, finish, footnote

_SPREAD = 0.24     # rows that the dots of a sample are spread over


def trips(trips: Sequence[Transfer], images: Sequence[Image], names: Sequence[str] | None = None) -> Chart:
    """A row for each push or pull: the bytes that crossed the line, and the seconds it took.

    `images` are those that travelled; their references are the trips' names.
    """
    known = {image.reference: image for image in images}
    called = dict(zip(known, names or known))
    figure, panels = canvas(0.5 + 0.5 * len(trips), 2, (1, 1))
    for axes, counts, said, title in ((panels[0], [trip.moved for trip in trips], size, "bytes over the line"),
                                      (panels[1], [trip.seconds for trip in trips], seconds, "time, with unpacking")):
        for row, (trip, count) in enumerate(zip(trips, counts)):
            image = known[trip.name]
            part = Part("", count, BUILD if image.base_role == "build" else RUN, image.stand_in is not None)
            bar(axes, row, [part], said(count), height=0.62, bold=True)
        bar_axis(axes, max(counts), room=1.35)
        axes.set_ylim(len(trips) - 0.4, -0.6)
        axes.set_yticks(range(len(trips)), [f"{trip.way} {called[trip.name]}" for trip in trips]
                        if axes is panels[0] else [""] * len(trips))
        axes.set_title(title, fontsize=10, fontweight="normal", color=FAINT)
    panels[1].xaxis.set_major_formatter(lambda value, _: f"{value:g} s" if value else "0")
    source = f"A line of {size(trips[0].speed)} a second, made on this machine. {footnote(images)}"
    alt = "; ".join(f"{trip.way} {called[trip.name]}: {size(trip.moved)} in {seconds(trip.seconds)}" for trip in trips)
    return finish(figure, _trips_finding(trips, called), alt, source=source)


def _trips_finding(trips: Sequence[Transfer], called: dict[str, str]) -> str:
    """The slowest and the fastest, of the pulls if there are two to compare."""
    for way in ("pull", "push"):
        ordered = sorted((trip for trip in trips if trip.way == way), key=lambda trip: trip.seconds)
        if len(ordered) > 1:
            slow, fast = (f"{called[trip.name]}: {size(trip.moved)} in {seconds(trip.seconds)}"
                          for trip in (ordered[-1], ordered[0]))
            return f"{way.capitalize()}ing {slow}; {fast}"
    return "; ".join(f"{trip.way}ing {called[trip.name]} takes {seconds(trip.seconds)}" for trip in trips)


def runs(compared: SpeedComparison, names: Sequence[str], images: Sequence[Image] = ()) -> Chart:
    """A dot for each run, in the order they were made from top to bottom, and the median as a
    line. `names` of the first and the second sample; the second is drawn above."""
    figure, axes = canvas(2.15)
    samples = [(compared.second, names[1], BUILD, compared.medians[1]),
               (compared.first, names[0], RUN, compared.medians[0])]
    for row, (sample, _, colour, middle) in enumerate(samples):
        heights = [row + _SPREAD * (2 * place / max(len(sample) - 1, 1) - 1) for place in range(len(sample))]
        axes.plot([middle, middle], [row - 0.4, row + 0.3], color=FAINT, linewidth=1.2, zorder=1)
        axes.plot(sample, heights, "o", color=colour, markersize=7, markeredgecolor=PAPER,
                  markeredgewidth=0.6, clip_on=False, zorder=2)
        axes.annotate(f"median {seconds(middle)}", (middle, row - 0.4), xytext=(3, 2),
                      textcoords="offset points", va="bottom", fontsize=9)
    axes.set_yticks([0, 1], [f"{name}\n{len(sample)} runs" for sample, name, *_ in samples])
    axes.set_ylim(1.45, -0.65)
    axes.set_xlim(0, max(*compared.first, *compared.second) * 1.15)
    axes.xaxis.set_major_formatter(lambda value, _: seconds(value) if value else "0")
    axes.tick_params(axis="x", labelsize=9, colors=FAINT)
    axes.tick_params(axis="y", length=0)
    one, two = map(seconds, compared.medians)
    verdict = "First answer" if compared.faster else "Perhaps by chance" if compared.shorter else "No faster"
    title = f"{verdict}: {names[0]} after {one}, {names[1]} after {two}"
    lines = [f"{name}: {len(sample)} runs from {seconds(min(sample))} to {seconds(max(sample))}, "
            f"median {seconds(middle)}" for sample, name, _, middle in reversed(samples)]
    return finish(figure, title, f"{'. '.join(lines)}. {compared.summary('the first', 'the second')}", images)
