"""The bodies of heredocs: `RUN <<EOF` and what follows up to a line that says EOF.

The rules are those of moby/buildkit, frontend/dockerfile/parser/parser.go (heredocsFromLine).
"""

import re

from .source import SHELL_WORD, SPACE, Source, unquoted

_WITH_HEREDOC = ("ADD", "COPY", "RUN")
_HEREDOC = re.compile(r"\d*<<(-?)\s*([^<]*)\Z")


def may_open(keyword: str, arguments: str) -> bool:
    """Whether an instruction with these arguments can open a heredoc at all."""
    if keyword == "ONBUILD":
        keyword, _, arguments = arguments.strip(SPACE).partition(" ")
    # The JSON form, ["cat", "<<EOF"], opens none: its words are all in quotes.
    return keyword.upper() in _WITH_HEREDOC and "<<" in arguments


def _names(line: str) -> list[tuple[str, bool]]:
    """(terminator, whether leading tabs go) of each heredoc that `line` opens."""
    names, at = [], 0
    while at < len(line):
        if line[at] in SPACE:
            at += 1
            continue
        word = SHELL_WORD.match(line, at)
        if word is None:
            return []  # a quote stays open: BuildKit then sees no heredoc at all
        at = word.end()
        match = _HEREDOC.match(word.group())
        if match and (name := unquoted(match[2], "\\")):
            names.append((name, match[1] == "-"))
    return names


def bodies(source: Source, joined: str, line: int, after: int) -> tuple[list[str], int]:
    """The bodies that the instruction `joined` (which starts in `line`, from 1) opens, and the
    index of the line after the last. Raises DockerfileError for one that never ends."""
    found: list[str] = []
    for name, without_tabs in _names(joined):
        body: list[str] = []
        closed = False
        while after < len(source.lines) and not closed:
            text = source.lines[after].lstrip("\t") if without_tabs else source.lines[after]
            closed = text == name
            if not closed:
                raw = source.raw[after]
                body.append(raw.lstrip("\t") if without_tabs else raw)
            after += 1
        if not closed:
            raise source.fault(f"Line {line}: the heredoc that begins with <<{name} never ends.", line,
                               why=f"Everything up to a line that holds {name} and nothing else belongs to it.",
                               remedy=f"Add a line with {name} alone, without blanks around it.")
        found.append("".join(text + "\n" for text in body))
    return found, after
