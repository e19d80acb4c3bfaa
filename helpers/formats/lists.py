"""Lists of packages: those of dpkg and apk, and what the installers of npm and Python write beside the code.

dpkg's and apk's are paragraphs of `Field: value` lines with blank lines between. They are parsed
here, since python-debian takes ten times as long and drops the rest of a list after one damaged
line. The tests read real lists with it too.

Sources: deb-control(5) and dpkg(1), "Package states"; for apk, "Apk spec" in Alpine's wiki,
section "Installed Database"; package.json in npm's documentation; "Recording installed projects"
and "Core metadata specifications" of the Python Packaging Authority.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .model import Package, package, text

# The states in which a package's files are on the disk.
_UNPACKED = {b"installed", b"unpacked", b"half-configured", b"triggers-awaited", b"triggers-pending"}

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_NAME = re.compile(rb"^Name:(.*)", re.M | re.I)
_VERSION = re.compile(rb"^Version:(.*)", re.M | re.I)


def dpkg(path: str, data: bytes) -> Iterator[Package | None]:
    """/var/lib/dpkg/status, or a file in status.d, which has no Status: there only installed
    packages are listed."""
    for paragraph in _paragraphs(data, b"\nPackage:"):
        status = _field(paragraph, b"\nStatus:").split()
        if not status or status[-1] in _UNPACKED:
            yield package("deb", text(_field(paragraph, b"\nPackage:")),
                          text(_field(paragraph, b"\nVersion:")))


def apk(path: str, data: bytes) -> Iterator[Package | None]:
    """/lib/apk/db/installed."""
    for paragraph in _paragraphs(data, b"\nP:"):
        yield package("apk", text(_field(paragraph, b"\nP:")), text(_field(paragraph, b"\nV:")))


def _paragraphs(data: bytes, first: bytes) -> Iterator[bytes]:
    """Each paragraph that has the field `first`, with a newline before and after."""
    data, start = b"\n" + data.replace(b"\r\n", b"\n") + b"\n\n", 0
    while (found := data.find(first, start)) >= 0:
        begin = max(data.rfind(b"\n\n", start, found + 1) + 1, start)
        start = data.find(b"\n\n", found) + 1
        yield data[begin:start]


def _field(paragraph: bytes, name: bytes) -> bytes:
    begin = paragraph.find(name)
    if begin < 0:
        return b""
    begin += len(name)
    return paragraph[begin:paragraph.index(b"\n", begin)]


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
