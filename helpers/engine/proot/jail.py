"""Run a command that none of its descendants outlives: `python jail.py WORD ...`. Orphans become children of this
process (PR_SET_CHILD_SUBREAPER) and are killed when the command ends, on SIGTERM, and when the parent dies. It imports
only the standard library, since it is started for each step and container."""

import contextlib
import ctypes
import os
import resource
import signal
import sys

_PDEATHSIG, _SUBREAPER = 1, 36   # of prctl(2), linux/prctl.h


def main(words: list[str]) -> int:
    """Run a command as a child of this process. Returns its exit code."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getppid()
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        return 1   # the parent died before prctl
    signal.signal(signal.SIGTERM, _ended)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    child = os.fork()
    if child == 0:
        # In case this jail is killed: at SIGQUIT PRoot ends its tracees; at SIGKILL it would leave them (its event.c).
        libc.prctl(_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            os.execv(words[0], words)
        except OSError as error:
            sys.stderr.write(f"{words[0]}: {error.strerror}\n")
            os._exit(127)
    done = state = 0
    while done != child:
        done, state = os.wait()
    status = os.waitstatus_to_exitcode(state)
    _end_all()
    return status if status >= 0 else 128 - status


def _ended(number: int, _frame: object) -> None:
    _end_all()
    os._exit(128 + number)


def _end_all() -> None:
    """Kill all descendants, repeatedly, since one may be forking."""
    while children := _below(os.getpid()):
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _below(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in map(int, file.read().split()):
                    found += [child, *_below(child)]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
