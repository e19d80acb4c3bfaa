"""Timing: one side alone, or two in turn."""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def side(runs: list[float]) -> dict:
    return {"median": statistics.median(runs), "min": min(runs), "max": max(runs), "runs": runs}


def alone(what: str, runs: list[float], unit: str = "s") -> dict:
    return {"what": what, "unit": unit, "ours": side(runs)}


def against(what: str, ours: Callable, other: Callable, count: int) -> dict:
    ours(), other()   # warm-up
    pairs = [(timed(ours), timed(other)) for _ in range(count)]
    first, second = (side(list(runs)) for runs in zip(*pairs))
    return {"what": what, "unit": "s", "ours": first, "other": second,
            "ratio": round(first["median"] / second["median"], 3)}


def command(*words: str, **environment: str) -> Callable[[], None]:
    def run() -> None:
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                       env={**os.environ, **environment})
    return run


def docker() -> str:
    return next(c for c in ("/usr/bin/docker", shutil.which("docker")) if c and Path(c).exists())
