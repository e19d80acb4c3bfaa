"""A Dockerfile's text, from its file."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

from ..errors import DockerfileError
from ..text import printable

# The longer marks first: UTF-32 begins with the mark of UTF-16.
_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
          codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def read_file(path: Path, limit: int = -1) -> str:
    """The text of the Dockerfile at `path`, or its first `limit` bytes; bytes that are no UTF-8
    are kept as lone surrogates ("surrogateescape"), so that the text encodes to the same bytes.

    Never waits: not for the other end of a FIFO either. Raises DockerfileError where there is no such
    file, it cannot be read, or is UTF-16, which no builder reads.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise _not_there(path) from None
    except OSError as error:
        raise DockerfileError(
            f"The Dockerfile {printable(str(path))} cannot be read.", why=f"{error.strerror}.",
            remedy=f"Make it readable: chmod u+r {printable(str(path))}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DockerfileError(f"{printable(str(path))} is not a file.", why="A Dockerfile is a plain text file.",
                              remedy="Give the path of the Dockerfile itself.")
    with open(handle, "rb") as file:
        data = file.read(limit)
    if encoding := _encoding(data):
        raise DockerfileError(
            f"{printable(str(path))} is {encoding}, not UTF-8.",
            why="Some editors and PowerShell's redirection write that; no builder reads it.",
            remedy=f"Save it as UTF-8, for example: iconv -f {encoding} -t UTF-8")
    return data.decode("utf-8", "surrogateescape")


def _encoding(data: bytes) -> str:
    """'UTF-16' or 'UTF-32' where the text is in one, else ''. Without a mark, zeros in every other
    place of the beginning give it away."""
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return name
    beginning = data[:400]
    for half in (beginning[::2], beginning[1::2]):
        if len(half) > 3 and half.count(0) > 0.8 * len(half):
            return "UTF-16"
    return ""


def _not_there(path: Path) -> DockerfileError:
    try:
        names = sorted(printable(name) for name in os.listdir(path.parent) if _looks_like_one(name))
    except OSError:
        names = []
    name = printable(path.name)
    return DockerfileError(
        f"There is no {name} in {printable(os.path.abspath(path.parent))}.",
        why=f"Names like it are there: {', '.join(names)}." if names else "",
        remedy=f"Rename it to {name}, or name it: dockerfile={names[0]!r}" if names
        else "Write one, or give the folder that has it.")


def _looks_like_one(name: str) -> bool:
    lower = name.lower()
    return not lower.endswith(".dockerignore") and (
        lower.startswith(("dockerfile", "containerfile")) or lower.endswith(".dockerfile"))
