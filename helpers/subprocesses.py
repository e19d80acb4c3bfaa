"""Child processes that never outlive the call that started them."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

_END_SECONDS = 15    # mmdebstrap unmounts and removes its folder before it ends


@contextlib.contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """The process of `command`, in a process group of its own.

    However the block is left, the whole group is ended. A session of its own
    also keeps the terminal's Ctrl-C from reaching it before us.
    """
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    try:
        yield process
    finally:
        try:
            _end(process)
        finally:
            if process.stdout:
                process.stdout.close()


def _end(process: subprocess.Popen) -> None:
    if process.poll() is not None:
        return
    if process.stdout:
        process.stdout.close()   # it may hang in a write that nobody reads
    try:
        _signal(process, signal.SIGTERM)
        process.wait(_END_SECONDS)
    except BaseException as error:   # a second Ctrl-C does not wait any longer
        _signal(process, signal.SIGKILL)
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise


def _signal(process: subprocess.Popen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def tail(text: str, lines: int = 15) -> str:
    """The end of a command's output, as evidence in an error."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
