"""The first lessons where Podman cannot work: the engine over PRoot runs them.

A session refuses namespaces (b) or mounts (c), or has no disk on which the kernel overlays files (a).

For real as far as it goes; a cell that needs what it cannot do shows what was recorded. In
(c) one lesson less: `make sandbox` runs all in each.
"""

import json

import pytest

from helpers.bases import FIRST

from .__main__ import LESSONS, lessons
from .sandbox import sandbox

pytestmark = pytest.mark.nightly
KINDS = {"a": LESSONS[:2], "b": LESSONS, "c": LESSONS[:3]}


_FROZEN = """
import os, signal
from helpers.engine import connect, discovery
from helpers.engine.backends import PROOT
connect()
discovery._CONNECT_SECONDS = 3   # a frozen one is asked before it is waited for
pid = PROOT._pid()
os.kill(pid, signal.SIGSTOP)
print(len(connect().client.images.list()) > 0 and PROOT._pid() == pid)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_lessons_run_on_the_small_engine(engine, kind):
    with sandbox(engine, kind) as pod:
        ran = pod.run(["python", "-m", "helpers", "bases", "--offline"])   # as `.binder/start` does
        assert ran.exit_code == 0, ran.output[-3000:]
        ran = pod.run(["python", "-m", "helpers", "doctor", "--json"])
        facts = json.loads(ran.output[ran.output.index("{"):])
        assert (facts["engine"]["rung"], facts["builders"], facts["ok"]) == ("small", ["legacy"], True)
        assert {base["ref"] for base in facts["bases"] if base["present"]} >= set(FIRST)
        assert any("PRoot" in problem["what"] for problem in facts["problems"])
        ran = pod.run(["python", "-c", _FROZEN])   # thawed, and not another one beside it
        assert ran.output.strip().endswith("True"), ran.output[-3000:]
        cells = lessons(pod, KINDS[kind])
        assert all(counts.get("passed") and not counts.get("failed") for counts in cells.values()), cells
