"""A build: while it runs, and once it has finished."""

from collections.abc import Sequence

from ..builder import TITLES, BuildResult, Progress, StageReport, Step, in_order, work
from ..text import escape, shown
from ..units import counted, seconds, size
from .markup import code, prose, short, status, table

_LOG_SHOWN = 6
_shown: list[tuple[BuildResult, int]] = []   # the last result that a live view showed, and in which cell


def display_build(result: BuildResult) -> None:
    """Show a build in the cell that runs now, unless a live view has done it already."""
    from IPython.display import display

    if not any(last is result and cell == _cell() for last, cell in _shown):
        display({"text/html": build_view(result), "text/plain": shown(str(result))}, raw=True)


def note_shown(result: BuildResult) -> None:
    """Remember that a live view has just shown `result` in the cell that runs now."""
    _shown[:] = [(result, _cell())]


def _cell() -> int:
    """The number of the cell that runs now, 0 outside a notebook."""
    from IPython import get_ipython

    return getattr(get_ipython(), "execution_count", 0)


def build_view(result: BuildResult) -> str:
    """A finished build: its stages, and every step folded away."""
    how = "from the cache" if result.cached else "built"    # the time of nothing but looking up is no build's
    caption = f"{result.title}: {how} in {seconds(result.seconds)} with {TITLES[result.builder]}"
    swapped = "".join(f"<p>{code(ref)} is {code(name)} in this engine.</p>"
                      for ref, name in result.substitutions.items())
    given = ", ".join(f"{code(each.id)} ({escape(each.origin)})" for each in result.handed_over)
    given = f"<p>Passed to the build: {given}.</p>" if given else ""
    return f"{stages_table(result.stages, caption)}{swapped}{given}{_checks(result)}{_folded_steps(result)}"


def _checks(result: BuildResult) -> str:
    """What there is to say of the Dockerfile's lines, by the course and by the builder's own checks."""
    rows = [(str(each.line or ""), prose(each.message),
             f'<a href="{escape(each.link)}">{escape(each.rule)}</a>' if each.link else _word(each.rule))
            for each in result.findings]
    return table(("line", "warning", "rule"), rows, counted(len(rows), "warning"), right=(0,)) if rows else ""


def stages_table(stages: Sequence[StageReport], caption: str) -> str:
    """What each stage cost, as HTML."""
    rows = [(_word(stage.name), code(short(stage.base)), status(stage.status),
             seconds(stage.seconds) if stage.status == "built" else "", _cached(stage)) for stage in stages]
    return table(("stage", "from", "status", "time", "steps cached"), rows, caption, right=(3, 4))


def _took(step: Step) -> str:
    return seconds(step.seconds) if step.seconds >= 0.0005 else ""


def _cached(stage: StageReport) -> str:
    """How many of the stage's own steps came from the cache; its FROM is none of them."""
    own = work(stage.steps)
    return f"{sum(step.cached for step in own)} of {len(own)}" if own else ""


def _word(name: str) -> str:
    """The name of a stage or a rule, which is one word however narrow the page is."""
    return f'<code style="white-space:nowrap">{escape(name)}</code>'


def _instruction(step: Step) -> str:
    """On one line: where a line was continued, the builder prints its indentation."""
    return code(short(" ".join(step.instruction.split())))


def _folded_steps(result: BuildResult) -> str:
    rows = [(", ".join([str(step.line or ""), *(str(line) for _, line in step.also)]),
             ", ".join(_word(stage) for stage in (step.stage, *(label for label, _ in step.also))),
             _instruction(step), status(step.status), _took(step)) for step in in_order(result.steps)]
    inner = table(("line", "stage", "step", "status", "time"), rows, right=(0, 4))
    return f"<details><summary>{counted(len(rows), 'step')}</summary>{inner}</details>"


def progress_view(progress: Progress, elapsed: float, ended: bool = False) -> str:
    """A build under way: what runs now, and the last lines that it printed. `ended`
    says that it goes no further: it failed or was stopped."""
    steps = in_order(progress.steps())
    done = sum(step.status in ("done", "cached") for step in steps)
    if ended:
        end = f"with {done} of {len(steps)} steps done" if steps else "before the first step"
        state = f"Ended after {seconds(elapsed)}, {end}"
    elif steps:
        state = f"Building with {TITLES[progress.builder]}: {done} of {len(steps)} steps, {seconds(elapsed)}"
    else:
        state = f"Sending the build context: {size(progress.sent)}"
    head = f"<p role='status'>{state}</p>"
    rows = [(_word(s.stage), _instruction(s),
             status("stopped" if ended and s.status == "running" else s.status), _took(s))
            for s in steps]
    running = [s for s in steps if s.status == "running" and s.log]
    lines = "\n".join(running[-1].log[-_LOG_SHOWN:]) if running else ""
    log = f"<pre style='margin:0'>{escape(lines)}</pre>" if lines else ""
    return head + (table(("stage", "step", "status", "time"), rows, right=(3,)) if rows else "") + log
