"""Charts: what they say, to those who see them and to those who do not."""

import base64
import functools
import io
import itertools
import re
from datetime import date

import numpy
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text
from PIL import Image as Picture

from helpers import charts, dockerfile, labels
from helpers.builder import BuildResult, StageReport
from helpers.charts import style
from helpers.charts.sizes import Part, in_lines, parts
from helpers.container.attack import AttackResult
from helpers.experiments.significance import compare
from helpers.image import Image, Layer
from helpers.units import size
from helpers.views import markup
from tests.unit.charts.figures import PNG, assert_apart, build_of, legend, notes, rows, texts
from tests.unit.widgets.test_widgets import page


def image(*sizes: int, name="a:1", base="", base_layers=0, role="", **other) -> Image:
    layers = tuple(Layer(f"sha256:{name}{n}", f"RUN step {n} of {name}", size, n) for n, size in enumerate(sizes))
    return Image(**{"reference": name, "id": "sha256:x", "layers": layers, "created": "", "labels": {},
                    "engine": "An engine", "base": base, "base_layers": base_layers, "base_role": role, **other})


ONE = image(700_000_000, 200_000_000, 60_000_000, name="go:single", base="golang:1.22", base_layers=2, role="build")
TWO = image(27_000_000, 1_500_000, name="go:multi", base="distroless", base_layers=1, role="run",
            labels={labels.STAND_IN: "gcr.io/distroless/base", labels.MADE_OF: "Debian packages"})
EMPTY = image(name="empty")

SETS = {
    "one": [ONE], "two": [ONE, TWO], "small first": [TWO, ONE], "equal": [ONE, ONE], "empty": [EMPTY],
    "empty beside": [ONE, EMPTY], "all empty": [EMPTY, EMPTY],
    "long names": [image(5, name="registry.example/" + "long/" * 30 + "name:1"), ONE],
    "twelve": [image(10 ** n, name=f"i{n}") for n in range(12)],
    "odd names": [image(5, name="<b>&\"'$x$_{2}\n"), image(7, name="日本")]}


# Viénot, Brettel and Mollon (1999): a dichromat's view of linear RGB.
SIGHTS = {
    "as it is": numpy.eye(3),
    "protanopia": numpy.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "deuteranopia": numpy.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
}


def lab(colour: str, sight: str) -> numpy.ndarray:
    """CIE L*a*b* (D65) of a colour as seen by someone."""
    rgb = numpy.array(to_rgb(colour))
    linear = numpy.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = numpy.clip(SIGHTS[sight] @ linear, 0, 1)
    xyz = numpy.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    scaled = xyz / (0.9505, 1.0, 1.089)
    f = numpy.where(scaled > 216 / 24389, numpy.cbrt(scaled), (24389 / 27 * scaled + 16) / 116)
    return numpy.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


PALETTE = {"build": style.BUILD, "run": style.RUN, "shared": style.SHARED, "danger": style.DANGER,
           "build, own": style.BUILD_OWN}
THEMES = {"light": {}, "dark": style._DARK}


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("one, two", itertools.combinations(PALETTE, 2))
def test_colours_can_be_told_apart(one, two, sight):
    distance = numpy.linalg.norm(lab(PALETTE[one], sight) - lab(PALETTE[two], sight))
    assert distance > 15   # 2.3 is just noticeable


def contrast(one: str, two: str) -> float:
    """From 1 to 21. Source: WCAG 2.2, "contrast ratio"."""
    dark, light = sorted(sum(part * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
                             for part, c in zip((0.2126, 0.7152, 0.0722), to_rgb(each))) for each in (one, two))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("page", [style.PAPER, "#111111", "#14181E"], ids=["light", "JupyterLab's dark", "the site's dark"])
@pytest.mark.parametrize("mark", [markup.GOOD, markup.FAIR, markup.BAD, markup.QUIET])
def test_a_mark_beside_words_can_be_seen_on_a_white_page_and_on_a_dark_one(mark, page):
    """WCAG asks for 3 to 1 of what is no text; no colour has much more on both."""
    assert contrast(mark, page) >= 3.6


def test_every_word_of_every_chart_can_be_read_in_light_and_dark():
    """On what is drawn behind its middle, be it paper or a colour: at least 4.5 to 1, WCAG AA."""
    for chart in gallery():
        chart.figure.draw_without_rendering()
        for text in chart.figure.findobj(Text):
            if text.get_visible() and text.get_text().strip():
                drawn = to_hex(text.get_color()).upper(), ground(chart, text)
                for name, theme in THEMES.items():
                    words, behind = (theme.get(each, each) for each in drawn)
                    assert contrast(words, behind) >= 4.5, (name, chart.title, text.get_text(), words, behind)


def ground(chart, text) -> str:
    """The colour that is drawn last behind the middle of some words."""
    box, found = text.get_window_extent(), style.PAPER
    middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    for patch in [*(patch for axes in chart.figure.axes for patch in axes.patches), text.get_bbox_patch()]:
        if patch is None or isinstance(patch, FancyArrowPatch):
            continue
        *_, alpha = patch.get_facecolor()
        if alpha == 1 and patch.get_window_extent().contains(*middle):
            found = to_hex(patch.get_facecolor()).upper()
    return found


def test_a_colour_too_near_to_its_ground_is_found():
    assert contrast(style.PAPER, style.DANGER) < 4.5 < contrast(style.words_on(style.DANGER), style.DANGER)
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@functools.cache
def gallery() -> list[charts.Chart]:
    """A chart of each kind, drawn once for all tests that only look at it."""
    from tests.unit.charts import test_contents as contents
    from tests.unit.charts import test_incremental as incremental
    from tests.unit.charts import test_kitchen, test_languages, test_timeline, test_transfers
    from tests.unit.report import test_views
    four, found = test_languages.FOUR, contents.SETS["three"]
    attacks = [AttackResult(what, what == "be root", (), "") for what in ("open a shell", "be root")]
    return [charts.sizes([ONE, TWO]), charts.sizes([ONE]), charts.layers(ONE), charts.stages(GRAPHS["two"]),
            charts.stages(GRAPHS["mount"]), charts.tools(found), charts.surface(found),
            charts.waste(contents.WASTES["some"]), charts.tries({"it": attacks}),
            charts.crossings({"FROM": {"ENV": True, "cache": False}}), charts.works({"scratch": {"TLS": False, "UTC": True}}),
            charts.edits({"slow": incremental.SLOW, "quick": incremental.QUICK}), charts.kitchen(test_kitchen.built()),
            charts.languages({"Go": test_languages.GO}), charts.reduction(four), charts.left_behind({"Python": (test_languages.FULL, test_languages.SLIM)}),
            charts.trips(test_transfers.TRIPS, [test_transfers.ONE, test_transfers.TWO]), charts.findings(test_views.reported()),
            charts.runs(compare(test_transfers.FAST, test_transfers.SLOW), ["two", "one"]),
            charts.twins({"a": test_transfers.TIMES}, "/app"), charts.timeline(test_timeline.AT_ONCE),
            charts.timeline(test_timeline.recorded("legacy-unused-fails"))]


def test_no_word_of_a_chart_is_lower_than_10_pixels_on_a_page_of_600():
    """There a figure has 546 of them."""
    for chart in gallery():
        small = [text.get_text() for text in chart.figure.findobj(Text)
                 if text.get_text().strip() and text.get_fontsize() / 72 * 546 / style.WIDTH < 10]
        assert small == [], chart.title


def test_long_names_of_columns_stand_apart():
    names = ["as root", "as the server's user", "with SYS_PTRACE", "with all of the rights"]
    figure = charts.works({name: {"reads the greeting": True, "lists the files": False} for name in names}).figure
    labels = figure.axes[0].get_xticklabels()
    assert [" ".join(label.get_text().split()) for label in labels] == names
    assert_apart(figure, labels)


def test_no_two_charts_have_one_title():
    titles = [chart.title for chart in gallery()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("title, shown", [
    ("and fixed times: the same image", "And fixed times: the same image"), ("stage-1, b and c never ran", "Stage-1, b and c never ran"),
    ("greet", "Greet"), ("go-hello:single: 9 MB", "go-hello:single: 9 MB"), ("mode=min: all", "mode=min: all"), ("a/b has 2", "a/b has 2"),
    ("12 MB of 20 MB", "12 MB of 20 MB"), ("RUN a: 2", "RUN a: 2"), ("", "")])
def test_a_title_begins_as_a_sentence_does_unless_with_a_name(title, shown):
    assert style.capitalized(title) == shown
    assert style.finish(style.canvas(1)[0], title, "It is so.").title == shown


@pytest.mark.parametrize("number", ["1.8 s", "27.4 MB", "66 ms", "1 min 05 s", "42 %", "COPY --from"])
def test_no_line_of_a_title_ends_between_a_number_and_its_unit_or_before_an_option(number):
    for before in range(40, 64):
        title = "x" * before + f" is {number} at the end of a line"
        heading = style.finish(style.canvas(1)[0], title, "It is so.").figure.texts[0].get_text()
        assert any(number in line for line in heading.replace("\u00a0", " ").splitlines())


def test_hatching_means_a_stand_in_and_nothing_else():
    for chart in gallery():
        hatched = [patch for axes in chart.figure.axes for patch in axes.patches if patch.get_hatch()]
        assert {patch.get_hatch() for patch in hatched} <= {style.HATCH}
        assert ("Hatched: " in notes(chart)) == bool(hatched), chart.title


def test_the_same_images_give_the_same_file(tmp_path):
    for name in "ab":
        charts.sizes([ONE, TWO]).save(str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert charts.sizes([ONE, TWO]).png() == charts.sizes([ONE, TWO]).png()


def test_a_file_has_its_source_in_the_picture_and_a_page_below_it(tmp_path):
    for chart in gallery():
        shown = page(chart._repr_mimebundle_()["text/html"])
        chart.save(str(tmp_path / "a"))
        kept, whole = (Picture.open(file).convert("RGB") for file in (io.BytesIO(chart.png()), tmp_path / "a"))
        assert shown.text.endswith(chart.source) and bool(chart.source) == ("figcaption" in dict(shown.tags))
        below = whole.crop((0, kept.height, *whole.size)) if chart.source else kept
        assert len(below.getcolors(1 << 20)) > 1     # the words
        assert bool(chart.source) == (whole.height > kept.height)
        assert {kept.getpixel((x, kept.height - 1)) for x in range(kept.width)} == {(255, 255, 255)}, chart.title    # none is cut


def test_a_figure_is_sharp_and_not_heavy(monkeypatch):
    monkeypatch.setattr(style, "_DPI", 200)
    png = charts.sizes([ONE, TWO]).png()
    assert 20_000 < len(png) < 60_000
    assert int.from_bytes(png[16:20], "big") == int(style.WIDTH * 200)


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("images", SETS.values(), ids=SETS)
def test_every_set_of_images_is_drawn_with_the_finding_and_every_value_in_words(images):
    chart = charts.sizes(images)
    assert chart.png().startswith(PNG)
    assert chart.alt.startswith(f"{chart.title}. ")
    for each in images:
        assert f"{each.reference} is {size(each.unpacked)}" in chart.alt
        for part in parts(each):
            assert f"{size(part.count)} {part.name}" in chart.alt


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("images", [SETS["one"], SETS["odd names"]])
def test_a_notebook_gets_one_picture_with_alt_text(images):
    chart = charts.sizes(images)
    bundle = chart._repr_mimebundle_()
    light, dark = (facts for tag, facts in page(bundle["text/html"]).tags if tag == "img")
    assert (light["alt"], dark["alt"], dark["width"]) == (chart.alt, "", "0")    # it is read, and seen without styles, once
    for attributes in (light, dark):
        assert attributes["src"].startswith("data:image/png;base64,iVBOR")
        assert "width:min(100%, " in attributes["style"]     # of a page of 600 pixels
    assert bundle["text/plain"] == chart.alt and repr(chart) == f"Chart: {chart.alt}"


def test_a_dark_page_shows_the_dark_picture_and_any_other_the_light_one():
    chart = charts.sizes([ONE, TWO])
    html = chart._repr_mimebundle_()["text/html"]
    light, dark = (base64.b64encode(chart.png(theme)).decode() for theme in (False, True))
    for picture, factor in ((light, "(1 - var(--jp-shadow-base-lightness, 0))"), (dark, "var(--jp-shadow-base-lightness, 0)")):
        assert re.search(rf'width:min\(100%, {re.escape(factor)} \* 860px[^"]*" src="data:image/png;base64,{re.escape(picture)}"', html)
    assert ".vscode-dark {--jp-shadow-base-lightness: 32}" in html


def test_the_dark_picture_is_dark_and_leaves_the_light_one_as_it_was():
    def paper(png):
        return Picture.open(io.BytesIO(png)).convert("RGB").getpixel((0, 0))
    one, other = charts.sizes([ONE, TWO]), charts.sizes([ONE, TWO])
    assert paper(one.png(dark=True)) < (30, 30, 30)
    assert one.png() == other.png() and paper(one.png()) > (250, 250, 250)


@pytest.mark.parametrize("names, title", [
    ([ONE], "900 MB of the 960 MB in go:single came with golang:1.22"),
    ([image(5)], "1 layer with 5 B in a:1"),
    ([ONE, TWO], "go:single: 960 MB, go:multi: 28.5 MB, 33.7 times smaller"),
    ([TWO, ONE], "go:single: 960 MB, go:multi: 28.5 MB, 33.7 times smaller"),
    ([EMPTY], "0 layers with 0 B in empty"),
])
def test_the_title_is_the_finding(names, title):
    assert charts.sizes(names).title == title


def test_names_may_be_given():
    chart = charts.sizes([ONE, TWO], ["one stage", "two stages"])
    assert chart.title == "One stage: 960 MB, two stages: 28.5 MB, 33.7 times smaller"
    assert "go:" not in chart.alt


def test_images_of_one_size_are_not_said_to_differ():
    assert not any("smaller" in charts.sizes(images).title for images in ([ONE, ONE], [EMPTY, EMPTY]))
    assert ": ." not in charts.sizes([EMPTY]).alt     # a list of no parts


def test_a_bar_is_made_of_the_base_and_of_what_was_added():
    assert parts(ONE) == [Part("base with build tools: golang:1.22", 900_000_000, style.BUILD),
                          Part("left by the build: source, cache, output", 60_000_000, style.BUILD_OWN)]
    assert parts(TWO) == [Part("base: distroless", 27_000_000, style.SHARED, hatched=True),
                          Part("added by the last stage", 1_500_000, style.RUN)]
    assert parts(image(5)) == [Part("added by the last stage", 5, style.RUN)]
    assert parts(image(5, base="b", base_layers=1)) == [Part("base: b", 5, style.SHARED)]
    assert parts(EMPTY) == []


def test_each_bar_carries_its_value():
    assert texts(charts.sizes([ONE])) == ["960 MB"]
    assert texts(charts.sizes([ONE, TWO])) == ["960 MB", "28.5 MB", "28.5 MB"]   # again, enlarged


@pytest.mark.parametrize("images, panels", [([ONE], 1), ([ONE, TWO], 2), ([ONE, ONE], 1), ([EMPTY], 1),
                                            ([image(100), image(4, name="b")], 1),
                                            ([image(100), image(2, 2, name="b", base="c", base_layers=1)], 2),
                                            ([image(100), image(5, name="b")], 1)])
def test_what_is_too_small_to_be_read_is_enlarged(images, panels):
    chart = charts.sizes(images)
    assert len(chart.figure.axes) == panels
    assert all(axes.get_xscale() == "linear" and axes.get_xlim()[0] == 0 for axes in chart.figure.axes)


def test_the_axis_has_room_for_the_values():
    chart = charts.sizes([ONE, TWO])
    left, right = chart.figure.axes
    chart.png()
    assert left.get_xlim()[1] == pytest.approx(960e6 * 1.34)
    values = [text for text in right.texts if text.get_text().endswith("MB")]
    assert values and all(text.get_window_extent().x1 < right.get_window_extent().x1 for text in values)
    assert len(left.get_xticks()) <= 5
    assert left.xaxis.get_major_formatter()(250e6, 0) == "250 MB"
    assert left.xaxis.get_major_formatter()(0, 0) == "0"


def test_the_foot_says_date_engine_and_stand_ins():
    told = notes(charts.sizes([ONE, TWO]))
    assert f"Measured {date.today().isoformat()} on An engine." in told
    assert "Hatched: gcr.io/distroless/base is a stand-in made of Debian packages." in told
    assert "stand-in" not in notes(charts.sizes([ONE]))
    assert style.footnote([image(1, engine="")]) == ""


def test_hatching_marks_a_stand_in_in_bar_and_legend():
    chart = charts.sizes([TWO])
    hatches = [patch.get_hatch() for patch in chart.figure.axes[0].patches]
    assert hatches == [style.HATCH, None]
    assert [patch.get_hatch() for patch in chart.figure.legends[0].get_patches()] == hatches


@pytest.mark.parametrize("one", [ONE, TWO, EMPTY, image(0), image(0, 0, 5), image(*[7] * 20),
                                 image(*[0] * 20), SETS["long names"][0]], ids=repr)
def test_every_image_s_layers_are_drawn(one):
    chart = charts.layers(one)
    assert chart.png().startswith(PNG)
    for layer in one.layers:
        if layer.unpacked:
            assert f"{layer.instruction}: {size(layer.unpacked)}" in chart.alt


def test_empty_layers_are_left_out_of_a_long_list():
    assert len(texts(charts.layers(image(*[0] * 11, 5)))) == 1
    assert len(texts(charts.layers(image(*[0] * 10, 5)))) == 11


@pytest.mark.parametrize("one, title", [
    (ONE, "RUN step 2 of go:single added 60.0 MB to the 900 MB of golang:1.22"),
    (image(5, 6), "2 layers with 11 B in a:1"), (EMPTY, "0 layers with 0 B in empty")])
def test_the_title_of_layers(one, title):
    assert charts.layers(one).title == title
    assert charts.layers(one, "this").title == title.replace("a:1", "this").replace("empty", "this")


def test_the_title_says_what_was_tried_and_saved_nothing():
    assert charts.sizes([ONE, ONE, TWO], ["one stage", "one stage and rm", "two stages"]).title == (
        "One stage and rm: 960 MB, no less than one stage; two stages: 28.5 MB, 33.7 times smaller")


@pytest.mark.parametrize("small, entry", [("slim", "base: jre, slim"), ("gcr.io/distroless/java17-debian12:nonroot", "base: 2 images")])
def test_the_legend_has_what_can_be_seen_and_one_entry_for_one_look(small, entry):
    java = [image(428_000_000, 13_000, base="jdk", base_layers=1, role="build"), *(
        image(size, 3_000, base=base, base_layers=1, role="run") for size, base in ((330_000_000, "jre"), (75_000_000, small)))]
    assert legend(charts.sizes(java)) == ["base with build tools: jdk", entry]


def test_a_long_instruction_has_two_lines_and_is_cut_and_marked_after_them():
    long = image(5, layers=(Layer("sha256:1", "RUN " + "very " * 20, 5, 1),))
    label, = rows(charts.layers(long))
    first, second = label.split("\n")
    assert len(first) <= 30 and len(second) == 30 and second.endswith("…")
    assert in_lines("COPY --from=builder /app/dist /usr/share/nginx/html") == (
        "COPY --from=builder /app/dist\n/usr/share/nginx/html")


def test_one_layer_twice_keeps_its_two_colours():
    """An image can hold the same (empty) layer in its base and in its own part."""
    twice = tuple(Layer("sha256:same", "WORKDIR /a", 5, 1) for _ in range(2))
    chart = charts.layers(image(5, 5, layers=twice, base="b", base_layers=1, role="run"))
    colours = [patch.get_facecolor()[:3] for patch in chart.figure.axes[0].patches]
    assert colours == [to_rgb(style.SHARED), to_rgb(style.RUN)]


def built(text: str, target: str | None = None, **status) -> BuildResult:
    parsed = dockerfile.parse(text)
    reports = tuple(StageReport(s.label, s.base, s.line, status.get(s.label.replace("-", "_"), "built"), 1.5)
                    for s in parsed.stages)
    return build_of(parsed, reports, target=target)


TEXT = "FROM golang:1.22 AS builder\nRUN x\nFROM scratch AS unused\nFROM distroless\nCOPY --from=builder /a /a\n"
GRAPHS = {
    "two": built(TEXT, unused="skipped"), "one": built("FROM a\n"),
    "mount": built("FROM a AS b\nFROM c\nRUN --mount=from=b,target=/x y\nCOPY --from=d:1 /a /b\n"),
    "inherit": built("FROM a AS b\nFROM b AS c\nFROM c\n"), "target": built(TEXT, "builder"),
    "wide": built("FROM a AS s0\n" + "".join(f"FROM scratch AS s{n}\nCOPY --from=s{n - 1} /a /a\n"
                                             for n in range(1, 8))),
    "tall": built("".join(f"FROM image{n} AS s{n}\n" for n in range(9))),
    "long": built(f"FROM {'very/' * 12}long:tag AS {'n' * 40}\n")}


@pytest.mark.parametrize("result", GRAPHS.values(), ids=GRAPHS)
def test_every_graph_is_drawn_and_told(result):
    chart = charts.stages(result)
    assert chart.png().startswith(PNG)
    for stage in result.stages:
        assert f"Stage {stage.name} from {stage.base}: {stage.status}" in chart.alt
    for edge in result.dockerfile.edges:
        assert f"{edge.via} from {edge.source} to {edge.target}" in chart.alt
    assert "Built in 3.2 s with BuildKit on An engine." in notes(chart)


def test_an_image_and_a_stage_of_one_name_are_told_apart():
    alt = charts.stages(built("FROM golang AS golang\nFROM golang AS second\n")).alt
    assert "Dependencies: FROM from the image golang to golang; FROM from the stage golang to second." in alt


def boxes(chart) -> int:
    return sum(isinstance(patch, FancyBboxPatch) for patch in chart.figure.axes[0].patches)


@pytest.mark.parametrize("result, count", [
    (GRAPHS["two"], 6), (GRAPHS["one"], 2), (GRAPHS["mount"], 5), (GRAPHS["inherit"], 4), (GRAPHS["tall"], 18),
    (built("FROM golang AS golang\n"), 2)])
def test_each_stage_and_each_image_has_a_box(result, count):
    assert boxes(charts.stages(result)) == count


@pytest.mark.parametrize("result", GRAPHS.values(), ids=GRAPHS)
def test_boxes_lie_within_the_figure_and_apart(result):
    axes = charts.stages(result).figure.axes[0]
    (left, right), (bottom, top) = axes.get_xlim(), sorted(axes.get_ylim())
    spots = [patch.get_bbox() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    assert all(left <= s.x0 and s.x1 <= right and bottom <= s.y0 and s.y1 <= top for s in spots)
    for one, two in itertools.combinations(spots, 2):
        assert one.x1 < two.x0 or two.x1 < one.x0 or one.y1 < two.y0 or two.y1 < one.y0


@pytest.mark.parametrize("result, title", [
    (GRAPHS["two"], "Unused never ran: stage-2, which is shipped, takes nothing from there"),
    (GRAPHS["one"], "One stage, stage-0: all that it holds is shipped"),
    (built("FROM a AS b\nFROM c\n"), "Only stage-1 is shipped, and it takes nothing from another stage"),
    (GRAPHS["inherit"], "Only stage-2 is shipped; 1 bridge connects it to c"),
    (built("FROM a AS b\nFROM c\nCOPY --from=b /a /a\nCOPY --from=b /b /b\n"),
     "Only stage-1 is shipped; 2 bridges connect it to b"),
])
def test_the_title_of_a_graph(result, title):
    assert charts.stages(result).title == title


@pytest.mark.parametrize("target", ["builder", "BUILDER", "0"])
def test_the_target_is_what_is_shipped_however_it_was_named(target):
    chart = charts.stages(built(TEXT, target))
    assert "builder" in chart.title
    assert "1.5 s, shipped" in texts(chart)


def test_a_graph_says_what_each_stage_cost_and_what_ties_them():
    words = texts(charts.stages(GRAPHS["two"]))
    assert {"1.5 s", "skipped", "1.5 s, shipped", "base image", "COPY --from", "FROM"} <= set(words)
    assert "RUN --mount" in texts(charts.stages(GRAPHS["mount"]))


@pytest.mark.parametrize("draw, yes, no, title", [
    (charts.crossings, "✔ crosses", "stays behind", "FROM builder: 2 of 2 cross; COPY --from: 1; a new FROM: none"),
    (charts.works, "✔ works", "✘ fails", "FROM builder: 2 of 2 work; COPY --from: 1; a new FROM: none")])
def test_a_table_of_yes_and_no_counts_and_says_each(draw, yes, no, title):
    chart = draw({"FROM builder": {"a file": True, "USER": True}, "COPY --from": {"a file": True, "USER": False},
                  "a new FROM": {"a file": False, "USER": False}}, [ONE])
    assert chart.title == title
    assert [texts(chart).count(words) for words in (yes, no)] == [3, 3]
    assert chart.figure.axes[0].xaxis.get_ticks_position() == "top"
    assert f"COPY --from, {yes.lstrip('✔ ')}: a file; {no.lstrip('✘ ')}: USER." in chart.alt
    assert chart.alt.endswith(f"a new FROM, {no.lstrip('✘ ')}: a file, USER.")
    assert draw({"one": {"a": True}}).title == f"One: 1 of 1 {yes.lstrip('✔ ')}"
