"""What a step changed, found by this machine's own shell: two folders in place of two states of a build."""

import contextlib
import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from helpers.builder import line_by_line
from helpers.builder.control import CallFailed
from helpers.builder.line_by_line import Changes, compare


class Finder:
    """Starts a process here, and keeps what is written to it."""

    def __init__(self):
        self.asked = []

    @contextlib.contextmanager
    def container(self, network, more):
        assert network is False and all(each.readonly for each in more)
        yield self

    def start(self, process):
        child = subprocess.Popen(process.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 env=dict(each.split("=", 1) for each in process.env), bufsize=0)

        def write(data):
            self.asked.append(data.decode())
            child.stdin.write(data)

        def output():
            with child, child.stdin:
                yield 2, b"an error\0"
                while piece := child.stdout.read(7):
                    yield 1, piece

        return SimpleNamespace(write=write, output=output)


@pytest.fixture
def sides(tmp_path, monkeypatch):
    """Folders in place of the two states, each with the same file in it."""
    before, after = tmp_path / "before", tmp_path / "after"
    for side in (before, after):
        (side / "same/deep").mkdir(parents=True)
        (side / "same/deep/file").write_text("1")
        os.utime(side / "same/deep/file", ns=(1, 1))
    monkeypatch.setattr(line_by_line, "_SIDES", (str(before), str(after)))
    monkeypatch.setattr(line_by_line, "_SHELL", line_by_line._SHELL.replace("/.multistage/after", str(after)))
    return before, after


def found(finder=None):
    state = SimpleNamespace(ref="ref")
    return compare(state, state, finder or Finder(), shutil.which("sh"))


def test_files_and_folders_are_added_changed_and_removed_at_any_depth(sides):
    before, after = sides
    (after / "same/deep/new").write_text("")
    (after / "a b/it's").mkdir(parents=True)
    (after / "a b/it's/$x").write_text("")
    (before / "gone/below").mkdir(parents=True)
    (after / "same").chmod(0o700)
    assert found() == Changes(("/a b", "/a b/it's", "/a b/it's/$x", "/same/deep/new"), ("/same",), ("/gone", "/gone/below"))


@pytest.mark.parametrize("change", [
    lambda file: file.write_text("22"), lambda file: file.chmod(0o600), lambda file: os.utime(file, ns=(1, 2)),
    lambda file: (file.unlink(), file.symlink_to("x"))])
def test_a_file_is_changed_by_its_size_mode_time_or_kind(sides, change):
    change(sides[1] / "same/deep/file")
    assert found() == Changes(changed=("/same/deep/file",))


def test_a_file_in_place_of_a_folder_is_a_change_and_what_was_in_it_is_gone(sides):
    shutil.rmtree(sides[1] / "same/deep")
    (sides[1] / "same/deep").write_text("")
    assert found() == Changes(changed=("/same/deep",), removed=("/same/deep/file",))


def test_a_name_that_is_no_utf_8_is_kept(sides):
    name = os.fsdecode(b"caf\xe9")
    (sides[1] / name).mkdir()
    (sides[1] / name / "x").write_text("")
    assert found().added == (f"/{name}", f"/{name}/x")


def overlaid(monkeypatch, after):
    """Let the kernel's word be that these folders are overlayfs."""
    monkeypatch.setattr(line_by_line, "_SHELL", line_by_line._SHELL.replace(f"stat -f -c %t {after}", f"echo {line_by_line._OVERLAY}"))


def test_on_overlayfs_the_same_folder_of_one_layer_is_not_entered(sides, monkeypatch):
    before, after = sides
    shutil.rmtree(after)
    (after / "own").mkdir(parents=True)
    (after / "own/new").write_text("")
    overlaid(monkeypatch, after)
    monkeypatch.setattr(line_by_line, "_FIND", line_by_line._FIND.replace("%h %i %z", "2 5 9"))     # links, inode, time
    (before / "same/deep/file").unlink()
    (after / "same/deep/else").mkdir(parents=True)
    finder = Finder()
    assert found(finder) == Changes(("/own", "/own/new"))
    assert len(finder.asked) == 2 and f"{after}/same" not in finder.asked[1]


@pytest.mark.parametrize("telling", ["%h 5 9", "2 %i 9", "2 5 %z"])
def test_on_overlayfs_a_folder_of_other_links_inode_or_time_is_entered(sides, monkeypatch, telling):
    overlaid(monkeypatch, sides[1])
    monkeypatch.setattr(line_by_line, "_FIND", line_by_line._FIND.replace("%h %i %z", telling))
    (sides[1] / "same/new").mkdir()
    assert found() == Changes(("/same/new",))


def test_many_folders_are_asked_about_in_several_questions(sides, monkeypatch):
    monkeypatch.setattr(line_by_line, "_MANY", 2)
    overlaid(monkeypatch, sides[1])
    for number in range(5):
        (sides[1] / f"{number}").mkdir()
        (sides[1] / f"{number}/x").write_text("")
    assert len(found().added) == 10


def test_a_shell_that_ends_before_it_has_answered_is_an_error(sides, monkeypatch):
    monkeypatch.setattr(line_by_line, "_FIND", "exit 3; {} {}")
    with pytest.raises(CallFailed):
        found()


def test_a_finder_without_find_is_none(sides, monkeypatch, tmp_path):
    monkeypatch.setattr(line_by_line, "_PATH", f"PATH={tmp_path}")
    assert found() is None
