"""The file systems of real builds: any stage, any line, and the step that failed."""

import os
import pty
import select
import subprocess
import sys
import threading
import time
import uuid

import pytest

from helpers.bases import status
from helpers.builder import Lines, build
from helpers.builder.control import CallFailed
from helpers.builder.line_by_line import Changes
from helpers.builder.snapshot import IMAGES
from helpers.builder.tunnel import upgradable
from helpers.errors import BuildFailed, Unsupported

BASE = "debian:bookworm-slim"


@pytest.fixture(scope="module")
def word():
    return uuid.uuid4().hex


@pytest.fixture(scope="module")
def result(engine, tmp_path_factory, word):
    if not upgradable(engine):
        pytest.skip("this engine has no BuildKit")
    folder = tmp_path_factory.mktemp("app")
    (folder / "hello.txt").write_text("hello")
    (folder / "Dockerfile").write_text(f"""FROM {BASE} AS builder
WORKDIR /stove
ENV GREETING=hello
COPY hello.txt /hello.txt
RUN echo {word} > pot && mkdir -p a/b

FROM scratch
COPY --from=builder /stove/pot /
""")
    made = build(folder, engine=engine)
    yield made
    made.snapshots.close()


@pytest.fixture(scope="module")
def folder(result):
    """The build context of `result`."""
    return result.snapshots._prepared.request.folder


@pytest.fixture(scope="module")
def failure(engine, tmp_path_factory, result, word):
    folder = tmp_path_factory.mktemp("fails")
    (folder / "Dockerfile").write_text(f"FROM {BASE} AS builder\nWORKDIR /stove\nRUN echo {word} > partial; exit 4\n")
    with pytest.raises(BuildFailed) as caught:
        build(folder, engine=engine)
    caught.value.folder = folder
    yield caught.value
    caught.value.snapshots.close()


def test_a_stage_that_is_not_shipped_is_read_like_the_one_that_is(result, word):
    builder, last = result.stage("builder"), result.stage("stage-1")
    assert builder.read("/stove/pot").decode().strip() == word
    assert builder.tree("/stove", 3).split() == ["/stove", "a/", "b/", "pot"]
    assert [entry.name for entry in last.files()] == ["pot"]


def test_each_line_shows_what_it_changed(result):
    assert not result.at(1).has("/stove") and result.at(2).has("/stove")
    assert (result.at(2).workdir, "GREETING" in result.at(2).env, result.at(3).env["GREETING"]) == ("/stove", False, "hello")
    assert not result.snapshots.before(4).has("/hello.txt") and result.at(4).read("/hello.txt") == b"hello"
    assert not result.at(4).has("/stove/pot")


def test_a_second_from_begins_with_nothing(result):
    assert result.at(7).files() == () and result.at(7).env.keys() <= {"PATH"}


def test_a_command_runs_after_any_line_and_changes_nothing(result):
    done = result.at(4).run("pwd; echo $GREETING; touch new; ls -A")
    assert (done.exit_code, done.output) == (0, "/stove\nhello\nnew\n")
    assert not result.at(4).has("/stove/new")


def test_what_each_line_changed_is_seen_in_its_files(result, word):
    lines = result.lines()
    changes = {line.number: line.changes for line in lines}
    assert [line.number for line in lines] == [1, 2, 3, 4, 5, 7, 8]
    assert changes[1] is None and changes[7] is None and changes[3] == Changes()
    assert changes[2].added == ("/stove",) and changes[4].added == ("/hello.txt",)
    assert changes[5].added == ("/stove/a", "/stove/a/b", "/stove/pot") and not changes[5].removed
    assert changes[8].added == ("/pot",)      # in a stage without a shell: the builder's base compares
    assert "GREETING" not in lines.at(3).before.env and lines.at(3).after.env["GREETING"] == "hello"


HAD = """mkdir -p /srv/same/deep /srv/deep/a/b /srv/deep/a/mode /srv/gone/x /srv/again/x /srv/kind/folder && cd /srv &&
for each in same/deep deep/a/b deep/a gone/x again/x kind/folder; do echo 1 > $each/file; done &&
echo 1 > deep/a/b/deleted && echo 1 > deep/a/touched && echo 1 > deep/a/locked && echo 1 > kind/file && echo 1 > kind/old"""
DOES = """cd /srv && echo 2 > deep/a/b/new && echo 2 > deep/a/b/file && rm deep/a/b/deleted && chmod 700 deep/a/mode &&
chmod 600 deep/a/locked && touch -d @1 deep/a/touched && rm -r gone && rm -r again && mkdir -p again/x &&
echo 1 > again/x/other && rm -r kind/folder && echo 1 > kind/folder && rm kind/file && mkdir kind/file &&
echo 1 > kind/file/below && mv kind/old kind/renamed && mkdir "it's" && echo 1 > "it's/a b" && chown 1 same && touch same/deep"""


def test_all_that_a_run_did_to_deep_folders_is_found_and_nothing_else(engine, result, tmp_path):
    """`result` says that there is a BuildKit."""
    text = "\n".join([f"FROM {BASE}", *(f"RUN {' '.join(each.split())}" for each in (HAD, DOES))])
    with build(tmp_path, text=text, engine=engine).snapshots as snapshots:
        found = Lines(snapshots).at(3).changes
    assert found == Changes(
        ("/srv/again/x/other", "/srv/deep/a/b/new", "/srv/it's", "/srv/it's/a b", "/srv/kind/file/below", "/srv/kind/renamed"),
        ("/srv/deep/a/b/file", "/srv/deep/a/locked", "/srv/deep/a/mode", "/srv/deep/a/touched", "/srv/kind/file",
         "/srv/kind/folder", "/srv/same"),
        ("/srv/again/x/file", "/srv/deep/a/b/deleted", "/srv/gone", "/srv/gone/x", "/srv/gone/x/file",
         "/srv/kind/folder/file", "/srv/kind/old"))


def test_kitchen_and_dining_room_show_what_crossed(result):
    both = result.browse()
    marks = {room.name: {entry.name: mark for entry, mark in room.entries("/" if room.name != "builder" else "/stove")}
             for room in both.rooms}
    assert marks == {"builder": {"a": "", "pot": "copied to stage-1, line 8"}, "stage-1": {"pot": "from builder, line 8"}}
    pot = both.rooms[1].entries()[0][0]
    assert both.rooms[1].text("/pot", pot) == result.stage("builder").read("/stove/pot").decode()


def test_a_shell_is_mounted_from_another_image_where_there_is_none(result, engine):
    if not any(each.present for each in status(engine, IMAGES)):
        pytest.skip("no image with a busybox is here")
    last = result.stage("stage-1").snapshot
    lent = last.entered()
    assert lent.borrowed and lent.borrowed.image in IMAGES and result.at(4).entered().borrowed is None
    assert lent.run("cat pot; ls /stove").exit_code != 0 and lent.run("cat pot").output.split() == [result.at(5).read("/stove/pot").decode().strip()]
    assert last.run("ls /pot | wc -l", shell_from=lent.borrowed.image).output.strip() == "1"
    assert [entry.name for entry in last.files()] == ["pot"], "the mount stayed"
    with pytest.raises(Unsupported, match="has no /bin/busybox"):
        last.run("ls", shell_from=BASE)
    with pytest.raises(Unsupported, match="does not have nobody/has:this"):
        last.run("ls", shell_from="nobody/has:this")


def test_a_shell_keeps_its_folder_from_one_command_to_the_next(failure):
    shell, said, ended = failure.shell(), [], threading.Event()
    shell.wrote = lambda piece: (said.append(piece), ended.set() if "ended" in piece else None)
    shell.send("cd /etc; WORD=kept")
    shell.send("echo in $PWD, $WORD; exit 5")
    assert ended.wait(60) and "in /etc, kept\n" in "".join(said) and said[-1] == "[The shell ended with exit code 5.]\n"
    assert not any(set("\r\x1b") & set(piece) for piece in said)


def test_what_has_no_shell_says_so_and_still_shows_its_files(result):
    with pytest.raises(Unsupported, match="no shell"):
        result.stage("stage-1").snapshot.run("ls")
    with pytest.raises(CallFailed):
        result.stage("stage-1").read("/bin/sh")


def test_the_failed_step_is_entered_or_the_state_before_it(failure, word):
    state = failure.state
    if state.name.startswith("before"):      # Docker 20.10 keeps no failed step
        assert not state.has("/stove/partial")
    else:
        assert state.read("/stove/partial").decode().strip() == word
    assert state.workdir == "/stove" and state.command == ("/bin/sh", "-c", f"echo {word} > partial; exit 4")
    assert state.run(state.command).exit_code == 4
    assert state.run(f"echo {word} > whole; cat whole").output.strip() == word


def debug(folder, *options, **words):
    return subprocess.run([sys.executable, "-m", "helpers", "debug", str(folder), *options],
                          capture_output=True, text=True, timeout=120, **words)


def test_debug_runs_commands_where_the_build_failed(failure):
    done = debug(failure.folder, input="pwd; exit 3\n")
    assert (done.returncode, done.stdout) == (3, "/stove\n"), done.stderr
    assert "exit code 4" in done.stderr and "The command that failed" in done.stderr


def test_debug_mounts_a_shell_where_there_is_none_and_names_the_image(folder, engine):
    if not any(each.present for each in status(engine, IMAGES)):
        pytest.skip("no image with a busybox is here")
    done = debug(folder, input="ls\n")
    assert done.returncode == 0 and "pot" in done.stdout.split()
    assert "Its shell is busybox of" in done.stderr


def test_debug_opens_a_shell_on_a_terminal_after_any_line(failure):
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "helpers", "debug", str(failure.folder), "--line", "1"])
    said, asked, deadline = b"", False, time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            said += os.read(terminal, 4096)
        except OSError:     # the other end is closed
            break
        if not asked and said.endswith(b"# "):
            os.write(terminal, b"stty size; pwd; exit 6\r")
            asked = True
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 6
    assert b"After line 1" in said and said.split(b"exit 6")[-1].split() == [b"24", b"80", b"/"]
    os.close(terminal)
