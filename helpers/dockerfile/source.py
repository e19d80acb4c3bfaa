"""The text in lines, and the words that a shell would see in one."""

from __future__ import annotations

import re

from ..errors import DockerfileError

# Go's unicode.IsSpace for the characters that occur; Python's own idea of
# white space is wider (it takes \x1c to \x1f, too).
SPACE = "\t\n\v\f\r \x85\xa0"
# A word of a shell line. `<< EOF` is one word: BuildKit allows blanks there.
SHELL_WORD = re.compile(r"""(?:\\.|\\\Z|<<[ \t]*|[^\s"'\\]|"(?:\\.|[^"\\])*"|'[^']*')+""", re.DOTALL)


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
