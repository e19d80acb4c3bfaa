"""The course's objects as HTML: pure functions from values to text.

Colours repeat what words say, never more. `register` teaches IPython to use
these views, so that the objects themselves need not know of notebooks.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from ..builder import TITLES, BuildResult, Progress, StageReport, Step
from ..image import Image
from ..inventory import Comparison, Inventory, Needs
from ..report import Report
from ..units import counted, seconds, size
from ..claims import Sentences, Standings

_MARKS = {"stopped": "■", "waiting": "·", "running": "▶", "cached": "●", "done": "✔", "failed": "✘",
          "built": "✔", "skipped": "–"}
_COLOURS = {"running": "#9A6A00", "stopped": "#D55E00",   # the orange of figures is too pale here
            "done": "#0072B2", "built": "#0072B2", "cached": "#6B6B6B",
            "failed": "#D55E00", "waiting": "#6B6B6B", "skipped": "#6B6B6B"}
_LOG_SHOWN = 6
_LONG = re.compile(r"\S{24,}")
_JOINT = re.compile(r"(?<=[^/,=@])([/,=@])(?=.)")   # JupyterLab drops `anywhere` from what it does not trust
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


def register() -> None:
    """Give IPython the views of the course's objects, HTML and text, if it runs here."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    # Here, since what shows inventories stands on what is below.
    from .claims import sentences_text, sentences_view, standings_text, standings_view
    from .contents import (
        comparison_text, comparison_view, inventory_text, inventory_view, needs_text, needs_view,
    )
    from .report import report_text, report_view

    display = shell.display_formatter
    for kind, page, text in ((Image, image_view, str), (Inventory, inventory_view, inventory_text),
                             (Comparison, comparison_view, comparison_text), (Report, report_view, report_text),
                             (Needs, needs_view, needs_text),
                             (Standings, standings_view, standings_text),
                             (Sentences, sentences_view, sentences_text)):
        display.formatters["text/html"].for_type(kind, page)
        display.formatters["text/plain"].for_type(
            kind, lambda value, printer, _, text=text: printer.text(text(value)))
    display.ipython_display_formatter.for_type(BuildResult, _display_build)


_shown: list[tuple[BuildResult, int]] = []   # the last result that a live view showed, and where


def note_shown(result: BuildResult) -> None:
    """Say that a live view has just shown `result`, in the cell that runs now."""
    _shown[:] = [(result, _cell())]


def _cell() -> int:
    """The number of the cell that runs now, 0 outside a notebook."""
    from IPython import get_ipython

    return getattr(get_ipython(), "execution_count", 0)


def _display_build(result: BuildResult) -> None:
    """Show a build, unless the live view in the same cell has done it already."""
    from IPython.display import display

    if not any(shown is result and cell == _cell() for shown, cell in _shown):
        display({"text/html": build_view(result), "text/plain": str(result)}, raw=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "",
          right: Sequence[int] = ()) -> str:
    """An HTML table; cells are given as HTML. `right` names right-aligned columns."""
    def cell(tag: str, column: int, text: str) -> str:
        side = "right" if column in right else "left"
        scope = ' scope="col"' if tag == "th" else ""
        return f'<{tag}{scope} style="text-align:{side}">{text}</{tag}>'

    top = "".join(cell("th", i, html.escape(text)) for i, text in enumerate(head))
    body = "".join(f"<tr>{''.join(cell('td', i, text) for i, text in enumerate(row))}</tr>"
                   for row in rows)
    title = f'<caption style="text-align:left">{html.escape(caption)}</caption>' if caption else ""
    return f"<table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def code(text: str) -> str:
    """Text as code. A long word of it, a path or an option, may go on in the next line."""
    marked_up = _LONG.sub(lambda word: _JOINT.sub("\\1<wbr>", word[0]), html.escape(text))
    return f'<code style="overflow-wrap:anywhere">{marked_up}</code>'


def marked(mark: str, words: str, colour: str) -> str:
    """Words after a mark. The mark alone is coloured: no colour is easy to read on a white
    page and on a dark one."""
    return (f'<span style="white-space:nowrap"><span style="color:{colour}" aria-hidden="true">{mark}</span>'
            f" {html.escape(words)}</span>")


def status(word: str) -> str:
    """The status of a stage or step."""
    return marked(_MARKS.get(word, ""), word, _COLOURS.get(word, "inherit"))


def whole(text: str) -> str:
    """Text that is not broken at its blanks."""
    return text.replace(" ", "\u00a0")


# -- a build ---------------------------------------------------------------------

def build_view(result: BuildResult) -> str:
    """A finished build: its stages, and every step folded away."""
    caption = (f"{result.tag or result.image[7:19]}: built in {seconds(result.seconds)} "
               f"with {TITLES[result.builder]}")
    swapped = "".join(f"<p>{code(ref)} is {code(name)} in this engine.</p>"
                      for ref, name in result.substitutions.items())
    given = ", ".join(f"{code(each.id)} ({html.escape(each.origin)})" for each in result.handed_over)
    given = f"<p>Handed to its commands: {given}.</p>" if given else ""
    return f"{stages_table(result.stages, caption)}{swapped}{given}{_folded_steps(result.steps)}"


def stages_table(stages: Sequence[StageReport], caption: str) -> str:
    rows = [(code(stage.name), code(_short(stage.base)), status(stage.status),
             whole(seconds(stage.seconds)) if stage.status == "built" else "",
             _cached(stage)) for stage in stages]
    return table(("stage", "from", "status", "time", "steps cached"), rows, caption, right=(3, 4))


def _took(step: Step) -> str:
    return whole(seconds(step.seconds)) if step.seconds >= 0.0005 else ""


def _short(text: str) -> str:
    """A digest is one long word: of its 64 figures, so many as `docker images` shows."""
    return _DIGEST.sub("\\1\u2026", text)


def _cached(stage: StageReport) -> str:
    """How many of the stage's own steps came from the cache; its FROM is none of them."""
    own = [step for step in stage.steps if not step.instruction.upper().startswith("FROM ")]
    return whole(f"{sum(step.cached for step in own)} of {len(own)}") if own else ""


def _stage(step: Step) -> str:
    return f'<code style="white-space:nowrap">{html.escape(step.stage)}</code>'


def _instruction(step: Step) -> str:
    """On one line: where a line was continued, the builder prints its indentation."""
    return code(_short(" ".join(step.instruction.split())))


def _folded_steps(steps: Sequence[Step]) -> str:
    own = sorted((step for step in steps if step.stage), key=lambda step: step.line or 0)
    rows = [(str(s.line or ""), _stage(s), _instruction(s), status(s.status), _took(s))
            for s in own]
    inner = table(("line", "stage", "step", "status", "time"), rows, right=(0, 4))
    return f"<details><summary>{counted(len(rows), 'step')}</summary>{inner}</details>"


def progress_view(progress: Progress, elapsed: float, ended: bool = False) -> str:
    """A build under way: what runs now, and the last lines that it printed. `ended`
    says that it goes no further: it failed or was stopped."""
    steps = [step for step in progress.steps() if step.stage]
    done = sum(step.status in ("done", "cached") for step in steps)
    if ended:
        told = f"Ended after {seconds(elapsed)}, with {done} of {len(steps)} steps done"
    elif steps:
        told = f"Building with {TITLES[progress.builder]}: {done} of {len(steps)} steps, {seconds(elapsed)}"
    else:
        told = f"Sending the build context: {size(progress.sent)}"
    head = f"<p role='status'>{told}</p>"
    rows = [(_stage(s), _instruction(s),
             status("stopped" if ended and s.status == "running" else s.status), _took(s))
            for s in steps]
    running = [s for s in steps if s.status == "running" and s.log]
    lines = "\n".join(running[-1].log[-_LOG_SHOWN:]) if running else ""
    log = f"<pre style='margin:0'>{html.escape(lines)}</pre>" if lines else ""
    return head + (table(("stage", "step", "status", "time"), rows, right=(3,)) if rows else "") + log


# -- an image -----------------------------------------------------------------------

def image_view(image: Image) -> str:
    """An image: a row a layer."""
    rows = [(size(layer.unpacked), f"{layer.files:,}", code(layer.instruction),
             "base" if index < image.base_layers else "")
            for index, layer in enumerate(image.layers)]
    caption = f"{image.reference}: {size(image.unpacked)} unpacked in {counted(len(image.layers), 'layer')}"
    note = (f"<p>Its base stands in for {code(image.stand_in)}.</p>" if image.stand_in else "")
    return table(("unpacked", "files", "made by", "part of"), rows, caption, right=(0, 1)) + note
