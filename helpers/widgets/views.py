"""The course's objects as HTML: pure functions from values to text.

Colours repeat what words say, never more. `register` teaches IPython to use
these views, so that the objects themselves need not know of notebooks.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from ..build import BuildResult, Progress, StageReport, Step
from ..image import Image
from ..units import seconds, size

_MARKS = {"waiting": "·", "running": "▶", "cached": "●", "done": "✔", "failed": "✘",
          "built": "✔", "skipped": "–"}
_COLOURS = {"running": "#E69F00", "done": "#0072B2", "built": "#0072B2", "cached": "#6B6B6B",
            "failed": "#D55E00", "waiting": "#6B6B6B", "skipped": "#6B6B6B"}
_LOG_SHOWN = 6
TITLES = {"buildkit": "BuildKit", "legacy": "the legacy builder"}


def register() -> None:
    """Give IPython the views of the course's objects, HTML and text, if it runs here."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    formatters = shell.display_formatter.formatters
    for kind, view in ((BuildResult, build_view), (Image, image_view)):
        formatters["text/html"].for_type(kind, view)
        formatters["text/plain"].for_type(kind, lambda shown, printer, _: printer.text(str(shown)))


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
    return f"<code>{html.escape(text)}</code>"


def status(word: str) -> str:
    """A status as a mark and a word, coloured."""
    colour = _COLOURS.get(word, "inherit")
    return (f'<span style="color:{colour}"><span aria-hidden="true">{_MARKS.get(word, "")}</span>'
            f" {word}</span>")


# -- a build ---------------------------------------------------------------------

def build_view(result: BuildResult) -> str:
    """A finished build: its stages, and every step folded away."""
    caption = (f"{result.tag or result.image[7:19]}: built in {seconds(result.seconds)} "
               f"with {TITLES[result.builder]}")
    swapped = "".join(f"<p>{code(ref)} is {code(name)} in this engine.</p>"
                      for ref, name in result.substitutions.items())
    return f"{stages_table(result.stages, caption)}{swapped}{_folded_steps(result.steps)}"


def stages_table(stages: Sequence[StageReport], caption: str) -> str:
    rows = [(code(stage.name), code(stage.base), status(stage.status),
             seconds(stage.seconds) if stage.status == "built" else "",
             _cached(stage)) for stage in stages]
    return table(("stage", "from", "status", "time", "steps cached"), rows, caption, right=(3, 4))


def _cached(stage: StageReport) -> str:
    """How many of the stage's own steps came from the cache; its FROM is none of them."""
    own = [step for step in stage.steps if not step.instruction.upper().startswith("FROM ")]
    return f"{sum(step.cached for step in own)} of {len(own)}" if own else ""


def _folded_steps(steps: Sequence[Step]) -> str:
    rows = [(str(s.line or ""), code(s.stage), code(s.instruction), status(s.status),
             seconds(s.seconds) if s.seconds else "") for s in steps if s.stage]
    inner = table(("line", "stage", "step", "status", "time"), rows, right=(0, 4))
    return f"<details><summary>{len(rows)} steps</summary>{inner}</details>"


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
    rows = [(code(s.stage), code(s.instruction), status(s.status),
             seconds(s.seconds) if s.seconds else "") for s in steps]
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
    caption = f"{image.reference}: {size(image.unpacked)} unpacked in {len(image.layers)} layers"
    note = (f"<p>Its base stands in for {code(image.stand_in)}.</p>" if image.stand_in else "")
    return table(("unpacked", "files", "made by", ""), rows, caption, right=(0, 1)) + note
