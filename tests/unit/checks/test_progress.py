"""The learner's one file: kept, merged, set aside."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.checks import Fail, Verdict, progress
from helpers.errors import CourseError


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    path = tmp_path / "kept" / "progress.json"
    monkeypatch.setenv("MULTISTAGE_PROGRESS", str(path))
    return path


def verdict(passed, holds=3, text="FROM scratch\n"):
    held = tuple("abcdefgh"[:holds])
    return Verdict("01-a", "Dockerfile", ("syntax", *held), () if passed else (Fail("size", "big"),), text=text,
                   goals=held if passed else (*held, "size"))


def test_attempts_at_other_goals_are_not_compared():
    old, new = progress.Record(1, last="2026-01-01", holds=7, of=8), progress.Record(1, last="2026-01-02", holds=1, of=9)
    assert old.merged(new).of == new.merged(old).of == 9


def test_the_best_attempt_is_kept_and_all_are_counted(mine):
    assert progress.load().records == {} and not mine.exists()
    progress.attempted(verdict(False, 2, "a"))
    progress.attempted(verdict(True, 5, "b"))
    progress.attempted(verdict(False, 4, "c"))
    record = progress.load().record("01-a")
    assert (record.attempts, record.holds, record.of, record.dockerfile) == (3, 5, 5, "b")
    assert record.passed


def test_hints_are_counted_no_further_than_there_are():
    for _ in range(4):
        progress.hinted("01-a", 3)
    assert progress.load().record("01-a").hints == 3
    progress.attempted(verdict(True))
    assert progress.load().record("01-a").hints == 3


def test_an_exported_file_is_merged_elsewhere(mine):
    progress.attempted(verdict(True, 5, "theirs"))
    progress.hinted("01-a", 3)
    taken = progress.export()
    mine.unlink()
    progress.attempted(verdict(False, 2, "mine"))
    progress.attempted(verdict(False, 2, "mine"))
    record = progress.merge(taken).record("01-a")
    assert (record.attempts, record.hints, record.dockerfile, record.of) == (2, 1, "theirs", 5)
    assert record.passed and progress.load().record("01-a") == record


def test_merging_twice_changes_nothing(mine):
    progress.attempted(verdict(True))
    taken = progress.export()
    progress.merge(taken)
    assert progress.export() == taken


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 1, "exercises": {"a": 3}}', b"\xff\xfe",
                                  b'{"version": 1, "exercises": {"a": {"attempts": "3"}}}'])
def test_a_damaged_file_is_set_aside_and_not_lost(mine, data):
    mine.parent.mkdir()
    mine.write_bytes(data)
    done = progress.attempted(verdict(True))
    aside, = [path for path in mine.parent.iterdir() if "damaged" in path.name]
    assert aside.read_bytes() == data and str(aside) == done.set_aside
    assert progress.load().record("01-a").passed
    with pytest.raises(CourseError, match="not an exported progress file"):
        progress.merge(data)


def test_a_newer_file_is_left_alone(mine):
    mine.parent.mkdir()
    mine.write_text(json.dumps({"version": 2, "exercises": {}}))
    with pytest.raises(CourseError, match="version 2"):
        progress.attempted(verdict(True))
    assert json.loads(mine.read_text())["version"] == 2


def test_two_at_once_lose_nothing():
    def many():
        for _ in range(20):
            progress.attempted(verdict(False))

    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda _: many(), range(2)))
    assert progress.load().record("01-a").attempts == 40
