"""Text to instructions: lines, continuations, comments, heredocs and flags.

Source: moby/buildkit, frontend/dockerfile/parser, as of 2026. Offsets into the file are kept, so that one word can be
replaced without touching any other byte.
"""

import difflib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

from . import heredocs
from .source import SPACE, Source, unquoted

KEYWORDS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR")
_MOUNT_OPTIONS = {"dst": "target", "destination": "target", "src": "source"}
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*\Z")


@dataclass(frozen=True)
class Flag:
    """One `--name=value`; `start` and `end` are offsets in the instruction's value."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile."""

    keyword: str    # upper case
    # All that follows the keyword, flags included and heredocs not. Continuation lines are joined as BuildKit joins
    # them, without the comments and empty lines between them.
    value: str
    line: int    # the first, from 1
    end_line: int    # the last, heredocs included
    heredocs: tuple[str, ...] = ()    # their bodies, without the leading tabs of `<<-`
    _flag_spans: tuple[Flag, ...] = field(default=(), repr=False, compare=False)
    _arguments_at: int = field(default=0, repr=False, compare=False)
    # (offset in value, offset in the file, length) of each joined line
    _pieces: tuple[tuple[int, int, int], ...] = field(default=(), repr=False, compare=False)

    @cached_property
    def flags(self) -> dict[str, list[str]]:
        """{name: values}; the value of a flag without one is "true"."""
        named: dict[str, list[str]] = {}
        for flag in self._flag_spans:
            named.setdefault(flag.name, []).append(flag.value)
        return named

    @property
    def arguments(self) -> str:
        """The value without its flags."""
        return self.value[self._arguments_at:].strip(SPACE)

    @property
    def mounts(self) -> tuple[dict[str, str], ...]:
        """The options of each --mount, "dst" and "src" under their long names: {"type": "secret", "id": "token"}."""
        found = []
        for mount in self.flags.get("mount", ()):
            parts = (part.strip("\"' ").partition("=") for part in mount.split(","))
            options = {_MOUNT_OPTIONS.get(name.lower(), name.lower()): value for name, _, value in parts}
            if "type" in options:
                options["type"] = options["type"].lower()
            found.append(options)
        return tuple(found)

    @property
    def handed(self) -> list[tuple[str, str, bool]]:
        """(kind, id, whether required) of each mounted secret and SSH agent; kind is 'secret' or 'ssh'.

        Source of the ids: BuildKit, frontend/dockerfile/dockerfile2llb/convert_secrets.go and convert_ssh.go.
        """
        found = []
        for mount in self.mounts:
            kind = mount.get("type", "")
            default = "default" if kind == "ssh" else posixpath.basename(mount.get("target", ""))
            if kind in ("secret", "ssh") and (name := mount.get("source") or mount.get("id") or default):
                found.append((kind, name, mount.get("required", "false").lower() in ("", "true", "1")))
        return found

    @property
    def binds_context(self) -> bool:
        """Whether a --mount binds files from the build context."""
        return any(mount.get("type", "bind") == "bind" and "from" not in mount for mount in self.mounts)

    @property
    def body(self) -> str:
        """The arguments, then the heredocs."""
        return "\n".join((self.arguments, *self.heredocs))

    @property
    def operands(self) -> tuple[list[str], str]:
        """(sources, target) of a COPY or ADD in either form."""
        if self.arguments.startswith("["):
            words = re.findall(r'"((?:[^"\\]|\\.)*)"', self.arguments)
        else:
            words = [word for word, *_ in self.words() if not word.startswith("<<")]
        return (words[:-1], words[-1]) if words else ([], "")

    @property
    def copies_context(self) -> bool:
        """Whether it copies files from the build context."""
        return self.keyword in ("COPY", "ADD") and "from" not in self.flags

    @property
    def copies_whole_context(self) -> bool:
        """Whether it copies the whole build context: COPY . ."""
        return self.copies_context and any(
            posixpath.normpath(source or ".") in (".", "/", "*") for source in self.operands[0])

    def words(self) -> list[tuple[str, int, int]]:
        """The arguments split at white space, as (word, start, end); offsets in the value."""
        found = re.compile(r"\S+").finditer(self.value, self._arguments_at)
        return [(match.group(), match.start(), match.end()) for match in found]

    def source_spans(self, start: int, end: int) -> list[tuple[int, int]]:
        """Where `value[start:end]` is in the file: several spans if a line continuation cuts through it."""
        spans = []
        for offset, source, length in self._pieces:
            first, last = max(start, offset), min(end, offset + length)
            if first < last:
                spans.append((source + first - offset, source + last - offset))
        return spans


def read(source: Source) -> tuple[list[Instruction], str]:
    """All instructions of `source`, and its escape character.

    Raises DockerfileError for an unknown keyword, an open heredoc, and a backslash with nothing below it.
    """
    escape = next((value for name, value in directives(source.lines)
                   if name == "escape" and value in ("`", "\\")), "\\")
    instructions, at = [], 0
    while at < len(source.lines):
        pieces, after = _logical_line(source, at, escape)
        if "".join(text for text, _ in pieces).strip(SPACE):
            instruction, after = _instruction(source, pieces, at, after, escape)
            instructions.append(instruction)
        elif pieces:
            raise source.fault(f"Line {at + 1}: the line is continued, but nothing follows.", at + 1,
                               why="Builders read it as an instruction without a keyword.", remedy="Delete the line.")
        at = after
    return instructions, escape


def directives(lines: list[str]) -> Iterator[tuple[str, str]]:
    """(name, value) of each parser directive, such as `# syntax=docker/dockerfile:1`. Any other line ends them."""
    for line in lines:
        match = _DIRECTIVE.match(line.lstrip(SPACE))
        if not match or match[1].lower() not in ("syntax", "escape", "check"):
            return
        yield match[1].lower(), match[2]


def _logical_line(source: Source, first: int, escape: str) -> tuple[list[tuple[str, int]], int]:
    """The (text, offset in the file) of each line that is joined into one, and the index of the line below."""
    # An escaped escape character at the end of a line does not continue it.
    continued = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*\Z")
    pieces: list[tuple[str, int]] = []
    for at in range(first, len(source.lines)):
        line = source.lines[at]
        text = line.lstrip(SPACE)
        if text and not text.startswith("#"):
            text = line if pieces else text   # BuildKit keeps the indentation of continuation lines
            match = continued.search(text)
            pieces.append((text[: match.start()] if match else text, source.starts[at] + len(line) - len(text)))
            if not match:
                return pieces, at + 1
        elif not pieces:
            return [], at + 1
    return pieces, len(source.lines)


def _instruction(source: Source, pieces: list[tuple[str, int]], first: int, after: int,
                 escape: str) -> tuple[Instruction, int]:
    joined = "".join(text for text, _ in pieces)
    lead = len(joined) - len(joined.lstrip(SPACE))
    written, value, at = _command(joined.strip(SPACE))
    keyword, value_at = _known(source, written, first + 1), lead + at
    flags, arguments_at = _flags(value, escape)
    offsets = accumulate((len(text) for text, _ in pieces), initial=-value_at)
    bodies: list[str] = []
    if heredocs.may_open(keyword, value[arguments_at:]):
        bodies, after = heredocs.bodies(source, joined, first + 1, after)
    places = tuple((at, start, len(text)) for at, (text, start) in zip(offsets, pieces))
    return Instruction(keyword, value, first + 1, min(after, source.last), tuple(bodies), tuple(flags), arguments_at,
                       places), after


def triggered(onbuild: Instruction, escape: str) -> Instruction:
    """The instruction in an ONBUILD, with its offsets in the file."""
    keyword, value, at = _command(onbuild.value)
    flags, arguments_at = _flags(value, escape)
    return replace(onbuild, keyword=keyword.upper(), value=value, _flag_spans=tuple(flags), _arguments_at=arguments_at,
                   _pieces=tuple((offset - at, source, length) for offset, source, length in onbuild._pieces))


def _command(line: str) -> tuple[str, str, int]:
    """(keyword as written, value, offset of the value) of an instruction."""
    keyword = re.match(r"[^\t\v\f\r ]*[\t\v\f\r ]*", line)[0]    # type: ignore[index]  # it matches any line
    return keyword.rstrip("\t\v\f\r "), line[len(keyword):], len(keyword)


def _known(source: Source, written: str, line: int) -> str:
    keyword = written.upper()
    if keyword in KEYWORDS:
        return keyword
    close = difflib.get_close_matches(keyword, KEYWORDS, n=1)
    remedy = (f"Write {close[0]} instead of {written}." if close else
              "Begin the line with an instruction such as RUN. If it continues the line above, end that line with a "
              "backslash.")
    raise source.fault(f"Line {line}: {written} is not a Dockerfile instruction.", line, remedy=remedy)


def _flags(value: str, escape: str) -> tuple[list[Flag], int]:
    """The flags before the arguments, and the offset of the arguments."""
    e = re.escape(escape)
    word = re.compile(
        rf"""(?:{e}.|{e}\Z|[^\s"'{e}]|"(?:{e}.|[^"{e}])*(?:"|\Z)|'(?:{e}.|[^'{e}])*(?:'|\Z))+""",
        re.DOTALL)
    flags: list[Flag] = []
    at = 0
    while True:
        start = len(value) - len(value[at:].lstrip(SPACE))
        match = word.match(value, start) if value.startswith("--", start) else None
        if match is None:
            return flags, start
        at = match.end()
        plain = unquoted(match.group(), escape)
        if plain == "--":
            return flags, at
        name, equals, text = plain[2:].partition("=")
        flags.append(Flag(name, text if equals else "true", start, at))
