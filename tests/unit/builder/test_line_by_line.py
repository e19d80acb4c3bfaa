"""What a line changed, which arguments it sees, and what COPY --from took: without an engine.

Two folders and this machine's own shell take the place of two states of a build.
"""

import contextlib
import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from helpers import dockerfile
from helpers.builder import BuildResult, Lines, Room, line_by_line
from helpers.builder.control import CallFailed, Mount
from helpers.builder.crossings import Crossing, crossings, rooms
from helpers.builder.line_by_line import Changes, compare
from helpers.builder.snapshot import BorrowedShell, Snapshot
from helpers.dockerfile.scope import arguments
from helpers.errors import Unsupported
from tests.unit.builder.test_snapshots import State

ARGS = dockerfile.parse("""ARG VERSION=3
FROM debian AS one
ARG VERSION
ARG NAME=a OTHER
ENV HOME=/home
ARG PLACE=$HOME/$NAME
FROM one AS two
ARG LATE=1
FROM debian
RUN true
""")


SEEN = {"VERSION": "3", "NAME": "a", "OTHER": "", "PLACE": "/home/a"}


@pytest.mark.parametrize("line, given, seen", [
    (2, {}, {}), (3, {}, {"VERSION": "3"}), (4, {}, {"VERSION": "3", "NAME": "a", "OTHER": ""}), (6, {}, SEEN), (7, {}, SEEN),
    (8, {}, SEEN | {"LATE": "1"}), (10, {}, {}), (4, {"NAME": "b"}, {"VERSION": "3", "NAME": "b", "OTHER": ""}),
    (6, {"NAME": "b", "LATE": "2"}, SEEN | {"NAME": "b", "PLACE": "/home/b"})])
def test_an_argument_is_in_scope_below_its_line_and_in_the_stages_on_top(line, given, seen):
    assert arguments(ARGS, line, given) == seen


class Folders(State):
    """A State in which folders can be asked for, too."""

    def stat(self, path):
        if any(each.startswith(f"{path}/") for each in self._files):
            return SimpleNamespace(mode=0o040755, is_dir=True)
        return super().stat(path)


def snapshots(text, stages, before=()):
    read = dockerfile.parse(text)
    return SimpleNamespace(
        dockerfile=read, target=read.stages[-1].label, stage=lambda name: Snapshot(name, Folders(*stages.get(name, ()))),
        before=lambda line: Snapshot("", Folders(*before, config={"WorkingDir": "/srv", "Env": ["WHERE=/opt"]})),
        arguments=lambda line: {"OUT": "/out"})


TAKEN = "FROM a AS build\nFROM b AS never\nCOPY --from=build /x /x\nFROM c\n"


@pytest.mark.parametrize("copy, taken", [
    ("COPY --from=build /out/app app", [("/out/app", "/srv/app")]),
    ("COPY --from=build /out/app bin/", [("/out/app", "/srv/bin/app")]),
    ("COPY --from=build $OUT/app $WHERE/app", [("/out/app", "/opt/app")]),
    ("COPY --from=build /out /there", [("/out", "/there")]),
    ("COPY --from=build /out/app /exists", [("/out/app", "/exists/app")]),
    ("COPY --from=0 /out/a* /there/", [("/out/app", "/there/app"), ("/out/app2", "/there/app2")]),
    ("COPY --from=busybox /bin/sh /sh", [])])
def test_what_copy_took_is_known_in_both_stages(copy, taken):
    found = snapshots(TAKEN + copy, {"build": ["/out/app", "/out/app2", "/out/b"]}, before=["/exists/x"])
    assert [(each.taken, each.put) for each in crossings(found)] == taken
    assert all((each.source, each.target, each.line) == ("build", "stage-2", 5) for each in crossings(found))


def test_the_kitchen_and_the_dining_room_stand_beside_each_other():
    found = snapshots(f"{TAKEN}COPY --from=build /out/app /app\n", {"build": ["/out/app", "/etc/a"], "stage-2": ["/app"]})
    both = rooms(found)
    assert [room.name for room in both.rooms] == ["build", "stage-2"]
    assert [(entry.name, mark) for entry, mark in both.rooms[0].entries()] == [
        ("etc", ""), ("out", "holds what line 5 copies")]
    assert [mark for _, mark in both.rooms[1].entries()] == ["from build, line 5"]
    assert [room.name for room in rooms(found, ["never"]).rooms] == ["never"]
    assert [room.name for room in rooms(snapshots("FROM a AS x\nFROM b AS y\n", {})).rooms] == ["y"]   # it takes nothing


@pytest.mark.parametrize("path, mark", [
    ("/out", "copied to last, line 4"), ("/out/a/b", "copied to last, line 4"), ("/outside", ""), ("/", "holds what line 4 copies")])
def test_all_of_a_folder_that_was_copied_is_marked(path, mark):
    assert Room("build", Snapshot("", State()), [Crossing(4, "build", "last", "/out", "/")]).mark(path) == mark


def test_a_file_is_shown_up_to_a_bound_and_a_binary_one_is_not():
    def text(data, mode=0o100644, size=0, **facts):
        state = SimpleNamespace(read=lambda path, limit: data[:limit])
        entry = SimpleNamespace(size=size or len(data), mode=mode, is_link=False, is_dir=False, **facts)
        return Room("x", Snapshot("", state), []).text("/f", entry)

    assert text(b"caf\xc3\xa9\n") == "caf\u00e9\n"
    assert text(b"\x7fELF\0") == "A binary file of 5 B."
    assert text(b"a" * 50_000).endswith("a\n... the first 20.0 kB of 50.0 kB.")


def test_lines_are_those_of_the_stages_that_are_built():
    found = Lines(snapshots(f"{TAKEN}COPY --from=build /out/app /app\n", {}))
    assert [(line.number, line.stage) for line in found] == [(1, "build"), (4, "stage-2"), (5, "stage-2")]
    assert found[1].before is None and found[1].changes is None and found.at(5).text == "COPY --from=build /out/app /app"
    quiet = Lines(snapshots("FROM a\nENV X=1\n", {}))
    assert quiet[1].changes == Changes()


def test_a_borrowed_shell_comes_after_what_is_there_and_brings_libraries_only_where_it_must():
    mounts = (Mount("ref", "/.multistage"),)
    assert BorrowedShell("alpine", mounts).env({"PATH": "/bin", "A": "1"}) == {
        "A": "1", "PATH": "/bin:/.multistage/bin:/.multistage/sbin:/.multistage/usr/bin:/.multistage/usr/sbin"}
    bare = BorrowedShell("alpine", mounts, ("/.multistage/lib",)).env({})
    assert bare["PATH"].startswith("/.multistage/bin") and bare["LD_LIBRARY_PATH"] == "/.multistage/lib"


def test_where_the_builder_keeps_nothing_a_browser_says_so_at_once():
    result = BuildResult("sha256:1", "", "legacy", 1.0, (), (), (), None, ARGS, SimpleNamespace())
    for look in (result.browse, result.lines, lambda: result.at(2)):
        with pytest.raises(Unsupported, match="cannot be looked into"):
            look()


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
