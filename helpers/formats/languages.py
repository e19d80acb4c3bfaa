"""What the installers of npm and Python write beside the code.

Sources: package.json in npm's documentation; "Recording installed projects" and "Core
metadata specifications" of the Python Packaging Authority.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .model import Package, package, text

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_NAME = re.compile(rb"^Name:(.*)", re.M | re.I)
_VERSION = re.compile(rb"^Version:(.*)", re.M | re.I)


def npm(path: str, data: bytes) -> Iterator[Package | None]:
    """A package.json with a name and a version. One without is not a package: it may only say
    that a folder's files are modules."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):   # not JSON, or endless brackets
        return
    if isinstance(content, dict):
        name, version = content.get("name"), content.get("version")
        if isinstance(name, str) and isinstance(version, str) and version:
            yield package("npm", name, version)


def python(path: str, data: bytes) -> Iterator[Package | None]:
    """METADATA, PKG-INFO or a file NAME.egg-info: header fields as in an email. The description
    follows the first blank line."""
    end = _BLANK_LINE.search(data)
    head = data[:end.start()] if end else data
    name, version = _NAME.search(head), _VERSION.search(head)
    if name and version:
        yield package("python", text(name[1]), text(version[1]))
