"""Text to instructions: lines, continuations, comments, heredocs and flags.

The rules are those of BuildKit (moby/buildkit, frontend/dockerfile/parser), read there in 2026 and written again here.
Offsets into the source are kept, so that one word of the file can be replaced without touching any other byte.
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
    """One instruction of a Dockerfile.

    keyword   upper case: "COPY"
    value     all after the keyword, flags too. Continuation lines are joined as BuildKit joins them: comment lines and
              empty lines between them are dropped, and the bodies of heredocs are not part of it.
    line      the first line, from 1
    end_line  the last line, with the bodies of heredocs
    heredocs  the bodies in their order; `<<-` has lost its leading tabs
    """

    keyword: str
    value: str
    line: int
    end_line: int
    heredocs: tuple[str, ...] = ()
    _flag_spans: tuple[Flag, ...] = field(default=(), repr=False, compare=False)
    _arguments_at: int = field(default=0, repr=False, compare=False)
    # (offset in value, offset in the file, length): one for each joined line.
    _pieces: tuple[tuple[int, int, int], ...] = field(default=(), repr=False, compare=False)

    @cached_property
    def flags(self) -> dict[str, list[str]]:
        """{"from": ["builder"], "mount": [...]}; a flag without a value is "true"."""
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
        """The options of each --mount by their first names: {"type": "secret", "id": "token"}; dst is "target"."""
        found = []
        for mount in self.flags.get("mount", ()):
            options = (part.strip("\"' ").partition("=") for part in mount.split(","))
            found.append({_MOUNT_OPTIONS.get(name.lower(), name.lower()): value for name, _, value in options})
            found[-1] |= {"type": found[-1]["type"].lower()} if "type" in found[-1] else {}
        return tuple(found)

    @property
    def handed(self) -> list[tuple[str, str, bool]]:
        """(kind, id, whether required) of each secret and ssh agent that a RUN mounts, kind 'secret' or 'ssh'.

        Source of the ids: BuildKit, frontend/dockerfile/dockerfile2llb/convert_secrets.go and convert_ssh.go.
        """
        found = []
        for mount in self.mounts if self.keyword == "RUN" else ():
            kind = mount.get("type", "")
            usual = "default" if kind == "ssh" else posixpath.basename(mount.get("target", ""))
            if kind in ("secret", "ssh") and (name := mount.get("source") or mount.get("id") or usual):
                found.append((kind, name, mount.get("required", "false").lower() in ("", "true", "1")))
        return found

    @property
    def binds_context(self) -> bool:
        """Whether a --mount binds files of the build context."""
        return any(mount.get("type", "bind") == "bind" and "from" not in mount for mount in self.mounts)

    @property
    def body(self) -> str:
        """The arguments, and the bodies of the heredocs below them."""
        return "\n".join((self.arguments, *self.heredocs))

    @property
    def operands(self) -> tuple[list[str], str]:
        """(sources, target) of a COPY or ADD, in either of its forms."""
        if self.arguments.startswith("["):
            words = re.findall(r'"((?:[^"\\]|\\.)*)"', self.arguments)
        else:
            words = [word for word, *_ in self.words() if not word.startswith("<<")]
        return (words[:-1], words[-1]) if words else ([], "")

    @property
    def copies_context(self) -> bool:
        """Whether it copies files of the build context."""
        return self.keyword in ("COPY", "ADD") and "from" not in self.flags

    @property
    def copies_whole_context(self) -> bool:
        """Whether it copies all of the build context: COPY . ."""
        return self.copies_context and any(
            posixpath.normpath(source or ".") in (".", "/", "*") for source in self.operands[0])

    def words(self) -> list[tuple[str, int, int]]:
        """The arguments split at white space: (word, start, end), offsets in the value."""
        found = re.compile(r"\S+").finditer(self.value, self._arguments_at)
        return [(match.group(), match.start(), match.end()) for match in found]

    def source_spans(self, start: int, end: int) -> list[tuple[int, int]]:
        """Where `value[start:end]` stands in the file: more than one span if a line continuation cuts through it."""
        spans = []
        for offset, source, length in self._pieces:
            first, last = max(start, offset), min(end, offset + length)
            if first < last:
                spans.append((source + first - offset, source + last - offset))
        return spans


def read(source: Source) -> tuple[list[Instruction], str]:
    """All instructions of `source`, and its escape character.

    Raises DockerfileError for an unknown keyword, an open heredoc, and a last line that is continued by nothing.
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
            raise source.fault(f"Line {at + 1}: it is continued, and nothing follows.", at + 1,
                               why="A builder takes that for an instruction without a name.", remedy="Delete the line.")
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
    """The instruction inside an ONBUILD, its offsets in the file kept."""
    keyword, value, at = _command(onbuild.value)
    flags, arguments_at = _flags(value, escape)
    return replace(onbuild, keyword=keyword.upper(), value=value, _flag_spans=tuple(flags), _arguments_at=arguments_at,
                   _pieces=tuple((offset - at, source, length) for offset, source, length in onbuild._pieces))


def _command(line: str) -> tuple[str, str, int]:
    """(keyword as written, value, where the value begins) of an instruction."""
    keyword = re.match(r"[^\t\v\f\r ]*[\t\v\f\r ]*", line)[0]    # type: ignore[index]  # it matches any line
    return keyword.rstrip("\t\v\f\r "), line[len(keyword):], len(keyword)


def _known(source: Source, written: str, line: int) -> str:
    keyword = written.upper()
    if keyword in KEYWORDS:
        return keyword
    close = difflib.get_close_matches(keyword, KEYWORDS, n=1, cutoff=0.6)
    remedy = (
        f"Write {close[0]} instead of {written}." if close
        else "Begin the line with an instruction such as RUN, or end the line above with a backslash "
             "if this one belongs to it.")
    raise source.fault(f"Line {line}: {written} is not a Dockerfile instruction.", line, remedy=remedy)


def _flags(value: str, escape: str) -> tuple[list[Flag], int]:
    """The flags before the arguments, and where the arguments start."""
    e = re.escape(escape)
    word = re.compile(
        rf"""(?:{e}.|{e}\Z|[^\s"'{e}]|"(?:{e}.|[^"{e}])*(?:"|\Z)|'(?:{e}.|[^'{e}])*(?:'|\Z))+""",
        re.DOTALL)
    flags: list[Flag] = []
    at = 0
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


