"""Charts of every language."""

import pytest

from helpers import charts, labels
from helpers.charts import style
from helpers.image import Image, Layer
from tests.unit.charts.figures import colours, columns, legend, notes, rows, texts
from tests.unit.layers import elf, inventory, layer


def image(name: str, below: int, own: int, role: str, **other) -> Image:
    layers = (Layer(f"{name} base", "FROM", below, 1), Layer(f"{name} own", "COPY", own, 1))
    return Image(**{"reference": name, "id": name, "layers": layers, "created": "", "labels": {},
                    "engine": "An engine", "base": f"base of {name}", "base_layers": 1, "base_role": role, **other})


def stand_in(ref: str) -> dict:
    return {"labels": {labels.STAND_IN: ref, labels.MADE_OF: "Debian packages"}}


GO = (image("go one", 760_000_000, 73_000_000, "build", **stand_in("golang:1.22")),
      image("go two", 20_000_000, 7_000_000, "run"))
JAVA = image("java one", 428_000_000, 13_000, "build"), image("java two", 330_000_000, 3_000, "run")
STATIC = image("static one", 760_000_000, 0, "build"), image("static two", 0, 700_000, "", base="", base_layers=0)
LARGER = JAVA[1], JAVA[0]
FOUR = [GO[0], image("slim", 20_000_000, 280_000_000, "run"), image("full", 760_000_000, 7_000_000, "build"), GO[1]]
COSTS = [JAVA[0], image("java slim", 330_000_000, 272_000_000, "run"),
         image("java full", 428_000_000, 3_000, "build"), JAVA[1]]


def test_the_title_says_for_how_many_languages_and_how_much():
    chart = charts.languages({"Go": GO, "Java": JAVA})
    assert chart.title == "Several stages ship less in all 2 languages, from 1.3 times (Java) to 30.9 times (Go)"
    assert "Go: 833 MB with one stage, 27.0 MB with several. Java: 428 MB with one stage, 330 MB with several." in chart.alt


@pytest.mark.parametrize("pairs, title", [
    ({"Go": GO}, "Several stages ship less in Go: 30.9 times smaller"),
    ({"Go": GO, "Odd": LARGER}, "Several stages ship less in 1 of 2 languages"),
    ({"Odd": LARGER}, "Several stages ship no less in 1 language"),
])
def test_a_language_that_does_not_gain_is_not_counted(pairs, title):
    chart = charts.languages(pairs)
    assert chart.title == title and chart.png()


def test_a_pair_of_bars_with_values_a_language():
    axes, = charts.languages({"Go": GO, "Odd": LARGER}).figure.axes
    assert texts(axes) == ["833 MB", "27.0 MB, 30.9 times smaller", "330 MB", "428 MB"]
    assert rows(axes) == ["Go", "Odd"]
    middles = sorted({round(bar.get_y() + bar.get_height() / 2, 3) for bar in axes.patches})
    ticks = list(axes.get_yticks())
    assert ticks == [(middles[0] + middles[1]) / 2, (middles[2] + middles[3]) / 2]     # a name stands by its own two bars
    assert middles[1] - middles[0] < middles[2] - middles[1]                          # and pairs stand apart


def test_bars_begin_at_zero_and_are_as_long_as_the_images():
    axes, = charts.languages({"Go": GO, "Java": JAVA}).figure.axes
    assert axes.get_xlim()[0] == 0 and axes.get_xscale() == "linear"
    ends = {}
    for bar in axes.patches:
        ends[bar.get_y()] = max(ends.get(bar.get_y(), 0), bar.get_x() + bar.get_width())
    assert list(ends.values()) == [each.unpacked for each in (*GO, *JAVA)]


def test_building_is_orange_running_is_blue_and_a_stand_in_hatched():
    axes, = charts.languages({"Go": GO}).figure.axes
    assert colours(axes) == [style.BUILD, style.BUILD_OWN, style.SHARED, style.RUN]
    assert [patch.get_hatch() for patch in axes.patches] == [style.HATCH, None, None, None]


def test_what_stands_on_nothing_is_all_program():
    axes, = charts.languages({"Go, static": STATIC}).figure.axes
    assert colours(axes) == [style.BUILD, style.RUN]


def test_the_legend_has_each_kind_once_however_many_bases():
    told = legend(charts.languages({"Go": STATIC, "Java": JAVA}))
    assert len(told) == len(set(told)) == 2     # what is too thin to be seen is not in it


def test_the_foot_tells_what_stand_ins_are_made_of_while_they_are_few():
    assert "golang:1.22 is a stand-in made of Debian packages. Its size is" in notes(charts.languages({"Go": GO}))


def test_many_stand_ins_are_named_in_one_breath():
    pairs = {ref: (image(f"{ref} one", 9, 9, "build", **stand_in(f"{ref}:1")),
                   image(f"{ref} two", 1, 1, "run", **stand_in(f"{ref}:slim"))) for ref in ("a", "b")}
    assert "Hatched: stand-ins made from packages for a:1, a:slim, b:1, b:slim. Their sizes" in notes(charts.languages(pairs))


def tools(*names: str):
    return inventory(layer(*((f"usr/bin/{name}", elf(), 0o755) for name in names), ("app", b"x")))


FULL, SLIM, NONE = tools("gcc", "g++", "ld", "apt-get", "bash", "curl"), tools("bash", "apt-get"), tools()


def test_the_grid_says_how_many_tools_of_each_kind_are_left():
    axes, = charts.left_behind({"C": (FULL, NONE), "Python": (FULL, SLIM)}).figure.axes
    assert rows(axes) == ["compiler", "linker", "package manager", "shell", "downloader"]
    assert columns(axes) == ["C", "Python"]
    assert texts(axes) == ["2 → 0", "2 → 0", "1 → 0", "1 → 0", "1 → 0", "1 → 1", "1 → 0", "1 → 1", "1 → 0", "1 → 0"]


def test_colour_and_weight_of_a_field_agree_with_what_is_left():
    axes, = charts.left_behind({"Python": (FULL, SLIM)}).figure.axes
    assert colours(axes) == [style.PALE[each] for each in (style.SHARED, style.SHARED, style.BUILD, style.DANGER, style.SHARED)]
    assert [text.get_fontweight() for text in axes.texts] == ["normal", "normal", "bold", "bold", "normal"]


def test_fewer_is_not_none_and_what_came_with_the_second_stage_is_shown_too():
    axes, = charts.left_behind({"C": (FULL, tools("gcc"))}).figure.axes
    assert texts(axes)[0] == "2 → 1" and colours(axes)[0] == style.PALE[style.BUILD]
    assert texts(charts.left_behind({"Node": (NONE, SLIM)})) == ["0 → 1", "0 → 1"]


def test_the_title_counts_the_tools_for_building():
    pairs = {"C": (FULL, NONE), "Python": (FULL, SLIM)}
    assert charts.left_behind(pairs).title == (
        "Several stages leave every build tool of C behind; still there: Python 1")
    assert charts.left_behind({"C": (FULL, NONE)}).title == "Several stages leave every build tool of C behind"
    assert charts.left_behind({"Python": (FULL, SLIM)}).title == "Still there: Python 1"
    assert ("Python: compiler 2 to 0, linker 1 to 0, package manager 1 to 1, shell 1 to 1, downloader 1 to 0."
            in charts.left_behind(pairs).alt)


def test_a_kind_that_one_language_never_had_is_told_as_none():
    axes, = charts.left_behind({"C": (FULL, NONE), "Go": (SLIM, NONE)}).figure.axes
    assert texts(axes)[:2] == ["2 → 0", "none"]
    assert charts.left_behind({"Go": (NONE, NONE)}).png()
    assert "Go: no known tool." in charts.left_behind({"Go": (NONE, NONE)}).alt
