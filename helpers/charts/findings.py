"""A Dockerfile line by line: what each brings into the image, and what is wrong with it."""

import textwrap
from typing import NamedTuple

from matplotlib.patches import Patch

from ..report import Report
from ..units import counted, size
from .sizes import Part, bar, bar_axis, in_lines, legend_of
from .style import DANGER, FAINT, INK, MONOSPACE, RUN, SHARED, SMALL, Chart, canvas, finish

_ROW = 0.24       # inches of a line
_ROWS = 26        # lines that a figure shows: those that bring something first
_LETTERS, _LINES = 30, 3    # of an instruction beside its bar: letters of a line, and lines
_NAMES = 27       # characters of a line of rules beside a bar
_LINE = 0.72      # rows that such a line takes, or one of an instruction
_ROOM = 3.1       # of the axis, in longest bars: values and rules stand behind them
_COLUMN = 1.5     # where the rules stand, in the same


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
    places, top = [], 0.0    # a row is as high as the lines in it
    for row, lines in zip(rows, rules, strict=True):
        high = max(1.0, _LINE * len(lines), _LINE * (row.text.count("\n") + 1))
        places.append(top + (high - 1) / 2)
        top += high
    figure, axes = canvas(0.45 + _ROW * top)
    longest = max((row.brings for row in rows), default=1) or 1
    stacks = [_parts(row, report.image.stand_in is not None) for row in rows]
    for at, row, parts, lines in zip(places, rows, stacks, rules, strict=True):
        bar(axes, at, parts, size(row.brings) if row.brings else "", height=0.7, fontsize=SMALL)
        axes.text(_COLUMN * longest, at, "\n".join(lines), va="center", fontsize=SMALL, color=INK, linespacing=1.05)
    axes.set_yticks(places, [_label(row) for row in rows], family=MONOSPACE, fontsize=SMALL, linespacing=1.1)
    for row, label in zip(rows, axes.get_yticklabels(), strict=False):
        label.set_color(INK if row.shipped else FAINT)
    axes.set_ylim(top - 0.4, -1.3)
    bar_axis(axes, longest, room=_ROOM)
    axes.set_xticks([])    # every bar says its bytes
    axes.spines[["left", "bottom"]].set_visible(False)
    for left, head in ((0, "what it adds to the image"), (_COLUMN * longest, "the rules that it breaks")):
        axes.text(left, -0.9, head, va="center", fontsize=SMALL, color=FAINT)
    legend = legend_of(stacks)
    if not all(row.shipped for row in rows):
        legend.append(Patch(facecolor="none", edgecolor=FAINT, label="grey text: a stage that is not shipped"))
    return finish(figure, _finding(report), _spoken(report), [report.image], legend=legend)


def _label(row: _Row) -> str:
    """Its number and its text, as wide as any other's: so all begin at one place."""
    first, *more = row.text.split("\n")
    return "\n".join([f"{row.line:>3} {first:<{_LETTERS}}", *(f"    {line:<{_LETTERS}}" for line in more)])


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
            text = in_lines(f"{each.keyword} {each.value}", _LETTERS, _LINES)
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
