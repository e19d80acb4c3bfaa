"""A lesson's cells, run where no engine may be found. Each lesson has a process and an IPython of its own. The
processes are forked from one that has imported what every lesson needs, but for `helpers.lesson` itself: its import
belongs to the lesson's first cell."""

import io
import multiprocessing
import os
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

_IMPORTED = ["tests.unit.recorded.without_engine", "docker", "ipywidgets", "google.protobuf.descriptor_pool", "matplotlib.figure",
             "helpers.builder", "helpers.charts", "helpers.report", "helpers.checks", "helpers.magics", "helpers.recorded",
             "helpers.views.lesson", "http.server"]


def run_cells(sources: Sequence[str], folder: Path, home: Path) -> list[list[dict]]:
    """Outputs of each cell: {data, metadata}, and {text} for what it printed. A cell that
    fails raises what it raised."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(send, sources, folder, home))
    process.start()
    send.close()
    try:
        answer = receive.recv()
    finally:
        process.join()
    if isinstance(answer, str):
        raise AssertionError(answer)
    return answer


def _answer(send, *task) -> None:
    try:
        send.send(_run(*task))
    except Exception as error:      # of any kind: the test fails with it
        send.send(f"{type(error).__name__}: {error}")


def _run(sources: Sequence[str], folder: Path, home: Path) -> list[list[dict]]:
    os.environ.update(MULTISTAGE_NO_ENGINE="1", MULTISTAGE_REQUIRE_ENGINE="", MULTISTAGE_HOME=str(home))
    os.chdir(folder)
    shell = InteractiveShell.instance()
    return [_run_cell(shell, source) for source in sources]


def _run_cell(shell: InteractiveShell, source: str) -> list[dict]:
    shell.display_pub = CapturingDisplayPublisher()
    shell.display_trap.hook = CapturingDisplayHook(shell, shell.display_pub.outputs)
    with redirect_stdout(io.StringIO()) as printed, redirect_stderr(printed):
        shell.run_cell(source, store_history=True).raise_error()
    outputs = [each for each in shell.display_pub.outputs if not each.get("update")]
    return [*outputs, {"text": printed.getvalue()}] if printed.getvalue() else outputs
