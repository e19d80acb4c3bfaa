"""What can befall an engine while somebody learns: it dies, fills up, freezes.

Each test starts an engine in a network namespace of its own, with one base image, loaded out of a kit. Those that leave
the disk alone share its data: images and cache stay. What counts each time: the error says what happened and what to
do, the next call finds an engine, and nothing that was built is lost."""

import shutil

import pytest

from helpers import bases
from helpers.builder import ensure_bases
from helpers.engine.backends import DOCKERD as dockerd

from . import test_dockerd
from .test_dockerd import folder, traceless  # noqa: F401 (a fixture)

pytestmark = pytest.mark.skipif(
    not dockerd.can_start() or not shutil.which("unshare"), reason="takes root, dockerd and unshare")

SLIM = "debian:bookworm-slim"
WORDS = """
from helpers.builder import build, ensure_bases
HOME = Path(os.environ["MULTISTAGE_HOME"])
discovery._CONNECT_SECONDS = 2   # a frozen one is asked before it is waited for
dockerd.answer_seconds = 1

def made(*runs, **how):
    "Build RUNs on the base, in a context that has nothing in it."
    context = Path(os.environ["CONTEXT"])
    text = "\\n".join(["FROM debian:bookworm-slim", *(f"RUN {run}" for run in runs)]) + "\\n"
    return build(context, text=text, **how)

def failure(call):
    "The error that a call ends with."
    try:
        call()
    except CourseError as error:
        return error
    raise AssertionError("it did not fail")

def later(seconds, call, *words):
    threading.Timer(seconds, call, words).start()

def signalled(sign, *pids):
    for pid in pids or (dockerd._pid(), *dockerd._containerd()):
        os.kill(pid, sign)

def building(progress):
    "Whether the last RUN of a build has begun."
    steps = [step for step in progress.steps() if step.stage]
    return steps and max(steps, key=lambda step: step.line or 0).status == "running"
"""


@pytest.fixture(scope="module")
def kit(engine, tmp_path_factory):
    """A kit with the one base that these tests build on."""
    place = tmp_path_factory.mktemp("kit")
    (slim,) = ensure_bases(engine, [SLIM])
    bases.save(engine, slim, place, print)
    return place


@pytest.fixture(scope="module")
def home():
    with traceless() as place:
        yield place


@pytest.fixture
def alone(home, kit, tmp_path):
    """Runs a script with an engine of its own; the words that it printed. `own` is a folder for data of its own."""
    (tmp_path / "context").mkdir()
    return lambda body, own=None, first="true": test_dockerd.alone(
        own or home, body, WORDS, ("--net", "--mount"), first, MULTISTAGE_KIT=str(kit), CONTEXT=str(tmp_path / "context"))


def test_it_dies_in_the_middle_of_a_build_and_under_a_lesson(alone):
    said = alone("""
        made("echo one > /one", tag="kept:1")
        def watch(progress):
            if building(progress) and dockerd._pid(): signalled(signal.SIGKILL, dockerd._pid())
        error = failure(lambda: made("echo one > /one", "sleep 60", tag="lost:1", watch=watch))
        assert isinstance(error, EngineGone) and "build the image" in error.what and "again" in error.remedy, error
        assert "literal" not in error.why
        again = made("echo one > /one", "echo two > /two", tag="kept:2")
        print([step.cached for step in again.steps if "echo" in step.instruction])
        print(sorted(tag for image in connect().client.images.list() for tag in image.tags if "slow" not in tag))
        from helpers.lesson import session   # what every cell of a lesson asks
        before = session.engine()
        signalled(signal.SIGKILL, dockerd._pid())
        after = session.engine()
        print(after is not before, after.client.images.get("kept:1").tags)
        """)
    assert said == ["[True,", "False]", f"['{SLIM}',", "'kept:1',", "'kept:2']", "True", "['kept:1']"]


def test_its_disk_is_full(alone, folder):  # noqa: F811
    """On a small disk of its own. Then somebody makes room."""
    said = alone("""
        made("echo one > /one", tag="kept:1")
        filler = HOME / "filler"
        free = lambda: os.statvfs(HOME).f_bavail * os.statvfs(HOME).f_frsize
        filler.write_bytes(bytes(free() - 8_000_000))
        for builder in ("buildkit", "legacy"):
            error = failure(lambda: made("head -c 30000000 /dev/zero > /large", tag="lost:1", builder=builder))
            assert isinstance(error, BuildFailed) and "disk space" in error.why and "clean" in error.remedy, error
        (Path(os.environ["CONTEXT"]) / "large").write_bytes(os.urandom(30_000_000))
        for builder in ("buildkit", "legacy"):
            error = failure(lambda: build(os.environ["CONTEXT"], text="FROM debian:bookworm-slim\\nCOPY large /\\n",
                                          builder=builder))
            assert "disk is full" in f"{error.what} {error.remedy}", error
        connect().client.images.remove("kept:1", noprune=True, force=True)
        connect().client.images.remove("debian:bookworm-slim")
        error = failure(lambda: ensure_bases(connect(), ["debian:bookworm-slim"], offline=True))
        assert isinstance(error, DiskFull) and error.remedy, error
        print("full")
        filler.unlink()
        (Path(os.environ["CONTEXT"]) / "large").unlink()
        print(made("echo one > /one", tag="kept:1").tag, made("echo two > /two", tag="kept:2").tag)

        dockerd.stop()   # and it does not start on a full disk, but does when there is room
        filler.write_bytes(bytes(free()))
        error = failure(connect)
        print(type(error).__name__, "Free space" in error.remedy)
        filler.unlink()
        print(connect().client.images.get("kept:1").tags)
        """, folder, first=f"mount -t tmpfs -o size=300m small '{folder}'")
    assert said == ["full", "kept:1", "kept:2", "DiskFull", "True", "['kept:1']"]


def test_a_command_is_killed_as_when_the_memory_is_full(alone):
    said = alone("""
        for builder in ("buildkit", "legacy"):
            error = failure(lambda: made("echo one > /one", "sh -c 'kill -KILL $$'", builder=builder))
            print(type(error).__name__, error.exit_code, "memory" in error.why, "memory" in error.remedy)
        print(made("echo one > /one").cached)
        """)
    assert said == ["BuildFailed", "137", "True", "True"] * 2 + ["True"]


def test_two_kernels_want_one_base_of_the_kit_at_once(alone, folder):  # noqa: F811
    """One engine is started, and the archive is loaded once."""
    said = alone("""
        code = ("from helpers.engine import connect, discovery; from helpers.engine.backends import DOCKERD as dockerd; from helpers.builder import ensure_bases\\n"
                "discovery._sockets = lambda: []\\n"
                "(base,) = ensure_bases(connect(), ['debian:bookworm-slim'], offline=True)\\n"
                "print(base.kit, base.name, dockerd._pid())")
        both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in "ab"]
        told = sorted(p.communicate(timeout=60)[0].split() for p in both)
        assert told[0][1:] == told[1][1:] == ["debian:bookworm-slim", str(dockerd._pid())], told
        print(told[0][0], told[1][0])
        """, folder)
    assert said == ["False", "True"]


def test_it_is_stopped_and_runs_on(alone):
    """As by Ctrl-Z, or by a laptop that sleeps: no second one is started beside it."""
    said = alone("""
        made("echo one > /one", tag="kept:1")
        pid = dockerd._pid()
        signalled(signal.SIGSTOP)
        print(connect().client.images.get("kept:1").tags, dockerd._pid() == pid)

        def watch(progress):
            if building(progress) and not stopped:
                stopped.append(True)
                signalled(signal.SIGSTOP)
                later(0.5, signalled, signal.SIGCONT)
        stopped = []
        print(made("sleep 0.2", tag="slow:1", watch=watch).tag, stopped, dockerd._pid() == pid)
        """)
    assert said == ["['kept:1']", "True", "slow:1", "[True]", "True"]


def test_one_that_stays_silent_is_ended_and_what_it_left_is_in_nobodys_way(alone):
    said = alone("""
        made("echo one > /one", tag="kept:1")
        pid = dockerd._pid()
        from helpers.engine import processes; processes.resume = lambda pid: None; dockerd.busy_seconds = dockerd.stop_seconds = 1
        signalled(signal.SIGSTOP, pid)
        print(connect().client.images.get("kept:1").tags, dockerd._pid() != pid)
        dockerd.stop()
        import socket   # then a stale socket, and the number of somebody else
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(str(dockerd.folder() / "docker.sock"))
        stale.close()
        (dockerd.folder() / "docker.pid").write_text(str(os.getpid()))
        print(connect().client.images.get("kept:1").tags)
        """)
    assert said == ["['kept:1']", "True", "['kept:1']"]
