"""Cancel a build of Podman's, which does not do so itself.

When its client disconnects, Podman marks the build as cancelled, but waits for the command of the current RUN to exit
(containers/buildah#6786). No call of its API ends that command, which runs in none of Podman's containers. So its
processes are killed here, if they are on this machine and this user may: their environment has a mark unique to the
build. The builder sees its command fail, and removes its container.
"""

import contextlib
import os
import re
import signal
import time
from pathlib import Path

from ..errors import Interrupted
from ..limits import carriers, carries
from .progress import Progress

_MARK = re.compile(r"multistage-[0-9a-f]{16}\.invalid")
_PAUSE = 0.05     # seconds between two looks
_QUIET = 1.0      # seconds in which the builder notices that its client has gone, and then starts nothing more
_SECONDS = 15


def interrupted(progress: Progress, mark: str) -> Interrupted:
    """The error for a build that the user interrupts."""
    remedy = "Run it again: finished steps are in the build cache."
    if why := still_running(progress, mark):
        return Interrupted("The build was abandoned here, and the engine stops it later.", why=why, remedy=remedy)
    return Interrupted("The build was stopped, in the engine too.", remedy=remedy)


def still_running(progress: Progress, mark: str) -> str:
    """Stop what Podman would run to its end. Returns a sentence if that is impossible, else ''."""
    if progress.builder != "buildah" or mark and cancel(mark):
        return ""
    running = [step for step in progress.steps() if step.status == "running" and step.instruction.startswith("RUN")]
    return (f"Podman waits for the command of line {running[0].line} to exit, and this user cannot kill its process "
            "from here.") if running else ""


def cancel(mark: str) -> bool:
    """Kill the processes of the build with this mark. Returns whether there were any, and none is left. Raises
    ValueError for a word that is no mark: any process might have it in its environment."""
    if not _MARK.fullmatch(mark):
        raise ValueError(f"{mark!r} marks no build.")
    found, quiet_since = False, time.monotonic()
    deadline = quiet_since + _SECONDS
    while time.monotonic() - quiet_since < _QUIET:
        if processes := carriers(mark):
            found, quiet_since = True, time.monotonic()
            killed = [_kill(each, mark) for each in processes]
            if not any(killed) or quiet_since > deadline:
                return False
        time.sleep(_PAUSE)
    return found


def _kill(process: Path, mark: str) -> bool:
    """Kill a process, unless its number has been reused; whether it has ended."""
    try:
        with contextlib.ExitStack() as ends:
            handle = os.pidfd_open(int(process.name))
            ends.callback(os.close, handle)
            if carries(process, mark):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except OSError:   # another user's process, or a sandbox without these calls
        return False
    return True
