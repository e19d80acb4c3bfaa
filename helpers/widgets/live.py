"""A build as it happens: a widget in a notebook, lines of text elsewhere.

    >>> with LiveBuild() as live:
    ...     result = build("apps/go-hello", watch=live.watch)
    ...     live.finish(result)

In a notebook the widget gives way to a plain table at the end: a saved notebook shows the same without a kernel.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

from ..builder import BuildResult, Progress, Step
from ..text import escape, write
from ..units import seconds
from ..views.build import build_view, note_shown, progress_view

_PAUSE = 0.1    # seconds between two redraws: faster is only flicker


class LiveBuild:
    """Watches one build: one line when a step begins to run and one when it ends, or a widget where there are any and
    `out`, where text goes, is None."""

    def __new__(cls, out: TextIO | None = None) -> LiveBuild:
        return super().__new__(_Widget if cls is LiveBuild and out is None and _has_widgets() else cls)

    def __init__(self, out: TextIO | None = None):
        self._out = out or sys.stderr
        self._began = time.perf_counter()
        self._drawn = 0.0
        self._said: dict[str, str] = {}    # {key of a step: the status that was shown last}

    def __enter__(self) -> LiveBuild:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def say(self, sentence: str) -> None:
        """Show a sentence (a base image is being fetched)."""
        write(sentence, self._out)

    def watch(self, progress: Progress) -> None:
        """Take in the state of the build; cheap, called at each piece of news."""
        now = self._elapsed()
        if now - self._drawn >= _PAUSE or progress.failure:
            self._drawn = now
            self._show_steps(progress.steps())

    def finish(self, result: BuildResult) -> None:
        """Show the finished build."""
        self._show_steps(result.steps)
        write(str(result), self._out)

    def clear(self) -> None:
        """Take the view away: what it was for is shown elsewhere."""

    def close(self) -> None:
        """End the view, whatever happened."""

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _show_steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.stage and step.status != "waiting" and self._said.get(step.key) != step.status:
                self._said[step.key] = step.status
                took = f" {seconds(step.seconds)}" if step.seconds else ""
                write(f"  {step.status:<8}{step.stage}: {step.instruction}{took}", self._out)


def _has_widgets() -> bool:
    """Whether this is a notebook's kernel with ipywidgets."""
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


class _Widget(LiveBuild):
    """A table that is redrawn in place. It is there once there is something to say."""

    def __init__(self, out: TextIO | None = None):
        super().__init__(out)
        self._html: Any = None
        self._handle: Any = None
        self._last: Progress | None = None

    def _shown(self) -> Any:
        """The widget, shown from now on."""
        from IPython.display import display
        from ipywidgets import HTML

        if self._handle is None:
            self._html = HTML()
            self._handle = display(self._html, display_id=True)
        return self._html

    def say(self, sentence: str) -> None:
        self._shown().value = f"<p role='status'>{escape(sentence)}</p>"

    def watch(self, progress: Progress) -> None:
        self._last = progress
        now = self._elapsed()
        if now - self._drawn >= _PAUSE:
            self._drawn = now
            self._shown().value = progress_view(progress, now)

    def finish(self, result: BuildResult) -> None:
        self._shown()
        self._replace(build_view(result), str(result))
        note_shown(result)

    def clear(self) -> None:
        if self._handle is not None:
            self._replace("", "")

    def close(self) -> None:
        if self._handle is not None:   # a failed or interrupted build: keep how far it came
            last = self._last
            self._replace(progress_view(last, self._elapsed(), ended=True) if last else "", "")

    def _replace(self, page: str, text: str) -> None:
        self._handle.update({"text/html": page, "text/plain": text}, raw=True)
        self._html.close()
        self._handle = None


_STATUS_PAUSE, _PAUSE_TEXT = 0.2, 5.0   # seconds between two lines: in a notebook, in a terminal


class Status:
    """One line, redrawn in a notebook and gone at the end; now and then a line elsewhere.

        with Status() as status:
            status("297 MB of 300 MB")
    """

    def __init__(self, out: TextIO | None = None):
        self._out = out or sys.stderr
        self._live = out is None and _has_widgets()
        self._handle = None
        self._drawn = float("-inf")

    def __enter__(self) -> Status:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle:
            self._show("", "")

    def __call__(self, sentence: str) -> None:
        now = time.monotonic()
        if now - self._drawn < (_STATUS_PAUSE if self._live else _PAUSE_TEXT):
            return
        self._drawn = now
        if self._live:
            self._show(f"<p role='status'>{escape(sentence)}</p>", sentence)
        else:
            write(f"  {sentence}", self._out)

    def _show(self, page: str, text: str) -> None:
        from IPython.display import display

        data = {"text/html": page, "text/plain": text}
        if self._handle:
            self._handle.update(data, raw=True)
        else:
            self._handle = display(data, raw=True, display_id=True)
