"""Simulated learners: two whole lessons and an exercise, first wrong and then right. Three do harm instead."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from helpers.checks import find
from helpers.classroom.learner import Kernel, Learner
from helpers.classroom.room import Room

LESSONS = ("notebooks/01-one-stage.ipynb", "notebooks/02-two-stages.ipynb")
EXERCISE = "01-split-the-stage"
NOTEBOOK = f"exercises/{EXERCISE}/{EXERCISE}.ipynb"
RIGHT = (find(EXERCISE).folder / "solution" / "Dockerfile").read_text()
WRONG = RIGHT.replace("EXPOSE", "COPY --from=builder /src /src\nEXPOSE")     # ships the source
RUNG = "from helpers.engine import connect\nprint(connect().rung, connect().store)"
LAB, BUILD, CHECK = "login to JupyterLab", "first build", "check"

# Harmful programs; the last line they print is the outcome.
HARM = {
    "forks without end": """
import subprocess, time
bomb = subprocess.Popen(["bash", "-c", "bomb() { bomb | bomb & }; bomb"], stderr=subprocess.DEVNULL)
time.sleep(10)
print("goes on to the end")""",
    "fills the disk": """
written = 0
try:
    for number in range(48):      # 3 GB: a test must not fill a machine that has no limit
        with open(f"/home/jovyan/course/filler-{number}", "wb") as file:
            written += file.write(bytes(64_000_000))
    print("no limit within", written // 10**6, "MB")
except OSError as error:
    print(error.strerror, "after", written // 10**6, "MB")""",
    "eats the memory": """
import subprocess, sys
for _ in range(5):
    eater = subprocess.run([sys.executable, "-c", "kept = [bytearray(20_000_000) for _ in range(500)]"])
print("no limit within 10 GB" if eater.returncode == 0 else "ended by signal", -eater.returncode)""",
}


@dataclass(frozen=True)
class Plan:
    """A learner's arrival, average pause per cell and end, in seconds, and the harm done."""

    arrives: float
    thinks: float
    ends: float
    harm: str = ""


@dataclass
class Record:
    """A learner's results: seconds and processor seconds of each part, and failures."""

    name: str
    harm: str = ""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    rung: str = ""
    outcome: str = ""
    failure: str = ""

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.seconds.setdefault(what, []).append(time.monotonic() - begun)


@dataclass
class Attendance:
    """An attending learner; `spent` returns the session's processor seconds so far."""

    learner: Learner
    plan: Plan
    record: Record
    spent: Callable[[str], float]

    def attend(self, room: Room) -> None:
        """Work through all parts; record the first failure and stop there."""
        doing = "waiting"
        try:
            time.sleep(self.plan.arrives)
            for doing, part in (("start", lambda: self._start(room)), *self._parts()):
                with self._counted(doing):
                    part()
        except Exception as error:     # noqa: BLE001  others must go on
            self.record.failure = f"{doing}: {type(error).__name__}: {' '.join(str(error).split())[:500]}"

    def _parts(self) -> list[tuple[str, Callable[[], None]]]:
        if self.plan.harm:
            return [(self.plan.harm, self._harm)]
        return [("lesson 01", lambda: self._lesson(LESSONS[0])), ("lesson 02", lambda: self._lesson(LESSONS[1])),
                ("exercise 01", self._exercise)]

    @contextlib.contextmanager
    def _counted(self, part: str) -> Iterator[None]:
        before = self.spent(self.learner.name) if part != "start" else 0.0
        yield
        self.record.processor[part] = self.spent(self.learner.name) - before

    def _start(self, room: Room) -> None:
        with self.record.timed(LAB):
            self.learner.log_in(room.password)
            self.learner.start()

    def _lesson(self, notebook: str) -> None:
        kernel = self.learner.open(notebook)
        for cell in self.learner.cells(notebook):
            self._think()
            if "build(" in cell and BUILD not in self.record.seconds:
                with self.record.timed(BUILD):
                    kernel.run(cell)
            else:
                kernel.run(cell)
            if not self.record.rung:
                self.record.rung = kernel.run(RUNG).strip()
        kernel.close()

    def _exercise(self) -> None:
        kernel = self.learner.open(NOTEBOOK)
        kernel.run(self.learner.cells(NOTEBOOK)[0])
        for text, expected in ((WRONG, "Not yet"), (RIGHT, "Passed")):
            self._think(4)
            kernel.run(f"%%dockerfile {EXERCISE}\n{text}")
            self._think()
            self._check(kernel, expected)
        kernel.close()

    def _check(self, kernel: Kernel, expected: str) -> None:
        with self.record.timed(CHECK):
            verdict = kernel.run(f"%check {EXERCISE}")
        if expected not in verdict:
            raise AssertionError(f"the check should say {expected!r}, and says {verdict[:300]!r}")

    def _harm(self) -> None:
        kernel = self.learner.open(LESSONS[0])
        self.record.outcome = kernel.run(f"import os\n{HARM[self.plan.harm]}").strip().splitlines()[-1]
        time.sleep(max(0.0, self.plan.ends - time.monotonic()))
        kernel.close()

    def _think(self, times: float = 1) -> None:
        time.sleep(random.uniform(0.5, 1.5) * times * self.plan.thinks)
