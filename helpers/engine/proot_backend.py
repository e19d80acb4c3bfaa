"""How the course runs its own engine over PRoot, the last rung: for sessions that refuse user
namespaces or mounts. Its data, socket, pid file and log lie in one folder that only this user
can open.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from . import processes
from .backend import Backend
from .capabilities import Capabilities

_ROOT = Path(__file__).resolve().parents[2]
_PROBE_SECONDS = 60
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

_good: list[bool] = []   # whether the probe worked once


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

    def obstacle(self) -> str:
        if sys.platform != "linux":
            return "The course's engine over PRoot takes Linux."
        if os.geteuid() == 0:
            return "The course's engine over PRoot is for sessions without root."
        if not _good:
            try:
                done = subprocess.run(_command("--probe"), capture_output=True, text=True, timeout=_PROBE_SECONDS,
                                      stdin=subprocess.DEVNULL, env=_environment())
            except subprocess.TimeoutExpired:
                return "The course's engine over PRoot could not be tried: the machine did not answer in time."
            except OSError as error:
                return (
                    f"The course's engine over PRoot could not be tried: Python cannot be started ({error.strerror})."
                )
            if done.returncode:
                lines = (done.stdout or done.stderr).strip().splitlines() or ["the probe ended without a word"]
                return f"The course's engine over PRoot cannot work here: {lines[-1]}."
            _good.append(True)
        return ""

    def _pid(self) -> int | None:
        return processes.recorded(self.folder() / "small.pid", self.folder())

    def _launch(self) -> subprocess.Popen:
        return self._spawn(_command(str(self.folder())), _environment())


def _command(word: str) -> list[str]:
    return [sys.executable, "-m", "helpers.engine.proot", word]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}
