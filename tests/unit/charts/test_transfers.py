"""Charts of what an image costs on its way, and of builds compared."""

import dataclasses

import pytest

from helpers import charts, labels
from helpers.charts import style
from helpers.experiments.significance import compare
from helpers.image import Twins
from helpers.registry import Transfer
from tests.unit.charts.figures import colours, notes, rows, texts
from tests.unit.charts.test_languages import COSTS, image

STAND_IN = {labels.STAND_IN: "golang:1.22", labels.MADE_OF: "packages"}
ONE = image("one", 760_000_000, 73_000_000, "build", labels=STAND_IN)
SLIM = image("slim", 20_000_000, 280_000_000, "run")
FULL = image("full", 760_000_000, 7_000_000, "build")
TWO = image("two", 20_000_000, 7_000_000, "run")
FOUR = [ONE, SLIM, FULL, TWO]


def bars(axes) -> list[tuple[float, float, float]]:
    """(row, left, right) of each bar."""
    return [(round(b.get_y() + b.get_height() / 2, 2), b.get_x(), b.get_x() + b.get_width()) for b in axes.patches]


@pytest.mark.parametrize("images, title", [
    (FOUR, "A smaller base alone saves 533 MB, a second stage alone saves 66.0 MB; together they save 806 MB"),
    (COSTS, "A smaller base alone costs 174 MB, a second stage alone saves 10.0 kB; together they save 98.0 MB"),
])
def test_the_title_of_a_reduction_is_what_each_change_does_alone(images, title):
    assert charts.reduction(images).title == title


def test_four_bars_say_how_large_they_are_and_what_that_saves():
    chart = charts.reduction(FOUR)
    assert texts(chart) == ["833 MB", "300 MB, saves 533 MB", "767 MB, saves 66.0 MB", "27.0 MB, saves 806 MB"]
    ends = {row: right for row, _, right in bars(chart.figure.axes[0])}
    assert list(ends.values()) == [each.unpacked for each in FOUR]
    assert "one stage, full base: 833 MB, one stage, small base: 300 MB" in chart.alt


def test_what_one_stage_adds_is_the_build_s_whatever_it_stands_on():
    axes, = charts.reduction(FOUR).figure.axes
    assert colours(axes)[:8] == [style.BUILD, style.BUILD_OWN, style.SHARED, style.BUILD_OWN,
                                 style.BUILD, style.RUN, style.SHARED, style.RUN]
    assert [patch.get_hatch() for patch in axes.patches][:3] == [style.HATCH, None, None]


@pytest.mark.parametrize("images", [[TWO] * 4, [TWO, ONE, ONE, FULL], [image("e", 0, 0, "run")] * 4])
def test_a_reduction_of_nothing_or_less_is_drawn(images):
    assert charts.reduction(images).png()


def trip(name, way, seconds, moved):
    return Transfer(name, way, "place", seconds, moved, moved, 3, 0, "sha256:x", 25e6)


TRIPS = [trip("one", "push", 15.6, 297e6), trip("two", "push", 0.8, 11.9e6),
         trip("one", "pull", 17.2, 297e6), trip("two", "pull", 0.88, 11.9e6)]


def test_trips_tell_bytes_and_seconds():
    chart = charts.trips(TRIPS, [ONE, TWO], ["one stage", "two stages"])
    assert chart.title == "Pulling one stage: 297 MB in 17.2 s; two stages: 11.9 MB in 880 ms"
    assert texts(chart) == ["297 MB", "11.9 MB", "297 MB", "11.9 MB", "15.6 s", "800 ms", "17.2 s", "880 ms"]
    assert "push one stage: 297 MB in 15.6 s" in chart.alt and "pull two stages: 11.9 MB in 880 ms" in chart.alt
    assert rows(chart) == ["push one stage", "push two stages", "pull one stage", "pull two stages"]


def test_trips_have_the_colour_of_their_image():
    left, right = charts.trips(TRIPS, [ONE, TWO]).figure.axes
    assert colours(left) == colours(right) == [style.BUILD, style.RUN] * 2
    assert [patch.get_hatch() for patch in left.patches] == [style.HATCH, None] * 2


def test_the_foot_of_trips_says_how_fast_the_line_was():
    told = notes(charts.trips(TRIPS, [ONE, TWO]))
    assert "A line of 25.0 MB a second" in told and "An engine" in told


@pytest.mark.parametrize("some, title", [
    ([0], "Pushing one takes 15.6 s"),
    ([0, 1], "Pushing one: 297 MB in 15.6 s; two: 11.9 MB in 800 ms"),
    ([1, 2], "Pushing two takes 800 ms; pulling one takes 17.2 s"),
])
def test_fewer_trips_are_drawn_too(some, title):
    chart = charts.trips([TRIPS[n] for n in some], [ONE, TWO])
    assert chart.png() and chart.title == title


FAST, SLOW = [0.18, 0.2, 0.19], [17.0, 19.0, 18.0]


@pytest.mark.parametrize("first, second, title", [
    (FAST, SLOW, "First answer: two after 190 ms, one after 18.0 s"),
    (SLOW, FAST, "No faster: two after 18.0 s, one after 190 ms"),
    (FAST, FAST, "No faster: two after 190 ms, one after 190 ms"),
    ([0.1, 0.2, 0.9], [0.3, 0.5, 0.8], "Perhaps by chance: two after 200 ms, one after 500 ms"),
])
def test_the_title_of_runs_is_the_judgement(first, second, title):
    chart = charts.runs(compare(first, second), ["two", "one"], [ONE, TWO])
    assert chart.title == title and chart.png()


def test_every_run_is_a_dot_and_the_median_a_line():
    chart = charts.runs(compare(FAST, SLOW), ["two", "one"])
    dots = [list(line.get_xdata()) for line in chart.figure.axes[0].lines if line.get_marker() == "o"]
    assert dots == [SLOW, FAST]
    medians = [set(line.get_xdata()) for line in chart.figure.axes[0].lines if line.get_marker() != "o"]
    assert medians == [{18.0}, {0.19}]
    assert texts(chart) == ["median 18.0 s", "median 190 ms"]
    assert rows(chart) == ["one\n3 runs", "two\n3 runs"]


def test_dots_of_equal_runs_do_not_hide_each_other():
    chart = charts.runs(compare([0.2] * 5, [0.2]), ["two", "one"])
    heights = [list(line.get_ydata()) for line in chart.figure.axes[0].lines if line.get_marker() == "o"]
    assert len(set(heights[1])) == 5 and len(heights[0]) == 1


def test_runs_are_drawn_from_zero():
    assert charts.runs(compare(FAST, SLOW), ["a", "b"]).figure.axes[0].get_xlim()[0] == 0


def test_the_foot_of_runs_names_stand_ins_without_speaking_of_hatching():
    told = notes(charts.runs(compare(FAST, SLOW), ["a", "b"], [ONE]))
    assert "golang:1.22 is a stand-in" in told and "Hatched" not in told


SAME = Twins((), (), layers=True, image=True)
TIMES = Twins((("/app", "time"),), ("created",), layers=False, image=False)
PROGRAM = Twins((("/app", "content"),), ("created",), layers=False, image=False)
LAYERS = Twins((), ("created",), layers=True, image=False)


def test_twins_tell_what_is_the_same():
    chart = charts.twins({"before": PROGRAM, "after": LAYERS}, "/app")
    same, differs = "\u2714 same", "\u2718 differs"
    assert texts(chart) == [differs] * 4 + [same, same, differs, differs]
    assert chart.title == "0 parts of 4 the same at first, 2 at the end: program and layers"
    assert "before: different program, different layers, different configuration, different image id" in chart.alt
    assert "after: same program, same layers, different configuration, different image id" in chart.alt
    dated = dataclasses.replace(TIMES, configuration=())    # by SOURCE_DATE_EPOCH: the files keep their times
    assert texts(charts.twins({"epoch": dated}, "/app")) == [same, differs, same, differs]


def test_colour_and_mark_agree():
    axes = charts.twins({"a": TIMES}, "/app").figure.axes[0]
    assert colours(axes) == [style.PALE[each] for each in (style.SHARED, *[style.DANGER] * 3)]


def test_the_foot_of_twins_names_the_engine():
    on = dataclasses.replace(TIMES, engine="An engine")
    assert "on An engine." in notes(charts.twins({"a": on}, "/app"))


@pytest.mark.parametrize("last, title", [
    (SAME, "After: the same image twice, to the last bit"),
    (PROGRAM, "1 part of 4 the same at first, 0 at the end"),
    (TIMES, "1 part of 4 the same at first, 1 at the end: program"),
])
def test_the_title_of_twins(last, title):
    assert charts.twins({"before": TIMES, "after": last}, "/app").title == title
