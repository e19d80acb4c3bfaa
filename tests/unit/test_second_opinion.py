"""Another port of Docker's code reads the same: .dockerignore and Dockerfiles, the project's own and changed at random.

The other is e2b-dockerfile-utils, made from moby/patternmatcher and BuildKit's parser.
"""

import random
from pathlib import Path

import pytest
from e2b_dockerfile_utils import DockerfileSyntaxError, PatternMatcher, parse_dockerfile_ast

from helpers.builder.dockerignore import Ignore
from helpers.dockerfile.reader import read
from helpers.dockerfile.source import Source
from helpers.errors import ContextError, DockerfileError

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted({*ROOT.glob("notebooks/apps/**/Dockerfile*"), *ROOT.glob("exercises/*/**/Dockerfile"),
                      *ROOT.glob("helpers/bases/standins/*.Dockerfile")})
PIECES = ["a", "b", "ab", "*", "**", "?", "[ab]", "[^a]", "[a-c]", ".", "..", "a*", "*b", "**b", "\\*", "[", "a b"]
NAMES = ["a", "b", "ab", "abc", "c", "*", "a b"]
EXTRA = ["", "# a comment", "RUN a \\", "  # between", "\\", "COPY --from=x --chown=1:1 a b", "RUN <<E", "E", "ENV A=\"b c\"", "\t", "RUN <<-'F'\n\tx"]


def ignored(lines, paths):
    """Whether each path is ignored: by ours and by theirs; None for lines that are refused."""
    try:
        ours = [*map(Ignore(lines).matches, paths)]
    except ContextError:
        ours = None
    try:
        theirs = [*map(PatternMatcher(lines).matches, paths)]
    except ValueError:
        theirs = None
    return ours, theirs


def test_a_thousand_ignore_files_leave_the_same_out():
    dice = random.Random("ignore")
    paths = ["/".join(dice.choices(NAMES, k=dice.randint(1, 4))) for _ in range(60)]
    seen = set()
    for _ in range(1000):
        lines = [dice.choice(["", "!", "/", "# ", " "]) * (dice.random() < 0.4) + "/".join(dice.choices(PIECES, k=dice.randint(1, 3)))
                 for _ in range(dice.randint(1, 5))]
        ours, theirs = ignored(lines, paths)
        assert ours == theirs, lines
        seen |= {None} if ours is None else set(ours)
    assert seen == {None, True, False}


def ours(text):
    """(keyword, first line, last line, names of flags, bodies of heredocs) of each instruction; None if it is refused."""
    try:
        instructions, _ = read(Source(text))
    except DockerfileError:
        return None
    return [(each.keyword, each.line, each.end_line, sorted(each.flags), each.heredocs) for each in instructions]


def theirs(text):
    try:
        instructions = parse_dockerfile_ast(text).instructions
    except DockerfileSyntaxError:
        return None
    return [(each.name, each.start_line, each.end_line, sorted({flag.lstrip("-").partition("=")[0] for flag in each.flags}),
             tuple(document.content for document in each.heredocs)) for each in instructions]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_dockerfile_of_the_project_and_ten_changes_of_it_are_read_the_same(path):
    text = path.read_text()
    assert ours(text) == theirs(text)
    dice = random.Random(str(path.name))
    for _ in range(10):
        lines = text.split("\n")
        lines[dice.randrange(len(lines)):dice.randrange(len(lines) + 1)] = dice.choices(EXTRA, k=dice.randrange(3))
        changed = "\n".join(lines)
        # What no builder knows, their parser passes on: an unknown instruction is refused later.
        if (by_us := ours(changed)) is not None:
            assert by_us == theirs(changed), changed
