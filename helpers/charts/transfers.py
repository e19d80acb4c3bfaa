"""What a push and a pull cost: bytes and seconds."""

from __future__ import annotations

from collections.abc import Sequence

from ..image import Image
from ..registry import Transfer
from ..units import ratio, seconds, size
from .sizes import bar_axis
from .style import BUILD, FAINT, HATCH, RUN, Chart, canvas, finish, footnote

_ROW = 0.5


def trips(trips: Sequence[Transfer], images: Sequence[Image], names: Sequence[str] | None = None) -> Chart:
    """A row a push or pull: the bytes that crossed the line, and the seconds it took.

    `images` are those that travelled; their references are the trips' names.
    """
    known = {image.reference: image for image in images}
    called = dict(zip(known, names or known))
    figure, (left, right) = canvas(0.5 + _ROW * len(trips), 2, (1, 1))
    for axes, counts, said in ((left, [trip.moved for trip in trips], size),
                               (right, [trip.seconds for trip in trips], seconds)):
        for row, (trip, count) in enumerate(zip(trips, counts)):
            image = known[trip.name]
            axes.barh(row, count, height=0.62, edgecolor="white",
                      color=BUILD if image.base_role == "build" else RUN,
                      hatch=HATCH if image.stand_in else None)
            axes.annotate(said(count), (count, row), xytext=(6, 0), textcoords="offset points",
                          va="center", fontweight="bold")
        axes.set_yticks(range(len(trips)), [f"{trip.way} {called[trip.name]}" for trip in trips])
        axes.set_ylim(len(trips) - 0.4, -0.6)
    bar_axis(left, max(trip.moved for trip in trips))
    right.set_yticklabels([])
    right.set_xlim(0, max(trip.seconds for trip in trips) * 1.35)
    right.xaxis.set_major_formatter(lambda value, _: f"{value:g} s" if value else "0")
    right.tick_params(axis="x", labelsize=9, colors=FAINT)
    right.tick_params(axis="y", length=0)
    left.set_title("bytes over the line", fontsize=10, fontweight="normal", color=FAINT)
    right.set_title("time, with unpacking", fontsize=10, fontweight="normal", color=FAINT)
    source = f"A line of {size(trips[0].speed)} a second, made on this machine. {footnote(images)}"
    return finish(figure, _finding(trips, called), "; ".join(
        f"{trip.way} {called[trip.name]}: {size(trip.moved)} in {seconds(trip.seconds)}"
        for trip in trips), source=source)


def _finding(trips: Sequence[Transfer], called: dict[str, str]) -> str:
    """The slowest against the fastest, of the pulls if there are two to compare."""
    for way in ("pull", "push"):
        ordered = sorted((trip for trip in trips if trip.way == way), key=lambda trip: trip.seconds)
        if len(ordered) > 1:
            fast, slow = ordered[0], ordered[-1]
            return (f"To {way} {called[slow.name]} takes {seconds(slow.seconds)}, {called[fast.name]} "
                    f"{seconds(fast.seconds)}, with {ratio(slow.moved, fast.moved)} fewer bytes")
    return "; ".join(f"To {trip.way} {called[trip.name]} takes {seconds(trip.seconds)}" for trip in trips)
