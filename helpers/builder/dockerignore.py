"""Which files are left out of a build context: .dockerignore, as Docker reads it.

Rules: Docker documentation, "Build context", section ".dockerignore files"; where it is silent, the code that Docker
and BuildKit share (moby/patternmatcher: patternmatcher.go, ignorefile.go). Unlike in .gitignore, `foo` is only the foo
in the root: those below need `*/foo` or `**/foo`.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..errors import ContextError

_WILD = re.compile(r"[*?\[\]\\]")    # in a pattern that matches more than its own text
# Go's grammar for a class: `^` negates, `!` does not, and a literal `]` or `-` needs a backslash.
_MEMBER = r"(?:\\.|[^\]\\-])"
_TOKEN = re.compile(rf"\*\*|\[(?P<negated>\^?+)(?P<members>(?:{_MEMBER}(?:-{_MEMBER})?)+)\]|\\(?P<escaped>.)|.",
                    re.DOTALL)
_RANGE = re.compile(rf"({_MEMBER})(?:-({_MEMBER}))?", re.DOTALL)


@dataclass(frozen=True)
class Pattern:
    """One line: `again` for an exception (`!`), `literal` its text before any wildcard."""

    text: str
    again: bool
    expression: re.Pattern[str]
    literal: str

    def matches(self, path: str) -> bool:
        """Whether it matches a whole path, relative to the context."""
        return self.expression.fullmatch(path) is not None


Inherited = tuple[bool, ...]    # for each pattern, whether it matched a directory, and so all beneath it


class Ignore:
    """The patterns of one ignore file.

    `lines` are those of the file, comments included; errors name it `source`. Raises ContextError with the number of
    the line for a pattern that Docker refuses.

    An ignored Dockerfile or .dockerignore is sent all the same, as by the Docker CLI: the builder reads them. The
    legacy builder removes them before the first COPY; BuildKit, given a tar, does not: `COPY . .` copies them.
    """

    def __init__(self, lines: Iterable[str] = (), source: str = ".dockerignore"):
        self.source = source
        parsed = (self._pattern(line, number) for number, line in enumerate(lines, 1))
        self.patterns: tuple[Pattern, ...] = tuple(pattern for pattern in parsed if pattern)
        self._exceptions = tuple(pattern for pattern in self.patterns if pattern.again)

    @classmethod
    def read(cls, context_dir: str | Path, dockerfile_path: str | Path = "Dockerfile") -> Self:
        """The ignore file for this Dockerfile; no patterns if there is none.

        As in BuildKit, `<Dockerfile>.dockerignore` beside the Dockerfile replaces the `.dockerignore` in the context's
        root. `dockerfile_path` is relative to `context_dir`, or absolute.

        Raises ContextError for a file that cannot be read, and as Ignore does.
        """
        root = Path(context_dir)
        for path in (root / f"{dockerfile_path}.dockerignore", root / ".dockerignore"):
            try:
                text = path.read_bytes().decode("utf-8", "surrogateescape")
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise ContextError(f"{path} cannot be read.", why=f"{error.strerror}.",
                                   remedy="Replace it by a plain file that you may read, or remove it.") from None
            return cls(text.split("\n"), source=path.name)
        return cls()

    def matches(self, path: str) -> bool:
        """Whether `path` (posix, relative to the context's root) is ignored."""
        ignored, at = False, 0
        inherited: Inherited = ()
        while at >= 0:
            at = path.find("/", at + 1)
            ignored, inherited = self.step(path if at < 0 else path[:at], inherited)
        return ignored

    def step(self, path: str, parent: Inherited = ()) -> tuple[bool, Inherited]:
        """The same for a walk through a tree: `parent` is the second value that `step` returned for the directory
        above, () at the root.

        The last matching line decides. A line that matches a directory matches all beneath it, but one that could not
        change the verdict is skipped, and so is not inherited: after `a/x` and `!a`, the file a/x stays ignored, as in
        the Docker CLI and BuildKit (MatchesUsingParentResults).
        """
        ignored, found = False, []
        for position, pattern in enumerate(self.patterns):
            match = bool(parent) and parent[position] or pattern.again == ignored and pattern.matches(path)
            found.append(match)
            if match:
                ignored = not pattern.again
        return ignored, tuple(found)

    def may_return(self, directory: str) -> bool:
        """Whether an exception may bring back something beneath this ignored directory."""
        inside = directory + "/"
        return any(inside.startswith(pattern.literal) or pattern.literal.startswith(inside)
                   for pattern in self._exceptions)

    def _pattern(self, line: str, number: int) -> Pattern | None:
        if number == 1:
            line = line.removeprefix("\ufeff")
        text = line.strip()
        if line.startswith("#") or not text:
            return None
        again = text.startswith("!")
        text = _clean(text[1:].strip() if again else text)
        if not text:
            raise self._bad(line, number, "A lone ! excepts nothing.", "Write a path after the !, or remove the line.")
        try:
            expression = re.compile(_expression(text))
        except ValueError as error:
            raise self._bad(line, number, f"{error}.",
                            "Close every [ with a ], or put a backslash before a [ that is part of a name.") from None
        wild = _WILD.search(text)
        return Pattern(text, again, expression, text[: wild.start()] if wild else text + "/")

    def _bad(self, line: str, number: int, why: str, remedy: str) -> ContextError:
        return ContextError(f"Line {number} of {self.source} is not a pattern.", why=why, remedy=remedy,
                            evidence=f"> {number} | {line.strip()}")


def _clean(pattern: str) -> str:
    """The shortest form, without slashes at its ends: './a//b/' -> 'a/b'."""
    return pattern and (posixpath.normpath(re.sub("/+", "/", pattern)).removeprefix("/") or "/")


def _expression(pattern: str) -> str:
    """A cleaned pattern as a regular expression for a whole path. Raises ValueError. `**` matches any number of
    directories: `**/x` is x anywhere, `a/**/b` includes a/b, and `a/**` all in a but not a."""
    out, at = [], 0
    while token := _TOKEN.match(pattern, at):
        text, at = token[0], token.end()
        if text == "**":
            part, at = _double_star(pattern, at)
        elif token["members"]:
            part = f"[{token['negated']}{''.join(_range(low, high) for low, high in _RANGE.findall(token['members']))}]"
        elif text == "[":
            raise ValueError(f"The bracket in {pattern[token.start():]} has no end or no content")
        elif text == "\\":
            raise ValueError("A backslash at the end escapes nothing")
        else:
            part = {"*": "[^/]*", "?": "[^/]"}.get(text) or re.escape(token["escaped"] or text)
        out.append(part)
    return "".join(out)


def _double_star(pattern: str, after: int) -> tuple[str, int]:
    slash = pattern.startswith("/", after)
    if after + slash == len(pattern):
        return "(?s:.*)", len(pattern)
    # A leading `**x` is "ends in x"; a later one stops at a slash.
    if after == 2 and not slash and not _WILD.search(pattern[after:]):
        return "(?s:.*)", after
    return "(?:(?s:.*)/)?", after + slash


def _range(low: str, high: str) -> str:
    low, high = low[-1:], (high or low)[-1:]
    if high < low:
        raise ValueError(f"The range {low}-{high} runs backwards")
    return f"{re.escape(low)}-{re.escape(high)}"
