"""Every exercise: its starter fails, its sample and other right answers pass, and wrong ones fail with the right reason.

The checks of one run share a word in the source, so that they share the builder's cache. Learners get a new word for each
check.
"""

import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from helpers import dockerfile as dockerfiles
from helpers.checks import EXERCISES, check, find, measure, names, requirements
from helpers.checks.building import build_exercise
from helpers.checks.dockerfile_rules import RULES
from helpers.checks.placeholders import random_word
from helpers.checks.runner import Attempt
from helpers.errors import BuildFailed

HERE = Path(__file__).parent
BUILDER = os.environ.get("MULTISTAGE_EXERCISE_BUILDER") or None   # None: the engine's default
WORD = "qvzkwjxyph"
LIMITS = {"time": {"seconds": 3}, "disk": {"disk": 50_000_000}}   # less than a learner may need
TRICKS = frozenset({"base-that-has-it", "built-beforehand", "canned-answer", "canned-page", "compiler-renamed",
                    "debug-compiled-again", "deleted-afterwards", "fat-base", "forged-labels",
                    "nothing-waits-for-the-tests", "one-run-and-deleted", "prebuilt-base", "reads-the-check",
                    "source-before-packages", "stage-never-used", "stamp-put-back", "tests-that-pass-anyway",
                    "words-of-success"})
# Each builds three images, and fails by the rule of another one that `make test` runs.
NIGHTLY = frozenset({"certificates-forgotten", "certificates-of-a-base", "venv-without-its-python"})
_FAILS = re.compile(r"#\s*fails:\s*(\S.*?)\s*$")


def submissions(kind: str) -> list[tuple[str, Path]]:
    """(exercise, Dockerfile) of each."""
    return [(folder.parent.name, path / "Dockerfile" if path.is_dir() else path)
            for folder in sorted(HERE.glob(f"*/{kind}")) for path in sorted(folder.iterdir())]


def slug(path: Path) -> str:
    return path.parent.name if path.name == "Dockerfile" else path.name.removesuffix(".Dockerfile")


def expected(path: Path) -> str:
    """The rule in the first comment; a parser directive has to come before it."""
    found = next(filter(None, map(_FAILS.match, path.read_text().splitlines()[:2])), None)
    assert found, f"{path}: the first line names the rule, '# fails: RULE'"
    return found[1]


def needs_a_build(path: Path) -> bool:
    return expected(path) not in (*RULES, "lint")


def exercise_param(name: str, *more, nightly: bool = False, id: str = ""):
    """A test of an exercise."""
    marks = [pytest.mark.nightly] if nightly else []
    return pytest.param(name, *more, marks=marks, id="-".join(filter(None, (name, id))))


def each_exercise():
    return pytest.mark.parametrize("name", [exercise_param(name) for name in names()])


def each_right():
    """`make test` runs the first of each exercise."""
    known, seen = [], set()
    for name, path in submissions("right"):
        known.append(exercise_param(name, path, nightly=name in seen, id=slug(path)))
        seen.add(name)
    return pytest.mark.parametrize("name, path", known)


def each_wrong():
    """`make test` runs a trick that several exercises have in the first of them only, unless its text alone fails."""
    known, seen = [], set()
    for name, path in submissions("wrong"):
        trick = slug(path) in TRICKS and needs_a_build(path)
        known.append(exercise_param(name, path, nightly=trick and slug(path) in seen or slug(path) in NIGHTLY, id=slug(path)))
        if trick:
            seen.add(slug(path))
    return pytest.mark.parametrize("name, path", known)


def filled(text, engine):
    """A Dockerfile with this machine's digests of bases, and the offset of exercise 15, in place of the zeros."""
    text = re.sub(r"(\S+)@sha256:0{64}", lambda found: f"{found[1]}@{measure.digest(found[1], engine)}", text)
    return text.replace("OFFSET=000", f"OFFSET={offset(engine)}") if "OFFSET=000" in text else text


@cache
def offset(engine):
    """The number in the log of the step that fails, printed by the step, which works with every builder."""
    exercise = find("15")
    text = exercise.starter.read_text().replace("sh configure", "sh configure || { cat config.log; exit 1; }")
    with pytest.raises(BuildFailed) as caught:
        build_exercise(exercise, text, exercise.source(), {}, engine=engine, builder=BUILDER)
    return re.search(r"OFFSET=(\d{3})\b", " ".join(caught.value.log))[1]


def judged(exercise, path, engine, builder=BUILDER):
    """The verdict; skipped where this engine cannot judge the exercise, and says so."""
    verdict = check(exercise, path, text=filled(path.read_text(), engine), builder=builder, engine=engine, word=WORD)
    if verdict.lacks:
        assert not verdict.passed and not verdict.fails
        pytest.skip(" ".join(verdict.lacks))
    return verdict


def must_pass(exercise, path, engine, builder=BUILDER):
    verdict = judged(exercise, path, engine, builder)
    assert verdict.passed and verdict.met == verdict.goals, str(verdict)


def must_fail(exercise, path, engine, builder=BUILDER):
    rule = expected(path)
    limits = LIMITS.get(rule.rpartition(" ")[2], {})
    verdict = judged(replace(exercise, build=replace(exercise.build, **limits)), path, engine, builder)
    assert [fail.rule for fail in verdict.fails][:1] == [rule], str(verdict)


@each_exercise()
def test_a_starter_fails_but_builds(name, engine):
    """It fails for what it ships or how it is written, unless the exercise is about a failing build."""
    exercise = find(name)
    verdict = judged(exercise, exercise.starter, engine)
    assert not verdict.passed
    if exercise.build.starter_fails:
        assert [fail.rule for fail in verdict.fails] == ["builds"]
    elif "builds" not in verdict.holds:    # its text was enough
        read = dockerfiles.parse(exercise.starter.read_text())
        if lacking := requirements.lacks(exercise, read, engine, BUILDER):
            pytest.skip(" ".join(lacking))
        with Attempt(exercise, read, exercise.source(), BUILDER, engine, word=WORD) as attempt:
            assert attempt.build(exercise.source()).stages[-1].status in ("built", "cached")


@each_exercise()
def test_a_sample_passes(name, engine):
    exercise = find(name)
    must_pass(exercise, exercise.folder / "solution" / "Dockerfile", engine)


@each_right()
def test_another_right_one_passes(name, path, engine):
    exercise = find(name)
    must_pass(exercise, path, engine)
    assert path.read_text() != (exercise.folder / "solution" / "Dockerfile").read_text()


@each_wrong()
def test_a_wrong_one_fails_with_its_reason(name, path, engine):
    must_fail(find(name), path, engine)


def test_the_failed_step_has_the_number_that_its_message_keeps_to_itself(engine):
    exercise = find("15")
    with pytest.raises(BuildFailed, match="configure") as caught:
        build_exercise(exercise, exercise.starter.read_text(), exercise.source(), {}, engine=engine)
    assert "OFFSET" not in f"{caught.value} {caught.value.log}"
    if caught.value.snapshots is None:
        pytest.skip("this engine's builder keeps no state of a build")
    with caught.value.snapshots:
        done = caught.value.state.run("[ -e config.log ] || sh configure; cat config.log")    # Docker 20.10 keeps the state before
    assert f"OFFSET={offset(engine)}." in done.output


# The legacy builder has no cache mounts, so Go would compile for half a minute each time. This exercise is quick.
LEGACY = next(name for name in names() if name.startswith("10-"))


def legacy(engine) -> str:
    if "legacy" not in engine.builders or engine.mounts("legacy"):
        pytest.skip("this engine has no legacy builder of Docker's")
    return "legacy"


def test_a_sample_passes_on_the_legacy_builder(engine):
    exercise = find(LEGACY)
    must_pass(exercise, exercise.folder / "solution" / "Dockerfile", engine, legacy(engine))


@pytest.mark.parametrize("name, path", [
    exercise_param(name, path, nightly=slug(path) != "not-stripped", id=slug(path))
    for name, path in submissions("wrong") if name == LEGACY])
def test_a_wrong_one_fails_on_the_legacy_builder(name, path, engine):
    must_fail(find(name), path, engine, legacy(engine))


@each_exercise()
def test_there_are_enough_of_both(name):
    wrong = [path for exercise, path in submissions("wrong") if exercise == name]
    right = [path for exercise, path in submissions("right") if exercise == name]
    assert len(wrong) >= 6 and len(right) >= 2


def test_every_trick_is_tried():
    assert {slug(path) for _, path in submissions("wrong")} >= TRICKS


def test_every_submission_belongs_to_an_exercise():
    assert {name for kind in ("right", "wrong") for name, _ in submissions(kind)} <= set(names())
    assert EXERCISES.is_dir()
