"""Files that come in a Python wheel: downloaded once, by pip, and kept."""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import CourseError
from . import downloads
from .subprocesses import running, tail
from .recipes import WheelFiles
from .tars import Entry, parents, regular, streamed


def fetch(step: WheelFiles, report: Callable[[str], None]) -> Path:
    """The wheel's file in the cache of downloads, downloaded if need be.

    Raises CourseError with the end of pip's output.
    """
    kept = cached(step)
    if kept:
        return kept
    report(f"Downloading {step.what} {step.version} ({step.project}, a Python wheel) ...")
    with tempfile.TemporaryDirectory(dir=downloads.store()) as place:
        _download(step, place)
        (wheel,) = Path(place).glob("*.whl")
        return downloads.keep(wheel, report)


def cached(step: WheelFiles) -> Path | None:
    """The wheel in the cache, if it is still what was downloaded."""
    name = step.project.replace("-", "_")
    for wheel in sorted(downloads.store().glob(f"{name}-{step.version}-*.whl")):
        # The cache may lie in a home that machines of two kinds share.
        fits = platform.machine() in wheel.name or wheel.stem.endswith("-any")
        if fits and downloads.sound(wheel):
            return wheel
    return None


def layer(step: WheelFiles, wheel: Path) -> Iterator[bytes]:
    """A tar of the wheel's folder, as `step.target`'s parent takes it."""
    return streamed(_entries(step, wheel))


def _entries(step: WheelFiles, wheel: Path) -> Iterator[Entry]:
    top = Path(step.target).name
    prefix = f"{step.source}/"
    seen: set[str] = set()
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            path = info.filename.removeprefix(prefix)
            # __init__.py is the wheel's own: it makes the folder a Python package.
            if path == info.filename or path == "__init__.py" or info.is_dir():
                continue
            yield from parents(f"{top}/{path}", seen)
            mode = 0o755 if path.startswith(step.executable) else 0o644
            yield regular(f"{top}/{path}", archive.read(info), mode)
    if not seen:
        raise CourseError(f"{wheel.name} has no folder {step.source!r}.",
                          remedy=f"Delete {wheel} and try again.")


def _download(step: WheelFiles, place: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:",
               "--no-input", "--progress-bar", "off", "--dest", place,
               f"{step.project}=={step.version}"]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        output = pip.stdout.read()
        code = pip.wait()
    if code or not list(Path(place).glob("*.whl")):
        raise CourseError(
            f"pip could not download {step.project} {step.version}.",
            why=f"It ended with exit code {code}.",
            remedy="Does `pip download` work here (network, proxy, index)? Then run this again.",
            evidence=tail(output),
        )
