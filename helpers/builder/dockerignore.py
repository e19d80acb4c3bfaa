"""Which files are left out of a build context: .dockerignore, as Docker reads it.

The rules are those of the Docker documentation, "Build context", section ".dockerignore files", and where it is silent
those of the code that Docker and BuildKit share (moby/patternmatcher: patternmatcher.go, ignorefile.go). They are not
the rules of .gitignore: `foo` is the foo of the root alone, and `*/foo` or `**/foo` is needed for those below.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..errors import ContextError

# One of these makes a pattern match more than its own text.
_WILD = re.compile(r"[*?\[\]\\]")


@dataclass(frozen=True)
class Pattern:
    """One line: `again` for an exception (`!`), `literal` its text before any wildcard."""

    text: str
    again: bool
    expression: re.Pattern[str]
    literal: str

    def matches(self, path: str) -> bool:
        """Whether it matches a whole path, which is relative to the context."""
        return self.expression.fullmatch(path) is not None


# For each pattern whether it matched a directory: what its children inherit.
Inherited = tuple[bool, ...]


class Ignore:
    """The patterns of one ignore file.

    `lines` are the lines of the file, comments and all; `source` is the name under which an error shows it. Raises
    ContextError, with the number of the line, for a pattern that Docker refuses.

    Dockerfile and .dockerignore may be ignored like any other file. They are sent all the same, as the Docker CLI does:
    the builder reads them. The legacy builder then removes them before the first COPY; BuildKit, given a tar, does not,
    so that `COPY . .` takes them along.
    """

    def __init__(self, lines: Iterable[str] = (), source: str = ".dockerignore"):
        self.source = source
        parsed = (self._pattern(line, number) for number, line in enumerate(lines, 1))
        self.patterns: tuple[Pattern, ...] = tuple(pattern for pattern in parsed if pattern)
        self._exceptions = tuple(pattern for pattern in self.patterns if pattern.again)

    @classmethod
    def read(cls, context_dir: str | Path, dockerfile_path: str | Path = "Dockerfile") -> Self:
        """The ignore file that holds for this Dockerfile; no patterns if there is none.

        `<Dockerfile>.dockerignore` beside the Dockerfile wins over the `.dockerignore` of the context's root, as in
        BuildKit; they are not merged. `dockerfile_path` is relative to `context_dir`, or absolute.

        Raises ContextError for a file that cannot be read, and as Ignore does.
        """
        root = Path(context_dir)
        beside = root / f"{dockerfile_path}.dockerignore"
        for path in (beside, root / ".dockerignore"):
            try:
                text = path.read_bytes().decode("utf-8", "surrogateescape")
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise ContextError(f"{path} cannot be read.", why=f"{error.strerror}.",
                                   remedy="Make it a plain file that you may read, or remove it.") from None
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
        """The same with what is known of the directory above; for walking a tree.

        `parent` is the second value that `step` gave for that directory, () at
        the root. The last matching line decides. A line that matched a
        directory matches all beneath it. A line that could not change the
        verdict is not looked at, and so does not hold for the children either:
        after `a/x` and `!a`, the file a/x stays ignored. That is what both the
        Docker CLI and BuildKit do (MatchesUsingParentResults).
        """
        ignored, found = False, []
        for position, pattern in enumerate(self.patterns):
            match = bool(parent) and parent[position]
            if not match and pattern.again == ignored:
                match = pattern.matches(path)
            found.append(match)
            if match:
                ignored = not pattern.again
        return ignored, tuple(found)

    def may_return(self, directory: str) -> bool:
        """Whether an exception may bring back something beneath this ignored directory."""
        inside = directory + "/"
        return any(
            inside.startswith(pattern.literal) or pattern.literal.startswith(inside)
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
        except (ValueError, re.error) as error:
            raise self._bad(line, number, f"{str(error)[:1].upper()}{str(error)[1:]}.",
                            "Close every [ with a ], or put a backslash before a [ that is part of a name.") from None
        wild = _WILD.search(text)
        return Pattern(text, again, expression, text[: wild.start()] if wild else text + "/")

    def _bad(self, line: str, number: int, why: str, remedy: str) -> ContextError:
        return ContextError(f"Line {number} of {self.source} is not a pattern.", why=why, remedy=remedy,
                            evidence=f"> {number} | {line.strip()}")


def _clean(pattern: str) -> str:
    """The shortest form, without slashes at its ends: './a//b/' -> 'a/b'."""
    if not pattern:
        return ""
    return posixpath.normpath(re.sub("/+", "/", pattern)).removeprefix("/") or "/"


def _expression(pattern: str) -> str:
    """A cleaned pattern as a regular expression for a whole path.

    `**` spans directories, none too: `**/x` is x anywhere, `a/**/b` holds for
    a/b, and `a/**` for all in a but not for a. Raises ValueError.
    """
    out, at = [], 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**", at):
            part, at = _double_star(pattern, at)
        elif character == "[":
            part, at = _class(pattern, at)
        elif character == "\\":
            if at + 1 == len(pattern):
                raise ValueError("a backslash at the end escapes nothing")
            part, at = re.escape(pattern[at + 1]), at + 2
        else:
            part, at = {"*": "[^/]*", "?": "[^/]"}.get(character) or re.escape(character), at + 1
        out.append(part)
    return "".join(out)


def _double_star(pattern: str, at: int) -> tuple[str, int]:
    after = at + 2
    slash = pattern.startswith("/", after)
    if after + slash == len(pattern):
        return "(?s:.*)", len(pattern)
    # A leading `**x` is "ends in x"; a later one stops at a slash.
    if at == 0 and not slash and not _WILD.search(pattern[after:]):
        return "(?s:.*)", after
    return "(?:(?s:.*)/)?", after + slash


def _class(pattern: str, at: int) -> tuple[str, int]:
    """A `[...]` with Go's grammar: `^` negates, `!` is itself, and a `]` or `-`
    that is meant needs a backslash. The position after it is the second value."""
    start, at = at, at + 1
    out = ["["]
    if pattern.startswith("^", at):
        out.append("^")
        at += 1
    while not pattern.startswith("]", at) or out[-1] in ("[", "^"):
        low, at = _member(pattern, at, start)
        high = low
        if pattern.startswith("-", at):
            high, at = _member(pattern, at + 1, start)
        if high < low:
            raise ValueError(f"the range {low}-{high} runs backwards")
        out.append(f"{_in_class(low)}-{_in_class(high)}" if high != low else _in_class(low))
    return "".join(out) + "]", at + 1


def _member(pattern: str, at: int, start: int) -> tuple[str, int]:
    escaped = pattern.startswith("\\", at)
    at += escaped
    character = pattern[at:at + 1]
    if not character or (character in "]-" and not escaped):
        raise ValueError(f"the bracket in {pattern[start:]} has no end or no content")
    return character, at + 1


def _in_class(character: str) -> str:
    # More than re.escape does: ^ and - mean something in a class.
    return "\\" + character if not character.isalnum() and ord(character) < 128 else character
