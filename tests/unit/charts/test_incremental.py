"""The chart of what ran again: what it says, and what it draws in which cell."""

import io

import pytest
from matplotlib.image import imread
from matplotlib.patches import Rectangle

from helpers import charts, dockerfile
from helpers.builder import BuildResult, Step
from helpers.charts import style
from tests.unit.charts.figures import PNG, assert_apart, build_of, columns, rows, texts

BAD = "FROM golang AS builder\nWORKDIR /app\nCOPY . .\nRUN go build\n\nFROM scratch\nCOPY --from=builder /app /\n"
GOOD = ("FROM golang AS builder\nWORKDIR /app\nCOPY go.mod .\nRUN go mod download\nCOPY . .\nRUN go build\n\n"
        "FROM scratch\nCOPY --from=builder /app /\n")


def built(text: str, ran: dict[int, float] = {}) -> BuildResult:
    """A build in which the steps of these lines ran for so long, and others were cached."""
    parsed = dockerfile.parse(text)
    steps = [Step(stage.label, f"{each.keyword} {each.value}", each.line, each.line not in ran,
                  0.0, ran.get(each.line, 0.0))
             for stage in parsed.stages for each in stage.instructions]
    return build_of(parsed, steps=steps)


SLOW = {"nothing": built(BAD), "the source": built(BAD, {3: 0.01, 4: 9.0, 7: 0.02})}
QUICK = {"nothing": built(GOOD), "the source": built(GOOD, {5: 0.01, 6: 1.0, 9: 0.02})}


def test_the_title_tells_the_edit_at_which_they_differ_and_the_times():
    chart = charts.edits({"everything first": SLOW, "dependencies first": QUICK})
    assert chart.title == ("After editing the source: 9.0 s with everything first, "
                           "1.0 s with dependencies first")


def test_a_factor_counts_and_not_the_seconds():
    two = {"one": {"a": built(BAD, {4: 10.0}), "b": built(BAD, {4: 3.0})},
           "two": {"a": built(BAD, {4: 20.0}), "b": built(BAD, {4: 0.3})}}
    assert charts.edits(two).title.startswith("After editing b:")


def test_one_dockerfile_alone():
    assert charts.edits({"it": QUICK}).title == "After editing the source: 1.0 s with it"
    assert charts.edits({"it": {"nothing": built(BAD)}}).title == "After editing nothing: nothing to do with it"


def test_every_cell_is_cached_or_has_its_seconds():
    told = texts(charts.edits({"first": SLOW, "second": QUICK}))
    assert told.count("cached") == 1 + 3
    for time in ("10 ms", "9.0 s", "20 ms", "1.0 s"):
        assert time in told
    assert "3 of 4 ran, 9.0 s" in told and "3 of 6 ran, 1.0 s" in told
    assert {"first", "second"} < set(told)


def test_the_rows_are_the_steps_and_the_columns_the_edits():
    chart = charts.edits({"first": SLOW, "second": QUICK})
    assert rows(chart) == [
        "WORKDIR /app", "COPY . .", "RUN go build", "COPY --from=builder /app /",
        "WORKDIR /app", "COPY go.mod .", "RUN go mod download", "COPY . .", "RUN go build", "COPY --from=builder /app /"]
    assert columns(chart) == ["the source"] and "edited:" in texts(chart)


def test_a_bar_is_as_long_as_its_time():
    axes, = charts.edits({"first": SLOW, "second": QUICK}).figure.axes
    bars = sorted(patch.get_width() for patch in axes.patches
                  if isinstance(patch, Rectangle) and patch.get_linewidth() == 0)
    assert len(bars) == 6
    assert bars[-1] / bars[-2] == pytest.approx(9) and bars[-1] < 1


def test_a_mount_takes_little_room():
    text = "FROM a\nRUN --mount=type=cache,id=x,target=/root/.cache/go-build --mount=type=secret,id=t \\\n  go build\n"
    assert rows(charts.edits({"it": {"all": built(text)}}))[0] == "RUN --mount=cache go build"


def test_the_same_is_told_to_those_who_cannot_see_it():
    chart = charts.edits({"everything first": SLOW, "dependencies first": QUICK})
    assert chart.alt.startswith(chart.title)
    assert "everything first, edited nothing: 0 steps of 4 ran." in chart.alt
    assert ("dependencies first, edited the source: 3 steps of 6 ran: COPY . . (10 ms), RUN go build (1.0 s), "
            "COPY --from=builder /app / (20 ms).") in chart.alt


@pytest.mark.parametrize("nothing", [{}, {"it": {}}])
def test_without_a_build_there_is_nothing_to_draw(nothing):
    with pytest.raises(ValueError, match="no build"):
        charts.edits(nothing)


@pytest.mark.parametrize("drawn", [{"it": QUICK}, {"everything first": SLOW, "dependencies first, and a mount": QUICK},
                                   {"<b>$x$_": {"an edit with a long name": built(GOOD)}}], ids=["one", "two", "odd"])
def test_it_is_drawn_and_no_words_lie_over_others(drawn, monkeypatch):
    monkeypatch.setattr(style, "_DPI", 72)
    chart = charts.edits(drawn)
    assert chart.png().startswith(PNG) and imread(io.BytesIO(chart.png())).shape[0] > 100
    axes, = chart.figure.axes
    assert_apart(chart.figure, [*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels()], slack=3)


def test_the_footnote_says_when_and_on_what():
    notes = [text.get_text() for text in charts.edits({"it": QUICK}).figure.texts]
    assert any(note.startswith("Measured ") and note.endswith(
        "with BuildKit on An engine. Edited nothing: no step ran.") for note in notes)


def test_a_column_in_which_no_step_ran_is_drawn_only_where_it_is_the_only_one():
    assert columns(charts.edits({"it": {"nothing": built(BAD)}})) == ["nothing"]
