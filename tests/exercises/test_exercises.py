"""Every exercise: its starter fails, its sample and others like it pass, and what only
looks right fails with its reason."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from helpers import dockerfile as dockerfiles
from helpers.checks import EXERCISES, Watch, requirements, check, find, names
from helpers.checks.runner import Attempt

from ..engine.conftest import engine   # noqa: F401 - the same engine, or the same reason for none

HERE = Path(__file__).parent
HANGS = 20    # seconds
BUILDER = os.environ.get("MULTISTAGE_EXERCISE_BUILDER") or None   # None: the engine's default
_FAILS = re.compile(r"#\s*fails:\s*(\S.*?)\s*$")


def submissions(kind: str) -> list[tuple[str, Path]]:
    """(exercise, Dockerfile) of each, in the order that lets builds share most."""
    found = []
    for folder in sorted(HERE.glob(f"*/{kind}")):
        for path in sorted(folder.iterdir()):
            found.append((folder.parent.name, path / "Dockerfile" if path.is_dir() else path))
    return found


def slug(path: Path) -> str:
    return path.parent.name if path.name == "Dockerfile" else path.name.removesuffix(".Dockerfile")


def each(kind: str):
    known = submissions(kind)
    return pytest.mark.parametrize("name, path", known, ids=[f"{name}-{slug(path)}" for name, path in known])


def expected(path: Path) -> str:
    """In the first comment; a parser directive has to stand before it."""
    told = next(filter(None, map(_FAILS.match, path.read_text().splitlines()[:2])), None)
    assert told, f"{path}: the first line names the rule, '# fails: RULE'"
    return told[1]


def told(verdict) -> str:
    return "\n".join(f"{fail.rule}: {fail}" for fail in verdict.fails)


def judged(exercise, path, engine, builder=BUILDER):
    """The verdict; skipped where this engine cannot carry the exercise, and says so."""
    verdict = check(exercise, path, builder=builder, engine=engine)
    if verdict.lacks:
        assert not verdict.passed and not verdict.fails
        pytest.skip(" ".join(verdict.lacks))
    return verdict


@pytest.mark.parametrize("name", names())
def test_a_starter_fails(name, engine):
    exercise = find(name)
    assert not judged(exercise, exercise.starter, engine).passed


@pytest.mark.parametrize("name", names())
def test_a_starter_builds(name, engine):
    """It fails the check for what it ships or how it is written, and not by a mistake."""
    exercise = find(name)
    read = dockerfiles.parse(exercise.starter.read_text(), exercise.build.args)
    if lacking := requirements.lacks(exercise, read, engine, BUILDER):
        pytest.skip(" ".join(lacking))
    with Attempt(exercise, read, exercise.source(), BUILDER, engine, Watch()) as attempt:
        assert attempt.build().stages[-1].status in ("built", "cached")


@pytest.mark.parametrize("name", names())
def test_a_sample_passes(name, engine):
    exercise = find(name)
    verdict = judged(exercise, exercise.folder / "solution" / "Dockerfile", engine)
    assert verdict.passed, told(verdict)
    assert verdict.holds


@each("right")
def test_another_right_one_passes(name, path, engine):
    exercise = find(name)
    verdict = judged(exercise, path, engine)
    assert verdict.passed, told(verdict)
    assert path.read_text() != (exercise.folder / "solution" / "Dockerfile").read_text()


@each("wrong")
def test_a_wrong_one_fails_with_its_reason(name, path, engine):
    exercise, rule = find(name), expected(path)
    if rule.endswith("time"):   # what hangs is waited for: not as long as a learner may need
        exercise = replace(exercise, build=replace(exercise.build, seconds=HANGS))
    verdict = judged(exercise, path, engine)
    assert [fail.rule for fail in verdict.fails][:1] == [rule], told(verdict)


# The lowest rung that there is everywhere: the legacy builder has no cache to lend, so that
# Go would compile for half a minute each time. Here is what takes little time.
LOWEST = [name for name in names() if name.startswith("10-")]


def legacy(engine) -> str:
    if "legacy" not in engine.builders or engine.mounts("legacy"):
        pytest.skip("this engine has no legacy builder of Docker's")
    return "legacy"


@pytest.mark.parametrize("name", LOWEST)
def test_a_sample_passes_on_the_legacy_builder(name, engine):
    exercise = find(name)
    verdict = judged(exercise, exercise.folder / "solution" / "Dockerfile", engine, legacy(engine))
    assert verdict.passed, told(verdict)


@pytest.mark.parametrize("name, path", [(name, path) for name, path in submissions("wrong") if name in LOWEST],
                         ids=lambda each: each if isinstance(each, str) else slug(each))
def test_a_wrong_one_fails_on_the_legacy_builder(name, path, engine):
    exercise, rule = find(name), expected(path)
    if rule.endswith("time"):
        exercise = replace(exercise, build=replace(exercise.build, seconds=HANGS))
    verdict = judged(exercise, path, engine, legacy(engine))
    assert [fail.rule for fail in verdict.fails][:1] == [rule], told(verdict)


@pytest.mark.parametrize("name", names())
def test_there_are_enough_of_both(name):
    wrong = [path for exercise, path in submissions("wrong") if exercise == name]
    right = [path for exercise, path in submissions("right") if exercise == name]
    assert len(wrong) >= 6 and len(right) >= 2


def test_no_submission_is_for_an_exercise_that_is_not_there():
    assert {name for kind in ("right", "wrong") for name, _ in submissions(kind)} <= set(names())
    assert EXERCISES.is_dir()
