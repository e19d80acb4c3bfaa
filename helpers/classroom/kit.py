"""The kit of a class: everything that a class needs in a room without a network, in one folder.

    kit/index.json      path, size and digest of every file (`manifest`)
    kit/*.tar.zst       base images, and the learners' image (helpers.bases.kit)
    kit/wheels/, npm/   packages that the class and the builds install (`packages`)
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

IMAGE = "multistage-session:latest"    # the learners', as the kit calls it
STICK = 15_500_000_000     # bytes that a stick of 16 GB takes
# Measured on a whole kit: its share of an image's size, its packages, and images that nobody has here yet.
_PACKED, _PACKAGES, _BASE, _SESSION = 0.3, 250_000_000, 120_000_000, 220_000_000


def make(engine: Engine, folder: Path, report: Report, refs: Sequence[str] = ALL) -> tuple[manifest.File, ...]:
    """Gather a kit in `folder`, or what is missing of one that was cut short; its files.

    Raises CourseError where the disk has no room for it, KitDamaged with the name of a file that has changed, and
    the errors of the engine.
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
    """Bytes of a kit that are still to come: those base images, packages, and the learners' image if `session`."""
    bases = [engine.find_image(each.name) if each.present else None for each in status(engine, refs)]
    return _PACKAGES + session * _SESSION + sum(int(each["Size"] * _PACKED) if each else _BASE for each in bases)


def _need_room(folder: Path, coming: int, report: Report) -> None:
    """Say how large the kit becomes. Raises CourseError where the disk is too small for it."""
    disk = next(each for each in (folder, *folder.parents) if each.exists())
    free, here = shutil.disk_usage(disk).free, sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    total = here + coming
    report(f"The kit takes about {size(total)}, of which {size(here)} are there. It "
           f"{'fits' if total < STICK else 'does not fit'} on a stick of 16 GB.")
    if coming > free:
        raise CourseError(f"There is no room for the kit in {folder}.",
                          why=f"About {size(coming)} are still to come, and its disk has {size(free)} free.",
                          remedy="Name a folder on a larger disk: `make kit TO=FOLDER`.")


# -- the learners' image ---------------------------------------------------------------

def _save_session(engine: Engine, folder: Path, there: Kept | None, report: Report) -> None:
    tag = image.make(engine, "multistage-kit", report)
    try:
        if there is None or there.config != (engine.find_image(tag) or {}).get("Id"):
            save(engine, ResolvedBase(IMAGE, True, "made", tag), folder, report)
    finally:
        engine.client.api.remove_image(tag, noprune=True)


def load_session(engine: Engine, folder: Path, name: str, report: Report) -> str:
    """Load the learners' image out of a kit under that name; its tag. Raises KitDamaged and what the engine raises."""
    kept = next(each for each in kit.entries(folder, required=True) if each.ref == IMAGE)
    api, loaded, tag = engine.client.api, kit.load(engine, kept, report), f"{name}:latest"
    api.tag(loaded, name, "latest")
    api.remove_image(loaded, noprune=True)
    return tag


def refs(folder: Path) -> list[str]:
    """The base images in a kit."""
    return [each.ref for each in kit.entries(folder, required=True) if each.ref != IMAGE]
