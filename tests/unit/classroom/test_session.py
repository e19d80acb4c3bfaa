"""What a learner's home keeps when the course changes."""

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


def test_work_stays_while_the_course_does_not_change(course, home):
    session.update(course, home)
    (home / "notebooks" / "01.ipynb").write_text("my outputs")
    assert session.update(course, home) == []
    assert (home / "notebooks" / "01.ipynb").read_text() == "my outputs"


def test_a_new_version_takes_the_place_of_a_file_that_nobody_changed(course, home):
    session.update(course, home)
    (course / "notebooks" / "01.ipynb").write_text("second version")
    assert session.update(course, home) == []
    assert (home / "notebooks" / "01.ipynb").read_text() == "second version"


def test_a_changed_file_lies_beside_the_new_version(course, home):
    session.update(course, home)
    for number, expected in ((2, "01.mine.ipynb"), (3, "01.mine-2.ipynb")):
        (home / "notebooks" / "01.ipynb").write_text(f"my work {number}")
        (course / "notebooks" / "01.ipynb").write_text(f"version {number}")
        assert [each.name for each in session.update(course, home)] == [expected]
        assert (home / "notebooks" / "01.ipynb").read_text() == f"version {number}"
        assert (home / "notebooks" / expected).read_text() == f"my work {number}"


def test_a_file_that_the_learner_made_is_never_replaced(course, home):
    (home / "start").write_text("mine, from before")
    assert [each.name for each in session.update(course, home)] == ["start.mine"]


def test_what_the_course_no_longer_has_goes_unless_it_was_changed(course, home):
    (course / "old").write_text("old")
    (course / "edited").write_text("old")
    session.update(course, home)
    (home / "edited").write_text("mine")
    for name in ("old", "edited"):
        (course / name).unlink()
    session.update(course, home)
    assert not (home / "old").exists() and (home / "edited").read_text() == "mine"


def test_a_deleted_notebook_comes_back(course, home):
    session.update(course, home)
    (home / "notebooks" / "01.ipynb").unlink()
    session.update(course, home)
    assert (home / "notebooks" / "01.ipynb").read_text() == "first version"


def test_caches_are_taken_over_once(tmp_path):
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
