"""Who wrote to a disk, as far as this machine's processes show it."""

import os
import threading
import time

from helpers.limits import Bounds, _in_sight, held, roots


def process(proc, number, environment, *words):
    place = proc / str(number)
    place.mkdir(parents=True)
    (place / "environ").write_bytes(environment.encode() + b"\0PATH=/bin\0")
    (place / "cmdline").write_bytes(b"\0".join(map(os.fsencode, words)) + b"\0")


def test_proot_s_arguments_name_the_folder_that_a_command_writes_to(tmp_path):
    process(tmp_path, 1, "NO_PROXY=localhost,mine", "python", "jail.py", "/opt/proot/usr/bin/proot", "-r", "/trees/7", "-w", "/", "sh")
    process(tmp_path, 2, "NO_PROXY=theirs", "python", "jail.py", "/usr/bin/proot", "-r", "/trees/8", "sh")
    process(tmp_path, 3, "NO_PROXY=yours,mine", "cp", "-r", "/a", "/b")
    process(tmp_path, 4, "NO_PROXY=mine", "/usr/bin/proot", "-r")
    assert {str(each) for each in roots("mine", tmp_path)} == {"/trees/7"}


def test_older_files_are_not_counted(tmp_path):
    (tmp_path / "base").write_bytes(b"x" * 100_000)
    os.utime(tmp_path / "base", (1, 1))
    (tmp_path / "made").write_bytes(b"x" * 50_000)
    assert held(tmp_path) >= 150_000 <= held(tmp_path, 1)
    assert 50_000 <= held(tmp_path, time.time() - 60) < 100_000


def test_a_build_is_not_stopped_for_the_writes_of_others(tmp_path):
    (tmp_path / "made").write_bytes(b"x" * 50_000)
    bounds = Bounds(1, 1_000_000, tmp_path, roots={tmp_path})
    bounds._since = time.time() - 60
    assert not bounds.guilty()
    (tmp_path / "more").write_bytes(b"x" * 600_000)
    assert bounds.guilty()


def test_a_build_is_stopped_at_the_time_limit():
    bounds, stopped = Bounds(0, 1), threading.Event()
    with bounds.watched(stopped.set):
        assert stopped.wait(60)
    assert bounds.exceeded == "time"


def test_the_course_s_own_engine_can_be_inspected(tmp_path):
    process(tmp_path, 1, "A=b", "python", "-m", "helpers.smaller")
    (tmp_path / "1/comm").write_text("python\n")
    assert not _in_sight(tmp_path)
    process(tmp_path, 2, "A=b", "python", "-m", "helpers.engine.proot", "/folder")
    (tmp_path / "2/comm").write_text("python\n")
    assert _in_sight(tmp_path)
