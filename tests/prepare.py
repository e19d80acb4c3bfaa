"""What the tests need beyond Python packages: `python -m tests.prepare`.

A browser for the tests of the lessons in JupyterLab, a registry for the tests
that pull, skopeo, a docker command as an independent witness, a compiler, npm and PRoot. As root with
apt-get each is installed if it is missing. Elsewhere the tests that would be skipped
are named; with MULTISTAGE_REQUIRE_ENGINE=1 that is a failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from helpers.engine import proot_program as proot
from helpers.engine.packages import apt_install
from helpers.errors import CourseError
from tests.lab.browser import driver_runs, program


@dataclass(frozen=True)
class Need:
    """A program that some tests run.

    here      whether it is on this machine
    packages  what apt calls it: lists that are tried in turn; none if `command` alone brings it
    command   what fetches it where apt does not have it
    without   the tests that are skipped when it is missing
    """

    name: str
    here: Callable[[], bool]
    packages: Sequence[Sequence[str]]
    without: str
    command: Sequence[str] = ()


def _proot_works() -> bool:
    return proot.find()[0] is not None


NEEDS = (
    Need("Playwright's driver", driver_runs, [["libatomic1"]],
         "the lessons in JupyterLab (tests/lab)"),
    # Without a font the browser draws every word as a row of boxes. Ubuntu has no
    # package of Chromium that runs in a container; Playwright fetches one there.
    Need("Chromium", lambda: program() is not None, [["chromium", "fonts-dejavu-core"]],
         "the lessons in JupyterLab (tests/lab)",
         [sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]),
    Need("docker-registry", lambda: shutil.which("docker-registry") is not None,
         [["docker-registry"]], "pulling base images, push and pull over a line (part of tests/engine)"),
    Need("skopeo", lambda: shutil.which("skopeo") is not None, [["skopeo"]],
         "base images kept without an engine (part of tests/engine)"),
    # Newer distributions split the command from the engine and BuildKit from the command.
    Need("docker", lambda: shutil.which("docker") is not None,
         [["docker-cli", "docker-buildx"], ["docker.io", "docker-buildx"], ["docker.io"]],
         "comparing with `docker build` (part of tests/engine)"),
    Need("gcc", lambda: all(map(shutil.which, ("gcc", "readelf", "strip"))), [["gcc", "libc6-dev"]],
         "what a compiler makes, read (part of tests/unit)"),
    Need("npm", lambda: shutil.which("npm") is not None, [["npm"]],
         "npm packages, found by us and by syft (part of tests/engine)"),
    # The one of the distribution may be too old: the course's own helper fetches a newer one.
    Need("PRoot 5.4", _proot_works, [],
         "the engine over PRoot (tests/engine/test_proot.py)",
         [sys.executable, "-m", "helpers", "engine", "fetch-proot"]),
)


def main() -> int:
    missing = [need for need in NEEDS if not _settle(need)]
    for need in missing:
        _say(f"{need.name} is missing. Skipped without it: {need.without}.")
    if missing and os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1":
        _say(f"No test may be skipped here. Install {', '.join(need.name for need in missing)}.")
        return 1
    return 0


def _settle(need: Need) -> bool:
    """Whether `need` is here, installed now if that is possible."""
    if need.here():
        _say(f"{need.name}: here")
    elif not _may_install():
        _say(f"{need.name}: cannot be installed without root and apt-get")
    elif not _installed(need) and need.command:
        _run(need.command)
    return need.here()


def _may_install() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _installed(need: Need) -> bool:
    """Whether apt has one of the lists of packages."""
    told = ""
    for names in need.packages:
        try:
            apt_install(names, _say)
            return True
        except CourseError as error:
            told = error
    if told:
        _say(str(told))
    return False


def _run(command: Sequence[str]) -> None:
    _say(f"Running {' '.join(command[1:])} ...")
    if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode:
        _say("That failed.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
