"""The commands for exercises, without an engine."""

import csv
import json

import pytest

from helpers import cli
from helpers.checks import Fail, Verdict, find, names, points, progress


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTISTAGE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.chdir(tmp_path)
    for name in ("helpers.checks.runner.connect", "helpers.engine.connect"):
        monkeypatch.setattr(name, lambda: pytest.fail("the engine was asked"))


def asked(capsys, *words):
    code = cli.main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_starter_is_refused_without_an_engine(capsys):
    starter = find("01").starter
    code, facts = asked(capsys, "check", "01", "--dockerfile", str(starter))
    assert code == 1
    assert {"exercise", "passed", "holds", "fails", "hint"} <= set(facts)
    assert (facts["exercise"], facts["passed"]) == ("01-split-the-stage", False)
    assert {"rule": "syntax", "message": "The Dockerfile can be read."} in facts["holds"]
    assert [(each["rule"], each["line"]) for each in facts["fails"]] == [("single-stage", 1)]
    assert facts["hints"] == {"taken": 0, "of": 3} and facts["hint"].startswith("Hint 1 of 3")
    assert progress.load().record("01-split-the-stage").attempts == 1


def test_a_verdict_as_text(capsys):
    assert cli.main(["check", "01", "--dockerfile", str(find("01").starter)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("Not yet: 01-split-the-stage.") and "✘ single-stage: Line 1:" in out


@pytest.mark.parametrize("words", [("check", "nothing-like-it"), ("check", "01", "--dockerfile", "/nowhere/Dockerfile"),
                                   ("hint", "nothing-like-it")])
def test_an_unknown_exercise_or_file_exits_with_2(capsys, words):
    code, facts = asked(capsys, *words)
    assert code == 2 and facts["error"]["kind"] == "ExerciseError"


@pytest.fixture
def tried(tmp_path, monkeypatch):
    """A copy of the exercises where only 01 was tried."""
    import shutil

    from helpers.checks import EXERCISES, exercise

    folder = tmp_path / "exercises"
    shutil.copytree(EXERCISES, folder, ignore=shutil.ignore_patterns("work"))
    monkeypatch.setattr(exercise, "EXERCISES", folder)
    work = folder / "01-split-the-stage" / "work"
    work.mkdir()
    shutil.copy(work.parent / "Dockerfile", work)


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_tried_exercises_are_written_as_points(capsys, tmp_path, tried, ending):
    file = tmp_path / f"points.{ending}"
    code, verdicts = asked(capsys, "check", "--all", "--points", str(file))
    assert code == 1 and [each["exercise"] for each in verdicts] == ["01-split-the-stage"]
    rows = json.loads(file.read_text()) if ending == "json" else list(csv.DictReader(file.open()))
    assert [each["exercise"] for each in rows] == names()
    assert [int(each["points"]) for each in rows] == [len(verdicts[0]["goals"]["met"]), *[0] * (len(rows) - 1)]
    assert int(rows[0]["of"]) == verdicts[0]["goals"]["of"] and all(int(each["of"]) > 0 for each in rows)


def test_each_goal_met_is_a_point():
    exercise = find("01")
    verdict = Verdict(exercise.name, "Dockerfile", ("syntax", "size", "user"), (Fail("answers", "No answer."),), goals=("size", "user", "answers"))
    one, other = points.of([exercise, find("02")], [verdict])
    assert (one.points, one.passed, other.points, other.passed) == (2, False, 0, False)


def test_one_dockerfile_cannot_be_checked_for_all_exercises(capsys, tried):
    assert asked(capsys, "check", "--all", "--dockerfile", "Dockerfile")[0] == 2


def test_hints_are_given_one_at_a_time(capsys):
    given = [asked(capsys, "hint", "01")[1] for _ in range(4)]
    assert [each["taken"] for each in given] == [1, 2, 3, 3]
    assert len({each["hint"] for each in given}) == 3


def test_exercises_are_listed(capsys):
    code, facts = asked(capsys, "exercises")
    assert code == 0 and facts[0] == {"exercise": "01-split-the-stage", "title": "Split the stage", "minutes": 15, "passed": None}


def test_progress_is_exported_and_imported(capsys, tmp_path):
    asked(capsys, "hint", "01")
    assert cli.main(["progress", "--export", str(tmp_path / "out.json")]) == 0
    progress.path().unlink()
    capsys.readouterr()
    code, facts = asked(capsys, "progress", "--import", str(tmp_path / "out.json"))
    assert code == 0 and facts["exercises"]["01-split-the-stage"]["hints"] == 1
    (tmp_path / "other.json").write_text("[]")
    assert asked(capsys, "progress", "--import", str(tmp_path / "other.json"))[0] == 1
    assert asked(capsys, "progress", "--import", str(tmp_path / "nowhere.json"))[0] == 1
