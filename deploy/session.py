"""Starts a learner's session in its container: `python3 session.py COMMAND...`.

It updates the home from the course in the image, copies the class's shared caches, and runs COMMAND in the course's
folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

COURSE = Path(__file__).with_name("course.tar")
_NOTE = ".course.json"    # in the home: {path: digest of the course's file}


def update(course: Path, home: Path) -> list[Path]:
    """Update a home from the course. If the course has a new version of a file that the learner changed, the learner's
    is renamed to NAME.mine.SUFFIX. Returns the renamed files."""
    note, aside = home / _NOTE, []
    known: dict[str, str] = json.loads(note.read_text()) if note.exists() else {}
    new = {path.relative_to(course).as_posix(): _digest(path) for path in sorted(course.rglob("*")) if path.is_file()}
    for name, digest in new.items():
        place = home / name
        if place.exists():
            if known.get(name) == digest:
                continue
            if _digest(place) not in (known.get(name), digest):
                aside.append(place.replace(_beside(place)))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(course / name, place)
    for name in known.keys() - new.keys():
        if (home / name).is_file() and _digest(home / name) == known[name]:
            (home / name).unlink()
    half = note.with_suffix(".part")
    half.write_text(json.dumps(new))
    half.replace(note)
    return aside


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _beside(place: Path) -> Path:
    """NAME.mine.SUFFIX, or NAME.mine-2.SUFFIX and so on if that exists."""
    number = 1
    while (name := place.with_name(f"{place.stem}.mine{f'-{number}' if number > 1 else ''}{place.suffix}")).exists():
        number += 1
    return name


def take_over(shared: Path, own: Path) -> None:
    """Copy shared caches that the home does not have yet: the builder's cache and the layers' inventories."""
    builder = "state/podman/tmp"
    for source in (shared / "cache", *(shared / builder).glob("buildah-cache*")):
        target = own / source.relative_to(shared)
        if source.is_dir() and not target.exists():
            shutil.copytree(source, target, symlinks=True)


def main() -> None:
    """Prepare the session, then replace this process with the command."""
    home = Path.home() / "course"
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(COURSE) as archive:
            archive.extractall(folder)
        update(Path(folder), home)
    own = Path(os.environ["MULTISTAGE_HOME"])
    if shared := os.environ.get("MULTISTAGE_SHARED"):
        take_over(Path(shared), own)
    os.environ["MPLCONFIGDIR"] = str(own / "cache" / "matplotlib")    # the font list is one of those caches
    os.chdir(home)
    os.environ["PYTHONPATH"] = str(home)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
