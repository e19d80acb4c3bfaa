"""The text of a Dockerfile: read from a file, split into lines, and the words of a shell line."""

import codecs
import os
import re
import stat
from pathlib import Path

from ..errors import DockerfileError
from ..text import printable

# As Go's unicode.IsSpace; Python's str.isspace also takes \x1c to \x1f.
SPACE = "\t\n\v\f\r \x85\xa0"
# A word of a shell line. `<< EOF` is one word: BuildKit allows blanks there.
SHELL_WORD = re.compile(r"""(?:\\.|\\\Z|<<[ \t]*|[^\s"'\\]|"(?:\\.|[^"\\])*"|'[^']*')+""", re.DOTALL)
# The longer marks first: UTF-32 begins with the mark of UTF-16.
_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
          codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class Source:
    """A text in lines without their ends, and the offset of each in the text."""

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
        """Number of the last line; a line end at the end of the file starts no other."""
        return len(self.lines) - (self.lines[-1] == "" and len(self.lines) > 1)

    def fault(self, what: str, line: int | None, *, why: str = "", remedy: str = "") -> DockerfileError:
        """The error for a line (from 1; None for the whole file), with the lines around it as evidence."""
        evidence = "" if line is None else self._excerpt(line)
        return DockerfileError(what, line=line, why=why, remedy=remedy, evidence=evidence)

    def _excerpt(self, line: int) -> str:
        numbers = range(max(1, line - 1), min(len(self.lines), line + 1) + 1)
        width = len(str(numbers[-1]))
        return "\n".join(f"{'>' if number == line else ' '} {number:>{width}} | {self.lines[number - 1]}".rstrip()
                         for number in numbers)


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
    """The text of the Dockerfile at `path`, or its first `limit` bytes.

    Bytes that are not UTF-8 are kept ("surrogateescape"). Does not wait for the writer of a FIFO. Raises
    DockerfileError for a file that is missing, unreadable or no regular file, and for UTF-16 and UTF-32.
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
                              remedy="Pass the path of the Dockerfile itself.")
    with open(handle, "rb") as file:
        data = file.read(limit)
    if encoding := _encoding(data):
        raise DockerfileError(f"{printable(str(path))} is {encoding}, not UTF-8.",
                              why="Some editors and PowerShell's `>` write that, and no builder can read it.",
                              remedy=f"Save it as UTF-8, for example: iconv -f {encoding} -t UTF-8")
    return data.decode("utf-8", "surrogateescape")


def _encoding(data: bytes) -> str:
    """'UTF-16', 'UTF-32', or '' for neither. Without a byte order mark, every other byte is zero in UTF-16."""
    if name := next((name for mark, name in _MARKS.items() if data.startswith(mark)), ""):
        return name
    halves = (data[:400:2], data[1:400:2])
    return "UTF-16" if any(len(half) > 3 and half.count(0) > 0.8 * len(half) for half in halves) else ""


def _not_there(path: Path) -> DockerfileError:
    try:
        names = sorted(printable(name) for name in os.listdir(path.parent) if _is_similar(name))
    except OSError:
        names = []
    name = printable(path.name)
    return DockerfileError(
        f"There is no {name} in {printable(os.path.abspath(path.parent))}.",
        why=f"Similar names there: {', '.join(names)}." if names else "",
        remedy=f"Rename it to {name}, or pass its name: dockerfile={names[0]!r}" if names
        else "Write one, or pass the folder that has it.")


def _is_similar(name: str) -> bool:
    lower = name.lower()
    return not lower.endswith(".dockerignore") and (
        lower.startswith(("dockerfile", "containerfile")) or lower.endswith(".dockerfile"))
