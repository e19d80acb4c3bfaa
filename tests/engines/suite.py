"""Run the tests of tests/engine on an engine, and read their results."""

import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers import paths

from .daemon import Daemon

ROOT = Path(__file__).resolve().parents[2]
AGREEMENT = "tests/engines/agreement.py"


@dataclass(frozen=True)
class Outcome:
    """The result of a test: 'passed', 'failed' or 'skipped', and its message."""

    file: str
    name: str
    ended: str
    said: str = ""


def everything() -> tuple[str, ...]:
    """The test files that make sense for a foreign engine."""
    # These start engines, or test the course's own.
    own = {f"test_{each}.py" for each in ("bad_luck", "binder", "dockerd", "go_library", "proot")}
    found = sorted(path for path in (ROOT / "tests/engine").glob("test_*.py") if path.name not in own)
    return (AGREEMENT, *(str(path.relative_to(ROOT)) for path in found))


def environment(**settings: str) -> dict[str, str]:
    """This environment with `settings`, for a pytest in a test, but without the user's settings of pytest:
    PYTEST_ADDOPTS may name plugins and files that are missing there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | settings


def run(daemon: Daemon, tests: Sequence[str], plain: str) -> tuple[Outcome, ...]:
    """Run `tests` (files, or pytest's names of tests) on `daemon` as if the user had set DOCKER_HOST, without this
    machine's cache of measurements. `plain` is the address of this machine's own engine."""
    home, report = daemon.state / "home", daemon.state / "report.xml"
    (home / "cache").mkdir(parents=True, exist_ok=True)
    downloads = home / "cache/downloads"
    if not downloads.exists():   # do not download again
        downloads.symlink_to(paths.cache() / "downloads")
    report.unlink(missing_ok=True)
    settings = environment(DOCKER_HOST=daemon.host, MULTISTAGE_HOME=str(home), PYTHONPATH=str(ROOT),
                           MULTISTAGE_REQUIRE_ENGINE="1", MULTISTAGE_OTHER_ENGINE=plain)
    command = [sys.executable, "-m", "pytest", "--quiet", "--tb=short", "--nightly", "--junit-xml", str(report), *tests]
    with open(daemon.state / "tests.log", "ab") as log:
        # A background process ignores Ctrl-C, and so would the tests of interrupts.
        subprocess.run(daemon.beside(*command), cwd=ROOT, env=settings, stdin=subprocess.DEVNULL,
                       stdout=log, stderr=log, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    if not report.exists():
        return (Outcome(tests[0], "", "failed", "pytest ended without a report"),)
    return read(report.read_text())


def read(report: str) -> tuple[Outcome, ...]:
    """The results in a JUnit report of pytest."""
    return tuple(_outcome(case) for case in ElementTree.fromstring(report).iter("testcase"))


def _outcome(case: ElementTree.Element) -> Outcome:
    file = case.get("classname", "").split(".")[-1]
    for tag, ended in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        told = case.find(tag)
        if told is not None:
            return Outcome(file, case.get("name", ""), ended, told.get("message", ""))
    return Outcome(file, case.get("name", ""), "passed")
