"""File systems mounted below a folder, which would prevent deleting it."""

import contextlib
import subprocess
from pathlib import Path


def below(folder: Path) -> list[str]:
    """The mount points below `folder`, deepest first."""
    with open("/proc/self/mounts") as mounts:
        points = [line.split()[1].replace("\\040", " ") for line in mounts]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)


def unmount_below(folder: Path) -> None:
    """Detach all of them, even if they are in use, as far as possible."""
    for point in below(folder):
        with contextlib.suppress(OSError):
            subprocess.run(["umount", "--lazy", point], stdin=subprocess.DEVNULL, capture_output=True)
