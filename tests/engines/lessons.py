"""Lessons on an engine that cannot do all of them: `python -m tests.engines.lessons KIND LESSON ...`.

They run under nbval. A cell that the engine cannot do shows what was recorded, in a frame that says so, and has nothing
to compare; every other cell is held to its kept output. As a plugin of pytest (`-p tests.engines.lessons`), this is
what makes nbval see it so."""

import signal
import subprocess
import sys
from collections.abc import Sequence

from helpers.bases import ALL
from helpers.engine import connect
from helpers.recorded.recordings import MARK

CELL_SECONDS = 600
_shown: list[str] = []   # cells that were shown as recorded, in this process


def recorded(outputs: Sequence[dict]) -> bool:
    """Whether a cell's outputs are a recording."""
    return any((output.get("metadata") or {}).get(MARK) for output in outputs)


def pytest_configure(config) -> None:
    from nbval.plugin import IPyNbCell

    if getattr(IPyNbCell.compare_outputs, "__module__", "") == __name__:
        return
    compared = IPyNbCell.compare_outputs

    def compare_outputs(self, test, ref, skip_compare=None):
        if recorded(test):
            _shown.append(self.nodeid)
            return True
        return compared(self, test, ref, skip_compare)

    IPyNbCell.compare_outputs = compare_outputs


def pytest_terminal_summary(terminalreporter) -> None:
    terminalreporter.write_line(f"{len(_shown)} cells to compare were shown as recorded.")
    for each in _shown:
        terminalreporter.write_line(f"  {each}")


def main(arguments: Sequence[str]) -> int:
    from . import daemon, stock, suite
    from .kinds import find

    kind, *lessons = arguments
    plain = connect()
    with daemon.running(find(kind), lambda line: print(line, file=sys.stderr)) as one:
        stock.hand_on(plain, stock.at(one.host), ALL)
        settings = suite.environment(DOCKER_HOST=one.host, MULTISTAGE_HOME=str(one.state / "home"),
                                     PYTHONPATH=str(suite.ROOT))
        settings.pop("MULTISTAGE_REQUIRE_ENGINE", None)   # with it, nothing is shown as recorded
        return subprocess.run(
            one.beside(sys.executable, "-m", "pytest", "-q", "-p", __spec__.name, "--nbval", "--nbval-current-env",
                       f"--nbval-cell-timeout={CELL_SECONDS}",
                       *(str(path) for each in lessons for path in (suite.ROOT / "notebooks").glob(f"{each}*.ipynb"))),
            cwd=suite.ROOT, env=settings, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
