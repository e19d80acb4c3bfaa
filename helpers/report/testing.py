"""Whether a RUN runs tests: the command of a test tool, not one that installs, lists or skips."""

from __future__ import annotations

import re

from .shell_line import simple_commands

# What may stand before the command: variables, and programs that start another one.
_BEFORE = (r"(?:\w+=\S*\s+|(?:\S*/)?(?:env|time|exec|sudo|command|xvfb-run|npx|bunx|yarn|pnpm|(?:pnpm|npm) exec|"
           r"poetry run|"
           r"uv run|pipenv run|hatch run|pdm run|rye run|bundle exec|coverage run|python[\d.]* -m|"
           r"timeout \S+)\s+(?:--?\S+\s+)*)*")
# Source: each tool's manual.
_TESTS = re.compile(_BEFORE + r"(?:\S*/)?(?:"
                    r"(?:pytest|py\.test|unittest|nose2|tox|nox|jest|vitest|mocha|ava|karma|bats|ctest|phpunit|pest|"
                    r"rspec|prove|"
                    r"cypress run|playwright test)(?!\S)|"
                    r"(?:go|cargo|dotnet|swift|sbt|lein|deno|bun|zig build|bazel|meson|flutter|dart|stack|cabal|mix|"
                    r"ng|composer|"
                    r"rails|rake|ng|conan|elm-test|php artisan|python[\d.]* (?:manage|"
                    r"setup)\.py) (?:\S+ )*?tests?(?!\S)|"
                    r"(?:npm|pnpm|yarn|bun)(?: -\S+)* (?:(?:run|run-script) )?(?:test|t)(?:[:-]\S+)?(?!\S)|"
                    r"(?:make|just|task|gmake|ninja)(?: \S+)*? (?:test|tests|check|unit-test|unittest)(?!\S)|"
                    r"(?:mvn|mvnw)(?: \S+)*? (?:test|verify|integration-test)(?!\S)|"
                    r"(?:gradle|gradlew)(?: \S+)*? (?:\S*:)?(?:test|check)(?!\S)|rake spec(?!\S))")
_SKIPS = re.compile(r"(?<!\S)(?:-DskipTests(?:=true)?|-Dmaven\.test\.skip(?:=true)?|-DskipITs|--no-run|--version|-V|"
                    r"--help|-h|"
                    r"--collect-only|--co|--listTests|--list|--dry-run|-x (?:\S*:)?test|--exclude-task test)(?!\S)|"
                    r"^(?:\S*/)?(?:make|ctest|ninja)\b.* (?:-n|-N)(?!\S)|\bgo test\b.* (?:-c|-run[ =]\^?\$|-list\b)|"
                    r" (?:install|add|ci|i) |^command -[vV]")


def runs_tests(text: str) -> bool:
    """Whether one of a RUN's commands, also inside `sh -c '...'`, runs tests."""
    for words in simple_commands(text):
        line = " ".join(words)
        if len(words) > 2 and re.fullmatch(r"(?:\S*/)?(?:ba|da|a)?sh", words[0]) and re.fullmatch(r"-[a-z]*c",
                                                                                                  words[1]):
            if runs_tests(words[2]):
                return True
        elif _TESTS.match(line) and not _SKIPS.search(line):
            return True
    return False
