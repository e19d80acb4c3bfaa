"""PRoot out of Debian's packages, for whoever has no privilege.

PRoot 5.4 is in Debian unstable; the releases of Debian and Ubuntu that the course meets have one that is too old for
Go. It is unpacked with its C library, and not installed. mmdebstrap finds the archive, checks its signature, and
without a chroot takes neither root nor a namespace (mmdebstrap(1), `--mode=chrootless`): it works while Binder builds
its image."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ...bases import aptsources, rootfs
from ...errors import CourseError
from ...paths import remove
from ...subprocesses import tail
from .. import proot_program as proot
from ..processes import Report

PACKAGES = ("libc6", "libtalloc2", "proot")
SUITE = "unstable"
_KNOWN = ("bookworm", "trixie", "forky", "sid", "unstable")   # suites that a machine may have in its sources
# What is kept: the program, the libraries beside its loader, and the licences.
_KEPT = ("usr/bin/proot", "usr/lib/*/*.so*", "usr/share/doc/*/copyright")


def fetch(report: Report, place: Path | None = None) -> Path:
    """Unpack PRoot to `place` (default: `proot.homes`, the first that may be written): where it is then. Takes a
    quarter of a minute, and 20 MB of packages that are not kept. Raises CourseError where the packages cannot be had,
    or what they bring does not work here."""
    place = place or _writable()
    rootfs.need_mmdebstrap(report, without="PRoot cannot be fetched here.")
    report(f"Fetching PRoot from Debian {SUITE}'s packages ...")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".proot-", dir=place.parent) as folder:
        unpacked, kept = Path(folder, "unpacked"), Path(folder, "kept")
        _unpack(unpacked, Path(folder))
        _keep(unpacked, kept)
        _try(kept)
        remove(str(place))
        os.replace(kept, place)
    proot.working.clear()
    report(f"PRoot is in {place}.")
    return place


def _writable() -> Path:
    for place in proot.homes():
        above = next(each for each in place.parents if each.exists())
        if os.access(above, os.W_OK):
            return place
    raise CourseError("There is no folder to keep PRoot in.", why=f"Neither of {', '.join(map(str, proot.homes()))} "
                      "can be written.", remedy="Set MULTISTAGE_HOME to a folder of yours.")


def _unpack(target: Path, scratch: Path) -> None:
    """All files of the packages, from the first archive that has them."""
    options = ["--mode=chrootless", "--variant=extract", "--format=directory", f"--keyring={aptsources.KEYRING}",
               f"--include={','.join(PACKAGES)}"]
    for sources in _archives():
        failed = rootfs.mmdebstrap(options, SUITE, target, scratch, sources)
        if not failed:
            return
        remove(str(target))
    raise CourseError("PRoot could not be fetched.", why=f"mmdebstrap could not unpack it from Debian {SUITE}.",
                      remedy="Does this machine reach Debian's packages? Where PRoot 5.4 or newer is installed, "
                             "MULTISTAGE_PROOT names the program.", evidence=tail(failed))


def _archives() -> Iterator[list[aptsources.Source]]:
    """Where packages are: the machine's own mirror of Debian, with that suite; then the archive that mmdebstrap
    knows."""
    own = [source for suite in _KNOWN for source in aptsources.machine(suite) if suite in source.suites]
    yield from ([replace(source, suites=(SUITE,))] for source in own[:1])
    yield []


def _keep(unpacked: Path, kept: Path) -> None:
    for pattern in _KEPT:
        for path in unpacked.glob(pattern):
            if path.is_file() or path.is_symlink():
                target = kept / path.relative_to(unpacked)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target, follow_symlinks=False)


def _try(kept: Path) -> None:
    """Try it where it is now. Raises CourseError with what does not work."""
    said = [proot.tried(words) for words in proot.calls(kept)] or ["is not among the files"]
    if "" not in said:
        raise CourseError("The PRoot that was fetched does not work here.", why=f"It {said[0]}.",
                          remedy="This machine may refuse ptrace: then no PRoot works on it.")
