"""What the benchmark measures of BuildKit's control API: checks, folders, failed steps, and builds by it."""

import os
import tempfile
import uuid
from pathlib import Path

from helpers import lint as hadolint
from helpers.builder import BuildRequest, Lines, build, linter
from helpers.builder.control import Control
from helpers.engine import Engine
from helpers.errors import BuildFailed
from helpers.lesson import APPS

from .measuring import against, alone, timed

APP, TAG = APPS / "go-hello", "course-bench:buildkit"
RUNS = 15
LARGE_STEP = "head -c 100000000 /dev/urandom > /large"


def lint(engine: Engine) -> dict:
    """The builder's own checks; hadolint's where it has none. Bound: 0.1 s."""
    if linter.supported(engine):
        return _warm("the builder's own checks", lambda: linter.lint(BuildRequest(APP), engine))
    return _warm("hadolint, since this builder has no checks", lambda: hadolint.lint((APP / "Dockerfile").read_text()))


def browse_folder(engine: Engine) -> dict:
    """A click in a browser of a stage's files. Bound: 0.05 s."""
    with build(APP, tag=TAG, engine=engine).snapshots as snapshots:
        stage = snapshots.stage("builder")
        return _warm("a folder of a stage", lambda: stage.files("/usr/bin"))


def last_good_state(engine: Engine) -> dict:
    """A folder of the state before the step that failed, after one of 100 MB. Bound: 0.2 s."""
    with _failure(engine).snapshots as snapshots:
        def look() -> None:
            snapshots.close()
            snapshots.before(3).files("/")
        return _warm("the last good state, after a step of 100 MB", look)


def enter_failed_step(engine: Engine) -> dict:
    """From the failure to the first prompt of a shell in the failed step. Bound: 0.6 s."""
    with _failure(engine).snapshots as snapshots:
        def enter() -> None:
            snapshots.close()
            with snapshots.failed(3).terminal() as shell:
                next(iter(shell.output()))
        return _warm("a failed step, to its first prompt", enter)


def compare_files(engine: Engine) -> dict:
    """What a RUN on golang:1.22 changed of the files: both sides are mounted and compared anew. Bound: 0.5 s."""
    with build(APP, tag=TAG, engine=engine).snapshots as snapshots:
        line = next(each for each in Lines(snapshots) if each.text.startswith("RUN"))
        before, after = line.before, line.after
        return _warm("the files before and after a RUN on golang:1.22", lambda: Lines(snapshots).compare(before, after))


def solved_build(engine: Engine) -> dict:
    """A cached build by the control API, as outputs and caches need it, against the ordinary one."""
    with Control(engine) as control:
        platform = control.workers()[0].platforms[0]
    return against("cached build by the control API, against POST /build",
                   lambda: build(APP, tag=TAG, engine=engine, platform=platform),
                   lambda: build(APP, tag=TAG, engine=engine), RUNS)


def _warm(what: str, action) -> dict:
    action()
    return alone(what, [timed(action) for _ in range(RUNS)])


def _failure(engine: Engine) -> BuildFailed:
    """A build that fails after a step of 100 MB."""
    text = f"FROM debian:bookworm-slim\nRUN {LARGE_STEP}\nRUN echo {uuid.uuid4().hex} > /partial; exit 7\n"
    with tempfile.TemporaryDirectory() as folder:
        try:
            build(Path(folder), text=text, engine=engine)
        except BuildFailed as failure:
            os.sync()    # else the first looks wait until the 100 MB are on the disk
            return failure
    raise AssertionError("the build did not fail")


MEASURES = (lint, browse_folder, compare_files, last_good_state, enter_failed_step, solved_build)
