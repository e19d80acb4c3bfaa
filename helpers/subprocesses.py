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
    """Run `command` with the `options` of Popen, by default without standard input. The end of the block ends its whole
    process group, by SIGTERM or, if standard input is a pipe, by closing that, and after a while by SIGKILL. It has
    its own session, so that the terminal's Ctrl-C does not reach it before this process."""
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
        process.stdout.close()   # it may be blocked by a full pipe
    try:
        if process.stdin:
            process.stdin.close()
        else:
            _signal(process, signal.SIGTERM)
        process.wait(_END_SECONDS)
    except BaseException as error:   # a second Ctrl-C kills at once
        _signal(process, signal.SIGKILL)
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise


def _signal(process: subprocess.Popen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def tail(text: str, lines: int = 15) -> str:
    """The last lines of a command's output, for an error."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
