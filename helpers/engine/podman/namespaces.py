"""Find the processes of the course's Podman in /proc. Those in containers are known only by their user namespace, since
environment and command are the image's."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

MARK = "MULTISTAGE_ENGINE"   # in the environment of the engine's own processes: its folder


def namespace(pid: int | str) -> str | None:
    """A process's user namespace ('user:[4026532281]'), None if it is not visible."""
    try:
        return os.readlink(f"/proc/{pid}/ns/user")
    except OSError:
        return None


def is_marked(pid: object, folder: Path) -> bool:
    """Whether the process with that id is the engine's, and not one that reused the id."""
    with contextlib.suppress(OSError):
        return isinstance(pid, int) and _mark(folder) in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def inside(namespaces: set[str | None], folder: Path, spared: int | None = None) -> list[int]:
    """The processes in these user namespaces, except `spared` and all of this session's own namespace, since signals to
    those would end the session."""
    wanted = namespaces - {None, namespace("self")} if namespace("self") else set()
    return [pid for pid, its, _ in seen(folder) if pid != spared and its in wanted] if wanted else []


def marked(folder: Path) -> set[str | None]:
    """The user namespaces in which something of the engine runs."""
    return {its for _, its, ours in seen(folder) if ours}


def seen(folder: Path) -> Iterator[tuple[int, str | None, bool]]:
    """(process id, user namespace, whether it is the engine's) of all but zombies. The service has the mark in its
    environment, conmon the folder in its arguments. The command of a RUN, which may be all that is left, has neither,
    but its root is in the folder."""
    mark, below = _mark(folder), os.fsencode(folder) + b"/"
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            ours = (mark in (entry / "environ").read_bytes().split(b"\0") or below in (entry / "cmdline").read_bytes()
                    or rooted((entry / "mountinfo").read_bytes(), below))
            yield int(entry.name), namespace(entry.name), ours


def rooted(mountinfo: bytes, below: bytes) -> bool:
    """Whether a process's `/` is below a folder or an overlay with layers there (proc(5): the fifth word of a line is
    the mount point)."""
    return any(line.split()[4] == b"/" and below.replace(b" ", b"\\040") in line for line in mountinfo.splitlines())


def _mark(folder: Path) -> bytes:
    return os.fsencode(f"{MARK}={folder}")
