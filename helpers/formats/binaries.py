"""Programs that are in no list of packages, but contain their version after their name. A file must have the program's
name, be an ELF file, and contain both."""

import re
from collections.abc import Iterator

from .elf import go
from .model import Package, package, text

# {name of the file: (name of the program, text before its version)}
_MARKS = {
    "apache2": ("httpd", b"Apache/"),
    "bash": ("bash", b"@(#)Bash version "),
    "busybox": ("busybox", b"BusyBox v"),
    "httpd": ("httpd", b"Apache/"),
    "libruby": ("ruby", b"\0ruby "),
    "memcached": ("memcached", b"memcached "),
    "nginx": ("nginx", b"nginx version: nginx/"),
    "node": ("node", b"node.js/v"),
    "openssl": ("openssl", b"OpenSSL "),
    "perl": ("perl", b"\0v"),
    "php": ("php", b"X-Powered-By: PHP/"),
    "php-cgi": ("php", b"X-Powered-By: PHP/"),
    "php-fpm": ("php", b"X-Powered-By: PHP/"),
    "postgres": ("postgresql", b"postgres (PostgreSQL) "),
    "ruby": ("ruby", b"\0ruby ")}
_NAME = re.compile(rf"(?:(go)|({'|'.join(_MARKS)})(?:-?\d[\d.]*)?|(?:lib)?python(\d\.\d+)m?)(?:\.so[\d.]*)?")
_VERSION = re.compile(rb"\d+(?:\.\d+)+(?:-?(?:alpha|beta|dev|rc)\.?\d*|[a-z](?![a-z0-9]))?", re.I)
_PYTHON_REST = re.compile(rb"\d+(?:(?:a|b|rc)\d+)?\+?(?=\0)")
_TRIES, _LONGEST = 1000, 64   # occurrences of a text that are tried; bytes read after it


def named(name: str) -> bool:
    """Whether a file with that name may be one of these programs."""
    return _NAME.fullmatch(name) is not None


def program(path: str, data: bytes) -> Iterator[Package | None]:
    """The program in a file, by name and content."""
    match = _NAME.fullmatch(path[path.rfind("/") + 1:])
    if match is None or data[:4] != b"\x7fELF":
        return
    tool, marked, python = match.groups()
    if tool:
        version, main = go(data)
        name, version = "go", version.removeprefix("go") if main == "cmd/go" else ""
    elif python:
        name, version = "python", _python(data, python)
    else:
        name, mark = _MARKS[marked]
        version = _after(data, mark, _VERSION)
    if version:
        yield package("binary", name, version)


def _python(data: bytes, minor: str) -> str:
    """The version of CPython, whose minor version is in the file's name: a text that is the version, or ends in it,
    since linkers merge a text with the end of a longer one."""
    rests = (_after(data, before + minor.encode() + b".", _PYTHON_REST) for before in (b"\0", b"/", b"-"))
    return next((f"{minor}.{rest}" for rest in rests if rest), "")


def _after(data: bytes, mark: bytes, version: re.Pattern[bytes]) -> str:
    """The first version that follows the mark, '' if there is none."""
    found = -1
    for _ in range(_TRIES):
        found = data.find(mark, found + 1)
        if found < 0:
            break
        begin = found + len(mark)
        if match := version.match(data, begin, begin + _LONGEST):
            return text(match[0])
    return ""
