"""The tests of tests/engine, run on one engine: what passed, failed and was skipped, and why."""

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
    """How a test ended: 'passed', 'failed' or 'skipped', and what it said."""

    file: str
    name: str
    ended: str
    said: str = ""


def everything() -> tuple[str, ...]:
    """Every file of tests that says something of an engine that others brought."""
    # These start engines of their own, or ask about the course's.
    own = {f"test_{each}.py" for each in ("bad_luck", "binder", "dockerd", "go_library", "proot")}
    found = sorted(path for path in (ROOT / "tests/engine").glob("test_*.py") if path.name not in own)
    return (AGREEMENT, *(str(path.relative_to(ROOT)) for path in found))


def environment(**settings: str) -> dict[str, str]:
    """The environment for a pytest that a test starts: this one's, with `settings`, without what
    the user set for pytest itself (PYTEST_ADDOPTS may ask for plugins and files that are not there)."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | settings


def run(daemon: Daemon, tests: Sequence[str], plain: str) -> tuple[Outcome, ...]:
    """Run `tests` (files, or pytest's names of tests) on `daemon`. They see it as an engine that the user named, and
    nothing of what this machine has measured before. `plain` is the address of this machine's own engine."""
    home, report = daemon.state / "home", daemon.state / "report.xml"
    (home / "cache").mkdir(parents=True, exist_ok=True)
    downloads = home / "cache/downloads"
    if not downloads.exists():   # what was fetched once need not be fetched again
        downloads.symlink_to(paths.cache() / "downloads")
    report.unlink(missing_ok=True)
    settings = environment(DOCKER_HOST=daemon.host, MULTISTAGE_HOME=str(home), PYTHONPATH=str(ROOT),
                           MULTISTAGE_REQUIRE_ENGINE="1", MULTISTAGE_OTHER_ENGINE=plain)
    command = [sys.executable, "-m", "pytest", "--quiet", "--tb=short", "--nightly", "--junit-xml", str(report), *tests]
    with open(daemon.state / "tests.log", "ab") as log:
        # What runs in the background ignores Ctrl-C, and so would the tests that press it.
        subprocess.run(daemon.beside(*command), cwd=ROOT, env=settings, stdin=subprocess.DEVNULL,
                       stdout=log, stderr=log, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    if not report.exists():
        return (Outcome(tests[0], "", "failed", "pytest ended without a report"),)
    return read(report.read_text())


def read(report: str) -> tuple[Outcome, ...]:
    """What is in a report of pytest in JUnit's form."""
    return tuple(_outcome(case) for case in ElementTree.fromstring(report).iter("testcase"))


def _outcome(case: ElementTree.Element) -> Outcome:
    file = case.get("classname", "").split(".")[-1]
    for tag, ended in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        told = case.find(tag)
        if told is not None:
            return Outcome(file, case.get("name", ""), ended, told.get("message", ""))
    return Outcome(file, case.get("name", ""), "passed")
