"""How the test run is divided: what `make test` leaves to the night, what may run side by side,
and how long each group took.

    nightly   only with --nightly (`make test-all`); `make test` runs a quicker test of the same kind
    alone     sees the whole engine (cleaning, disk usage): no other test uses it meanwhile

Under nbval the docker commands below a cell are not compared: they name what differs from run to run.

With xdist (`-n 2 --dist loadfile`) a file is run in order by one worker; so is a notebook, whose cells share a kernel.
"""

import contextlib
import fcntl
import gc
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from helpers.engine.dockerd import Dockerd
from helpers.recorded import COMMANDS
from tests import go_library

ROOT = Path(__file__).resolve().parents[1]
# The order in which the groups start: what must be alone runs beside the unit tests, which need no
# engine, and what comes last is in small pieces, so that neither worker waits long for the other. The slowest
# file of the unit tests is their first for the same reason.
ORDER = ("tests/unit/test_plugin.py", "tests/unit", "tests/lab", "tests/sandbox", "tests/classroom", "tests/engines",
         "tests/exercises", "notebooks", "tests/engine")
LOCK = Path(tempfile.gettempdir(), f"multistage-tests-{os.getuid()}.lock")
HELD = "MULTISTAGE_TESTS_LOCKED"    # in the environment of what a test starts

# nbval reads notebooks by jsonschema, which would compile 39 grammars for a format that none of them has: 1.5 s of
# each process.
sys.modules.setdefault("rfc3987_syntax", None)    # type: ignore[arg-type]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="run what `make test` leaves to the night, too")


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()    # until all tests are collected
    for line in ("nightly: runs only with --nightly", "alone: no other test uses the engine meanwhile"):
        config.addinivalue_line("markers", line)
    # A shell ignores SIGINT in what it runs in the background, and so would each program that a test interrupts.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if nbval := config.pluginmanager.get_plugin("nbval") or config.pluginmanager.get_plugin("nbval.plugin"):
        nbval.IPyNbCell.compare_outputs = _without_commands(nbval.IPyNbCell.compare_outputs)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Seconds(), "seconds-by-group")
        # Not for a run that a test starts: it ends before this one.
        if not (config.getoption("--nightly") or HELD in os.environ or "PYTEST_CURRENT_TEST" in os.environ):
            go_library.share(Dockerd().folder(), os.getpid())


def _without_commands(compare: Callable[..., bool]) -> Callable[..., bool]:
    """How nbval compares the outputs of a cell, without the docker commands below them."""
    def compared(cell: object, *outputs: list[Mapping], **more: object) -> bool:
        kept = ([each for each in some if COMMANDS not in each.get("metadata", {})] for some in outputs[:2])
        return compare(cell, *kept, *outputs[2:], **more)
    return compared


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--nightly"):
        later = [item for item in items if item.get_closest_marker("nightly")]
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]
        if later:
            config.hook.pytest_deselected(items=later)
    shared = {_file(item) for item in items if not item.get_closest_marker("alone")}
    # Stable: within a file the order stays. A file that is alone as a whole comes first, beside the unit tests: what
    # it removes would be missed by tests that another worker has begun.
    items.sort(key=lambda item: _rank(item.nodeid) if _file(item) in shared else -1)


def pytest_collection_finish() -> None:
    """The collector need not look at thousands of tests and modules, again each time: they stay."""
    gc.freeze()
    gc.enable()


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _rank(nodeid: str) -> int:
    return next((at for at, name in enumerate(ORDER) if nodeid.startswith((f"{name}/", f"{name}::"))), len(ORDER))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    with _engine_lock(item):
        return (yield)


@contextlib.contextmanager
def _engine_lock(item: pytest.Item) -> Iterator[None]:
    """Shared by the tests that use the engine, exclusive for one that has to be alone with it.

    The lock is the user's, not the run's: two runs at once on one engine respect each other, too.
    A test may run pytest itself, against an engine of its own: that run takes no lock.
    """
    if item.nodeid.startswith("tests/unit/") or os.environ.get(HELD):
        yield
        return
    with open(LOCK, "a") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
        patch.setenv(HELD, "1")
        yield


class _Seconds:
    """Adds up how long the tests of each group took."""

    def __init__(self) -> None:
        self.tests: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        group = "/".join(report.nodeid.split("/")[:2]) if report.nodeid.startswith("tests/") else "notebooks"
        self.seconds[group] += report.duration
        self.tests[group] += report.when == "call"

    def pytest_unconfigure(self) -> None:
        """The last line of a run. A worker's seconds add up: with two, the run takes about half."""
        if self.seconds:
            groups = sorted(self.seconds, key=_rank_of_group)
            print("\nSeconds by group:", ", ".join(
                f"{group} {self.seconds[group]:.0f} ({self.tests[group]} tests)" for group in groups))


def _rank_of_group(group: str) -> int:
    return _rank(group + "/")
