"""A class on two machines: engines in separate namespaces that form a swarm."""

import contextlib
import json
import os
import subprocess
import sys
import time

import pytest

from helpers.classroom import image
from helpers.errors import CourseError
from tests.classroom.swarm_learners import NAMES
from tests.engines import daemon, kinds, rootfs, stock

pytestmark = [pytest.mark.nightly,
              pytest.mark.skipif(os.geteuid() != 0, reason="engines in namespaces of their own take root")]
ADDRESSES = ("10.99.7.1", "10.99.7.2")
PASSWORD = "together"
START_SECONDS = 120


@pytest.fixture(scope="module")
def machines(engine, tmp_path_factory):
    """Two engines with the learners' image, of which the first manages the swarm; its API, and the image's id."""
    if "buildkit" not in engine.builders:
        pytest.skip("the learners' image takes BuildKit")
    try:
        root = rootfs.make("sid", print)
    except CourseError as error:   # Debian's archive decides that, not this project
        pytest.skip(str(error))
    folder, name = tmp_path_factory.mktemp("machines"), image.make(engine, "multistage-swarm", print)
    (folder / root.name).symlink_to(root)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as running:
        running.callback(engine.client.api.remove_image, name)
        patch.setattr(rootfs, "folder", lambda: folder)
        both = [running.enter_context(daemon.running(kinds.Kind(key, "sid", "docker.io"), print))
                for key in ("manager", "worker")]
        join_networks(*both)
        apis = []
        for each in both:
            target = stock.at(each.host)
            stock.hand_on(engine, target, [name])
            apis.append(target.client.api)
        apis[0].init_swarm(ADDRESSES[0])
        apis[1].join_swarm([ADDRESSES[0]], apis[0].inspect_swarm()["JoinTokens"]["Worker"], advertise_addr=ADDRESSES[1])
        yield both[0], apis[0], apis[0].inspect_image(name)["Id"]


def join_networks(one, other):
    """Connect the networks of two engines."""
    def inside(machine, *words):
        subprocess.run(["nsenter", f"--net=/proc/{machine.pid}/ns/net", "ip", *map(str, words)], check=True)

    inside(one, "link", "add", "line", "type", "veth", "peer", "name", "line", "netns", other.pid)
    for machine, address in zip((one, other), ADDRESSES):
        inside(machine, "addr", "add", f"{address}/24", "dev", "line")
        inside(machine, "link", "set", "line", "up")


@pytest.fixture(scope="module")
def hub(machines, tmp_path_factory):
    """(folder, process) of a hub that runs on the first machine."""
    first, _, name = machines
    folder = tmp_path_factory.mktemp("hub")
    settings = {"MULTISTAGE_ADDRESS": ADDRESSES[0], "MULTISTAGE_PASSWORD": PASSWORD, "MULTISTAGE_TOKEN": "T" * 32,
                "MULTISTAGE_IMAGE": name, "DOCKER_HOST": first.host}
    config = image.ROOT / "deploy" / "swarm" / "jupyterhub_config.py"
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(first.beside(sys.executable, "-m", "jupyterhub", "--config", str(config)),
                                   cwd=folder, stdout=log, stderr=log, env=os.environ | settings)
    try:
        await_hub(first, process, folder / "log")
        yield folder, process
    finally:
        process.terminate()
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()


def asked(first):
    """The class's HTTP status on the first machine; '' if nothing listens."""
    ask = "import requests; print(requests.get('http://127.0.0.1:8000/hub/health').status_code)"
    return subprocess.run(first.beside(sys.executable, "-c", ask), capture_output=True, text=True).stdout.strip()


def await_hub(first, process, log):
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if asked(first) == "200":
            return
        time.sleep(1)
    pytest.fail(log.read_text())


def test_learners_are_spread_over_both_machines_and_each_has_an_engine(machines, hub):
    (first, api, _), (folder, _) = machines, hub
    done = subprocess.run(
        first.beside(sys.executable, "-m", "tests.classroom.swarm_learners", "http://127.0.0.1:8000", PASSWORD),
        cwd=image.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:] + (folder / "log").read_text()[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["kept"] == "mine"
    assert found["sessions"] == {name: ["podman-one-id", "overlay", ["built"], "1000", 0, "1"] for name in NAMES}
    running = [each["NodeID"] for each in api.tasks() if each["Status"]["State"] == "running"]
    homes = json.loads((folder / "homes.json").read_text())
    assert sorted(running) == sorted(homes.values()) and len(set(running)) == 2


def test_stopping_the_hub_stops_proxy_and_sessions(machines, hub):
    (first, api, _), (_, process) = machines, hub
    process.terminate()
    assert process.wait(90) == 0
    assert asked(first) == "" and api.services() == []
