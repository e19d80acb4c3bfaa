"""Patterns of paths: `*` within a name, `**` across folders."""

import re
from functools import cache

_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matches(path: str, pattern: str) -> bool:
    """Whether a path matches. A leading slash of either is ignored.

    >>> matches("/app/src/main.go", "**/*.go"), matches("main.go", "**/*.go"), matches("a/b.go", "*.go")
    (True, True, False)
    """
    return bool(_compiled(pattern.lstrip("/")).fullmatch(path.lstrip("/")))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.compile("".join(_PARTS.get(part, re.escape(part)) for part in parts), re.S)
