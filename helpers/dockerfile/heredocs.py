"""The bodies of heredocs: `RUN <<EOF` and the lines below it, up to one that is just EOF.

Source: moby/buildkit, frontend/dockerfile/parser/parser.go (heredocsFromLine).
"""

import re

from .source import SHELL_WORD, SPACE, Source, unquoted

_WITH_HEREDOC = ("ADD", "COPY", "RUN")
_HEREDOC = re.compile(r"\d*<<(-?)\s*([^<]*)\Z")


def may_open(keyword: str, arguments: str) -> bool:
    """Whether an instruction with these arguments can open a heredoc at all."""
    if keyword == "ONBUILD":
        keyword, _, arguments = arguments.strip(SPACE).partition(" ")
    return keyword.upper() in _WITH_HEREDOC and "<<" in arguments


def bodies(source: Source, joined: str, line: int, after: int) -> tuple[list[str], int]:
    """The heredocs that the instruction `joined` in `line` (from 1) opens, and the index of the line below them.

    `after` is the index of the line below the instruction. Raises DockerfileError for a heredoc without an end.
    """
    found: list[str] = []
    for name, indent in _opened(joined):
        end = next((at for at in range(after, len(source.lines)) if source.lines[at].lstrip(indent) == name), None)
        if end is None:
            raise source.fault(f"Line {line}: the heredoc <<{name} never ends.", line,
                               why=f"Every line below belongs to it, up to one that is just {name}.",
                               remedy=f"Add a line with {name} alone, without blanks around it.")
        found.append("".join(raw.lstrip(indent) + "\n" for raw in source.raw[after:end]))
        after = end + 1
    return found, after


def _opened(line: str) -> list[tuple[str, str]]:
    """(terminator, what is stripped from the left of each line: a tab for `<<-`) of each heredoc in a line."""
    if SHELL_WORD.sub("", line).strip(SPACE):
        return []   # an open quote: BuildKit sees no heredoc then
    found = filter(None, map(_HEREDOC.match, SHELL_WORD.findall(line)))
    return [(name, "\t" * len(match[1])) for match in found if (name := unquoted(match[2], "\\"))]
