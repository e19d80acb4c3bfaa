"""What the tests need beyond Python packages: `python -m tests.prepare`.

A browser for the tests of the lessons in JupyterLab, a registry for the tests
that pull, and a docker command as an independent witness. As root with apt-get
each is installed if it is missing. Elsewhere the tests that would be skipped
are named; with MULTISTAGE_REQUIRE_ENGINE=1 that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.engine.packages import apt_install
from helpers.errors import CourseError
from tests.lab.browser import program

_FONTS = Path("/usr/share/fonts/truetype/dejavu")


@dataclass(frozen=True)
class Need:
    """A program that some tests run.

    here      whether it is on this machine
    packages  what apt calls it: each list is tried until apt knows all its names
    without   the tests that are skipped when it is missing
    """

    name: str
    here: Callable[[], bool]
    packages: Sequence[Sequence[str]]
    without: str


NEEDS = (
    Need("Chromium", lambda: program() is not None, [_FONTS.exists() and ["chromium"] or
         ["chromium", "fonts-dejavu-core"]], "the lessons in JupyterLab (tests/lab)"),
    Need("docker-registry", lambda: shutil.which("docker-registry") is not None,
         [["docker-registry"]], "pulling base images (part of tests/engine)"),
    # Newer distributions split the command from the engine and BuildKit from the command.
    Need("docker", lambda: shutil.which("docker") is not None,
         [["docker-cli", "docker-buildx"], ["docker.io", "docker-buildx"], ["docker.io"]],
         "comparing with `docker build` (part of tests/engine)"),
)


def main() -> int:
    missing = [need for need in NEEDS if not _settle(need)]
    required = os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1"
    if not missing:
        return 0
    names = ", ".join(need.name for need in missing)
    if required:
        _say(f"The tests are to run without exception, and this is missing: {names}.")
        return 1
    for need in missing:
        _say(f"Skipped for want of {need.name}: {need.without}.")
    return 0


def _settle(need: Need) -> bool:
    """Whether `need` is here, installed now if that is possible."""
    if need.here():
        _say(f"{need.name}: here")
        return True
    if not _may_install():
        return False
    try:
        apt_install(_known(need.packages), _say, start_services=False)
    except CourseError as error:
        _say(str(error))
    return need.here()


def _may_install() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _known(choices: Sequence[Sequence[str]]) -> Sequence[str]:
    """The first choice of which apt has every package, else the last."""
    return next((names for names in choices if all(map(_candidate, names))), choices[-1])


def _candidate(name: str) -> bool:
    told = subprocess.run(["apt-cache", "policy", name], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"})
    lines = [line.split() for line in told.stdout.splitlines()]
    return any(words[:1] == ["Candidate:"] and words[1:] != ["(none)"] for words in lines)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
