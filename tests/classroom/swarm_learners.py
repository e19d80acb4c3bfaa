"""Learners of a class on a Swarm: `python -m tests.classroom.swarm_learners ADDRESS PASSWORD` prints, as JSON, what the
session of each says of itself, and what the first finds at home after a second start."""

import json
import sys

from helpers.classroom.learner import Learner

NAMES = ("ada", "bob", "cleo")
SESSION = r"""
import json, os
os.chdir("..")
from helpers.engine import connect
from helpers.builder import build
engine = connect()
built = build("notebooks/apps/ready", text="FROM scratch\nCOPY . /all\n", tag="mine", engine=engine)
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines())
print(json.dumps([engine.rung, engine.store, [stage.status for stage in built.stages], status["Uid"].split()[0],
                  int(status["CapBnd"], 16), status["NoNewPrivs"]]))
"""


def attend(address: str, name: str, password: str) -> tuple[Learner, list]:
    learner = Learner(address, name, f"{name}-has-a-secret")
    learner.log_in(password)
    learner.start()
    kernel = learner.open("notebooks/01-one-stage.ipynb")
    answer = kernel.run(SESSION).strip().splitlines()[-1]
    kernel.close()
    return learner, json.loads(answer)


def main(address: str, password: str) -> None:
    attended = {name: attend(address, name, password) for name in NAMES}
    first = attended[NAMES[0]][0]
    first.request("PUT", "api/contents/mine.txt", json={"type": "file", "format": "text", "content": "mine"})
    first.stop()
    first.start()
    kept = first.request("GET", "api/contents/mine.txt")["content"]
    print(json.dumps({"sessions": {name: answer for name, (_, answer) in attended.items()}, "kept": kept}))


if __name__ == "__main__":
    main(*sys.argv[1:])
