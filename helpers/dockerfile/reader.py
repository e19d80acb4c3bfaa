"""Text to instructions: lines, continuations, comments, heredocs and flags.

The rules are those of BuildKit (moby/buildkit, frontend/dockerfile/parser),
read there in 2026 and written anew here. Offsets into the source are kept, so
that one word of the file can be replaced without touching any other byte.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import DockerfileError

KEYWORDS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)
_WITH_HEREDOC = ("ADD", "COPY", "RUN")
# Go's unicode.IsSpace for the characters that occur; Python's own idea of
# white space is wider (it takes \x1c to \x1f, too).
SPACE = "\t\n\v\f\r \x85\xa0"

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*\Z")
_COMMAND = re.compile(r"([^\t\v\f\r ]*)[\t\v\f\r ]*(.*)\Z", re.DOTALL)
# A word of a shell line. `<< EOF` is one word: BuildKit allows blanks there.
_SHELL_WORD = re.compile(
    r"""(?:\\.|\\\Z|<<[ \t]*|[^\s"'\\]|"(?:\\.|[^"\\])*"|'[^']*')+""", re.DOTALL
)
_HEREDOC = re.compile(r"\d*<<(-?)\s*([^<]*)\Z")


@dataclass(frozen=True)
class Flag:
    """One `--name=value`; `start` and `end` are offsets in the instruction's value."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile.

    keyword   upper case: "COPY"
    value     all after the keyword, flags too. Continuation lines are joined
              as BuildKit joins them: comment lines and empty lines between
              them are dropped, and the bodies of heredocs are not part of it.
    line      the first line, from 1
    end_line  the last line, with the bodies of heredocs
    flags     {"from": ["builder"], "mount": [...]}; a flag without a value is "true"
    heredocs  the bodies in their order; `<<-` has lost its leading tabs
    """

    keyword: str
    value: str
    line: int
    end_line: int
    flags: dict[str, list[str]] = field(default_factory=dict, hash=False)
    heredocs: tuple[str, ...] = ()
    _flag_spans: tuple[Flag, ...] = field(default=(), repr=False, compare=False)
    _arguments_at: int = field(default=0, repr=False, compare=False)
    # (offset in value, offset in the file, length): one for each joined line.
    _pieces: tuple[tuple[int, int, int], ...] = field(default=(), repr=False, compare=False)

    @property
    def arguments(self) -> str:
        """The value without its flags."""
        return self.value[self._arguments_at:].strip(SPACE)

    @property
    def mounts(self) -> tuple[dict[str, str], ...]:
        """The options of each --mount, their names in lower case: {"type": "secret", "id": "token"}."""
        return tuple({name.lower(): value for name, _, value in
                      (part.strip("\"' ").partition("=") for part in mount.split(","))}
                     for mount in self.flags.get("mount", ()))

    @property
    def binds_context(self) -> bool:
        """Whether a --mount binds files of the build context."""
        return any(mount.get("type", "bind") == "bind" and "from" not in mount for mount in self.mounts)

    def words(self) -> list[tuple[str, int, int]]:
        """The arguments split at white space: (word, start, end), offsets in the value."""
        found = re.compile(r"\S+").finditer(self.value, self._arguments_at)
        return [(match.group(), match.start(), match.end()) for match in found]

    def source_spans(self, start: int, end: int) -> list[tuple[int, int]]:
        """Where `value[start:end]` stands in the file: more than one span if
        a line continuation cuts through it."""
        spans = []
        for offset, source, length in self._pieces:
            first, last = max(start, offset), min(end, offset + length)
            if first < last:
                spans.append((source + first - offset, source + last - offset))
        return spans


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

    def fault(self, what: str, line: int | None, *, why: str = "", remedy: str = "") -> DockerfileError:
        """An error that shows line `line` (from 1) between its neighbours."""
        evidence = "" if line is None else self._excerpt(line)
        return DockerfileError(what, line=line, why=why, remedy=remedy, evidence=evidence)

    def _excerpt(self, line: int) -> str:
        numbers = range(max(1, line - 1), min(len(self.lines), line + 1) + 1)
        width = len(str(numbers[-1]))
        marked = [
            f"{'>' if number == line else ' '} {number:>{width}} | {self.lines[number - 1]}"
            for number in numbers
        ]
        return "\n".join(text.rstrip() for text in marked)


def read(source: Source) -> tuple[list[Instruction], str]:
    """All instructions of `source`, and its escape character.

    Raises DockerfileError for an unknown keyword and for an open heredoc.
    """
    escape = _escape_character(source.lines)
    instructions, at = [], 0
    while at < len(source.lines):
        pieces, after = _logical_line(source, at, escape)
        if "".join(text for text, _ in pieces).strip(SPACE):
            instruction, after = _instruction(source, pieces, at, after, escape)
            instructions.append(instruction)
        at = after
    return instructions, escape


def directives(lines: list[str]) -> Iterator[tuple[str, str]]:
    """(name, value) of each parser directive: `# syntax=docker/dockerfile:1`. They stand at
    the very top: the first line that is none ends them."""
    for line in lines:
        match = _DIRECTIVE.match(line.lstrip(SPACE))
        if not match or match[1].lower() not in ("syntax", "escape", "check"):
            return
        yield match[1].lower(), match[2]


def _escape_character(lines: list[str]) -> str:
    return next((value for name, value in directives(lines) if name == "escape" and value in ("`", "\\")), "\\")


def _logical_line(source: Source, at: int, escape: str) -> tuple[list[tuple[str, int]], int]:
    """The pieces (text, offset in the file) that make one line, and the line after it."""
    # An escaped escape character at the end of a line does not continue it.
    continued = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*\Z")
    pieces: list[tuple[str, int]] = []
    more = True
    while more and at < len(source.lines):
        line = source.lines[at]
        shown = line.lstrip(SPACE)
        comment = shown.startswith("#")
        if not pieces:
            if comment or not shown:
                return [], at + 1
            skipped = len(line) - len(shown)
        else:
            skipped = 0  # BuildKit keeps the indentation of continuation lines
        if not comment and (shown or not pieces):
            text = line[skipped:]
            match = continued.search(text)
            more = match is not None
            pieces.append((text[: match.start()] if match else text, source.starts[at] + skipped))
        at += 1
    return pieces, at


def _instruction(source, pieces, first, after, escape) -> tuple[Instruction, int]:
    joined = "".join(text for text, _ in pieces)
    lead = len(joined) - len(joined.lstrip(SPACE))
    match = _COMMAND.match(joined.strip(SPACE))
    keyword = _known(source, match[1], first + 1)
    value, value_at = match[2], lead + match.start(2)
    flags, arguments_at = _flags(value, escape)
    bodies: list[str] = []
    if _may_have_heredoc(keyword, value[arguments_at:]):
        bodies, after = _heredocs(source, joined, first + 1, after)
    named: dict[str, list[str]] = {}
    for flag in flags:
        named.setdefault(flag.name, []).append(flag.value)
    instruction = Instruction(
        keyword=keyword, value=value, line=first + 1, end_line=after, flags=named,
        heredocs=tuple(bodies), _flag_spans=tuple(flags), _arguments_at=arguments_at,
        _pieces=tuple(_piece_map(pieces, value_at)),
    )
    return instruction, after


def _piece_map(pieces, value_at):
    at = -value_at
    for text, source in pieces:
        yield at, source, len(text)
        at += len(text)


def _known(source: Source, written: str, line: int) -> str:
    keyword = written.upper()
    if keyword in KEYWORDS:
        return keyword
    close = difflib.get_close_matches(keyword, KEYWORDS, n=1, cutoff=0.6)
    remedy = (
        f"Write {close[0]} instead of {written}." if close
        else "Begin the line with an instruction such as RUN, or end the line above with a backslash "
             "if this one belongs to it."
    )
    raise source.fault(f"Line {line}: {written} is not a Dockerfile instruction.", line, remedy=remedy)


# -- flags --------------------------------------------------------------------

def _flags(value: str, escape: str) -> tuple[list[Flag], int]:
    """The flags before the arguments, and where the arguments start."""
    e = re.escape(escape)
    word = re.compile(
        rf"""(?:{e}.|{e}\Z|[^\s"'{e}]|"(?:{e}.|[^"{e}])*(?:"|\Z)|'(?:{e}.|[^'{e}])*(?:'|\Z))+""",
        re.DOTALL,
    )
    flags, at = [], 0
    while True:
        start = at + len(value[at:]) - len(value[at:].lstrip(SPACE))
        match = word.match(value, start) if value.startswith("--", start) else None
        if match is None:
            return flags, start
        at = match.end()
        plain = unquoted(match.group(), escape)
        if plain == "--":
            return flags, at
        name, equals, text = plain[2:].partition("=")
        flags.append(Flag(name, text if equals else "true", start, at))


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


# -- heredocs -----------------------------------------------------------------

def _may_have_heredoc(keyword: str, arguments: str) -> bool:
    if keyword == "ONBUILD":
        keyword, _, arguments = arguments.strip(SPACE).partition(" ")
    # The JSON form, ["cat", "<<EOF"], opens none: its words are all in quotes.
    return keyword.upper() in _WITH_HEREDOC and "<<" in arguments


def _heredoc_names(line: str) -> list[tuple[str, bool]]:
    """(terminator, whether leading tabs go) of each heredoc that `line` opens."""
    names, at = [], 0
    while at < len(line):
        if line[at] in SPACE:
            at += 1
            continue
        word = _SHELL_WORD.match(line, at)
        if word is None:
            return []  # a quote stays open: BuildKit then sees no heredoc at all
        at = word.end()
        match = _HEREDOC.match(word.group())
        name = unquoted(match[2], "\\") if match else ""
        if name:
            names.append((name, match[1] == "-"))
    return names


def _heredocs(source: Source, joined: str, line: int, after: int) -> tuple[list[str], int]:
    bodies = []
    for name, without_tabs in _heredoc_names(joined):
        body, closed = [], False
        while after < len(source.lines) and not closed:
            text = source.lines[after].lstrip("\t") if without_tabs else source.lines[after]
            closed = text == name
            if not closed:
                raw = source.raw[after]
                body.append(raw.lstrip("\t") if without_tabs else raw)
            after += 1
        if not closed:
            raise source.fault(
                f"Line {line}: the heredoc that begins with <<{name} never ends.", line,
                why=f"Everything up to a line that holds {name} and nothing else belongs to it.",
                remedy=f"Add a line with {name} alone, without blanks around it.",
            )
        bodies.append("".join(text + "\n" for text in body))
    return bodies, after
