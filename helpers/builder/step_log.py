"""The lines that a step prints, put together from the pieces in which they arrive."""

from __future__ import annotations

import re
from collections import deque

_LINES = 10_000        # of one step; older lines are dropped, as no one scrolls further
_HALF = 1_000          # characters kept at each end of a long line
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class StepLog:
    """Takes text of any length in time and memory that do not grow with the length of a line.

    A line longer than 2,000 characters is cut in the middle, and says how much was cut. Colours are dropped, and of a
    line that was drawn over with carriage returns (a progress bar) the last state is kept, as on a terminal.
    """

    def __init__(self) -> None:
        self._done: deque[str] = deque(maxlen=_LINES)
        self._head, self._tail, self._length = "", "", 0

    def add(self, text: str) -> None:
        """Take in what the step printed next."""
        first, *rest = text.split("\n")
        self._extend(first)
        for each in rest:
            self._done.append(self._line())
            self._head, self._tail, self._length = "", "", 0
            self._extend(each)

    def lines(self) -> tuple[str, ...]:
        """The lines so far, oldest first, the unfinished last one too."""
        last = self._line()
        return (*self._done, last) if last else tuple(self._done)

    def _extend(self, piece: str) -> None:
        self._length += len(piece)
        room = _HALF - len(self._head)
        self._head += piece[:room]
        self._tail = (self._tail + piece[room:])[-_HALF:] if len(piece) - room < _HALF else piece[-_HALF:]

    def _line(self) -> str:
        cut = self._length - len(self._head) - len(self._tail)
        line = f"{self._head} ... {cut:,} characters cut ... {self._tail}" if cut else self._head + self._tail
        return _COLOUR.sub("", line.rstrip("\r").rpartition("\r")[2])
