"""Medians, 95th percentiles and the tables in Markdown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from helpers.classroom.sizing import BUSY, OWN, Measured
from helpers.units import counted, seconds, size

from .learners import BUILD, CHECK, LAB, Record

MEMORY, DISK = "memory, at most", "disk, at the end"
WORK, ALL = "processor seconds, lesson 01 and the exercise", "processor seconds, with lesson 02"
ROWS = (LAB, BUILD, CHECK, WORK, ALL, MEMORY, DISK)
# Aims for 95% of learners in a class of thirty on two processors and 24 GB.
AIMS = {LAB: 60, BUILD: 20, CHECK: 30, WORK: 35, MEMORY: 600_000_000, DISK: 500_000_000}
_CLASSES = (10, 30, 100)


@dataclass
class Load:
    """The results: the machine, the duration, and what each learner experienced and used."""

    machine: str
    minutes: float
    records: list[Record]
    memory: dict[str, int]
    processes: dict[str, int]
    disk: dict[str, int]
    together: int
    shared: int = 0
    processors: int = 0
    failed: list[Record] = field(init=False)
    others: list[Record] = field(init=False)

    def __post_init__(self) -> None:
        self.others = [each for each in self.records if not each.harm]
        self.failed = [each for each in self.records if each.failure]

    def values(self, what: str) -> list[float]:
        """All values of a row, without harmful learners."""
        if what in (WORK, ALL):
            return [sum(each.processor.values()) - (each.processor["lesson 02"] if what == WORK else 0)
                    for each in self.others if "exercise 01" in each.processor]
        if what in (MEMORY, DISK):
            source = self.memory if what == MEMORY else self.disk
            return [source[each.name] for each in self.others if source.get(each.name)]
        return [value for each in self.others for value in each.seconds.get(what, ())]

    def rungs(self) -> dict[str, int]:
        """How many learners had each kind of engine."""
        found = [each.rung for each in self.others if each.rung]
        return {rung: found.count(rung) for rung in dict.fromkeys(found)}


def at(share: float, values: Sequence[float]) -> float:
    """The percentile of `share` by nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _shown(what: str) -> Callable[[float], str]:
    return size if what in (MEMORY, DISK) else (lambda value: f"{value:.1f}") if what in (WORK, ALL) else seconds


def table(load: Load) -> str:
    """The report: the machine, figures with aims, failures, and the effects of harmful learners."""
    rungs = ", ".join(f"{count} on {rung}" for rung, count in load.rungs().items())
    lines = [f"{counted(len(load.records), 'learner')}, {len(load.records) - len(load.others)} of whom do harm, in "
             f"{load.minutes:.0f} minutes on {load.machine}. {counted(len(load.failed), 'failure')}. {rungs}. "
             f"All sessions together had at most {size(load.together)} of memory.", "",
             "| measured | median | 95th percentile | aim (30 learners, 2 processors) | outcome |", "|---|---|---|---|---|"]
    for what in ROWS:
        if values := load.values(what):
            shown, high, aim = _shown(what), at(0.95, values), AIMS.get(what)
            aimed = f"{shown(aim)} | {'reached' if high <= aim else 'not reached'}" if aim else " |"
            lines.append(f"| {what} | {shown(statistics.median(values))} | {shown(high)} | {aimed} |")
    lines += ["", *(f"- Who {each.harm}: {_outcome(load, each)}" for each in load.records if each.harm)]
    lines += [f"- Failed: {each.name}, {each.failure}" for each in load.failed]
    return "\n".join(lines) + "\n"


def _outcome(load: Load, record: Record) -> str:
    return (f"{record.outcome or 'failed'}; at most {load.processes.get(record.name, 0)} processes and "
            f"{size(load.memory.get(record.name, 0))} of memory.")


def measured(load: Load) -> Measured:
    """The figures per learner. Raises StatisticsError if no learner finished."""
    seconds, disk = (statistics.median(load.values(what)) for what in (ALL, DISK))
    return Measured(len(load.records), load.minutes, round(seconds, 1), load.together // len(load.records), int(disk),
                    load.shared)


def sizing(load: Load) -> str:
    """The needs of classes of other sizes, computed from this one."""
    one, own = measured(load), len(load.records)
    rows = {count: (one.processors_for(count), one.memory_for(count), one.disk_for(count), "computed")
            for count in (*_CLASSES, own)}
    rows[own] = (load.processors, OWN + load.together, load.shared + sum(load.disk.values()), "measured")
    lines = ["| learners | processors | memory | disk | figures |", "|---|---|---|---|---|",
             *(f"| {count} | {processors} | {size(memory)} | {size(disk)} | {basis} |"
               for count, (processors, memory, disk, basis) in sorted(rows.items()))]
    return "\n".join([*lines, "", (
        f"Measured with {own} learners in {load.minutes:.0f} minutes: {one.seconds:.1f} processor seconds of a learner "
        f"for two lessons and an exercise (median), {size(load.together)} of memory for all sessions at one moment, "
        f"which is {size(one.memory)} a learner, {size(one.disk)} of disk a learner (median), and {size(one.shared)} "
        f"that all share: image, base images, caches. Computed from these: the other rows, with {BUSY:.0%} of the "
        f"processors' time, since learners do not take turns. All rows have {size(OWN)} of memory for the machine, its "
        "engine and the hub, which was not measured."), ""])
