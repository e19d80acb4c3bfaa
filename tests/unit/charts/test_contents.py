"""How inventories show themselves: charts, tables, text, whatever is in the image."""

import functools
import json
import re

import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from helpers import charts, labels
from helpers.charts import contents as drawing
from helpers.charts import style
from helpers.inventory import KINDS, compare, plain, printable, take
from helpers.units import size
from helpers.views import contents as views
from tests.unit.charts.figures import PNG, assert_apart, columns, legend, rows, texts
from tests.unit.layers import elf, image, inventory, layer
from tests.unit.widgets.test_widgets import NASTY, page

LONG = "registry.example/team/project/a-very-long-name-of-an-image:2026-11-24-build-1234-"
TOOLS = ("gcc g++ cc1 go rustc javac ld gold as make cmake ninja apt dpkg npm pip git svn hg gdb strace bash dash zsh python3 perl "
         "node curl wget ssh nc openssl nmap").split()
NAMES = ["bin/\x1b[31mred", "bin/new\nline", "bin/bad\udcff", "bin/" + NASTY.replace("/", "|"), "bin/$x$_{2}$\\frac$", "bin/日本", "bin/" + "n" * 200]


def programs(*names: str, mode: int = 0o755):
    return layer(*((f"usr/bin/{name}", elf(), mode) for name in names))


def weighed(*layers, sizes=(), **other):
    """An inventory of layers that weigh so much."""
    made = image(len(layers), **other)
    weights = [*sizes, *[1000] * len(layers)]
    made = image(len(layers), **{"layers": tuple(type(each)(each.digest, each.instruction, weight, each.files)
                                                 for each, weight in zip(made.layers, weights)), **other})
    return take(made, layers)


FULL = weighed(programs(*TOOLS), layer(("usr/bin/su", elf(), 0o4755)), name="full:1", sizes=(700_000_000, 20_000_000),
               base="golang:1.22", base_layers=1, labels={labels.STAND_IN: "golang:1.22", labels.MADE_OF: "Debian packages"})
SOME = weighed(programs("bash", "python3"), name="some:1")
BARE = weighed(layer(("app", elf(), 0o755)), name="bare:1")
EMPTY = weighed(name="empty:1")
HOSTILE = weighed(layer(*((name, elf(), 0o4755) for name in NAMES), ("x/package.json", json.dumps({"name": NASTY + "\x1b", "version": "\n1"}).encode()),
                        ("etc/os-release", b"PRETTY_NAME=\x1b[31m" + NASTY.encode())),
                  layer(*((f"bin/.wh.{name[4:]}", b"") for name in NAMES[:3])), name="hostile:1")
LONGEST = weighed(programs(*TOOLS), name=LONG)
SETS = {"one": [FULL], "two": [FULL, BARE], "three": [FULL, SOME, BARE], "five": [FULL, SOME, BARE, FULL, LONGEST], "nothing": [EMPTY],
        "nothing beside": [FULL, EMPTY], "nothing twice": [EMPTY, EMPTY], "long": [weighed(programs(*TOOLS[n:]), name=f"{LONG}{n}") for n in range(5)],
        "long alone": [LONGEST], "equal": [FULL, FULL], "hostile": [HOSTILE], "hostile beside": [HOSTILE, SOME, FULL], "twelve": [FULL] * 12}
each_set = pytest.mark.parametrize("name", SETS)
each_chart = pytest.mark.parametrize("draw", [charts.tools, charts.surface], ids=["tools", "surface"])
WASTES = {"none": FULL, "nothing": EMPTY, "hostile": HOSTILE,
          "all": weighed(layer(("a", b"1" * 600)), layer((".wh.a", b"")), sizes=(600, 0), name="all:1"),
          "some": weighed(layer(("a", b"1" * 600), ("b", b"2" * 400)), layer((".wh.a", b""), ("c", b"3" * 50)), layer(("c", b"4" * 70)),
                          sizes=(1000, 50, 70), name="some:1", base="b", base_layers=1),
          "many": weighed(*(layer((str(n), b"1")) for n in range(40)), name="many:1"),
          "long": weighed(layer(("a", b"1" * 600_000)), layer((".wh.a", b"")), sizes=(999_000_000, 0), name=LONG)}
pytestmark = pytest.mark.filterwarnings("ignore:Glyph")


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr(style, "_DPI", 100)     # the figure's own: after `png` its words lie where they were drawn


@functools.cache
def drawn(draw, name):
    """The chart of a set, drawn once for all tests that only look at it."""
    return draw(SETS[name])


@pytest.mark.parametrize("name, shown", [("/usr/bin", "/usr/bin"), ("caf\u00e9", "caf\u00e9"), ("bad\udcff", r"bad\xff"),
                                         ("\ud83d\udcfe", r"\ud83d\xfe"),
                                         ("\udcc3\udca9", "\u00e9"), ("new\nline", "new\nline")])
def test_a_name_that_any_program_can_read(name, shown):
    assert plain(name) == shown
    assert plain(name).encode()


def test_facts_are_text_that_any_program_can_read():
    facts = HOSTILE.facts(files=True)
    assert json.dumps(facts, ensure_ascii=False).encode()      # half a character could not be encoded
    assert json.loads(json.dumps(facts)) == facts
    assert "/bin/n" + "n" * 199 in facts["setuid"]
    seen = take(HOSTILE.image, [layer(("bin/bad\udcff", elf(), 0o4755)), layer()])
    assert [seen.facts(files=True)[key] for key in ("setuid", "listing")] == [
        [r"/bin/bad\xff"], [{"path": r"/bin/bad\xff", "size": len(elf()), "layer": "sha256:0"}]]
    assert seen.facts()["tools"][0]["path"] == r"/bin/bad\xff" and json.dumps(compare([seen, FULL]).facts(), ensure_ascii=False).encode()


def shown(chart) -> list[Text]:
    """The words of a figure that are drawn, laid out."""
    assert chart.png().startswith(PNG) and len(chart.png()) > 1500
    beyond = {tick.label1 for axes in chart.figure.axes for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_major_ticks()
              if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())}     # not drawn
    return [text for text in chart.figure.findobj(Text) if text.get_visible() and text.get_text().strip() and text not in beyond]


def laid_out_well(chart) -> None:
    """Nothing is cut off at the edge, and no words lie on others."""
    assert_apart(chart.figure, shown(chart), slack=1)


@each_chart
@each_set
def test_every_set_of_images_is_drawn_with_its_words_whole_and_apart(draw, name):
    chart = drawn(draw, name)
    laid_out_well(chart)
    assert chart.alt.startswith(f"{chart.title}. ")
    assert chart.alt.isprintable() and chart.title.isprintable()
    for each in SETS[name]:
        assert printable(each.image.reference) in chart.alt


@each_chart
def test_the_check_of_the_layout_sees_what_is_wrong(draw):
    chart = draw(SETS["two"])
    beyond = chart.figure.text(0.95, 0.5, "beyond the edge of the figure")
    with pytest.raises(AssertionError):
        laid_out_well(chart)
    beyond.remove()
    laid_out_well(chart)
    label = next(text for text in shown(chart) if text.get_text().startswith("full"))
    box = label.get_window_extent().transformed(chart.figure.transFigure.inverted())
    chart.figure.text(box.x0, box.y0, "on it")
    with pytest.raises(AssertionError):
        laid_out_well(chart)


def test_words_in_a_cell_stay_in_it():
    for name in ("three", "five", "hostile"):
        chart = drawn(charts.tools, name)
        words, axes = shown(chart), chart.figure.axes[0]
        cells = [patch.get_window_extent() for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_height() > 0.5]
        for text in (text for text in words if text in axes.texts and text.get_text() != "none"):
            box = text.get_window_extent()
            assert any(cell.x0 <= box.x0 and box.x1 <= cell.x1 + 1 and cell.y0 <= box.y0 + 1 and box.y1 <= cell.y1 + 1
                       for cell in cells), text.get_text()


@each_set
def test_alt_text_of_tools_has_every_number_and_every_name(name):
    alt = drawn(charts.tools, name).alt
    for each in SETS[name]:
        for kind in KINDS:
            if each.kind(kind):
                assert f"{kind} {len(each.kind(kind))}: " in alt
            assert all(printable(tool.name) in alt for tool in each.kind(kind))
        assert each.tools or f"{each.image.reference}: no known tool." in alt


def test_one_of_a_name_may_be_there_more_than_once():
    two = inventory(layer(("bin/git", elf(), 0o755), ("lib/git", elf(), 0o755), ("bin/hg", elf(), 0o755)))
    chart = charts.tools([two])
    assert "version control 3: git\u00a0×2, hg" in chart.alt
    assert "git\u00a0×2, hg" in texts(chart)


@pytest.mark.parametrize("names, letters, told", [
    (["a", "b"], 20, "a, b"), (["aaaa", "bbbb", "cccc"], 10, "aaaa,\nbbbb, cccc"), (["aaaa", "bbbb", "cccc", "dddd"], 10, "aaaa,\nbbbb …"),
    (["a" * 50], 10, "aaa…aaaaaa"), (["a" * 50, "b"], 10, "aaa…aaaaaa")])
def test_as_many_names_as_fit(names, letters, told):
    listed = drawing._listed(names, letters)
    assert all(len(line) <= letters for line in listed.split("\n")) and listed.count("\n") < 2
    if told != "aaaa,\nbbbb …":
        assert listed == told
    else:
        assert listed.endswith("…") and "dddd" not in listed


@pytest.mark.parametrize("draw, found, title", [
    (charts.tools, [BARE], "bare:1 has no known tool"), (charts.tools, [SOME], "some:1 has 2 known tools"),
    (charts.tools, [SOME, BARE], "some:1 has 2 known tools, bare:1 has none"),
    (charts.tools, [BARE, SOME], "some:1 has 2 known tools, bare:1 has none"),
    (charts.tools, [BARE, EMPTY], "Each has no known tool"), (charts.tools, [SOME, SOME], "Each has 2 known tools"),
    (charts.surface, [BARE], "bare:1 has 1 program to run"), (charts.surface, [EMPTY], "empty:1 has 0 programs to run"),
    (charts.surface, [SOME, BARE], "some:1 has 2 programs to run, bare:1 has 1"),
    (charts.surface, [BARE, SOME], "some:1 has 2 programs to run, bare:1 has 1"),
    (charts.surface, [SOME, SOME], "Each has 2 programs to run"),
    (charts.waste, WASTES["none"], "Every byte of full:1 is seen"), (charts.waste, EMPTY, "empty:1 has no file"),
    (charts.waste, WASTES["all"], "600 B of 600 B in all:1 is shipped and never seen"),
    (charts.waste, WASTES["some"], "650 B of 1.12 kB in some:1 is shipped and never seen")])
def test_the_title_is_the_finding(draw, found, title):
    assert draw(found).title == title


@each_set
def test_a_surface_has_every_number_in_words_and_at_its_bar(name):
    chart, found = drawn(charts.surface, name), SETS[name]
    at_bars = texts(chart)
    for each in found:
        for what, count in each.surface.rows():
            assert re.search(rf"\b{count:,} {what.removesuffix('s')}s?\b", chart.alt)
            assert f"{count:,}" in at_bars or what == "compilers"     # of which colour speaks
    assert len(at_bars) == 6 * len(found)
    assert not re.search(r"(?<![\d,])1 (?:files|shells|executables)", chart.alt)


def test_names_may_be_given():
    for draw in (charts.tools, charts.surface):
        chart = draw([FULL, BARE], ["one stage", "two stages"])
        assert chart.title.startswith("One stage has") and "full:1" not in chart.alt
    assert charts.waste(FULL, "this one").title == "Every byte of this one is seen"


def test_stand_ins_are_hatched_where_the_foot_says_so():
    for draw in (charts.tools, charts.surface):
        hatched = [patch for axes in draw([FULL, BARE]).figure.axes for patch in axes.patches if patch.get_hatch() == style.HATCH]
        assert hatched and not [patch for axes in draw([SOME, BARE]).figure.axes for patch in axes.patches if patch.get_hatch()]


def test_long_names_keep_the_end_that_tells_them_apart():
    for each in (rows(charts.surface(SETS["long"])), columns(charts.tools(SETS["long"]))):
        assert [label[-1] for label in each] == list("01234") and all("…" in label for label in each)
    assert drawing._cut("short:1", 20) == "short:1" and len(drawing._cut("x" * 100, 26)) == 26
    assert drawing._wrapped("go-hello:single", 1.0, 5) == "go-hello:\nsingle"
    assert drawing._wrapped("one stage", 1.5, 3) == "one stage" and drawing._wrapped("one stage", 0.6, 3) == "one\nstage"


@pytest.mark.parametrize("found", WASTES.values(), ids=WASTES)
def test_waste_is_drawn_and_told(found):
    chart = charts.waste(found)
    laid_out_well(chart)
    hidden = {each.layer: each.size for each in found.waste}
    for index, made in enumerate(found.image.layers):
        if made.unpacked:
            assert f"{printable(made.instruction)}: {size(made.unpacked)}, {size(hidden.get(index, 0))} unseen" in chart.alt


def test_bars_of_waste():
    chart = charts.waste(WASTES["some"])
    axes = chart.figure.axes[0]
    assert [(patch.get_x(), patch.get_width()) for patch in axes.patches] == [(0, 400), (400, 600), (0, 0), (0, 50), (0, 70)]
    assert texts(chart) == ["1.00 kB, ✘ 600 B unseen", "50 B, ✘ all unseen", "70 B"]
    assert {*legend(chart)} == {"base: b", "added by the last stage", "✘ hidden by a later layer, still shipped"}
    assert legend(charts.waste(SOME)) == ["added by the last stage"]


def test_dollar_signs_are_no_formula():
    made = weighed(layer(("a", b"1")), name="x:1", layers=(type(FULL.image.layers[0])("sha256:0", r"RUN echo $A $\frac", 5, 1),))
    assert charts.waste(made).png().startswith(PNG) and charts.layers(made.image).png().startswith(PNG)


SHOWN = {**{name: found[0] for name, found in SETS.items()}, **{f"waste {name}": found for name, found in WASTES.items()}}


@pytest.mark.parametrize("found", SHOWN.values(), ids=SHOWN)
def test_an_inventory_as_html_and_as_text(found):
    read, told = page(views.inventory_view(found)), views.inventory_text(found)
    for text in (read.text, told):
        assert printable(found.image.reference) in text
        assert f"{found.surface.files:,} file" in text and f"{found.surface.executables:,} executable" in text
        for kind in KINDS:
            assert (kind in text) == bool(found.kind(kind)) or kind in ("as", "privilege")
    assert read.text.encode() and told.encode()          # no half of a character is left
    assert all(line.isprintable() for line in told.split("\n"))
    assert "\x1b" not in read.text


def test_nothing_of_a_hostile_image_is_taken_for_html():
    found = take(HOSTILE.image, [layer(*((name, elf(), 0o4755) for name in NAMES), ("etc/os-release", b"PRETTY_NAME='<b>x</b> & y'")),
                                 layer(*((name, b"") for name in NAMES))])
    for text in (views.inventory_view(HOSTILE), views.inventory_view(found), views.comparison_view(compare([HOSTILE, found, FULL]))):
        read = page(text)
        assert not {"script", "b", "red"} & {tag for tag, _ in read.tags}
    assert "<b>x</b> & y" in page(views.inventory_view(found)).text          # what it says that it is
    assert NASTY.replace("/", "|") in page(views.inventory_view(HOSTILE)).text
    odd = take(image(1, name=NASTY, layers=(type(HOSTILE.image.layers[0])("sha256:0", f"RUN {NASTY}\n&&\tx", 5, 1),)), [programs("gcc")])
    assert f"RUN {NASTY} && x" in page(views.inventory_view(odd)).text
    assert NASTY in page(views.comparison_view(compare([odd, FULL]))).text


def test_an_inventory_in_words():
    found = weighed(programs("gcc", "bash"), layer(("usr/bin/su", elf(), 0o4755), ("usr/bin/.wh.bash", b""), ("x/package.json", b'{"name": "a", "version": "1"}')),
                    name="made:1", sizes=(2000, 3000))
    assert views.inventory_text(found).splitlines() == [
        "made:1: 5.00 kB unpacked, 3 files, 2 executables, 1 setuid file", "Tools",
        f"  {'compiler':<16} {'gcc':<44} RUN 0", f"  {'privilege':<16} {'su':<44} RUN 1", "Packages", f"  {'1 npm':<44} RUN 1",
        f"Shipped and never seen: {size(len(elf()))}", f"  {size(len(elf())):>8} of RUN 0, hidden by RUN 1"]
    assert views.inventory_text(BARE).splitlines()[1:] == ["Tools", "  none known", "Packages", "  none listed"]


def test_an_inventory_as_a_table():
    found = weighed(programs("gcc", "bash"), layer(("usr/bin/.wh.bash", b""), ("x/package.json", b'{"name": "a", "version": "1"}')), name="made:1")
    text = page(views.inventory_view(found)).text
    assert "made:1: 2 files, 1 executable, 1 package" in text and "1 package by layer" in text and "1 npm" in text
    assert f"{size(len(elf()))} is shipped and never seen" in text and f"/usr/bin/bash ({size(len(elf()))})" in text
    bare = page(views.inventory_view(BARE)).text
    assert "No known tool." in bare and "No package is listed in it." in bare and "never seen" not in bare


def test_many_tools_and_files_are_counted():
    names = [f"p{n:02}" for n in range(20)]
    found = weighed(programs(*names, mode=0o4755), layer(("usr/.wh.bin", b"")), programs(*names, mode=0o4755), name="made:1")
    for text in (views.inventory_text(found), page(views.inventory_view(found)).text):
        assert "p00, p01, p02, p03, p04, p05, p06, p07 and 12 more" in text
    assert "and 15 more" in page(views.inventory_view(found)).text


def test_a_comparison_as_html_and_as_text():
    seen = compare([FULL, SOME, BARE])
    read, told = page(views.comparison_view(seen)), views.comparison_text(seen)
    for text in (read.text, told):
        assert all(name in text for name in ("full:1", "some:1", "bare:1", "unpacked", "720 MB", "never seen"))
        for each in seen.inventories:
            for what, count in each.surface.rows():
                assert what in text and f"{count:,}" in text
    lines = told.splitlines()
    assert lines[lines.index("Only in bare:1"):] == ["Only in bare:1", "  tools     none", "  packages  none"]
    assert [line.split() for line in lines if line.startswith("compilers")] == [["compilers", "6", "0", "0"]]
    only = lines[lines.index("Only in full:1") + 1]
    assert only.startswith("  tools     go, gcc, g++, cc1, rustc, javac, ld,") and only.endswith(" more") and "bash" not in only


@each_set
def test_every_set_is_compared(name):
    seen = compare(SETS[name])
    assert page(views.comparison_view(seen)).text.encode()
    assert all(line.isprintable() for line in views.comparison_text(seen).split("\n"))
