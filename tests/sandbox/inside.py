"""What a session can do, said as JSON: `python -m tests.sandbox.inside [KIT]`.

The same runs in a sandbox and on the plain engine, so that the two can be compared:
find or start an engine, load the saved bases from the folder KIT if they are not there,
build the Go application in one stage and in two, from nothing, and run the smaller.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from helpers import container
from helpers.bases import FIRST, status
from helpers.build import build
from helpers.engine import Engine, connect
from helpers.errors import CourseError

APP = Path(__file__).parents[2] / "notebooks" / "apps" / "go-hello"
NAME = "course-sandbox-go"


def story(kit: Path | None) -> dict[str, object]:
    """What was done, in seconds each: {rung, engine, store, seconds {..}, built [..], said}."""
    told: dict[str, object] = {"rung": None, "engine": "", "store": "", "seconds": {}, "built": [], "said": ""}
    seconds: dict[str, float] = told["seconds"]
    try:
        with _timed(seconds, "start"):
            engine = connect()
        told.update(rung=engine.rung, engine=engine.describe(), store=engine.store)
        with _timed(seconds, "load"):
            load(engine, kit)
        for what, dockerfile in (("two stages", "Dockerfile"), ("one stage", "Dockerfile.single")):
            with _timed(seconds, what):
                build(APP, dockerfile=dockerfile, tag=f"{NAME}:{dockerfile.lower()}", no_cache=True, engine=engine)
            told["built"].append(what)
        with _timed(seconds, "run"):
            told["said"] = str(container.run(f"{NAME}:dockerfile", engine=engine))
    except CourseError as error:
        told["error"] = {"kind": error.kind, "what": error.what, "message": str(error)}
    return told


def load(engine: Engine, kit: Path | None) -> None:
    """Load the saved images in the folder `kit`, unless the bases are there."""
    if kit is None or all(base.present for base in status(engine, FIRST)):
        return
    for place in sorted(kit.glob("*.tar")):
        with engine.speaking(f"load {place.name}"), open(place, "rb") as file:
            list(engine.client.api.load_image(file))
    for ref in FIRST if "buildah" in engine.builders else ():   # to Podman a loaded short name is this machine's
        name, _, tag = ref.partition(":")
        if "." not in name.partition("/")[0]:
            engine.client.api.tag(f"localhost/{ref}", f"docker.io/library/{name}", tag or "latest")


class _timed:
    def __init__(self, into: dict[str, float], what: str):
        self._into, self._what = into, what

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._into[self._what] = round(time.perf_counter() - self._began, 2)


if __name__ == "__main__":
    print(json.dumps(story(Path(sys.argv[1]) if len(sys.argv) > 1 else None)))
