"""A Dockerfile's text: from its file, in lines, and the words that a shell would see in one."""

import codecs
import os
import re
import stat
from pathlib import Path

from ..errors import DockerfileError
from ..text import printable

# Go's unicode.IsSpace for the characters that occur; Python's own idea of
# white space is wider (it takes \x1c to \x1f, too).
SPACE = "\t\n\v\f\r \x85\xa0"
# A word of a shell line. `<< EOF` is one word: BuildKit allows blanks there.
SHELL_WORD = re.compile(r"""(?:\\.|\\\Z|<<[ \t]*|[^\s"'\\]|"(?:\\.|[^"\\])*"|'[^']*')+""", re.DOTALL)
# The longer marks first: UTF-32 begins with the mark of UTF-16.
_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
          codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class Source:
    """The text in lines without their ends, and where each starts in the text."""

    def __init__(self, text: str):
        self.lines: list[str] = []
        self.starts: list[int] = []
        self.raw = text.split("\n")
        at = 0
        for number, line in enumerate(self.raw):
            mark = 1 if number == 0 and line.startswith("\ufeff") else 0
            self.lines.append(line[mark:].rstrip("\r"))
            self.starts.append(at + mark)
            at += len(line) + 1

    @property
    def last(self) -> int:
        """Number of the last line; what follows the last line end is none."""
        return len(self.lines) - (self.lines[-1] == "" and len(self.lines) > 1)

    def fault(self, what: str, line: int | None, *, why: str = "", remedy: str = "") -> DockerfileError:
        """An error that shows line `line` (from 1) between its neighbours."""
        evidence = "" if line is None else self._excerpt(line)
        return DockerfileError(what, line=line, why=why, remedy=remedy, evidence=evidence)

    def _excerpt(self, line: int) -> str:
        numbers = range(max(1, line - 1), min(len(self.lines), line + 1) + 1)
        width = len(str(numbers[-1]))
        marked = [
            f"{'>' if number == line else ' '} {number:>{width}} | {self.lines[number - 1]}"
            for number in numbers]
        return "\n".join(text.rstrip() for text in marked)


def unquoted(word: str, escape: str) -> str:
    """`word` without its quotes and escapes: 'E"O"F' -> 'EOF'."""
    plain, quote, skip = [], "", False
    for character in word:
        if skip:
            plain.append(character)
            skip = False
        elif character == escape and quote != "'":
            skip = True
        elif character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        else:
            plain.append(character)
    return "".join(plain)


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
        raise DockerfileError(f"The Dockerfile {printable(str(path))} cannot be read.", why=f"{error.strerror}.",
                              remedy=f"Make it readable: chmod u+r {printable(str(path))}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DockerfileError(f"{printable(str(path))} is not a file.", why="A Dockerfile is a plain text file.",
                              remedy="Give the path of the Dockerfile itself.")
    with open(handle, "rb") as file:
        data = file.read(limit)
    if encoding := _encoding(data):
        raise DockerfileError(f"{printable(str(path))} is {encoding}, not UTF-8.",
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
