"""A Dockerfile line by line: what each brings into the image, and what is wrong with it."""

import textwrap
from typing import NamedTuple

from matplotlib.patches import Patch

from ..report import Report
from ..text import one_line
from ..units import counted, size
from .sizes import Part, bar, bar_axis, legend_of
from .style import DANGER, FAINT, INK, MONOSPACE, RUN, SHARED, Chart, canvas, finish

_ROW = 0.24       # inches of a line
_ROWS = 26        # lines that a figure shows: those that bring something first
_LETTERS = 40     # of a line
_NAMES = 30       # characters of a line of rules beside a bar
_LINE = 0.72      # rows that such a line takes
_ROOM = 2.9       # of the axis, in longest bars: values and rules stand behind them
_COLUMN = 1.4     # where the rules stand, in the same


class _Row(NamedTuple):
    line: int
    text: str
    shipped: bool
    brings: int
    saves: int
    base: bool
    rules: list[str]


def findings(report: Report) -> Chart:
    """A row a line of the Dockerfile: the bytes that it brings into the image, what of
    them a fix would save, and the rules that it breaks."""
    rows = _rows(report)
    rules = [textwrap.wrap("\u2718\u00a0" * bool(row.rules) + ", ".join(row.rules), _NAMES, break_on_hyphens=False)
             for row in rows]
    places, top = [], 0.0    # a row in which many rules are broken is as high as their lines
    for lines in rules:
        high = max(1.0, _LINE * len(lines))
        places.append(top + (high - 1) / 2)
        top += high
    figure, axes = canvas(0.45 + _ROW * top)
    longest = max((row.brings for row in rows), default=1) or 1
    stacks = [_parts(row, report.image.stand_in is not None) for row in rows]
    for at, row, parts, lines in zip(places, rows, stacks, rules, strict=True):
        bar(axes, at, parts, size(row.brings) if row.brings else "", height=0.7, fontsize=8.5)
        axes.text(_COLUMN * longest, at, "\n".join(lines), va="center", fontsize=8.5, color=INK, linespacing=1.05)
    axes.set_yticks(places, [f"{row.line:>3} {row.text:<{_LETTERS}}" for row in rows], family=MONOSPACE, fontsize=7.5)
    for row, label in zip(rows, axes.get_yticklabels(), strict=False):
        label.set_color(INK if row.shipped else FAINT)
    axes.set_ylim(top - 0.4, -1.3)
    bar_axis(axes, longest, room=_ROOM)
    axes.set_xticks([])    # every bar says its bytes
    axes.spines[["left", "bottom"]].set_visible(False)
    for left, head in ((0, "what it adds to the image"), (_COLUMN * longest, "the rules that it breaks")):
        axes.text(left, -0.9, head, va="center", fontsize=8.5, color=FAINT)
    legend = legend_of(stacks)
    if not all(row.shipped for row in rows):
        legend.append(Patch(facecolor="none", edgecolor=FAINT, label="grey text: a stage that is not shipped"))
    return finish(figure, _finding(report), _spoken(report), [report.image], legend=legend)


def _parts(row: _Row, stand_in: bool) -> list[Part]:
    """Its bytes: those that stay, and those that a fix saves."""
    colour, name = (SHARED, "the base's") if row.base else (RUN, "added")
    hatched = stand_in and row.base
    saved = "\u2718 a fix would save it" + " (of the base)" * hatched    # hatched and plain look different
    return [part for part in (Part(name, row.brings - row.saves, colour, hatched),
                              Part(saved, row.saves, DANGER, hatched)) if part.count]


def _rows(report: Report) -> list[_Row]:
    brings, wrong = report.brought(), report.by_line()
    shipped = {id(stage) for stage in report.lines.stages}
    rows = []
    for stage in report.result.dockerfile.stages:
        for each in stage.instructions:
            found = wrong.get(each.line, [])
            count = brings.get(each.line, 0) if id(stage) in shipped else 0
            saves = min(count, sum(finding.saves or 0 for finding in found))
            text = one_line(f"{each.keyword} {each.value}", _LETTERS)
            rows.append(_Row(each.line, text, id(stage) in shipped, count, saves, each.keyword == "FROM",
                             list(dict.fromkeys(finding.rule for finding in found))))
    if len(rows) > _ROWS:   # those that say most, in the order of the file
        best = sorted(rows, key=lambda row: (not row.rules, -row.brings, row.line))[:_ROWS]
        rows = sorted(best, key=lambda row: row.line)
    return rows


def _finding(report: Report) -> str:
    if not report.findings:
        return f"Nothing to fix in {size(report.image.unpacked)}"
    heaviest = max(report.findings, key=lambda each: each.saves or 0)
    title = f"{counted(len(report.findings), 'thing')} to fix"
    if not heaviest.saves:
        return title
    return f"{title}; line {heaviest.line} alone costs {size(heaviest.saves)} of {size(report.image.unpacked)}"


def _spoken(report: Report) -> str:
    lines = [f"line {line} brings {size(count)}" for line, count in report.brought().items()]
    return f"{'; '.join(lines)}. " + " ".join(
        f"Line {each.line}: {each.title}" + (f", {size(each.saves)}." if each.saves else ".")
        for each in report.findings)
