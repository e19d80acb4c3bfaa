"""The timeline of a build: its bars, marks and words, on recorded and hand-made builds."""

import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from helpers import charts, dockerfile
from helpers.builder import Step
from helpers.builder.failure import failed
from helpers.builder.progress import _report
from helpers.charts import style
from helpers.errors import BuildFailed, CourseError
from tests.unit.builder.test_build import CASES, progress
from tests.unit.charts import figures
from tests.unit.charts.figures import PNG, build_of, legend, notes, rows


def test_the_description_lists_steps_as_they_ran():
    chart = charts.timeline(made("FROM a AS one\n", step("one", 2, 3, "RUN second"), step("one", 0, 2, "RUN first")))
    assert chart.alt.index("RUN first") < chart.alt.index("RUN second")


def texts(chart) -> list[str]:
    """The words on the bars, and those under the names of the lanes."""
    return [*figures.texts(chart), *(line for label in rows(chart) for line in label.split("\n"))]


def recorded(name: str):
    """A recorded build as its result, or as the error that it ended in."""
    told = progress(name)
    if told.failure:
        return failed(told)
    return build_of(told.dockerfile, told.stages(), told.steps(), told.target, told.builder)


def made(text: str, *steps: Step, target=None, builder="buildkit"):
    """A build of which we say what its steps did."""
    parsed = dockerfile.parse(text)
    needed = parsed.needed(target)
    stages = [_report(stage, tuple(s for s in steps if s.stage == stage.label), stage.label in needed)
              for stage in parsed.stages]
    return build_of(parsed, stages, steps, target, builder)


def step(stage, begin, end, text="RUN make", cached=False, error="", key="", inputs=()) -> Step:
    return Step(stage, text, 1, cached, begin, end, error, key=key, inputs=inputs)


TWO = "FROM a AS one\nFROM a AS two\nFROM b\nCOPY --from=one / /\nCOPY --from=two / /\n"
AT_ONCE = made(TWO, step("one", 0, 6, key="1"), step("two", 0, 5, key="2"),
               step("stage-2", 6, 7, "COPY --from=one / /", key="3", inputs=("1", "2")))
APART = made(TWO, step("one", 0, 4), step("two", 4, 9), step("stage-2", 9, 10))


def bars(chart) -> list[tuple]:
    """(lane, from, to, colour) of every bar."""
    patches = [p for p in chart.figure.axes[0].patches if isinstance(p, Rectangle) and p.get_height() < 1
               and p.get_alpha() is None]
    return [(round(p.get_y() + p.get_height() / 2), p.get_x(), p.get_x() + p.get_width(), p.get_facecolor()[:3])
            for p in patches]


def bands(chart) -> list[tuple[float, float]]:
    return [(p.get_x(), p.get_x() + p.get_width()) for p in chart.figure.axes[0].patches
            if isinstance(p, Rectangle) and p.get_alpha() is not None]


def arrows(chart) -> list[tuple]:
    """((lane, time) from, (lane, time) to) of every arrow."""
    return [((round(a.xyann[1]), a.xyann[0]), (round(a.xy[1]), a.xy[0])) for a in chart.figure.axes[0].texts
            if getattr(a, "arrow_patch", None)]


def rings(chart) -> list[list[float]]:
    return [list(line.get_xdata()) for line in chart.figure.axes[0].lines if line.get_marker() == "o"]


@pytest.mark.parametrize("name", CASES)
def test_every_recorded_build_is_drawn_with_its_words_apart_and_described(name):
    chart = charts.timeline(recorded(name))
    told = progress(name)
    for stage in told.stages():
        assert f"{stage.name}: " in chart.alt
    ran = [s for s in told.steps() if s.stage and s.status in ("done", "failed")
           and not s.instruction.upper().startswith("FROM ")]
    for each in ran:
        assert " ".join(each.instruction.split()) in chart.alt
    for mark, status in (("failed", "failed"), ("cached", "cached")):
        assert (f", {mark}" in chart.alt) == any(s.status == status and s.stage for s in told.steps()
                                                  if not s.instruction.upper().startswith("FROM "))
    nothing_lies_upon_words(chart)


def nothing_lies_upon_words(chart):
    axes = chart.figure.axes[0]
    figures.assert_apart(chart.figure, [*axes.texts, *axes.get_yticklabels()])
    beams = [p.get_window_extent() for p in axes.patches
             if isinstance(p, Rectangle) and p.get_height() < 1 and p.get_alpha() is None]
    for text, extent in ((t.get_text(), t.get_window_extent()) for t in axes.texts if t.get_text()):
        for beam in beams:   # on a bar or beside it
            apart = extent.x1 <= beam.x0 or beam.x1 <= extent.x0 or extent.y1 <= beam.y0 or beam.y1 <= extent.y0
            assert apart or (beam.x0 <= extent.x0 and extent.x1 <= beam.x1), text


def test_the_same_build_gives_the_same_picture(monkeypatch):
    monkeypatch.setattr(style, "_DPI", 30)
    one, other = (charts.timeline(recorded("buildkit-parallel")).png() for _ in range(2))
    assert one.startswith(PNG) and one == other


@pytest.mark.parametrize("name, title", [
    ("buildkit-parallel", "Greet and count ran in parallel for 735 ms of 1.1 s"),
    ("buildkit-chained", "One stage after another: 1.8 s"),
    ("buildkit-unused-fails", "One stage after another: 449 ms; unused never started"),
    ("buildkit-cached", "No step ran: all came from the cache"),
    ("buildkit-target", "No step ran: all came from the cache; stage-1 never started"),
    ("legacy-parallel", "One stage after another: 15.0 s"),
    ("legacy-unused-fails", "The build failed after 3.0 s in unused, which nothing needs"),
    ("buildkit-run-fails", None), ("legacy-root", None)])
def test_the_title_is_the_finding(name, title):
    found = charts.timeline(recorded(name)).title
    assert found == title or title is None and ("failed after" in found or found.startswith("Only stage-0"))
    if name == "buildkit-run-fails":
        assert found.endswith("in builder")


def test_a_bar_lies_where_its_step_ran():
    build, run = to_rgb(style.BUILD), to_rgb(style.RUN)
    assert bars(charts.timeline(AT_ONCE)) == [(0, 0, 6, build), (1, 0, 5, build), (2, 6, 7, run)]


def test_a_step_of_a_moment_is_seen():
    chart = charts.timeline(made("FROM a AS one\nFROM b\nRUN x\n", step("one", 0, 10), step("stage-1", 10, 10.001)))
    patch = [p for p in chart.figure.axes[0].patches if isinstance(p, Rectangle)][-1]
    assert patch.get_linewidth() == 0      # no white edge that eats it
    assert 0.01 < patch.get_width() < 0.1


@pytest.mark.parametrize("build, shaded, title", [
    (AT_ONCE, [(0, 5)], "One and two ran in parallel for 5.0 s of 7.0 s"), (APART, [], "One stage after another: 10.0 s"),
    (made(TWO, step("one", 0, 5), step("two", 4.95, 10), step("stage-2", 10, 10.1)), [],     # a moment is not worth a word
     "One stage after another: 10.1 s")])
def test_what_ran_at_once_is_shaded_and_named(build, shaded, title):
    chart = charts.timeline(build)
    assert bands(chart) == shaded and ("in parallel" in texts(chart)) == bool(shaded) and chart.title == title


def test_arrows_are_the_trace_s_own_ties():
    assert arrows(charts.timeline(AT_ONCE)) == [((0, 6), (2, 6)), ((1, 5), (2, 6))]
    assert "Arrows" in notes(charts.timeline(AT_ONCE))
    assert arrows(charts.timeline(APART)) == [] and "Arrows" not in notes(charts.timeline(APART))


def test_no_arrow_crosses_the_bars_of_the_lane_that_it_starts_in():
    lanes = [(a.xyann[1], a.xy[1]) for a in charts.timeline(AT_ONCE).figure.axes[0].texts if getattr(a, "arrow_patch", None)]
    assert lanes and all(abs(begin - round(begin)) > 0.31 and abs(end - round(end)) >= 0.31 for begin, end in lanes)


def test_a_cached_step_is_a_ring_and_no_bar():
    chart = charts.timeline(made(TWO, step("one", 1, 1, cached=True), step("one", 2, 2, cached=True),
                                 step("two", 2, 9), step("stage-2", 9, 10)))
    assert [bar[0] for bar in bars(chart)] == [1, 2] and rings(chart) == [[1, 2]]
    assert "cached: 2 steps" in texts(chart)
    assert "taken from the cache" in legend(chart)
    assert rings(charts.timeline(AT_ONCE)) == []


def test_a_cached_step_at_the_end_lies_within_the_axes():
    chart = charts.timeline(made(TWO, step("one", 0, 4), step("two", 0, 4), step("stage-2", 6, 6, cached=True)))
    assert chart.figure.axes[0].get_xlim()[1] >= 6 and "cached: 1 step" in texts(chart)


def test_the_lane_of_a_skipped_stage_is_empty_and_says_why():
    chart = charts.timeline(made("FROM a AS unused\nFROM b\nRUN make\n", step("stage-1", 0, 3)))
    assert [bar[0] for bar in bars(chart)] == [1]
    assert "skipped: never started" in texts(chart)
    assert chart.title == "Only stage-1 had steps to run: 3.0 s; unused never started"


def test_a_failed_step_is_marked_besides_its_colour():
    chart = charts.timeline(recorded("legacy-unused-fails"))
    assert [bar[3] for bar in bars(chart) if bar[0] == 0] == [to_rgb(style.DANGER)]
    assert any(text.startswith("✘ RUN") for text in texts(chart))
    assert texts(chart).count("not reached") == 2


def test_a_build_refused_before_its_first_step_has_no_time():
    with pytest.raises(CourseError) as caught:
        charts.timeline(BuildFailed("The builder refused line 3."))
    assert "no time to draw" in str(caught.value) and "line 3" in str(caught.value)


def test_what_is_around_the_stages_has_a_lane_if_it_took_time():
    def lanes(seconds):
        chart = charts.timeline(made("FROM a\nRUN make\n", step("stage-0", 0, 10),
                                     step("", 10, 10 + seconds, "exporting to image")))
        return rows(chart)
    assert lanes(5) == ["stage-0", "outside stages"] and lanes(0.1) == ["stage-0"]


def test_a_base_that_took_time_is_part_of_what_is_around_the_stages():
    """Where a build waits for its base, no blank stands for it."""
    def lanes(*taken):
        chart = charts.timeline(made("FROM a\nRUN make\n", *taken, step("stage-0", 8, 10)))
        return bars(chart), rings(chart)
    assert lanes(step("stage-0", 0, 8, "FROM a"))[0][1:] == [(1, 0, 8, to_rgb(style.SHARED))]
    assert len(lanes(step("stage-0", 0, 0, "FROM a", cached=True))[0]) == 1 and not lanes()[1]


def test_words_on_bars_that_overlap_stand_apart():
    chart = charts.timeline(made("FROM a\nFROM b\nRUN x\n", step("stage-0", 0, 8, "FROM a"), step("stage-1", 0.1, 8, "FROM b"),
                                 step("stage-1", 8, 10)))
    assert "FROM a  8.0 s" in texts(chart) and not any("FROM b" in each for each in texts(chart))
    figures.assert_apart(chart.figure, chart.figure.axes[0].texts)


@pytest.mark.parametrize("begin, end, said", [
    (0, 10, "RUN go build -o /greet greet.go  10.0 s"), (0, 3, "RUN go build…  3.0 s"),
    (0, 1, "1.0 s"), (0, 0.2, "1 step, 200 ms"), (9.8, 10, "1 step, 200 ms")])
def test_a_bar_says_as_much_as_fits(begin, end, said):
    chart = charts.timeline(made("FROM a AS one\nFROM b\nRUN x\n", step("one", begin, end, "RUN go build -o /greet greet.go"),
                                 step("stage-1", 0, 10)))
    assert said in texts(chart)


def test_the_foot_names_the_builder_as_people_do():
    assert "As reported by BuildKit," in notes(charts.timeline(AT_ONCE)) and "An engine" in notes(charts.timeline(AT_ONCE))
    assert "As reported by the legacy builder," in notes(charts.timeline(recorded("legacy-unused-fails")))


def test_builds_that_are_compared_have_one_axis():
    chart = charts.timeline({"BuildKit": AT_ONCE, "the legacy builder": APART})
    assert len({axes.get_xlim() for axes in chart.figure.axes}) == 1 and len(chart.figure.axes) == 2
    assert [axes.get_title(loc="left") for axes in chart.figure.axes] == ["BuildKit", "the legacy builder"]
    assert chart.title == ("BuildKit: one and two ran in parallel for 5.0 s of 7.0 s; "
                           "the legacy builder: one stage after another: 10.0 s")
    assert "BuildKit: one: " in chart.alt and "the legacy builder: one: " in chart.alt


def test_a_build_that_took_much_longer_has_an_axis_of_its_own():
    long = made(TWO, step("one", 0, 40), step("two", 40, 90), step("stage-2", 90, 100))
    chart = charts.timeline({"short": AT_ONCE, "long": long})
    assert [round(axes.get_xlim()[1] / 1.02) for axes in chart.figure.axes] == [7, 100]
    assert [axes.get_title(loc="left") for axes in chart.figure.axes] == [
        "short: 7.0 s, on an axis of its own", "long: 1 min 40 s, on an axis of its own"]


def test_the_digits_that_keep_a_step_from_being_cached_are_left_out():
    chart = charts.timeline(made("FROM a AS one\nRUN x\n", step("one", 0, 3, 'RUN echo "for 1795509532418394525" > /a')))
    assert "1795509532418394525" not in chart.alt + " ".join(texts(chart)) and 'RUN echo "for …" > /a  3.0 s' in texts(chart)


def test_the_foot_of_a_failed_build_names_its_engine():
    failure = recorded("legacy-unused-fails")
    failure.progress.engine = "An engine"
    assert "on An engine." in notes(charts.timeline(failure))


def test_a_stage_with_a_very_long_name_is_cut():
    name = "a" * 80
    chart = charts.timeline(made(f"FROM x AS {name}\nRUN make\n", step(name, 0, 1)))
    label = rows(chart)[0].partition("\n")[0]
    assert label.endswith("…") and style.wide(label, 10) <= 1.4
    assert name in chart.alt


def test_a_build_without_any_step_is_drawn():
    chart = charts.timeline(made("FROM a\n"))
    assert chart.png().startswith(PNG) and chart.title == "No step ran: all came from the cache"
