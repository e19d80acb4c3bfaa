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
    """The process of `command`, in a process group of its own, with the `options` of Popen. It reads nothing unless
    they say so.

    However the block is left, the whole group is ended: by SIGTERM, or where its standard input is a pipe by the end
    of that; by force if it takes too long. A session of its own also keeps the terminal's Ctrl-C from reaching it
    before us.
    """
    process = subprocess.Popen(command, start_new_session=True, **{"stdin": subprocess.DEVNULL, **options})
    try:
        yield process
    finally:
        try:
            _end(process)
        finally:
            for pipe in filter(None, (process.stdin, process.stdout)):
                pipe.close()


def _end(process: subprocess.Popen) -> None:
    if process.poll() is not None:
        return
    if process.stdout:
        process.stdout.close()   # it may hang in a write that nobody reads
    try:
        if process.stdin:
            process.stdin.close()
        else:
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
