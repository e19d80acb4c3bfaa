"""The command that a shell line finally runs, as far as that is known without running it.

    cd /srv && exec app --port 80  ->  app --port 80, in /srv

Only commands joined by && and ; are followed, not loops, conditions, groups, functions, pipes, background jobs or
$(...). Source: POSIX.1-2017, Shell Command Language, 2.3 to 2.9.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..dockerfile.expand import BadSubstitution, expand

_TOKEN = re.compile(r"""
    (?P<blank> [ \t]+ | \\\n | \#[^\n]* )
  | (?P<redirection> (?: \d*(?:>>|>&|<&|<>|>\||>|<(?!<)) | &>>? )[ \t]* )
  | (?P<operator> && | \|\| | ;; | [;&|\n] )
  | (?P<word> (?: \\. | '[^']*' | "(?:\\.|[^"\\])*" | `[^`]*` | \$\((?:[^()]|\([^()]*\))*\) | \$\{[^}]{0,999}\} |
  [^\s;&|<>()'"`\\] )+ )
""", re.VERBOSE | re.DOTALL)
_KEYWORDS = frozenset(["if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "in",
                       "function", "select", "time", "coproc", "{", "}", "!", "[[", "]]"])
# Builtins that do not change how a program is found; cd and export are handled.
_HARMLESS = frozenset([":", "true", "set", "echo", "printf", "umask", "ulimit", "trap", "test", "[", "cd", "export",
                       "readonly", "exit", "shopt"])
_BUILTINS = _HARMLESS | frozenset(["false", ".", "source", "eval", "alias", "bg", "break", "command", "continue",
                                   "declare", "fc", "fg", "getopts", "hash", "jobs", "kill", "let", "local", "mapfile",
                                   "pwd", "read", "return", "shift", "type", "typeset", "unalias", "unset", "wait"])
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=")
_SEARCH = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD")   # how a program and its libraries are found


class Word(NamedTuple):
    """A word of a command."""

    text: str
    literal: bool = True    # whether nothing in it is expanded


@dataclass(frozen=True)
class Command:
    """A command, and how certain it is which program it runs."""

    words: Sequence[Word]    # the program first
    directory: str | None    # the working directory, None if unknown
    certain: bool = True    # whether its first word is looked up in the unchanged image
    direct: bool = True    # whether the kernel starts it instead of a shell


def last_command(line: str, directory: str | None, environment: Mapping[str, str]) -> Command | None:
    """The last command of a shell line, which keeps running; None if the shell does: for a builtin, and for a line that
    is not followed."""
    commands = _commands(line, environment)
    if not commands:
        return None
    certain = True
    while len(commands) > 1 and commands[-2][0] == "||":   # what comes after || runs if this fails
        certain &= _name(commands[-1][1]) in _HARMLESS
        del commands[-1]
    for _, before in commands[:-1]:
        name = _name(before)
        certain &= name in _HARMLESS and not any(each.text.startswith(_SEARCH) for each in before)
        if name == "cd" and directory is not None:
            folder = next((each for each in before[1:] if not each.text.startswith("-")), None)
            directory = posixpath.join(directory, folder.text) if folder and folder.literal else None
    words: Sequence[Word] = commands[-1][1]
    while words and ((match := _ASSIGNMENT.match(words[0].text)) or words[0].text in ("exec", "command")):
        certain &= not (match and match[1] in _SEARCH)
        words = words[1:] if match else _after_exec(words)
    if not words or words[0].text in _BUILTINS or not words[0].text:
        return None
    return Command(words, directory, certain and words[0].literal, direct=False)


def simple_commands(text: str) -> Iterator[list[str]]:
    """The words of each command in a shell script, also in groups, loops and pipes."""
    words: list[str] = []
    for token in _tokens(text, {}):
        if isinstance(token, Word) and not (token.text in _KEYWORDS and not words):
            words.append(token.text)
        elif not isinstance(token, Word):
            if words:
                yield words
            words = []


def _name(words: Sequence[Word]) -> str:
    """The first word that is no assignment; ':' if there is none."""
    return next((each.text for each in words if not _ASSIGNMENT.match(each.text)), ":")


def _after_exec(words: Sequence[Word]) -> Sequence[Word]:
    """The command that `exec [-cl] [-a name]` or `command [-p]` runs; none for `command -v`."""
    if len(words) > 2 and words[1].text == "-a":
        return words[3:]
    if len(words) > 1 and words[1].text in ("-c", "-l", "-p", "-cl", "--"):
        return words[2:]
    return () if len(words) > 1 and words[1].text.startswith("-") else words[1:]


def _commands(line: str, environment: Mapping[str, str]) -> list[tuple[str, list[Word]]]:
    """(the operator after it, words) of each simple command; [] for a line that is not followed."""
    found: list[tuple[str, list[Word]]] = []
    words: list[Word] = []
    for token in _tokens(line, environment):
        if isinstance(token, Word):
            words.append(token)
            continue
        if token in ("|", "&", ";;", "(") or (words and words[0].literal and words[0].text in _KEYWORDS):
            return []
        if words:
            found.append((token, words))
        words = []
    return found


def _tokens(line: str, environment: Mapping[str, str]) -> Iterator[Word | str]:
    """The words and operators of a line, without redirections; "(" for what is not followed."""
    at, skip = 0, False
    while at < len(line):
        match = _TOKEN.match(line, at)
        at = match.end() if match else at + 1
        if match is None:
            yield "("
        elif match.lastgroup == "word":
            if not skip:
                yield _word(match[0], environment)
            skip = False
        elif match.lastgroup == "operator":
            yield match[0].replace("\n", ";")
        skip |= match is not None and match.lastgroup == "redirection"
    yield ";"


def _word(raw: str, environment: Mapping[str, str]) -> Word:
    """A word without its quotes, expanded with the image's variables."""
    plain = re.sub(r"'[^']*'|\\.", "", raw)            # without the parts in which variables are not expanded
    bare = re.sub(r'"[^"]*"', "", plain)               # nor patterns
    literal = not re.search(r"[$`]", plain) and not re.search(r"[*?\[~{]", bare)
    if "$(" in plain or "`" in plain:
        return Word("", False)
    try:
        return Word(expand(raw, environment), literal)
    except BadSubstitution:
        return Word("", False)


# What may precede a command: assignments, and programs that start another one.
_BEFORE = (r"(?:\w+=\S*\s+|(?:\S*/)?(?:env|time|exec|sudo|command|xvfb-run|npx|bunx|yarn|pnpm|(?:pnpm|npm) exec|"
           r"poetry run|uv run|pipenv run|hatch run|pdm run|rye run|bundle exec|coverage run|python[\d.]* -m|"
           r"timeout \S+)\s+(?:--?\S+\s+)*)*")
# Source: each tool's manual.
_TESTS = re.compile(_BEFORE + r"(?:\S*/)?(?:"
                    r"(?:pytest|py\.test|unittest|nose2|tox|nox|jest|vitest|mocha|ava|karma|bats|ctest|phpunit|pest|"
                    r"rspec|prove|cypress run|playwright test)(?!\S)|"
                    r"(?:go|cargo|dotnet|swift|sbt|lein|deno|bun|zig build|bazel|meson|flutter|dart|stack|cabal|mix|"
                    r"ng|composer|rails|rake|conan|elm-test|php artisan|python[\d.]* (?:manage|setup)\.py) "
                    r"(?:\S+ )*?tests?(?!\S)|"
                    r"(?:npm|pnpm|yarn|bun)(?: -\S+)* (?:(?:run|run-script) )?(?:test|t)(?:[:-]\S+)?(?!\S)|"
                    r"(?:make|just|task|gmake|ninja)(?: \S+)*? (?:test|tests|check|unit-test|unittest)(?!\S)|"
                    r"(?:mvn|mvnw)(?: \S+)*? (?:test|verify|integration-test)(?!\S)|"
                    r"(?:gradle|gradlew)(?: \S+)*? (?:\S*:)?(?:test|check)(?!\S)|rake spec(?!\S))")
_SKIPS = re.compile(r"(?<!\S)(?:-DskipTests(?:=true)?|-Dmaven\.test\.skip(?:=true)?|-DskipITs|--no-run|--version|-V|"
                    r"--help|-h|--collect-only|--co|--listTests|--list|--dry-run|-x (?:\S*:)?test|"
                    r"--exclude-task test)(?!\S)|^(?:\S*/)?(?:make|ctest|ninja)\b.* (?:-n|-N)(?!\S)|"
                    r"\bgo test\b.* (?:-c|-run[ =]\^?\$|-list\b)| (?:install|add|ci|i) |^command -[vV]")


def runs_tests(text: str) -> bool:
    """Whether one of a RUN's commands, also inside `sh -c '...'`, runs tests."""
    for words in simple_commands(text):
        line = " ".join(words)
        if len(words) > 2 and re.match(r"(?:\S*/)?(?:ba|da|a)?sh -[a-z]*c ", line):
            if runs_tests(words[2]):
                return True
        elif _TESTS.match(line) and not _SKIPS.search(line):
            return True
    return False
