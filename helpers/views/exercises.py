"""Verdicts and progress as a reader sees them: text, and HTML that reads well aloud.

Every mark stands beside a word that says the same, lists are lists, and headings go on
from those of the notebook (h2). Words keep the page's own colour, light or dark.
"""

from collections.abc import Iterator, Sequence

from ..checks import Verdict
from ..checks.progress import ExerciseProgress
from ..checks.verdict import Fail, meaning
from ..text import escape, shown
from ..units import counted
from .markup import BAD, GOOD, QUIET, prose, table


def verdict_view(verdict: Verdict) -> str:
    """A verdict as HTML: headings and lists. Colour says nothing that words do not."""
    colour = GOOD if verdict.passed else QUIET if verdict.lacks else BAD
    parts = [f"<h3 style='border-left:6px solid {colour};padding-left:.5em'>{escape(verdict.head)}</h3>"]
    parts += [f"<p>{escape(each)}</p>" for each in verdict.lacks]
    if verdict.fails:
        lines = verdict.text.splitlines()
        parts += ["<h4>To fix, the first cause first</h4>", "<ol>", *(_fail(each, lines) for each in verdict.fails),
                  "</ol>"]
    if verdict.unchecked:
        parts += ["<h4>Not checked yet</h4>", f"<p>{escape(verdict.stopped)}</p>" if verdict.stopped else "",
                  _rules("○", verdict.unchecked)]
    ground = f"<p>As in every exercise: {escape(', '.join(verdict.ground))}.</p>" if verdict.ground else ""
    parts.append(f"<details{' open' if not verdict.fails else ''}><summary>What holds: "
                 f"{counted(len(verdict.met), 'goal')}</summary>{_rules('✔', verdict.met)}{ground}</details>")
    parts += [f"<p>{prose(note)}</p>" for note in (*verdict.notes, *filter(None, [verdict.hint]))]
    return f"<section role='status' aria-label='Verdict'>{''.join(parts)}</section>"


def _rules(mark: str, rules: Sequence[str]) -> str:
    rows = "".join(f"<li><span aria-hidden='true'>{mark} </span>{escape(rule)}: {escape(meaning(rule))}</li>"
                   for rule in rules)
    return f"<ul role='list' style='list-style:none'>{rows}</ul>" if rows else ""


def _fail(fail: Fail, lines: Sequence[str]) -> str:
    shown = ""
    if fail.line and fail.line <= len(lines):
        shown = f"<br><code>{fail.line} | {escape(lines[fail.line - 1])}</code>"
    return (f"<li><strong><span aria-hidden='true' style='color:{BAD}'>✘ </span>{escape(fail.rule)}</strong>: "
            f"{prose(str(fail))}{shown}</li>")


def _rows(done: ExerciseProgress) -> list[tuple[str, ...]]:
    return [(name, f"passed {each.passed[:10]}" if each.passed else f"{each.holds} of {each.of} goals met",
             counted(each.attempts, "attempt"), counted(each.hints, "hint"))
            for name, each in sorted(done.records.items())]


def progress_text(done: ExerciseProgress) -> str:
    """Progress as text, one line for each exercise."""
    rows = _rows(done)
    aside = [f"The file could not be read. It was set aside: {done.set_aside}"] if done.set_aside else []
    if not rows:
        return "\n".join(["Nothing has been tried yet.", *aside])
    wide = [max(len(row[n]) for row in rows) for n in range(4)]
    return "\n".join(["  ".join(cell.ljust(wide[n]) for n, cell in enumerate(row)).rstrip() for row in rows] + aside)


def progress_view(done: ExerciseProgress) -> str:
    """Progress as a table."""
    if not done.records:
        return f"<p>{escape(progress_text(done))}</p>"
    aside = f"<p>{escape('Set aside: ' + done.set_aside)}</p>" if done.set_aside else ""
    return table(("exercise", "best", "attempts", "hints"), [tuple(map(escape, row)) for row in _rows(done)],
                 "Your progress") + aside


class MarkdownText(str):
    """Markdown, which is also its own plain form."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    _repr_markdown_ = __repr__


class MarkedDockerfile:
    """A Dockerfile with a mark below the line that cannot be read.

    text  of the file
    line  its number, from 1
    why   it cannot be read, in a sentence
    """

    def __init__(self, text: str, line: int, why: str):
        self.lines = text.splitlines()
        self.line, self.why = line, why

    def _marked(self) -> Iterator[tuple[str, bool]]:
        """(line, whether it belongs to the mark) of each line that is shown."""
        for number, line in enumerate(self.lines, 1):
            bad = number == self.line
            yield f"{'>' if bad else ' '}{number:>3} | {line}", bad
            if bad:
                margin = " " * (7 + len(line) - len(line.lstrip()))
                yield margin + "^" * max(1, len(line.split("#")[0].strip())), True
                yield margin + self.why, True

    def __repr__(self) -> str:
        return shown("\n".join(line for line, _ in self._marked()))

    def _repr_html_(self) -> str:
        body = "\n".join(f"<strong>{escape(line)}</strong>" if bad else escape(line) for line, bad in self._marked())
        return (f"<section role='alert'><p>Line {self.line} cannot be read: {escape(self.why)} Nothing was built.</p>"
                f"<pre style='overflow-x:auto;font-family:monospace'>{body}</pre></section>")
