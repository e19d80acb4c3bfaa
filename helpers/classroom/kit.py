"""A kit: a folder with everything a class needs in a room without a network.

    kit/index.json      path, size and digest of every file (`manifest`)
    kit/*.tar.zst       base images, and the learners' image (helpers.bases.kit)
    kit/wheels/, npm/   packages for the class itself and for its builds (`packages`)
    kit/proxy.tar       the class's proxy
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ..bases import ALL, Kept, ResolvedBase, kit, save, status
from ..builder import ensure_bases
from ..engine import Engine
from ..errors import CourseError
from ..units import size
from . import image, manifest, packages
from .manifest import Report

IMAGE = "multistage-session:latest"    # the learners' image, in the kit
STICK = 15_500_000_000     # bytes that fit on a 16 GB stick
# Measured on a complete kit: archive to image size, and bytes of all packages, a base and the session image.
_PACKED, _PACKAGES, _BASE, _SESSION = 0.3, 250_000_000, 120_000_000, 220_000_000


def make(engine: Engine, folder: Path, report: Report, refs: Sequence[str] = ALL) -> tuple[manifest.File, ...]:
    """Gather a kit in `folder`, or complete an interrupted one; returns its files.

    Raises CourseError if the disk is too small, KitDamaged for a file that has changed, and the engine's errors.
    """
    folder = folder.expanduser().absolute()
    there = {each.ref: each for each in kit.entries(folder, required=False) if each.path.exists()}
    for each in there.values():
        each.check()
    _need_room(folder, estimate(engine, [ref for ref in refs if ref not in there], IMAGE not in there), report)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".part-*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()
    packages.gather(folder, report)
    _save_session(engine, folder, there.get(IMAGE), report)
    for ref in refs:
        if ref not in there:
            base, = ensure_bases(engine, [ref], report=report)
            save(engine, base, folder, report)
    manifest.write(folder, [manifest.described(folder, path) for path in _packages(folder)])
    return manifest.listed(folder)


def _packages(folder: Path) -> list[Path]:
    return [*sorted((folder / "wheels").iterdir()), *sorted((folder / "npm").iterdir()), folder / packages.PROXY]


# -- room on the disk ------------------------------------------------------------------

def estimate(engine: Engine, refs: Sequence[str], session: bool) -> int:
    """Bytes still to be added to a kit: these base images, packages, and the learners' image if `session`."""
    bases = [engine.find_image(each.name) if each.present else None for each in status(engine, refs)]
    return _PACKAGES + session * _SESSION + sum(int(each["Size"] * _PACKED) if each else _BASE for each in bases)


def _need_room(folder: Path, coming: int, report: Report) -> None:
    """Report the kit's expected size. Raises CourseError if the disk is too small."""
    disk = next(each for each in (folder, *folder.parents) if each.exists())
    free, here = shutil.disk_usage(disk).free, sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    total = here + coming
    report(f"The kit takes about {size(total)}, of which {size(here)} is already there. It "
           f"{'fits' if total < STICK else 'does not fit'} on a 16 GB stick.")
    if coming > free:
        raise CourseError(f"The kit does not fit in {folder}.",
                          why=f"It needs about {size(coming)} more, and the disk has {size(free)} free.",
                          remedy="Choose a folder on a larger disk: `make kit TO=FOLDER`.")


# -- the learners' image ---------------------------------------------------------------

def _save_session(engine: Engine, folder: Path, there: Kept | None, report: Report) -> None:
    tag = image.make(engine, "multistage-kit", report)
    try:
        if there is None or there.config != (engine.find_image(tag) or {}).get("Id"):
            save(engine, ResolvedBase(IMAGE, True, "made", tag), folder, report)
    finally:
        engine.client.api.remove_image(tag, noprune=True)


def load_session(engine: Engine, folder: Path, name: str, report: Report) -> str:
    """Load a kit's learners' image as NAME:latest; returns that tag. Raises KitDamaged and the engine's errors."""
    kept = next(each for each in kit.entries(folder, required=True) if each.ref == IMAGE)
    api, loaded, tag = engine.client.api, kit.load(engine, kept, report), f"{name}:latest"
    api.tag(loaded, name, "latest")
    api.remove_image(loaded, noprune=True)
    return tag


def refs(folder: Path) -> list[str]:
    """The base images in a kit."""
    return [each.ref for each in kit.entries(folder, required=True) if each.ref != IMAGE]
