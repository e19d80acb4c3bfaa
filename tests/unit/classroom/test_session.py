"""Updates of a learner's home when the course changes."""

import importlib.util
import os
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("session", Path(__file__).resolve().parents[3] / "deploy" / "session.py")
session = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(session)


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks" / "01.ipynb").write_text("first version")
    (folder / "start").write_text("run")
    (folder / "start").chmod(0o755)
    return folder


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_a_new_home_gets_the_whole_course(course, home):
    assert session.update(course, home) == []
    assert (home / "notebooks" / "01.ipynb").read_text() == "first version"
    assert os.access(home / "start", os.X_OK)


@pytest.mark.parametrize("mine, new, left", [
    ("my outputs", "first version", "my outputs"), ("first version", "second version", "second version"),
    (None, "first version", "first version")])
def test_a_file_changed_by_one_side_only_is_not_set_aside(course, home, mine, new, left):
    session.update(course, home)
    file = home / "notebooks" / "01.ipynb"
    file.unlink() if mine is None else file.write_text(mine)
    (course / "notebooks" / "01.ipynb").write_text(new)
    assert session.update(course, home) == []
    assert file.read_text() == left and len([*file.parent.iterdir()]) == 1


def test_a_file_changed_by_both_sides_is_set_aside(course, home):
    session.update(course, home)
    for number, expected in ((2, "01.mine.ipynb"), (3, "01.mine-2.ipynb")):
        (home / "notebooks" / "01.ipynb").write_text(f"my work {number}")
        (course / "notebooks" / "01.ipynb").write_text(f"version {number}")
        assert [each.name for each in session.update(course, home)] == [expected]
        assert (home / "notebooks" / "01.ipynb").read_text() == f"version {number}"
        assert (home / "notebooks" / expected).read_text() == f"my work {number}"


def test_a_learner_s_own_file_is_set_aside(course, home):
    (home / "start").write_text("mine, from before")
    assert [each.name for each in session.update(course, home)] == ["start.mine"]


def test_files_removed_from_the_course_are_deleted_unless_changed(course, home):
    (course / "old").write_text("old")
    (course / "edited").write_text("old")
    session.update(course, home)
    (home / "edited").write_text("mine")
    for name in ("old", "edited"):
        (course / name).unlink()
    session.update(course, home)
    assert not (home / "old").exists() and (home / "edited").read_text() == "mine"


def test_shared_caches_are_copied_once(tmp_path):
    shared, own = tmp_path / "shared", tmp_path / "own"
    for name in ("cache/layers/1", "state/podman/tmp/buildah-cache-1000/go", "state/verdicts.json"):
        (shared / name).parent.mkdir(parents=True, exist_ok=True)
        (shared / name).write_text("shared")
    session.take_over(shared, own)
    (own / "cache/layers/1").write_text("own")
    session.take_over(shared, own)
    assert (own / "cache/layers/1").read_text() == "own"
    assert (own / "state/podman/tmp/buildah-cache-1000/go").read_text() == "shared"
    assert not (own / "state/verdicts.json").exists()
