"""The packages that distributions installed: dpkg's and apk's lists.

Both are paragraphs of `Field: value` lines with blank lines between. They are parsed here, since
python-debian takes ten times as long and drops the rest of a list after one damaged line. The
tests read real lists with it too.

Sources: deb-control(5) and dpkg(1), "Package states"; for apk, "Apk spec" in Alpine's
wiki, section "Installed Database".
"""

from __future__ import annotations

from collections.abc import Iterator

from .model import Package, package, text

# The states in which a package's files are on the disk.
_UNPACKED = {b"installed", b"unpacked", b"half-configured", b"triggers-awaited", b"triggers-pending"}


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
