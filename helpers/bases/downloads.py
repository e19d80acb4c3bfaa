"""Downloaded files that are kept: each with the hash that it had when it came."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from .. import paths, units


def store() -> Path:
    """The folder of kept downloads, made if need be."""
    folder = paths.cache() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep(file: Path, report: Callable[[str], None]) -> Path:
    """Move `file` into the store; where it is then. Both lie on one disk if
    `file` was downloaded below the store."""
    kept = store() / file.name
    # The hash first: without it the download does not count.
    paths.write_whole(_note(kept), _hash(file).encode())
    os.replace(file, kept)
    report(f"Downloaded {kept.name}, {units.size(kept.stat().st_size)}.")
    return kept


def sound(kept: Path) -> bool:
    """Whether it is there and still what was downloaded."""
    return (kept.exists() and _note(kept).exists()
            and _note(kept).read_text() == _hash(kept))


def _note(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.sha256")


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
