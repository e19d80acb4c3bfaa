"""`python -m tests.load [--learners N] [--minutes M] [--docs]` (`make class-load`), while a class is open."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from helpers.classroom import opening, store
from helpers.classroom.learner import Learner
from helpers.classroom.rehearsal import guests
from helpers.classroom.room import Room
from helpers.engine import Engine, connect
from helpers.units import size
from tests.engines.table import placed

from .figures import Load, measured, sizing, table
from .learners import HARM, LESSONS, Attendance, Plan, Record
from .picture import chart
from .samples import Samples

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, PICTURE = DOCS / "class.md", "class-load.png"
BEGIN, END = "<!-- load: written by `make class-load DOCS=1` -->", "<!-- load: end -->"
_WORKING = 150     # seconds per learner for sessions, builds and checks, without thinking


def plans(count: int, harmful: int, minutes: float, arrivals: float, cells: int) -> list[Plan]:
    """When each learner arrives, how long they think, and which of those in the middle do harm."""
    thinks = max(0.0, (minutes * 60 - arrivals - _WORKING) / cells)
    kinds = dict(zip(range(count // 3, count), list(HARM)[:harmful]))
    ends = time.monotonic() + minutes * 60
    return [Plan(arrivals * each / count, thinks, ends, kinds.get(each, "")) for each in range(count)]


def run(engine: Engine, room: Room, count: int, harmful: int, minutes: float, arrivals: float) -> Load:
    """Let this many learners attend; returns their figures. Everything of theirs is removed."""
    names = [f"load{each:03d}" for each in range(count)]
    samples = Samples(engine, room)
    with guests(engine, room, names, ahead=True) as learners:
        begun = time.monotonic()
        records = _attended(learners, room, samples, plans(count, harmful, minutes, arrivals, _cells()))
        taken = (time.monotonic() - begun) / 60
        disk = {each.name: samples.disk(each.name) for each in records}
    facts = engine.client.api.info()
    machine = f"{facts['NCPU']} processors, {size(facts['MemTotal'])} of memory, {engine.describe()}"
    shared = store.kept(engine, room) + engine.client.api.inspect_image(room.image)["Size"]
    return Load(machine, taken, records, samples.memory, samples.processes, disk, samples.together, shared,
                facts["NCPU"])


def _cells() -> int:
    """How many pauses a learner makes: one per code cell, and ten for the two submissions."""
    return sum(cell["cell_type"] == "code" for notebook in LESSONS
               for cell in json.loads((DOCS.parent / notebook).read_text())["cells"]) + 10


def _attended(learners: list[Learner], room: Room, samples: Samples, plans: list[Plan]) -> list[Record]:
    attendances = [Attendance(learner, plan, Record(learner.name, plan.harm), samples.spent)
                   for learner, plan in zip(learners, plans)]
    with samples.taken([each.name for each in learners]):
        threads = [threading.Thread(target=each.attend, args=(room,), daemon=True) for each in attendances]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return [each.record for each in attendances]


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.load", description="A class under load.")
    words.add_argument("--learners", type=int, default=30, metavar="N")
    words.add_argument("--harmful", type=int, default=3, metavar="N", help="how many of them do harm (default: 3)")
    words.add_argument("--minutes", type=float, default=15, metavar="M", help="duration of the class (default: 15)")
    words.add_argument("--arrivals", type=float, default=180, metavar="S", help="seconds until all have arrived (180)")
    words.add_argument("--docs", action="store_true", help="write tables and chart to docs/")
    options = words.parse_args()
    room = opening.opened()
    print(f"{options.learners} learners attend the class at {room.address} for {options.minutes:g} minutes ...",
          file=sys.stderr, flush=True)
    load = run(connect(start=False), room, options.learners, options.harmful, options.minutes, options.arrivals)
    Path("class-load.json").write_text(json.dumps(asdict(load), indent=1) + "\n")
    drawn = chart(load)
    drawn.save(os.fspath(DOCS / PICTURE) if options.docs else PICTURE)
    text = f"\n{table(load)}\n![{drawn.alt}]({PICTURE})\n\n{sizing(load)}\n"
    print(text)
    if options.docs:
        PAGE.write_text(placed(PAGE.read_text(), text, BEGIN, END))
        measured(load).save()
    return 1 if load.failed else 0


if __name__ == "__main__":
    sys.exit(main())
