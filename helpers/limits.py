"""Limits on the time and the disk that a build or run may use: past them it is stopped.

The free space of the engine's disk is polled, which costs nothing. Others write there too, so when it has shrunk by
more than the limit, the build's own writes are added up: its processes carry a mark in their environment, and what they
wrote is the upper folder of their overlay (under PRoot, the files changed since in the folder that is their root).
Where another user's processes hide that, the free space decides. The disk of an engine on another machine cannot be
seen at all; there the time alone is limited.
"""

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

# A build argument that every RUN gets in its environment, declared or not, and that is part of
# no cache key and no history (docs.docker.com: predefined ARGs). It is a list of host names:
# a mark is one more, of a host that does not exist, and the others keep their meaning.
MARKED = "NO_PROXY"
_PAUSE = 0.2    # seconds between two polls
_UPPER = re.compile(r"upperdir=([^,\s]+)")
PROC = Path("/proc")
_UNSEEN = 3     # times the limit is exceeded before a build whose writes are not found is stopped


def word() -> str:
    """A mark that no other build has: a host name that leads nowhere (RFC 6761: .invalid)."""
    return f"multistage-{secrets.token_hex(8)}.invalid"


def marked(mark: str, *lists: str | None) -> dict[str, str]:
    """The build argument that puts `mark` into the environment of every RUN, behind the hosts
    in the first of `lists` that has any."""
    return {MARKED: ",".join(filter(None, (next(filter(None, lists), ""), mark)))} if mark else {}


def carries(process: Path, mark: str) -> bool:
    """Whether a process, given by its folder in /proc, has the mark as a host of its own in that variable; False for
    one that has ended, or is another user's."""
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
    folder: Path | None = None    # on the engine's disk, None where that is not on this machine
    mark: str = field(default_factory=word)    # in the environment of its processes
    uppers: set[Path] = field(default_factory=set)    # folders that it writes to, as far as known
    roots: set[Path] = field(default_factory=set)    # the same, but with older files in them, too
    exceeded: str = field(default="", init=False)    # 'time' or 'disk' once it was stopped, else ''
    _unseen: int = field(default=0, init=False, repr=False)
    _since: float = field(default_factory=time.time, init=False, repr=False)

    @classmethod
    def of(cls, engine: Engine, seconds: float, disk: int) -> Self:
        """Limits in this engine; `disk` in bytes."""
        root = Path(engine.root or "/nowhere")
        return cls(seconds, disk, root if free(root) is not None else None)

    @contextlib.contextmanager
    def watched(self, stop: Callable[[], None]) -> Iterator[None]:
        """Watch while the block runs; past a limit, `stop` is called once, from another thread."""
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
                before = now    # it was another writer: check again when as much more is gone
            if not self.exceeded and time.monotonic() - began > self.seconds:
                self.exceeded = "time"
            if self.exceeded:
                stop()
                return

    def guilty(self) -> bool:
        """Whether it wrote at least half of the limit: it may have begun before the first poll,
        or not be alone. Where its writes cannot be seen, the free space is enough; where they
        could be seen and are not found, they may be hidden, which counts after a few times."""
        self.uppers |= uppers(self.mark)
        self.roots |= roots(self.mark)
        if self.uppers or self.roots:
            written = sum(map(held, self.uppers)) + sum(held(each, self._since) for each in self.roots)
            return written > self.disk / 2
        self._unseen += 1
        return self._unseen >= _UNSEEN or not _in_sight()


def _in_sight(proc: Path = PROC) -> bool:
    """Whether this user may look at an engine's processes."""
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if backends.is_engine(process):
                (process / "environ").read_bytes()
                return True
    return False


def free(folder: Path | None) -> int | None:
    """Bytes that are free on the disk of `folder`; None if it cannot be seen from here."""
    try:
        room = os.statvfs(folder) if folder else None
    except OSError:
        return None
    return room.f_bavail * room.f_frsize if room else None


def uppers(mark: str, proc: Path = PROC) -> set[Path]:
    """The upper folders of the overlays that processes with the mark run in, of those that this user may inspect."""
    return _of_carriers(mark, proc, _overlays)


def roots(mark: str, proc: Path = PROC) -> set[Path]:
    """The folders that processes with the mark have as `/`, where an engine lets them write into one."""
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
    """Bytes on the disk of all files in a folder, as far as they can be seen; only of those changed
    after `since`, in seconds since the epoch."""
    total = 0
    for place, _, names in os.walk(folder, onerror=lambda _: None):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(place, name))
                total += status.st_blocks * 512 if status.st_mtime >= since else 0
    return total
