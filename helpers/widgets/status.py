"""How far something has come, in one line that gives way to the next."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from ..text import escape, write
from .live import _has_widgets

_PAUSE, _PAUSE_TEXT = 0.2, 5.0   # seconds between two lines: in a notebook, in a terminal


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
        if now - self._drawn < (_PAUSE if self._live else _PAUSE_TEXT):
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
