"""What a line changed, which arguments it sees, and what COPY --from took: without an engine."""

from types import SimpleNamespace

import pytest

from helpers import dockerfile
from helpers.builder import BuildResult, Lines, Room
from helpers.builder.control import Mount
from helpers.builder.crossings import Crossing, crossings, rooms
from helpers.builder.line_by_line import Changes
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
