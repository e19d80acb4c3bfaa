"""Processor, memory and processes of sessions by the engine's figures, and their disk usage by `du`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from docker.errors import APIError

from helpers.classroom import containers
from helpers.classroom.room import Room
from helpers.engine import Engine
from helpers.errors import CourseError

_SECONDS = 5
_PLACES = ("/home/jovyan", "/var/lib/multistage")


@dataclass
class Samples:
    """Peaks by session name; `together` is the peak memory of all sessions."""

    engine: Engine
    room: Room
    memory: dict[str, int] = field(default_factory=dict)
    processes: dict[str, int] = field(default_factory=dict)
    together: int = 0

    def spent(self, name: str) -> float:
        """Processor seconds of a session since it was started."""
        return float(self._stats(name)["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9

    def disk(self, name: str) -> int:
        """Bytes on disk of a learner's home and engine; 0 if the session no longer answers."""
        try:
            output = containers.run(self.engine, f"{self.room.name}-{name}",
                                    ["sh", "-c", f"du --one-file-system -sB1 {' '.join(_PLACES)} 2>/dev/null || true"])
            return sum(int(line.split()[0]) for line in output.splitlines())
        except (CourseError, APIError, ValueError):
            return 0

    @contextlib.contextmanager
    def taken(self, names: Sequence[str]) -> Iterator[None]:
        """Take samples while the block runs."""
        ended = threading.Event()
        thread = threading.Thread(target=self._take, args=(names, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _take(self, names: Sequence[str], ended: threading.Event) -> None:
        while not ended.wait(_SECONDS):
            now = 0
            for name in names:
                with contextlib.suppress(APIError, KeyError):    # not there yet, or no longer
                    stats = self._stats(name)
                    used = _used(stats["memory_stats"])
                    now += used
                    self.memory[name] = max(self.memory.get(name, 0), used)
                    self.processes[name] = max(self.processes.get(name, 0), stats["pids_stats"].get("current", 0))
            self.together = max(self.together, now)

    def _stats(self, name: str) -> dict:
        return self.engine.client.api.stats(f"{self.room.name}-{name}", stream=False, one_shot=True)


def _used(memory: dict) -> int:
    """Memory without the page cache, which the kernel can reclaim."""
    detail = memory["stats"]
    cached = ("total_active_file", "total_inactive_file") if "total_rss" in detail else ("active_file", "inactive_file")
    return int(memory["usage"]) - sum(int(detail[each]) for each in cached)
