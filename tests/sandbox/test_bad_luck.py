"""What can befall Podman while somebody learns: as `tests/engine/test_bad_luck.py` has it for dockerd.

In a session with a home on the machine's disk, and in one as Binder gives it, where layers
are in memory. What counts: the error says what happened and what to do, the next call finds
an engine, and nothing that was built is lost.
"""

import pytest

from .sandbox import sandbox
from .test_sandbox import said

pytestmark = pytest.mark.nightly

WORDS = """
import json, os, signal, subprocess, sys, threading, time
from helpers.builder import build
from helpers.engine import connect
from helpers.engine.backends import PODMAN as podman
from helpers.engine.podman import namespaces
from helpers.errors import CourseError

def made(*runs, **how):
    text = "\\n".join(["FROM debian:bookworm-slim", *(f"RUN {run}" for run in runs)]) + "\\n"
    return build("notebooks/apps/ready", text=text, **how)

def tags():
    return sorted(tag.rpartition("/")[2] for image in connect().client.images.list() for tag in image.tags)

def inside(command):
    "Ids of the processes in the engine's namespaces whose command begins so."
    return [pid for pid, space, _ in namespaces.seen(podman.folder()) if space != namespaces.namespace("self")
            and open(f"/proc/{pid}/cmdline", "rb").read().startswith(command)]
"""


@pytest.fixture(scope="module")
def pod(engine):
    with sandbox(engine, "hub") as made:
        yield made


def test_it_dies_in_the_middle_of_a_build_and_nothing_is_lost(pod):
    told = said(pod, WORDS + """
made("echo one > /one", tag="kept:1")
def kill():
    while not inside(b"sleep"): time.sleep(0.1)
    os.kill(podman._note()["pid"], signal.SIGKILL)
threading.Thread(target=kill, daemon=True).start()
try:
    made("echo one > /one", "exec sleep 60", tag="lost:1")
except CourseError as error:
    failed = [error.kind, "build the image" in error.what, "again" in error.remedy]
again = made("echo one > /one", "echo two > /two", tag="kept:2")
print(json.dumps([failed, [step.cached for step in again.steps if "echo" in step.instruction],
                  [tag for tag in tags() if tag.partition(":")[0] in ("kept", "lost")], inside(b"sleep")]))""")
    assert told == [["EngineGone", True, True], [True, False], ["kept:1", "kept:2"], []]


def test_it_is_stopped_and_runs_on(pod):
    """SIGSTOP, as a session that is frozen does it. A second engine beside it would be one too many."""
    told = said(pod, WORDS + """
from helpers.engine import discovery
connect()
discovery._CONNECT_SECONDS = 3   # a frozen one is asked before it is waited for
pid = podman._note()["pid"]
os.kill(pid, signal.SIGSTOP)
print(json.dumps(["kept:1" in tags(), podman._note()["pid"] == pid]))""")
    assert told == [True, True]


def test_a_stale_socket_and_two_kernels_at_once(pod):
    told = said(pod, WORDS + """
connect()
pid = podman._note()["pid"]
os.kill(pid, signal.SIGKILL)
while podman._pid(): time.sleep(0.05)
stale = (podman.folder() / "podman.sock").exists()
code = "from helpers.engine import connect; from helpers.engine.backends import PODMAN; connect(); print(PODMAN._note()['pid'])"
both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
pids = {int(each.communicate()[0]) for each in both}
print(json.dumps([stale, len(pids), pid in pids, "kept:1" in tags()]))""")
    assert told == [True, 1, False, True]
