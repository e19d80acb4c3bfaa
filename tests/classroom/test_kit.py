"""A class's kit, gathered for real, and used where there is no network: an engine, packages and learners in a
network namespace that has no route out."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from helpers.bases import FIRST
from helpers.classroom import kit, manifest
from helpers.engine.backends import DOCKERD as dockerd

pytestmark = [pytest.mark.nightly, pytest.mark.skipif(
    not dockerd.can_start() or not shutil.which("nsenter"), reason="takes root, dockerd and nsenter")]
ROOT = Path(__file__).parents[2]
REFS = (*FIRST, "node:20", "nginx:alpine", "python:3.11", "python:3.11-slim", "gcr.io/distroless/python3-debian12",
        "gcr.io/distroless/static-debian12")
EXERCISES = ("07-serve-a-site", "09-bring-the-wheel", "11-find-what-is-wrong", "12-all-of-it")
# How long a build takes is not what is tested here.
PATIENT = """
from dataclasses import replace
def patient(exercise):
    return replace(exercise, build=replace(exercise.build, seconds=1800))
"""
# The engine is one of the course's own, and the packages are served as in a class.
ALONE = PATIENT + """
import json, os, socket, subprocess, sys, threading
from pathlib import Path
from helpers.builder import ensure_bases
from helpers.classroom import kit as class_kit
from helpers.classroom import package_index
from helpers.engine import connect, discovery
from helpers.engine.backends import DOCKERD as dockerd
from helpers.experiments.variants import Variants
from tests.exercises.test_exercises import find, judged
from tests.outputs import execute
from tests.unit.classroom.test_room import made
discovery._sockets = lambda: []
folder = Path(os.environ["KIT"])
engine = connect()
os.environ["DOCKER_HOST"] = engine.host

def serve():
    gateway = engine.client.api.inspect_network("bridge")["IPAM"]["Config"][0]["Gateway"]
    server = package_index.server(folder, gateway, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    room = made(gateway=gateway, kit=str(folder), packages_port=server.server_address[1])
    os.environ.update(room.environment, MULTISTAGE_KIT=str(folder))

def passed(exercise):
    ensure_bases(engine, class_kit.refs(folder), offline=True)    # the digests of some are written into a Dockerfile
    verdict = judged(patient(find(exercise)), Path("exercises", exercise, "solution", "Dockerfile"), engine)
    print(verdict, file=sys.stderr)
    return verdict.passed
"""

# What a learner does in a session: lesson 07, the build of lesson 08 in Python, and what is handed over.
LEARNER = """
import json, sys
from helpers.classroom import opening
from helpers.classroom.learner import Learner
room = opening.opened()
ada = Learner(room.address, "ada", "ada-has-a-secret")
ada.log_in(room.password)
ada.start()
kernel = ada.open("notebooks/07-node.ipynb")
said = [kernel.run(cell) for cell in ada.cells("notebooks/07-node.ipynb")]
said.append(kernel.run("print(run(build('python-wheel', tag='python-wheel:multi')))"))
said.append(kernel.run(sys.argv[1]))
kernel.close()
print(json.dumps(said))
"""
# With the digests of the session's own bases, as its task asks.
EXERCISE_12 = PATIENT + r"""
import re
from helpers.builder import ensure_bases
from helpers.checks import check, find, measure
from helpers.engine import connect
engine, exercise = connect(), patient(find("12-all-of-it"))
ensure_bases(engine, exercise.build.bases[:-1], offline=True)
text = (exercise.starter.parent / "solution" / "Dockerfile").read_text()
text = re.sub(r"(\S+)@sha256:0{64}", lambda found: f"{found[1]}@{measure.digest(found[1], engine)}", text)
verdict = check(exercise, text=text, engine=engine)
print(verdict)
print(verdict.passed)
"""


@pytest.fixture(scope="module")
def folder(engine):
    if "buildkit" not in engine.builders:
        pytest.skip("the learners' image takes BuildKit")
    with tempfile.TemporaryDirectory(prefix="ms-kit-") as place:
        kit.make(engine, Path(place), print, REFS)
        yield Path(place)


class Alone:
    """Runs commands where the only network is that of an engine of their own."""

    def __init__(self, inside, folder, home):
        self.inside, self.given = inside, {"KIT": str(folder), "MULTISTAGE_HOME": home, "PYTHONPATH": str(ROOT)}

    def command(self, words, cwd=ROOT, given=None):
        """The standard output of a command that succeeds."""
        environment = {**os.environ, "DOCKER_HOST": None, "MULTISTAGE_KIT": None, "MULTISTAGE_MIRROR": None, **self.given, **(given or {})}
        done = subprocess.run([*self.inside, *words], env={name: value for name, value in environment.items() if value is not None},
                              cwd=cwd, stdout=subprocess.PIPE, text=True, timeout=3000)
        assert done.returncode == 0, words
        return done.stdout

    def __call__(self, code, prelude=ALONE):
        """What a program answers."""
        return json.loads(self.command([sys.executable, "-c", f"{prelude}\n{code}"]).splitlines()[-1])


@pytest.fixture(scope="module")
def alone(folder):
    """alone(code): what it answers where the only network is that of its own engine."""
    with tempfile.TemporaryDirectory(prefix="ms-", dir="/tmp") as home, _namespace() as inside:
        run = Alone(inside, folder, home)
        try:
            yield run
        finally:
            run("from helpers.engine.backends import DOCKERD\nDOCKERD.stop()\nprint('null')", "")


@pytest.fixture
def clone(tmp_path):
    """The course's own files, without an environment."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    for name in listed.split("\0")[:-1]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name, follow_symlinks=False)
    return tmp_path


@contextlib.contextmanager
def _namespace():
    """How to run a command in a network namespace of its own, which has a loopback and nothing else."""
    held = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep infinity"],
                            stdout=subprocess.PIPE, text=True)
    try:
        assert held.stdout.readline() == "ready\n"
        yield ["nsenter", f"--net=/proc/{held.pid}/ns/net"]
    finally:
        held.kill()
        held.wait()
        held.stdout.close()


def test_the_index_has_every_file(folder):
    files = manifest.listed(folder)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {each.path for each in files} == there - {".lock", manifest.INDEX}
    assert sum(each.size for each in files) < kit.STICK
    names = {each.path for each in files}
    assert {"npm/preact-10.24.3.tgz", "wheels/markupsafe-3.0.2.tar.gz", "proxy.tar"} <= names
    assert sum("preact-10" in each for each in names) > 1     # of the lock files, and what npm takes today


def test_the_network_is_isolated(alone):
    assert alone("""
with socket.socket() as probe:
    print(json.dumps([probe.connect_ex(("192.0.2.1", 443)),
                      subprocess.run(["ip", "route", "show", "default"], capture_output=True, text=True).stdout]))
""") == [101, ""]    # ENETUNREACH


def test_without_the_packages_an_exercise_does_not_build(alone):
    assert alone("os.environ['MULTISTAGE_KIT'] = str(folder)\nprint(json.dumps(passed('09-bring-the-wheel')))") is False


def test_the_lesson_on_node_runs(alone):
    assert alone("serve()\nprint(json.dumps(len(execute(Path('notebooks/07-node.ipynb')).cells)))") > 40


def test_python_is_built_as_lesson_08_does(alone):
    assert alone("""
serve()
python = Variants("python-wheel", engine)
built = [python.build(each, each) for each in ("Dockerfile.single", "Dockerfile", "Dockerfile.distroless")]
print(json.dumps([bool(each) for each in built] + ["installer" in str(python.run("Dockerfile"))]))""") == [True] * 4


def test_the_exercises_of_node_and_python_are_passed(alone):
    assert alone(f"serve()\nprint(json.dumps([each for each in {EXERCISES} if not passed(each)]))") == []


def test_a_fresh_clone_opens_a_class_in_which_learners_do_the_same(alone, clone, folder):
    room = {"KIT": str(folder), "DOCKER_HOST": alone("print(json.dumps(engine.host))"), "PYTHONPATH": None}
    try:
        alone.command(["make", "class", f"KIT={folder}", "LISTEN=127.0.0.1:8000", f"PYTHON={sys._base_executable}"], clone, room)
        python = clone / ".venv" / "bin" / "python"
        answers = json.loads(alone.command([python, "-c", LEARNER, EXERCISE_12], clone, room).splitlines()[-1])
    finally:
        alone.command(["make", "class-stop", "PURGE=1", f"KIT={folder}"], clone, room)
    assert any("in sync" in each for each in answers)
    assert "installer" in answers[-2] and answers[-1].strip().endswith("True"), answers[-2:]
