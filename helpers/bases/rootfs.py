"""Debian's root file system, made from its packages: what `FROM scratch` begins with.

mmdebstrap fetches the packages and checks their signatures. Its tar is rewritten as it
streams by: what belongs to this machine is left out, what Debian's own images have is put in.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ..engine.packages import apt_install
from ..errors import BaseUnavailable, CourseError
from ..subprocesses import running, tail
from . import aptsources

# Nothing in the archive is younger than this (2024-12-01): the same packages give the same
# archive, whenever it is made.
EPOCH = 1_733_011_200

Entry = tuple[tarfile.TarInfo, IO[bytes] | None]

# As debuerreotype's "slim" has it, the tool that makes Docker's Debian images.
_SLIM = (
    "path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*", "path-exclude=/usr/share/linda/*",
    "path-exclude=/usr/share/lintian/*", "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/locale.alias", "path-exclude=/usr/share/man/*",
)

# Settings with which every Debian image keeps `apt-get install` from leaving
# archives and translations behind (debuerreotype, scripts/debuerreotype-minimizing-config).
_APT_SETTINGS = {
    "docker-clean": (
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb '
        '/var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n'
        'APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb '
        '/var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n'
        'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";\n'),
    "docker-gzip-indexes":
        'Acquire::GzipIndexes "true"; Acquire::CompressionTypes::Order:: "gz";\n',
    "docker-no-languages": 'Acquire::Languages "none";\n',
}

# Lays out /bin, /lib and /sbin as links into /usr from the start. Without it apt
# chooses the package that converts them, which brings 46 MB of Perl along.
_MERGED = Path("/usr/share/mmdebstrap/hooks/merged-usr")

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_MACHINE = ("etc/apt/apt.conf.d/99mmdebstrap", "etc/hostname", "etc/resolv.conf")
_LEFTOVER = ("var/cache/debconf/config.dat-old", "var/cache/debconf/templates.dat-old",
             "var/lib/dpkg/status-old", "var/cache/apt/archives/lock")


def debian(suite: str, archive: Path, scratch: Path, report: Callable[[str], None]) -> None:
    """Write the root file system of debian:SUITE-slim to `archive`, a tar.

    scratch   folder for mmdebstrap's own use

    Raises BaseUnavailable where mmdebstrap cannot be had, CourseError with the end of its
    output where it fails.
    """
    need_mmdebstrap(report)
    sources = aptsources.machine(suite)
    with _mmdebstrap(suite, scratch, sources) as tar, open(archive, "wb") as file:  # noqa: SIM117
        # PAX, not GNU: only it can hold a file's capabilities.
        with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as target:
            for info, data in _slim(tar, sources):
                target.addfile(info, data)


def need_mmdebstrap(report: Callable[[str], None],
                    without: str = "A root file system cannot be made here.") -> None:
    """Install mmdebstrap and Debian's keys, as root. Raises BaseUnavailable where that cannot
    be: `without` says what is not possible then."""
    missing = [] if shutil.which("mmdebstrap") else ["mmdebstrap"]
    missing += [] if KEYRING.exists() else ["debian-archive-keyring"]   # Ubuntu has it as a package
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BaseUnavailable(
            without, why=f"{' and '.join(missing)} {'are' if missing[1:] else 'is'} not installed.",
            remedy=f"Install the package {' and '.join(missing)} (Debian, Ubuntu), "
                   "or run this as root there.")
    apt_install(missing, report)


@contextlib.contextmanager
def _mmdebstrap(suite: str, scratch: Path, sources: tuple[aptsources.Source, ...]) -> Iterator[tarfile.TarFile]:
    """mmdebstrap's result as a stream. Leaving the block makes sure that it succeeded."""
    # mmdebstrap's apt drops its privileges and must get through to its folder.
    scratch.chmod(0o755)
    log = scratch / "mmdebstrap.log"
    merged = [f"--hook-dir={_MERGED}", "--include=usr-is-merged"] if _MERGED.is_dir() else []
    command = ["mmdebstrap", f"--mode={'root' if os.geteuid() == 0 else 'unshare'}", "--format=tar",
               "--variant=minbase", *(f"--dpkgopt={line}" for line in _SLIM), *merged,
               *(f"--aptopt={line}" for line in aptsources.options()), suite, "-"]
    if sources:
        file = scratch / "debian.sources"
        file.write_text(aptsources.written(sources))
        command.append(str(file))
    environment = {**os.environ, "TMPDIR": str(scratch), "SOURCE_DATE_EPOCH": str(EPOCH),
                   "LC_ALL": "C.UTF-8"}
    with open(log, "wb") as errors, running(
            command, stdout=subprocess.PIPE, stderr=errors, env=environment) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                yield tar
        except (tarfile.TarError, OSError) as error:
            if getattr(error, "errno", None):
                raise
            # The tar broke off: mmdebstrap's own words say why.
            assert process.stdout
            process.stdout.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            raise _failed(suite, log) from error
        assert process.stdout
        while process.stdout.read(1 << 20):   # padding after the tar's end
            pass
        if process.wait():
            raise _failed(suite, log)


def _failed(suite: str, log: Path) -> CourseError:
    said = log.read_text(errors="replace")
    full = "no space left on device" in said.lower()
    return CourseError(
        f"mmdebstrap could not make a root file system of Debian {suite}.",
        why="This machine's disk is full." if full else "",
        remedy="Make room below the folder for temporary files (TMPDIR), then run this again."
               if full else "Does `apt-get update` work here? Then run this again: "
                            "finished steps are kept.",
        evidence=tail(said),
    )


# -- the archive ----------------------------------------------------------------

def _slim(tar: tarfile.TarFile, sources: tuple[aptsources.Source, ...]) -> Iterator[Entry]:
    """debian:SUITE-slim out of mmdebstrap's tar."""
    for member in tar:
        info = plain(member)
        if not info.name or info.name.startswith("dev/") or info.name in _MACHINE + _LEFTOVER:
            continue
        if info.name.startswith("etc/apt/sources.list.d/") or (
                sources and info.name == "etc/apt/sources.list"):
            continue
        if info.name == "etc/dpkg/dpkg.cfg.d/99mmdebstrap":
            info.name = "etc/dpkg/dpkg.cfg.d/docker"
        yield info, tar.extractfile(member) if info.isreg() else None
    for name, text in _APT_SETTINGS.items():
        yield _file(f"etc/apt/apt.conf.d/{name}", text)
    kept = aptsources.public(sources)
    if kept:   # so that `RUN apt-get update` works as it does on the real image
        yield _file("etc/apt/sources.list.d/debian.sources", aptsources.written(kept))


def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """A copy of an entry's header as image layers have it: path without './', whole seconds
    not after EPOCH, owners as numbers; of the extended headers only attributes."""
    clean = tarfile.TarInfo(_path(info.name))
    for name in ("type", "mode", "size", "uid", "gid", "devmajor", "devminor"):
        setattr(clean, name, getattr(info, name))
    clean.linkname = _path(info.linkname) if info.islnk() else info.linkname
    clean.mtime = min(int(info.mtime), EPOCH)
    clean.pax_headers = {key: value for key, value in info.pax_headers.items() if key.startswith("SCHILY.xattr.")}
    return clean


def _path(name: str) -> str:
    """'./usr/bin/' -> 'usr/bin'; the root itself is ''."""
    return name.removeprefix("./").strip("/") if name != "." else ""


def _file(name: str, text: str) -> Entry:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(text.encode()), 0o644, EPOCH
    return info, io.BytesIO(text.encode())
