"""Other engines than this machine's, on what shows the most: the newest Docker in `make test`,
Podman too each night. `make engines` runs all tests on all."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.bases import ALL
from helpers.checks import find
from helpers.errors import CourseError
from tests.engines import daemon, kinds, rootfs, scripts, stock, suite
from tests.waiting import running, until

BASE = "debian:bookworm-slim"
LENDER = "nginx:alpine"    # its busybox is mounted where there is no shell
TELLING = (
    "tests/engine/test_build.py::test_an_interrupt_stops_the_build_in_the_engine_too",
    "tests/engine/test_build.py::test_stages_tell_what_was_built_and_what_was_skipped",
    "tests/engine/test_build.py::test_each_step_has_its_line_its_times_and_its_log",
    "tests/engine/test_build.py::test_a_failing_command_tells_stage_line_code_and_log",
    "tests/engine/test_build.py::test_links_and_modes_arrive_as_they_are",
    "tests/engine/test_image.py::test_layers_have_their_instruction_and_their_bytes")
# What needs BuildKit, what is particular to Podman, and the one reason for which a test may be skipped there.
OF_DOCKER = ("tests/engine/test_cache.py::test_a_stage_is_cached_until_it_is_pruned",
             "tests/engine/test_cache.py::test_buildkit_lists_the_last_stage_alone_and_the_legacy_builder_all",
             "tests/engine/test_host_secrets.py", "tests/engine/test_control.py", "tests/engine/test_snapshots.py",
             "tests/engine/test_outputs.py")
QUICK = (f"{suite.AGREEMENT}::test_a_dockerfile_builds_the_same_in_both", *TELLING, *OF_DOCKER[:2])
OF_PODMAN = (
    "tests/engine/test_clean.py::test_the_name_of_a_push_that_was_cut_short_goes_and_the_image_stays",
    "tests/engine/test_image.py::test_unique_is_what_no_other_named_image_has")
NO_SECOND = "has no second builder"

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not all(map(shutil.which, ("apt-get", "unshare", "nsenter"))),
                                reason="engines of other versions take root on Debian or Ubuntu")


@pytest.fixture
def kind(request, tmp_path, monkeypatch):
    """A kind of engine whose root file system is here. Its data lie below the temporary folder,
    which is another one inside the engine: it has to find them there all the same."""
    one = kinds.find(request.param)
    try:
        root = rootfs.make(one.suite, print)
    except CourseError as error:   # Debian's archive decides that, not this project
        pytest.skip(str(error))
    (tmp_path / root.name).symlink_to(root)
    monkeypatch.setattr(rootfs, "folder", lambda: tmp_path)
    return one


@pytest.mark.parametrize("kind, tests", [
    ("docker-sid-containerd", QUICK),
    pytest.param("docker-sid-containerd", (suite.AGREEMENT, *TELLING, *OF_DOCKER), marks=pytest.mark.nightly),
    pytest.param("podman-sid", (suite.AGREEMENT, *TELLING, *OF_PODMAN), marks=pytest.mark.nightly)],
    indirect=["kind"], ids=["docker-in-short", "docker", "podman"])
def test_the_helpers_do_the_same_on_another_engine(engine, kind, tests):
    with daemon.running(kind, print) as one:
        stock.hand_on(engine, stock.at(one.host), [BASE] if tests == QUICK else [BASE, LENDER])
        outcomes = suite.run(one, tests, engine.host)
        log = (one.state / "tests.log").read_text()
    passed = [each for each in outcomes if each.ended == "passed"]
    assert [each for each in outcomes if each not in passed and not (kind.podman and NO_SECOND in each.said)] == [], log
    assert len(passed) > len(tests) and sum(each.file == "agreement" for each in passed) == (1 if tests == QUICK else 2)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["docker-sid-containerd"], indirect=True)
def test_the_exercise_on_a_registry_s_cache_is_judged_where_an_engine_exports_one(engine, kind):
    exercise = find("14")
    with daemon.running(kind, print) as one:
        stock.hand_on(engine, stock.at(one.host), exercise.build.bases)
        outcomes = suite.run(one, ["tests/exercises/test_exercises.py", "-k", exercise.name], engine.host)
        log = (one.state / "tests.log").read_text()
    assert {each.ended for each in outcomes} == {"passed"} and len(outcomes) > 10, log


@pytest.mark.nightly
@pytest.mark.parametrize("kind", [scripts.KIND], indirect=True)
def test_the_scripts_of_the_lessons_run_in_a_terminal(engine, kind):
    notebooks = sorted((suite.ROOT / "notebooks").glob("*.ipynb"))
    with daemon.running(kind, print) as one:
        stock.hand_on(engine, stock.at(one.host), ALL)
        scripts.give_images(stock.at(one.host))
        assert scripts.run(one, "false\nfalse    # fails\ntrue    # fails\n")[0] == ["false", "true    # fails"]
        ended = {path.name: scripts.run(one, text)[0] for path in notebooks if (text := scripts.script(path))}
    assert len(ended) > len(notebooks) / 2 and not any(ended.values()), ended


HOLDER = """\
import sys, time
from tests.engines import daemon, kinds
with daemon.running(kinds.find(sys.argv[1]), print) as one:
    print(one.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.nightly
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("kind", ["docker-sid"], indirect=True)   # its root file system is there by now
def test_an_engine_ends_with_whoever_started_it(kind, sign):
    state = rootfs.folder() / kind.key
    process = subprocess.Popen([sys.executable, "-c", HOLDER, kind.key], cwd=suite.ROOT, text=True,
                               stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(suite.ROOT)})
    try:
        pid = int(process.stdout.readline())
        assert str(state) in Path(f"/proc/{pid}/cmdline").read_text()
        process.send_signal(sign)
        process.wait(60)
    finally:
        process.kill()
    assert until(lambda: not running(str(state)), 60)
    with open("/proc/self/mounts") as mounts:
        assert str(state) not in mounts.read()
    with daemon.running(kind, print):   # the next one finds what a killed one left, and sweeps it
        pass
    assert not state.exists() and not list(Path("/sys/fs/cgroup").glob(f"*/multistage-engines/{kind.key}"))
