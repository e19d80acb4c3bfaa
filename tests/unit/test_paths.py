"""Where the course keeps what it makes, when the usual place is none."""

import os

import pytest

from helpers import paths
from tests.unit.builder.test_context import in_a_process


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for name in ("MULTISTAGE_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def read_only(monkeypatch, folder):
    real = os.access
    monkeypatch.setattr(paths.os, "access", lambda path, mode: not str(path).startswith(str(folder)) and real(path, mode))


def test_the_home_that_can_be_written_is_used(tmp_path):
    assert paths.state() == tmp_path / "home/.local/state/multistage-course"
    (tmp_path / "home/.local").mkdir(parents=True)
    assert paths.cache() == tmp_path / "home/.cache/multistage-course"


def test_a_home_that_cannot_be_written_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    read_only(monkeypatch, tmp_path / "home")
    assert paths.state() == tmp_path / f"tmp/multistage-course-{os.getuid()}-state"
    assert paths.cache() != paths.state()
    paths.state().mkdir()
    assert paths.state() == tmp_path / f"tmp/multistage-course-{os.getuid()}-state"   # again, now that it is there


def test_no_home_at_all(tmp_path, monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(paths.Path, "home", none)
    assert paths.state().parent == tmp_path / "tmp"


def test_a_spare_folder_that_somebody_else_made_is_not_used(tmp_path, monkeypatch):
    read_only(monkeypatch, tmp_path)
    own = paths.state()
    own.symlink_to(tmp_path)   # what somebody may lay there
    assert paths.state() == own.with_name(f"{own.name}-1")
    own.unlink()
    own.mkdir()
    monkeypatch.setattr(paths.os, "getuid", lambda: 4711)
    theirs = paths.state()
    theirs.mkdir()   # by this user, who is not 4711
    assert paths.state() == theirs.with_name(f"{theirs.name}-1")


def test_a_tree_is_deleted_though_its_folders_are_closed_to_their_owner(tmp_path):
    closed = tmp_path / "tree" / "closed"
    (closed / "in").mkdir(parents=True)
    closed.chmod(0)
    in_a_process("import sys\nfrom helpers import paths\npaths.remove(sys.argv[1])", tmp_path / "tree", as_user=True)
    assert not (tmp_path / "tree").exists()
