"""Patterns of paths: `*` within a name, `**` across folders."""

from __future__ import annotations

import re
from functools import cache


def matches(path: str, pattern: str) -> bool:
    """Whether a path fits. A leading slash of either counts for nothing.

    >>> matches("/app/src/main.go", "**/*.go"), matches("main.go", "**/*.go"), matches("a/b.go", "*.go")
    (True, True, False)
    """
    return bool(_compiled(pattern.lstrip("/")).fullmatch(path.lstrip("/")))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(parts.get(part, re.escape(part))
                              for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern)), re.S)
