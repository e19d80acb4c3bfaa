"""The engine that the course owns: started once, lost, found again, taken back. Each test has an engine of its own in a
network namespace of its own, so that neither this machine's firewall nor another engine is touched."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from helpers.engine.backends import DOCKERD as dockerd
from tests.waiting import running

pytestmark = pytest.mark.skipif(
    not dockerd.can_start() or not shutil.which("unshare"), reason="takes root, dockerd and unshare")

PRELUDE = """
import os, signal, subprocess, sys, threading, time
from pathlib import Path
from helpers.engine import connect, network
from helpers.engine.backends import DOCKERD as dockerd
from helpers.errors import *
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
os.environ.pop("DOCKER_HOST", None)
from helpers.engine import discovery
discovery._sockets = lambda: []
rules = lambda: [l for l in subprocess.run(["iptables-save"], capture_output=True, text=True,
                 env={**os.environ, "PATH": network.PATH}).stdout.splitlines() if l[:1] in "-:" and "docker" in l.lower()]
links = lambda: subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout
"""


def alone(place, body, words="", namespaces=("--net",), first="true", **environment):
    """Run `body` in a process with its own network and course folder, after the command `first`; the words that it
    printed."""
    script = PRELUDE + words + "try:\n" + textwrap.indent(textwrap.dedent(body), "    ") + "\nfinally:\n    dockerd.stop()\n"
    done = subprocess.run(["unshare", *namespaces, "sh", "-c", f'{first} && exec "$0" "$@"', sys.executable, "-c", script],
                          capture_output=True, text=True, timeout=120,
                          env={**os.environ, "MULTISTAGE_HOME": str(place / "home"), **environment})
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.split()


@contextlib.contextmanager
def traceless():
    """A folder for an engine that leaves nothing. A short path: the sockets in it must stay below 104 characters."""
    with tempfile.TemporaryDirectory(prefix="ms-", dir="/tmp") as name:
        yield Path(name)
        with open("/proc/self/mounts") as mounts:
            assert name not in mounts.read()
        assert not running(name)


@pytest.fixture
def folder():
    with traceless() as place:
        yield place


def test_it_starts_answers_and_is_taken_back_without_a_trace(folder):
    said = alone(folder, """
        engine = connect()
        print(engine.rung, engine.owned, engine.client.ping())
        mode = os.stat(dockerd.folder()).st_mode & 0o777
        print(oct(mode))
        engine.client.networks.create("of-a-lesson")
        assert "course-" in links() and rules()
        pid = dockerd._pid()
        dockerd.stop()
        assert not Path(f"/proc/{pid}/exe").exists(), "dockerd is still there"
        assert "course-" not in links() and "br-" not in links(), links()
        print(rules(), dockerd.running(), (dockerd.folder() / "docker.sock").exists())
        """)
    assert said == ["course", "True", "True", "0o700", "[]", "False", "False"]


def test_its_bridge_keeps_its_address_while_containers_come_and_go(folder):
    """Else the connections of those that stay are lost."""
    said = alone(folder, """
        connect()
        bridge = network.bridge(dockerd.folder())
        address = lambda: subprocess.run(["ip", "-o", "link", "show", bridge], capture_output=True, text=True,
                                         check=True).stdout.split("link/ether ")[1].split()[0]
        before = address()
        for number in (1, 2):   # a port with a lower address than the bridge's, as a container's may be
            ip = lambda *words: subprocess.run(["ip", "link", *words], check=True)
            ip("add", f"near{number}", "address", f"00:00:00:00:00:0{number}", "type", "veth", "peer", f"far{number}")
            ip("set", f"near{number}", "master", bridge)
            print(address() == before == network.address(dockerd.folder()))
            ip("del", f"near{number}")
            print(address() == before)
        """)
    assert said == ["True"] * 4


def test_two_in_one_network_keep_out_of_each_other_s_way(folder):
    """The second has had the first one's addresses before, and what was killed in a third folder had them too."""
    said = alone(folder, """
        home = os.environ["MULTISTAGE_HOME"]
        def start(name):
            os.environ["MULTISTAGE_HOME"] = home + name
            client = connect().client
            (addresses,) = client.networks.get("bridge").attrs["IPAM"]["Config"]
            return addresses["Gateway"], client.networks.create("of-a-lesson").attrs["IPAM"]["Config"][0]["Subnet"]
        def taken(bridge):
            return subprocess.run(["ip", "-o", "-4", "addr", "show", "dev", bridge], capture_output=True, text=True,
                                  check=True).stdout.split()[3]
        print(*start("b")); dockerd.stop()
        print(*start("c")); os.kill(dockerd._pid(), signal.SIGKILL)
        while dockerd._pid(): time.sleep(0.05)
        killed = network.bridge(dockerd.folder())
        assert killed in links()
        print(*start("")); assert killed not in links(), links()
        first = network.bridge(dockerd.folder())
        print(*start("b")); assert first in links() and len({taken(first), taken(network.bridge(dockerd.folder()))}) == 2
        dockerd.stop()
        assert first in links() and links().count("br-") == 1, links()
        os.environ["MULTISTAGE_HOME"] = home + "c"
        print(*start("c"))      # over what was killed there; the first stays as it is
        dockerd.stop()
        assert first in links() and links().count("br-") == 1, links()
        os.environ["MULTISTAGE_HOME"] = home
        """)
    first, second, third, fourth, fifth = zip(said[::2], said[1::2])
    assert first == second == third and fourth[0] == fifth[0] != first[0] and fourth[1][:6] == fifth[1][:6] != first[1][:6]


def test_purging_ends_one_that_runs_and_deletes_its_folder(folder):
    said = alone(folder, """
        connect()
        pid = dockerd._pid()
        dockerd.purge()
        print(dockerd.folder().exists(), Path(f"/proc/{pid}/exe").exists())
        """)
    assert said == ["False", "False"]


def test_one_that_cannot_start_shows_the_end_of_its_log(folder):
    said = alone(folder, """
        dockerd.folder().mkdir(parents=True)
        (dockerd.folder() / "data").write_text("a file where a folder must be")
        try:
            connect()
        except EngineError as error:
            print("told" if "data" in error.evidence and error.remedy else repr(error.evidence))
        """)
    assert said == ["told"]
