"""Debian's root file system, made from its packages by mmdebstrap."""

import os
import shlex
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

from ..engine.packages import apt_install
from ..engine.processes import Report
from ..errors import BaseUnavailable, CourseError
from ..subprocesses import running, tail
from . import aptsources

# Times in the archive are at most this (2024-12-01), so that the same packages make the same archive.
EPOCH = 1_733_011_200

# As in debuerreotype's "slim"; it makes Docker's Debian images.
_SLIM = ("path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright", "path-exclude=/usr/share/info/*",
         "path-exclude=/usr/share/linda/*", "path-exclude=/usr/share/lintian/*", "path-exclude=/usr/share/locale/*",
         "path-include=/usr/share/locale/locale.alias", "path-exclude=/usr/share/man/*")

# Settings of Docker's Debian images that keep apt from storing archives and translations (debuerreotype,
# scripts/debuerreotype-minimizing-config).
_APT_SETTINGS = {
    "docker-clean": (
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb '
        '/var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n'
        'APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb '
        '/var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n'
        'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";\n'),
    "docker-gzip-indexes": 'Acquire::GzipIndexes "true"; Acquire::CompressionTypes::Order:: "gz";\n',
    "docker-no-languages": 'Acquire::Languages "none";\n'}

# Makes /bin, /lib and /sbin links into /usr at the start. Else apt installs the package that converts them, with 46 MB
# of Perl.
_MERGED = Path("/usr/share/mmdebstrap/hooks/merged-usr")

# Removes files of this machine, of mmdebstrap and of its apt.
_TIDY = """cd "$1" && rm -rf etc/hostname etc/resolv.conf etc/apt/apt.conf.d/99mmdebstrap etc/apt/sources.list.d/* \\
    var/cache/debconf/*-old var/lib/dpkg/status-old var/lib/apt/lists/auxfiles && \\
    find var/cache/apt var/lib/apt/lists -type f -delete && \\
    mv etc/dpkg/dpkg.cfg.d/99mmdebstrap etc/dpkg/dpkg.cfg.d/docker"""


def debian(suite: str, archive: Path, scratch: Path, report: Report) -> None:
    """Write the root file system of debian:SUITE-slim to the tar `archive`, using the folder `scratch`. Raises
    BaseUnavailable without mmdebstrap, and CourseError, with the end of its output, if it fails."""
    need_mmdebstrap(report)
    sources, apt = aptsources.machine(suite), scratch / "settings/etc/apt"
    for place in (apt / "apt.conf.d", apt / "sources.list.d"):
        place.mkdir(parents=True)
    for name, text in _APT_SETTINGS.items():
        (apt / "apt.conf.d" / name).write_text(text)
    if kept := aptsources.public(sources):   # so that `RUN apt-get update` works as in the original image
        (apt / "sources.list.d/debian.sources").write_text(aptsources.written(kept))
    tidy = _TIDY + (" && rm -f etc/apt/sources.list" if sources else "")
    merged = [f"--hook-dir={_MERGED}", "--include=usr-is-merged"] if _MERGED.is_dir() else []
    output = mmdebstrap(
        [f"--mode={'root' if os.geteuid() == 0 else 'unshare'}", "--format=tar", "--variant=minbase",
         "--skip=output/dev,cleanup/apt", *(f"--dpkgopt={line}" for line in _SLIM), *merged,
         f"--customize-hook={tidy}", f"--customize-hook=sync-in {shlex.quote(f'{scratch}/settings')} /"],
        suite, archive, scratch, sources)
    if output:
        raise _failed(suite, output)
    with tarfile.open(archive, "a") as tar:   # --skip=output/dev left the folder out with its devices
        folder = tarfile.TarInfo("./dev")
        folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o755, EPOCH
        tar.addfile(folder)


def mmdebstrap(options: Sequence[str], suite: str, target: Path, scratch: Path,
               sources: Sequence[aptsources.Source]) -> str:
    """Run mmdebstrap for `suite` into `target`, with this machine's apt settings. Returns '', or its output if it
    fails.

    scratch   folder for temporary files
    sources   the packages' sources; () for Debian's own archive"""
    scratch.chmod(0o755)   # its apt drops its privileges and must be able to enter
    command = ["mmdebstrap", *options, *(f"--aptopt={line}" for line in aptsources.options()), suite, str(target)]
    if sources:
        file = scratch / "debian.sources"
        file.write_text(aptsources.written(sources))
        command.append(str(file))
    environment = {**os.environ, "TMPDIR": str(scratch), "SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C.UTF-8"}
    log = scratch / "mmdebstrap.log"
    with open(log, "wb") as output, running(command, stdout=output, stderr=output, env=environment) as process:
        code = process.wait()
    return log.read_text(errors="replace") or f"exit code {code}" if code else ""


def need_mmdebstrap(report: Report, without: str = "A root file system cannot be made here.") -> None:
    """Install mmdebstrap and Debian's keys if they are missing. Raises BaseUnavailable, with the message `without`, if
    that takes root."""
    missing = [] if shutil.which("mmdebstrap") else ["mmdebstrap"]
    missing += [] if aptsources.KEYRING.exists() else ["debian-archive-keyring"]   # on Ubuntu
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BaseUnavailable(without, why=f"{' and '.join(missing)} {'are' if missing[1:] else 'is'} not installed.",
                              remedy=f"Install the package {' and '.join(missing)} (Debian, Ubuntu), "
                                     "or run this as root there.")
    apt_install(missing, report)


def _failed(suite: str, output: str) -> CourseError:
    why, remedy = "", "Check that `apt-get update` works here, then run this again: finished steps are kept."
    if "no space left on device" in output.lower():
        why = "This machine's disk is full."
        remedy = "Free space in the folder for temporary files (TMPDIR), then run this again."
    return CourseError(f"mmdebstrap could not make a root file system of Debian {suite}.", why=why, remedy=remedy,
                       evidence=tail(output))
