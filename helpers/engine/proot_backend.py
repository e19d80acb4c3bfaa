"""How the course runs its own engine over PRoot, the last rung: for sessions that refuse user namespaces or mounts."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import processes, proot_program
from .backend import Backend
from .capabilities import Capabilities

_MODULE = "helpers.engine.proot"
_LIMITS = (
    "It builds without BuildKit: stages run one after another, and --mount takes a stage, a cache or a secret and no more.",  # noqa: E501
    "What a RUN makes is root's: a chown there is lost. COPY --chown is kept.",
    (
        "Programs run under PRoot, in the session's own network and among its processes: `--network none` and "
        "limits of memory and processes have no effect, a read-only file system is refused, and what is stopped "
        "ends at once, without the signal to end by itself."
    ),
    "It fetches nothing: base images are loaded from archives.",
)


class PRoot(Backend):
    """The course's own engine, over PRoot."""

    name, builders, process = "Course Engine", ("legacy",), b"helpers.engine.proot"
    title, home, socket, log = "the engine over PRoot", "small", "small.sock", "small.log"
    remedy = "Install PRoot 5.4 or newer, or use a machine with Docker."
    start_seconds, busy_seconds, answer_seconds = 30, 30, 2

    def capabilities(self, version: int, owned: bool, store: str = "") -> Capabilities:
        """It speaks as the legacy builder does, and mounts secrets and caches besides. PRoot stops
        each call of the kernel: that takes time. A port that is asked for is exchanged for a free one."""
        return Capabilities(mounting=("legacy",), heredocs=(), rejects_heredocs=True, slowdown=2,
                            isolates_network=False, read_only_root=False, health_checks=False)

    def limits(self, version: int, owned: bool) -> tuple[str, ...]:
        return _LIMITS

    def rung(self) -> str:
        return "small"

    def roots(self, words: Sequence[bytes]) -> Iterator[Path]:
        if b"-r" in words[:-1] and any(word.rpartition(b"/")[2] == b"proot" for word in words):
            yield Path(os.fsdecode(words[words.index(b"-r") + 1]))

    def obstacle(self) -> str:
        if sys.platform != "linux":
            return "The course's engine over PRoot takes Linux."
        if os.geteuid() == 0:
            return "The course's engine over PRoot is for sessions without root."
        why = proot_program.find()[1]
        return f"The course's engine over PRoot cannot work here: {why}." if why else ""

    def _pid(self) -> int | None:
        return processes.recorded(self.folder() / "small.pid", self.folder())

    def _launch(self) -> subprocess.Popen:
        return self._spawn(processes.module(_MODULE, str(self.folder())), processes.environment())
