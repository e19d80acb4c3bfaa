"""A report shown: as HTML, as text, as a picture, as JSON, by the command."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers import charts, cli, labels, lint
from helpers import report as reports
from helpers.builder import BuildResult, StageReport
from helpers.charts import style
from helpers.engine import Engine
from helpers.errors import BuildFailed, ContextError
from helpers.image import Image, Start
from helpers.image.config import start
from helpers.inventory import take
from helpers.paths import applications
from helpers.report import Finding, Opinions, Report, findings_of
from helpers.report.run import name
from helpers.views import report as views
from tests.unit.cases import DYNAMIC, FAT, SMALL, case, image, layer
from tests.unit.charts.figures import PNG, rows
from tests.unit.widgets.test_widgets import NASTY, page

TEXT = """\
FROM golang:1.22
COPY . /src

FROM base:1
COPY --from=0 /src/app /app
RUN head > /big
RUN rm /big
CMD ["/app"]
"""
OWN = [("COPY /src/app /app", [("app", DYNAMIC, 0o755)]), ("RUN head > /big", [("big", b"x" * 60_000)]),
       ("RUN rm /big", [(".wh.big", b"")])]


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr(style, "_DPI", 30)


def reported(text=TEXT, base=FAT, own=OWN, findings=None, stand_in=False, **other) -> Report:
    made = case(text, base=base, own=own, start=Start(("/app",)))
    seen = made.inventory
    if stand_in:
        known = seen.image
        seen = take(Image(**{**known.__dict__, "labels": {labels.STAND_IN: "base:1"}}),
                    [layer(*base), *(layer(*members) for _, members in own)])
    needed = made.dockerfile.needed()
    stages = tuple(StageReport(each.label, each.base, each.line, "built" if each.label in needed else "skipped", 2.5)
                   for each in made.dockerfile.stages)
    result = BuildResult("sha256:" + "0" * 64, "x:report", "buildkit", 3.0, stages, (), (), None,
                         made.dockerfile, SimpleNamespace(describe=lambda: "An engine"))
    return Report(result, seen, made.lines, made.main, findings_of(made) if findings is None else tuple(findings),
                  **{"unique": 60_000, **other})


GOOD = ('FROM golang:1.22 AS builder\nRUN make\nFROM base:1\nCOPY --from=builder /src/app /app\nUSER 1\nCMD ["/app"]\n')


def test_the_bytes_of_the_lines_add_up_to_the_image():
    report = reported()
    assert list(report.brought()) == [4, 5, 6, 7]
    assert sum(report.brought().values()) == report.image.unpacked
    assert report.brought()[6] == 60_000 and report.brought()[7] == 0
    assert [line for line, _ in report.layers()] == [4, 5, 6, 7]


def test_findings_by_line_and_by_rule():
    report = reported()
    assert {each.rule for each in report.by_line()[4]} == {"build-tools", "root-user"}
    assert report.of("hidden-files")[0].line == 6 and report.of("secret") == ()
    assert reported(findings=[Finding("secret", "low", None, "", "", "")]).by_line()[0][0].rule == "secret"


def test_the_json_has_what_the_report_has():
    report = reported(transfer=1234)
    facts = json.loads(json.dumps(report.facts()))
    assert (facts["ok"], facts["error"], facts["transfer"], facts["unique"]) == (True, None, 1234, 60_000)
    assert facts["unpacked"] == sum(each["unpacked"] for each in facts["layers"]) == report.image.unpacked
    assert [each["line"] for each in facts["layers"]] == [4, 5, 6, 7]
    assert [(each["name"], each["line"], each["status"]) for each in facts["stages"]] == [
        ("stage-0", 1, "built"), ("stage-1", 4, "built")]
    assert facts["edges"][-1] == {"from": "stage-0", "to": "stage-1", "via": "COPY", "line": 5, "kind": "stage"}
    assert [each["rule"] for each in facts["findings"]] == [each.rule for each in report.findings]
    assert facts["program"] == {"name": "/app", "path": "/app", "kind": "glibc", "missing": []}
    assert {"tools", "packages", "setuid", "waste", "executables"} <= facts["inventory"].keys()
    assert reported(own=[], findings=[]).facts()["program"]["missing"] == ["/app"]


def test_the_text_has_every_finding_with_line_why_and_remedy():
    report = reported()
    text = views.report_text(report)
    assert text.startswith(f"x: {len(report.findings)} things to fix\n")
    urgent = reported(findings=[Finding("secret", "high", 1, "a", "b", "c"), *report.findings])
    assert views.report_text(urgent).startswith(f"x: {len(urgent.findings)} things to fix, 1 of them urgent\n")
    for each in report.findings:
        assert each.what in text and f"Why: {each.why}" in text and f"What to do: {each.remedy}" in text
    assert "· low, line 6 (and 7): files that a later layer hides (hidden-files); saves 60.0 kB" in text
    assert "line 5    stage-0 --COPY--> stage-1" in text and "RUN head > /big" in text
    assert "linked with glibc" in text and "60.0 kB of it in no other image here." in text
    assert " layers, all of it in other images here as well." in views.report_text(reported(unique=0))


def test_the_page_has_every_finding_and_links_to_its_lesson():
    report = reported()
    read = page(views.report_view(report))
    for each in report.findings:
        assert each.what in read.text and each.remedy in read.text and each.title in read.text
    links = {facts["href"] for tag, facts in read.tags if tag == "a"}
    assert "02-two-stages.ipynb" in links
    assert sum(tag == "details" for tag, _ in read.tags) >= 3


def test_a_report_without_findings_says_so():
    report = reported(GOOD, base=SMALL, own=OWN[:1], findings=[])
    assert "nothing to fix" in views.report_text(report) and "Nothing to fix" in views.report_text(report)
    assert "nothing to fix" in page(views.report_view(report)).text
    assert "urgent" not in views.report_text(reported(findings=[Finding("root-user", "medium", 1, "a", "b", "c")]))


def test_any_text_is_shown_as_text():
    text = f"FROM base:1\nRUN echo {NASTY}\n"
    report = reported(text, base=SMALL, own=[(f"RUN echo {NASTY}", [("a", b"x")])],
                  findings=[Finding("secret", "medium", None, NASTY, NASTY, NASTY)],
                  opinions=Opinions((lint.Finding(1, "X", "info", NASTY),) * 2, (lint.Finding(1, "X", "info", NASTY),)))
    read = page(views.report_view(report))
    assert read.text.count(NASTY) >= 5
    assert "medium, line -: a secret in ARG or ENV (secret)" in views.report_text(report)


@pytest.mark.parametrize("said, words", [
    (Opinions(), "reports nothing."), (Opinions(without="hadolint is not installed."), "hadolint is not installed."),
    (Opinions((lint.Finding(1, "X", "info", "m"),)), "reports 1 thing, listed above."),
    (Opinions((lint.Finding(1, "X", "info", "m"),) * 3, (lint.Finding(2, "Y", "error", "mm"),) * 2),
     "reports 3 things, 2 of which are not listed above.")])
def test_a_linter_s_opinions_stand_apart(said, words):
    report = reported(findings=[], opinions=said)
    for text in (views.report_text(report), page(views.report_view(report)).text):
        assert words in text and text.count("error Y: mm") == len(said.besides)
    assert report.facts()["opinions"] == [each.facts() for each in said.besides]


def test_the_builder_s_checks_stand_apart_with_their_links():
    check = lint.Finding(5, "JSONArgsRecommended", "warning", "Use JSON", "https://example.org/json-args")
    report = reported(findings=[], opinions=Opinions(checks=(check,)))
    report = replace(report, result=replace(report.result, warnings=(check, check)))
    words = "reports 2 things, 1 of which is not listed above."
    read = page(views.report_view(report))
    assert words in views.report_text(report) and words in read.text
    assert f"line 5: warning JSONArgsRecommended: Use JSON ({check.link})" in views.report_text(report)
    assert check.link in {facts["href"] for tag, facts in read.tags if tag == "a"}
    assert report.facts()["checks"] == [check.facts()] and report.facts()["opinions"] == []


def test_the_picture_has_a_row_a_line_and_its_finding_in_the_title():
    report = reported()
    chart = charts.findings(report)
    heaviest = max(report.findings, key=lambda each: each.saves or 0)
    assert chart.title == (f"{len(report.findings)} things to fix; line {heaviest.line} alone costs "
                           f"{views.size(heaviest.saves)} of {views.size(report.image.unpacked)}")
    assert [row.split()[0] for row in rows(chart)] == ["1", "2", "4", "5", "6", "7", "8"]
    for line, count in report.brought().items():
        assert f"line {line} brings {views.size(count)}" in chart.alt
    for each in report.findings:
        assert f"Line {each.line}: {each.title}" in chart.alt
    assert chart.png().startswith(PNG)


def widths(chart):
    """{row: (what stays, what fixing would save)}, in bytes."""
    axes, = chart.figure.axes
    bars = {}
    for each in axes.patches:
        row = round(each.get_y() + each.get_height() / 2)
        bars.setdefault(row, []).append(each.get_width())
    return {row: tuple(found) for row, found in bars.items()}


def test_bars_are_what_stays_and_what_fixing_saves():
    report = reported()
    found = widths(charts.findings(report))
    brought = report.brought()
    assert sum(found[2]) == brought[4] and sum(found[4]) == brought[6] == 60_000
    assert found[4] == (60_000,) and 0 not in found
    # Two findings on one line cannot save more than the line brings.
    greedy = reported(findings=[Finding(rule, "high", 6, "", "", "", 50_000) for rule in ("secret", "cache-left")])
    assert widths(charts.findings(greedy))[4] == (60_000,)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_legend_names_what_is_drawn_and_each_column_has_a_head():
    figure = charts.findings(reported()).figure
    names = legend(figure)
    saved = "\u2718 a fix would save it"
    assert set(names[:-1]) == {"the base's", "added", saved} and names[-1].startswith("grey text")
    bases = [Finding("build-tools", "high", 4, "", "", "", 9_000), *reported().findings]
    assert {saved, f"{saved} (of the base)"} <= set(legend(charts.findings(reported(findings=bases, stand_in=True)).figure))
    assert legend(charts.findings(reported(findings=[])).figure) == ["the base's", "added", names[-1]]
    axes, = figure.axes
    heads = [text.get_text() for text in axes.texts[-2:]]
    assert heads == ["what it adds to the image", "the rules that it breaks"] and not len(axes.get_xticks())


def test_stages_that_are_not_shipped_are_grey_words():
    axes, = charts.findings(reported()).figure.axes
    colours = [label.get_color() for label in axes.get_yticklabels()]
    assert colours == [style.FAINT] * 2 + [style.INK] * 5


def test_a_long_dockerfile_is_cut_to_its_main_lines():
    text = "FROM base:1\n" + "".join(f"RUN echo {n}\n" for n in range(60)) + "RUN head > /big\n"
    report = reported(text, base=SMALL, own=[*((f"RUN echo {n}", []) for n in range(60)), ("RUN head > /big", OWN[1][1])],
                  findings=[Finding("secret", "low", 50, "", "", "")])
    shown = rows(charts.findings(report))
    lines = [int(row.split()[0]) for row in shown]
    assert len(shown) == 26 and lines == sorted(lines) and {1, 50, 62} <= set(lines)


def test_an_instruction_of_three_lines_is_shown_whole():
    long = "RUN head -c 30000000 /dev/urandom > /samples && grep -v line /samples > /big"
    shown = rows(charts.findings(reported(TEXT.replace("RUN head > /big", long), own=[OWN[0], (long, OWN[1][1]), OWN[2]])))
    row = next(row for row in shown if "urandom" in row)
    assert row.count("\n") == 2 and " ".join(row.split()) == f"6 {long}"


def test_every_rule_that_a_line_breaks_is_named():
    rules = list(reports.RULES)[:9]
    chart = charts.findings(reported(findings=[Finding(rule, "low", 6, "", "", "") for rule in rules]))
    axes, = chart.figure.axes
    named = next(text for text in axes.texts if rules[0] in text.get_text())
    assert all(rule in named.get_text() for rule in rules)
    FigureCanvasAgg(chart.figure).draw()
    lines = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert sum(line.y0 < named.get_window_extent().y1 and line.y1 > named.get_window_extent().y0 for line in lines) == 1


@pytest.mark.parametrize("stand_in", [True, False])
def test_a_stand_in_is_hatched(stand_in):
    chart = charts.findings(reported(findings=[], stand_in=stand_in))
    axes, = chart.figure.axes
    assert any(each.get_hatch() for each in axes.patches) == stand_in
    assert chart.title.startswith("Nothing to fix in ")


@pytest.mark.parametrize("config, expected, root", [
    ({}, Start(), True), (None, Start(), True),
    ({"Entrypoint": ["a"], "Cmd": ["b", "c"], "Env": ["A=1", "B=x=y", "C"], "WorkingDir": "/w", "User": "9"},
     Start(("a", "b", "c"), {"A": "1", "B": "x=y", "C": ""}, "/w", "9"), False),
    ({"Entrypoint": None, "Cmd": None, "Env": None, "WorkingDir": "", "User": "root:x"}, Start(user="root:x"), True)])
def test_how_an_image_starts(config, expected, root):
    asked = []
    api = SimpleNamespace(inspect_image=lambda name: asked.append(name) or {"Config": config})
    engine = Engine(SimpleNamespace(api=api), "h", "r", "n", "v", "1.41", "s", ("buildkit",), owned=False)
    assert start(image([]), engine) == expected and expected.is_root == root
    assert asked == ["sha256:x"]


@pytest.fixture
def asked(monkeypatch):
    """The arguments of `report`, which returns a report made by hand, or raises."""
    words = {}

    def fake(folder, **given):
        words.update(given, folder=folder)
        if "raises" in words:
            raise words["raises"]
        return reported()

    monkeypatch.setattr(reports, "report", fake)
    return words


def test_the_command_passes_its_options_on(asked, capsys):
    assert cli.main(["report", "x", "-f", "Other", "--target", "b", "--build-arg", "A=1", "--any-context",
                     "--transfer"]) == 0
    assert {key: asked[key] for key in ("folder", "dockerfile", "target", "args", "context_limit", "transfer")} == {
        "folder": "x", "dockerfile": "Other", "target": "b", "args": {"A": "1"}, "context_limit": None,
        "transfer": True}
    assert "things to fix" in capsys.readouterr().out


def test_the_command_succeeds_with_findings(asked, capsys, tmp_path):
    assert cli.main(["report", "x", "--json", "--png", str(tmp_path / "a.png")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert len(facts["findings"]) == len(reported().findings) > 0
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)
    assert asked["context_limit"] == 1_000_000_000


@pytest.mark.parametrize("error, line", [
    (BuildFailed("It failed.", stage="b", line=3), 3), (ContextError("Too much."), None)])
def test_a_failed_build_fails_the_command(asked, capsys, error, line):
    asked["raises"] = error
    assert cli.main(["report", "x", "--json"]) == 1
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert (facts["ok"], facts["error"]["kind"], facts["error"]["line"], facts["findings"]) == (
        False, error.kind, line, [])
    assert error.what in err


def test_a_report_without_an_engine(monkeypatch, home, capsys):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert cli.main(["report", ".", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_the_name_of_a_report_s_image(tmp_path):
    folder = tmp_path / "My Project (ü)!"
    first = name(folder, "Dockerfile", None)
    assert re.fullmatch("my-project:report-[0-9a-f]{8}", first) and first == name(folder, "Dockerfile", None)
    elsewhere = tmp_path / "x" / folder.name
    others = {name(folder, "Other", None), name(folder, "Dockerfile", "b"), name(elsewhere, "Dockerfile", None)}
    assert len({first, *others}) == 4
    assert name(tmp_path / "ü", "Dockerfile", None).startswith("project:report-")
    assert len(name(tmp_path / ("x" * 200), "y" * 200, "z" * 200).partition(":")[2]) <= 128   # Docker's limit for a tag
    odd = [name(Path(f"/tmp/dir{letter}"), "Docker\udcfffile", None) for letter in "\udcff\udcfe"]     # any bytes
    assert re.fullmatch("dir:report-docker-file-[0-9a-f]{8}", odd[0]) and odd[0] != odd[1]


def test_an_image_of_the_course_has_a_name_without_a_checksum():
    team = applications()[0] / "team-app"
    assert name(team, "Dockerfile", None) == "team-app:report"
    assert name(team, "Dockerfile.fixed", None) == "team-app:report-fixed"
    assert len({name(team, "Dockerfile", None, text) for text in ("FROM a", "FROM b")}) == 2
