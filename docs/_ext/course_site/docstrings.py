"""The course's docstrings as reStructuredText: `name  meaning` in columns becomes a list of definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TERM = re.compile(r"^(\s*)(\S+(?:, \S+)*) {2,}(\S.*)$")


def adapt(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Rewrite `lines` in place."""
    lines[:] = list(_rewritten(lines))


def _rewritten(lines: list[str]) -> Iterator[str]:
    column = 0      # where the meanings of the list that we are in begin; 0 outside one
    for line in lines:
        term = _TERM.match(line) if not line.lstrip().startswith(">>>") else None
        if term:
            column = len(line) - len(term[3])
            yield from ("", f"{term[1]}``{term[2]}``", f"{term[1]}    {term[3]}")
        elif column and line.strip() and len(line) - len(line.lstrip()) >= column - 2:
            yield " " * 4 + line.strip()
        else:
            if column and line.strip():
                yield ""
            column = 0
            yield line
