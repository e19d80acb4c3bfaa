"""File systems mounted below a folder of the course, which would keep it from being deleted."""

import contextlib
import subprocess
from pathlib import Path


def below(folder: Path) -> list[str]:
    """Where something is mounted below `folder`, deepest first."""
    with open("/proc/self/mounts") as mounts:
        points = [line.split()[1].replace("\\040", " ") for line in mounts]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)


def unmount_below(folder: Path) -> None:
    """Detach all of it, even where it is in use. What cannot be detached stays."""
    for point in below(folder):
        with contextlib.suppress(OSError):
            subprocess.run(["umount", "--lazy", point], stdin=subprocess.DEVNULL, capture_output=True)
