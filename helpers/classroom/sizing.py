"""The resources that a class needs, computed from the last measured class.

`make class-load DOCS=1` measures one, and writes deploy/measured.json and the table in docs/class.md.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import paths

FILE = Path(__file__).resolve().parents[2] / "deploy" / "measured.json"
BUSY = 0.7              # usable share of processor time, because learners do not take turns
OWN = 2_000_000_000     # bytes of memory for the machine itself, its engine and the hub


@dataclass(frozen=True)
class Measured:
    """A measured class of `learners`, who took two lessons and an exercise in `minutes`.

    seconds  processor seconds per learner (median)
    memory   bytes per learner: the peak of all sessions together, divided by their number
    disk     bytes per learner, home and engine at the end (median)
    shared   bytes on disk that all share: the learners' image, base images, caches
    """

    learners: int
    minutes: float
    seconds: float
    memory: int
    disk: int
    shared: int

    def processors_for(self, learners: int) -> int:
        """How many processors this many learners need."""
        return math.ceil(learners * self.seconds / (self.minutes * 60 * BUSY))

    def memory_for(self, learners: int) -> int:
        """Bytes of memory that this many learners and the machine itself need."""
        return OWN + learners * self.memory

    def disk_for(self, learners: int) -> int:
        """Bytes of disk that this many learners need, including shared data."""
        return self.shared + learners * self.disk

    def learners_on(self, processors: int, memory: int, disk: int) -> tuple[int, int, int]:
        """How many learners each of these allows: processors, bytes of memory, free bytes of disk. Shared data is
        already on the disk."""
        return (int(processors * self.minutes * 60 * BUSY / self.seconds), max(0, memory - OWN) // self.memory,
                disk // self.disk)

    def save(self) -> None:
        """Write it to FILE."""
        paths.write_whole(FILE, f"{json.dumps(asdict(self), indent=1)}\n".encode())
        FILE.chmod(0o644)


def measured() -> Measured:
    """The last measured class."""
    return Measured(**json.loads(FILE.read_text()))
