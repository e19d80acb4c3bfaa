"""Unpack PRoot from Debian's packages, without any privilege.

Debian unstable has PRoot 5.4; the stable releases of Debian and Ubuntu have one that is too old for Go. It is unpacked
with its C library, not installed. mmdebstrap finds the archive and checks its signature; in `--mode=chrootless`
(mmdebstrap(1)) it needs neither root nor a namespace, so that it works while Binder builds its image."""

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
_KNOWN = ("bookworm", "trixie", "forky", "sid", "unstable")   # suites that a machine's sources may name
# The program, the libraries beside its loader, and the licences.
_KEPT = ("usr/bin/proot", "usr/lib/*/*.so*", "usr/share/doc/*/copyright")


def fetch(report: Report, place: Path | None = None) -> Path:
    """Unpack PRoot into `place` (default: the first writable one of `proot.homes`) and return that. It takes about 15
    seconds and downloads 20 MB. Raises CourseError if the download fails or PRoot does not work here."""
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
    raise CourseError("There is no folder for PRoot.", why=f"Neither of {', '.join(map(str, proot.homes()))} "
                      "is writable.", remedy="Set MULTISTAGE_HOME to a folder of yours.")


def _unpack(target: Path, scratch: Path) -> None:
    options = ["--mode=chrootless", "--variant=extract", "--format=directory", f"--keyring={aptsources.KEYRING}",
               f"--include={','.join(PACKAGES)}"]
    for sources in _archives():
        failed = rootfs.mmdebstrap(options, SUITE, target, scratch, sources)
        if not failed:
            return
        remove(str(target))
    raise CourseError("PRoot could not be fetched.", why=f"mmdebstrap could not unpack it from Debian {SUITE}.",
                      remedy="Check that this machine can reach Debian's packages, or set MULTISTAGE_PROOT to an "
                             "installed PRoot 5.4 or newer.", evidence=tail(failed))


def _archives() -> Iterator[list[aptsources.Source]]:
    """The machine's own mirror of Debian, then mmdebstrap's default archive ([])."""
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
    said = [proot.tried(words) for words in proot.calls(kept)] or ["is missing from the packages"]
    if "" not in said:
        raise CourseError("The PRoot that was fetched does not work here.", why=f"It {said[0]}.",
                          remedy="If this machine refuses ptrace, no PRoot works on it.")
