"""How the course runs its engine over PRoot: the last rung, for sessions that refuse user namespaces or mounts."""

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
    "It builds without BuildKit: stages run one after another, and --mount supports only a stage, a cache or a secret.",
    "Files that a RUN makes belong to root: a chown there is lost. COPY --chown is kept.",
    "Programs run under PRoot, with the session's network and processes: `--network none` and limits of memory and "
    "processes have no effect, read-only file systems are refused, and `docker stop` kills at once.",
    "It pulls nothing: base images are loaded from archives.")


class PRoot(Backend):
    """The course's own engine, over PRoot."""

    name, builders, process = "Course Engine", ("legacy",), b"helpers.engine.proot"
    title, home, socket, log = "the engine over PRoot", "small", "small.sock", "small.log"
    remedy = "Install PRoot 5.4 or newer, or use a machine with Docker."
    start_seconds, busy_seconds, answer_seconds = 30, 30, 2

    def capabilities(self, version: int, owned: bool, store: str = "") -> Capabilities:
        """A legacy builder that also mounts secrets and caches. It is slow, since PRoot intercepts system calls.
        PRoot maps ports, so that none is shared."""
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
            return "The course's engine over PRoot requires Linux."
        if os.geteuid() == 0:
            return "The course's engine over PRoot is for sessions without root."
        why = proot_program.find()[1]
        return f"The course's engine over PRoot does not work here: {why}." if why else ""

    def _pid(self) -> int | None:
        return processes.recorded(self.folder() / "small.pid", self.folder())

    def _launch(self) -> subprocess.Popen:
        return self._spawn(processes.module(_MODULE, str(self.folder())), processes.environment())
