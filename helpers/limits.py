"""Limits on the time and disk space of a build or run, which is stopped beyond them.

The free space of the engine's disk is polled, which is cheap. Since others write there too, the build's own writes are
added up once it has shrunk by more than the limit. The build's processes have a mark in their environment, and write to
the upper folder of their overlay, or under PRoot change files in the folder that is their root. If these belong to
another user and cannot be read, the free space decides. For an engine on another machine only the time is limited."""

import contextlib
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from .engine import Engine, backends

# A build argument that is in the environment of every RUN, declared or not, but in no cache key and no history
# (docs.docker.com: predefined ARGs). It is a list of hosts, and the mark is another one that does not exist.
MARKED = "NO_PROXY"
_PAUSE = 0.2    # seconds between two polls
_UPPER = re.compile(r"upperdir=([^,\s]+)")
PROC = Path("/proc")
_UNSEEN = 3     # times the limit is exceeded before a build is stopped whose writes are not found


def word() -> str:
    """A unique mark: a host name that never resolves (RFC 6761: .invalid)."""
    return f"multistage-{secrets.token_hex(8)}.invalid"


def marked(mark: str, *lists: str | None) -> dict[str, str]:
    """The build argument that puts `mark` into the environment of every RUN, after the hosts in the first nonempty one
    of `lists`."""
    return {MARKED: ",".join(filter(None, (next(filter(None, lists), ""), mark)))} if mark else {}


def carries(process: Path, mark: str) -> bool:
    """Whether a process, given by its folder in /proc, has the mark; False if it has ended or is another user's."""
    with contextlib.suppress(OSError):
        variables = (process / "environ").read_bytes().split(b"\0")
        return any(mark.encode() in each.partition(b"=")[2].split(b",")
                   for each in variables if each.startswith(f"{MARKED}=".encode()))
    return False


def carriers(mark: str, proc: Path = PROC) -> list[Path]:
    """The folders in /proc of the processes with the mark."""
    return [process for process in proc.glob("[0-9]*") if carries(process, mark)]


@dataclass
class Bounds:
    """The limits of one build or one run."""

    seconds: float    # wall time
    disk: int    # bytes that it may write
    folder: Path | None = None    # on the engine's disk, None if that is on another machine
    mark: str = field(default_factory=word)    # in the environment of its processes
    uppers: set[Path] = field(default_factory=set)    # known folders that it writes to
    roots: set[Path] = field(default_factory=set)    # the same, with older files in them
    exceeded: str = field(default="", init=False)    # 'time' or 'disk' if it was stopped, else ''
    _unseen: int = field(default=0, init=False, repr=False)
    _since: float = field(default_factory=time.time, init=False, repr=False)

    @classmethod
    def of(cls, engine: Engine, seconds: float, disk: int) -> Self:
        """Limits in this engine; `disk` in bytes."""
        root = Path(engine.root or "/nowhere")
        return cls(seconds, disk, root if free(root) is not None else None)

    @contextlib.contextmanager
    def watched(self, stop: Callable[[], None]) -> Iterator[None]:
        """Watch during the block; beyond a limit, `stop` is called once, from another thread."""
        ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(ended, stop), daemon=True)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join()

    def _watch(self, ended: threading.Event, stop: Callable[[], None]) -> None:
        began, before = time.monotonic(), free(self.folder)
        self._since = time.time()
        while not ended.wait(_PAUSE):
            now = free(self.folder)
            if before is not None and now is not None and before - now > self.disk:
                if self.guilty():
                    self.exceeded = "disk"
                before = now    # somebody else wrote: check again after as much more
            if not self.exceeded and time.monotonic() - began > self.seconds:
                self.exceeded = "time"
            if self.exceeded:
                stop()
                return

    def guilty(self) -> bool:
        """Whether it wrote at least half of the limit, since it may have started before the first poll, and not be
        alone. If its writes cannot be read, the free space is enough; if they are only not found, after a few times."""
        self.uppers |= uppers(self.mark)
        self.roots |= roots(self.mark)
        if self.uppers or self.roots:
            written = sum(map(held, self.uppers)) + sum(held(each, self._since) for each in self.roots)
            return written > self.disk / 2
        self._unseen += 1
        return self._unseen >= _UNSEEN or not _in_sight()


def _in_sight(proc: Path = PROC) -> bool:
    """Whether this user may inspect an engine's processes."""
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if backends.is_engine(process):
                (process / "environ").read_bytes()
                return True
    return False


def free(folder: Path | None) -> int | None:
    """Free bytes on the disk of `folder`; None if it cannot be accessed."""
    with contextlib.suppress(OSError):
        if folder:
            disk = os.statvfs(folder)
            return disk.f_bavail * disk.f_frsize
    return None


def uppers(mark: str, proc: Path = PROC) -> set[Path]:
    """The upper folders of the overlays of processes with the mark, if this user may inspect them."""
    return _of_carriers(mark, proc, _overlays)


def roots(mark: str, proc: Path = PROC) -> set[Path]:
    """The folders that are the root of processes with the mark, for engines that use such."""
    return _of_carriers(mark, proc, backends.roots)


def _of_carriers(mark: str, proc: Path, folders: Callable[[Path], Iterator[Path]]) -> set[Path]:
    found: set[Path] = set()
    for process in carriers(mark, proc):
        with contextlib.suppress(OSError):   # it has ended
            found.update(folders(process))
    return found


def _overlays(process: Path) -> Iterator[Path]:
    for line in (process / "mountinfo").read_text(errors="surrogateescape").splitlines():
        words = line.split(" ")
        if len(words) > 4 and words[4] == "/" and (upper := _UPPER.search(line)):
            yield Path(upper[1])


def held(folder: Path, since: float = 0) -> int:
    """Disk usage in bytes of the accessible files in a folder that changed after `since`, in seconds since 1970."""
    total = 0
    for place, _, names in os.walk(folder, onerror=lambda _: None):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(place, name))
                total += status.st_blocks * 512 if status.st_mtime >= since else 0
    return total
