"""Debian's root file system, made from its packages by mmdebstrap: what `FROM scratch` begins with."""

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

# Nothing in the archive is younger than this (2024-12-01): the same packages give the same
# archive, whenever it is made.
EPOCH = 1_733_011_200

# As debuerreotype's "slim" has it, the tool that makes Docker's Debian images.
_SLIM = ("path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright", "path-exclude=/usr/share/info/*",
         "path-exclude=/usr/share/linda/*", "path-exclude=/usr/share/lintian/*", "path-exclude=/usr/share/locale/*",
         "path-include=/usr/share/locale/locale.alias", "path-exclude=/usr/share/man/*")

# Settings with which every Debian image keeps `apt-get install` from leaving
# archives and translations behind (debuerreotype, scripts/debuerreotype-minimizing-config).
_APT_SETTINGS = {
    "docker-clean": (
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb '
        '/var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n'
        'APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb '
        '/var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n'
        'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";\n'),
    "docker-gzip-indexes": 'Acquire::GzipIndexes "true"; Acquire::CompressionTypes::Order:: "gz";\n',
    "docker-no-languages": 'Acquire::Languages "none";\n'}

# Lays out /bin, /lib and /sbin as links into /usr from the start. Without it apt
# chooses the package that converts them, which brings 46 MB of Perl along.
_MERGED = Path("/usr/share/mmdebstrap/hooks/merged-usr")

# What belongs to this machine, to mmdebstrap or to its apt is taken out in the end.
_TIDY = """cd "$1" && rm -rf etc/hostname etc/resolv.conf etc/apt/apt.conf.d/99mmdebstrap etc/apt/sources.list.d/* \\
    var/cache/debconf/*-old var/lib/dpkg/status-old var/lib/apt/lists/auxfiles && \\
    find var/cache/apt var/lib/apt/lists -type f -delete && \\
    mv etc/dpkg/dpkg.cfg.d/99mmdebstrap etc/dpkg/dpkg.cfg.d/docker"""


def debian(suite: str, archive: Path, scratch: Path, report: Report) -> None:
    """Write the root file system of debian:SUITE-slim to `archive`, a tar.

    scratch   folder for mmdebstrap's own use

    Raises BaseUnavailable where mmdebstrap cannot be had, CourseError with the end of its output where it fails."""
    need_mmdebstrap(report)
    sources, apt = aptsources.machine(suite), scratch / "settings/etc/apt"
    for place in (apt / "apt.conf.d", apt / "sources.list.d"):
        place.mkdir(parents=True)
    for name, text in _APT_SETTINGS.items():
        (apt / "apt.conf.d" / name).write_text(text)
    if kept := aptsources.public(sources):   # so that `RUN apt-get update` works as it does on the real image
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
    with tarfile.open(archive, "a") as tar:   # with the nodes in it the folder was left out
        folder = tarfile.TarInfo("./dev")
        folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o755, EPOCH
        tar.addfile(folder)


def mmdebstrap(options: Sequence[str], suite: str, target: Path, scratch: Path,
               sources: Sequence[aptsources.Source]) -> str:
    """Run it for `suite` into `target`, with this machine's apt settings; '' if it succeeded, else its output.

    scratch   folder for its own files
    sources   where the packages are; () for Debian's own archive"""
    scratch.chmod(0o755)   # its apt drops its privileges and must get through
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
    """Install mmdebstrap and Debian's keys, as root. Raises BaseUnavailable where that cannot
    be: `without` says what is not possible then."""
    missing = [] if shutil.which("mmdebstrap") else ["mmdebstrap"]
    missing += [] if aptsources.KEYRING.exists() else ["debian-archive-keyring"]   # Ubuntu has it as a package
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BaseUnavailable(without, why=f"{' and '.join(missing)} {'are' if missing[1:] else 'is'} not installed.",
                              remedy=f"Install the package {' and '.join(missing)} (Debian, Ubuntu), "
                                     "or run this as root there.")
    apt_install(missing, report)


def _failed(suite: str, output: str) -> CourseError:
    why, remedy = "", "Does `apt-get update` work here? Then run this again: finished steps are kept."
    if "no space left on device" in output.lower():
        why = "This machine's disk is full."
        remedy = "Make room below the folder for temporary files (TMPDIR), then run this again."
    return CourseError(f"mmdebstrap could not make a root file system of Debian {suite}.", why=why, remedy=remedy,
                       evidence=tail(output))
