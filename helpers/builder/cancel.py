"""Stop a build that its builder does not stop: Podman's.

When its client goes, Podman marks the build as cancelled, but lets the command of the RUN at
work run to its end first (containers/buildah#6786); it may be a long one. No call of its API
ends it: what a RUN runs in is none of Podman's containers. So its processes are ended here, where they are on
this machine and this user may: they carry a word in their environment that no other
build has. The builder sees its command fail, and takes its container away.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path

from ..errors import Interrupted
from ..limits import carries
from .progress import Progress

_WORD = re.compile(r"multistage-[0-9a-f]{16}\.invalid")
_PROC = Path("/proc")
_PAUSE = 0.05     # seconds between two looks
_QUIET = 1.0      # the builder notices within that time that its client has gone: it starts nothing more
_SECONDS = 15


def interrupted(progress: Progress, mark: str) -> Interrupted:
    """What the user is told who stopped the build: the truth."""
    remedy = "Run it again: finished steps are in the build cache."
    if why := goes_on(progress, mark):
        return Interrupted("The course let go of the build, and the engine stops it later.", why=why, remedy=remedy)
    return Interrupted("The build was stopped, in the engine too.", remedy=remedy)


def goes_on(progress: Progress, mark: str) -> str:
    """Stop what Podman goes on with when nobody listens any more; a sentence where that cannot be done."""
    if progress.builder != "buildah" or mark and halt(mark):
        return ""
    at_work = [step for step in progress.steps() if step.status == "running" and step.instruction.startswith("RUN")]
    return (f"Podman lets the command of line {at_work[0].line} run to its end first, and its process is not one "
            "that this user can end from here.") if at_work else ""


def halt(word: str, proc: Path = _PROC) -> bool:
    """End the processes of the build that is marked with `word`; whether any was found, and none is left.

    Raises ValueError for what is no word of a build: it might be in anybody's environment.
    """
    if not _WORD.fullmatch(word):
        raise ValueError(f"{word!r} marks no build.")
    found, quiet_since = False, time.monotonic()
    deadline = quiet_since + _SECONDS
    while time.monotonic() - quiet_since < _QUIET:
        if at_work := _processes(word, proc):
            found, quiet_since = True, time.monotonic()
            if not any([_killed(each, word, proc) for each in at_work]) or quiet_since > deadline:
                return False
        time.sleep(_PAUSE)
    return found


def _processes(word: str, proc: Path) -> list[int]:
    return [int(entry.name) for entry in proc.glob("[0-9]*") if _carries(entry, word)]


def _carries(entry: Path, word: str) -> bool:
    with contextlib.suppress(OSError):   # it ended, or is another user's
        return carries((entry / "environ").read_bytes(), word)
    return False


def _killed(pid: int, word: str, proc: Path) -> bool:
    """Kill it, unless its number has gone to another process meanwhile."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except OSError:   # a kernel or a sandbox without them
        return False
    try:
        if _carries(proc / str(pid), word):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
