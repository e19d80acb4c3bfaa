"""What a class takes, computed from what one learner took in the class that was measured last.

`make class-load DOCS=1` measures one, and writes deploy/measured.json and the table in docs/class.md.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import paths

FILE = Path(__file__).resolve().parents[2] / "deploy" / "measured.json"
BUSY = 0.7              # of the processors' time that a class can use, since learners do not take turns
OWN = 2_000_000_000     # bytes of memory for the machine itself, its engine and the hub


@dataclass(frozen=True)
class Measured:
    """A class that was measured.

    learners  how many there were, who took two lessons and an exercise in `minutes`
    seconds   processor seconds of one of them, the median
    memory    bytes of one of them: the most that all sessions had at one moment, divided by their number
    disk      bytes of one of them, home and engine at the end, the median
    shared    bytes on the disk that all share: the learners' image, base images, caches
    """

    learners: int
    minutes: float
    seconds: float
    memory: int
    disk: int
    shared: int

    def processors_for(self, learners: int) -> int:
        """How many processors so many learners take."""
        return math.ceil(learners * self.seconds / (self.minutes * 60 * BUSY))

    def memory_for(self, learners: int) -> int:
        """Bytes of memory that so many learners take, the machine's own included."""
        return OWN + learners * self.memory

    def disk_for(self, learners: int) -> int:
        """Bytes on the disk that so many learners take, with what they share."""
        return self.shared + learners * self.disk

    def learners_on(self, processors: int, memory: int, disk: int) -> tuple[int, int, int]:
        """For how many learners so many processors, bytes of memory and free bytes on the disk are enough, one number
        each. What all share is on the disk already."""
        return (int(processors * self.minutes * 60 * BUSY / self.seconds), max(0, memory - OWN) // self.memory,
                disk // self.disk)

    def save(self) -> None:
        """Write it to the file."""
        paths.write_whole(FILE, f"{json.dumps(asdict(self), indent=1)}\n".encode())
        FILE.chmod(0o644)


def measured() -> Measured:
    """The class that was measured last."""
    return Measured(**json.loads(FILE.read_text()))
