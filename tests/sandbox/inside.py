"""Print what a session can do as JSON: `python -m tests.sandbox.inside`.

It runs in a sandbox and on the plain engine, to compare them: find or start an engine, load the bases of the first
lessons, build the Go application in one stage and in two, without the cache, and run the smaller image.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from helpers import container
from helpers.builder import build, ensure_bases
from helpers.engine import connect
from helpers.errors import CourseError

APP = Path(__file__).parents[2] / "notebooks" / "apps" / "go-hello"
NAME = "course-sandbox-go"


def story() -> dict[str, object]:
    """{rung, engine, store, limits, seconds {step: duration}, built [..], said}."""
    told: dict[str, object] = {"rung": None, "engine": "", "store": "", "seconds": {}, "built": [], "said": ""}
    seconds: dict[str, float] = told["seconds"]
    try:
        with _timed(seconds, "start"):
            engine = connect()
        told.update(rung=engine.rung, engine=engine.describe(), store=engine.store, limits=list(engine.limits))
        with _timed(seconds, "load"):
            ensure_bases(engine, offline=True)
        for what, dockerfile in (("two stages", "Dockerfile"), ("one stage", "Dockerfile.single")):
            with _timed(seconds, what):
                build(APP, dockerfile=dockerfile, tag=f"{NAME}:{dockerfile.lower()}", no_cache=True, engine=engine)
            told["built"].append(what)
        with _timed(seconds, "run"):
            told["said"] = str(container.run(f"{NAME}:dockerfile", engine=engine))
    except CourseError as error:
        told["error"] = {"kind": error.kind, "what": error.what, "message": str(error)}
    return told


@contextlib.contextmanager
def _timed(into: dict[str, float], what: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        into[what] = round(time.perf_counter() - began, 2)


if __name__ == "__main__":
    print(json.dumps(story()))
