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
# The engine is one of the course's own, and the packages are served as in a class.
ALONE = """
import json, os, socket, subprocess, sys, threading
from pathlib import Path
from helpers.builder import ensure_bases
from helpers.classroom import kit as class_kit
from helpers.classroom import opening, package_index
from helpers.classroom.learner import Learner
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
    verdict = judged(find(exercise), Path("exercises", exercise, "solution", "Dockerfile"), engine)
    print(verdict, file=sys.stderr)
    return verdict.passed
"""


@pytest.fixture(scope="module")
def folder(engine):
    if "buildkit" not in engine.builders:
        pytest.skip("the learners' image takes BuildKit")
    with tempfile.TemporaryDirectory(prefix="ms-kit-") as place:
        kit.make(engine, Path(place), print, REFS)
        yield Path(place)


@pytest.fixture(scope="module")
def alone(folder):
    """alone(code): what it answers where the only network is that of its own engine."""
    with tempfile.TemporaryDirectory(prefix="ms-", dir="/tmp") as home, _namespace() as inside:
        def run(code, prelude=ALONE):
            environment = {**os.environ, "MULTISTAGE_HOME": home, "KIT": str(folder), "PYTHONPATH": str(ROOT)}
            for name in ("DOCKER_HOST", "MULTISTAGE_KIT", "MULTISTAGE_MIRROR"):
                environment.pop(name, None)
            done = subprocess.run([*inside, sys.executable, "-c", f"{prelude}\n{code}"], env=environment, cwd=ROOT,
                                  stdout=subprocess.PIPE, text=True, timeout=3000)
            assert done.returncode == 0
            return json.loads(done.stdout.splitlines()[-1])

        try:
            yield run
        finally:
            run("from helpers.engine.backends import DOCKERD\nDOCKERD.stop()\nprint('null')", "")


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


def test_the_whole_kit_is_in_its_index(folder):
    files = manifest.listed(folder)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {each.path for each in files} == there - {".lock", manifest.INDEX}
    assert sum(each.size for each in files) < kit.STICK
    names = {each.path for each in files}
    assert {"npm/preact-10.24.3.tgz", "wheels/markupsafe-3.0.2.tar.gz", "proxy.tar"} <= names
    assert sum("preact-10" in each for each in names) > 1     # of the lock files, and what npm takes today


def test_the_class_installs_itself_from_the_kit_alone(folder, tmp_path):
    requirements = [*kit.packages.class_requirements(), *kit.packages.build_requirements()]
    with _namespace() as inside:
        done = subprocess.run([*inside, sys.executable, "-m", "pip", "--isolated", "install", "--dry-run",
                               "--ignore-installed", "--no-index", "--find-links", folder / "wheels", *requirements],
                              capture_output=True, text=True)
    assert done.returncode == 0 and "jupyterhub-" in done.stdout, done.stderr


def test_there_is_no_route_out(alone):
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


def test_learners_of_a_class_from_the_kit_do_the_same(alone):
    answers = alone(f"refs = {REFS[3:7]}" """
os.environ["MULTISTAGE_KIT"] = str(folder)
said = []
try:
    room = opening.start(engine, print, "127.0.0.1:8000", refs, folder)
    ada = Learner(room.address, "ada", "ada-has-a-secret")
    ada.log_in(room.password)
    ada.start()
    kernel = ada.open("notebooks/07-node.ipynb")
    for cell in ada.cells("notebooks/07-node.ipynb"):
        said.append(kernel.run(cell))
    said.append(kernel.run("print(run(build('python-wheel', tag='python-wheel:multi')))"))
    kernel.close()
finally:
    if opening.room.current():
        opening.stop(engine, print)
print(json.dumps(said))""")
    assert any("in sync" in each for each in answers) and "installer" in answers[-1], answers[-1]
