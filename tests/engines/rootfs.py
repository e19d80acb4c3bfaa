"""Root file systems with Docker and Podman of a Debian suite, kept in the cache. mmdebstrap makes each once, as root,
in a minute or so. An engine never writes into one: it gets a layer of its own above it, in memory."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from helpers import paths
from helpers.bases import aptsources
from helpers.engine.packages import apt_install
from helpers.errors import CourseError
from helpers.subprocesses import running, tail

PACKAGES = ("aardvark-dns", "ca-certificates", "conmon", "containerd", "crun", "docker.io", "iproute2",
            "iptables", "mount", "netavark", "nftables", "pigz", "podman", "procps", "runc", "slirp4netns",
            "util-linux", "xz-utils", "zstd")
_COMMANDS = {"sid": ("docker-buildx", "docker-cli")}    # what a learner types, of today
_UNUSED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
_DAY = 24 * 3600
_FRESH = {"sid": 7 * _DAY}   # unstable changes daily, seldom in these packages; the others are kept for a month
_KEPT = 30 * _DAY

Report = Callable[[str], None]


def folder() -> Path:
    """Where they are kept; engines have their data beside them."""
    return paths.cache() / "engines"


def make(suite: str, report: Report) -> Path:
    """The root file system of `suite`, made if it is not there or too old. Raises CourseError where it cannot be made.
    One that is too old is used where a newer one cannot be had."""
    place = folder() / f"{suite}-root"
    with paths.locked(folder() / f"{suite}.lock"):
        if place.is_dir() and time.time() - place.stat().st_mtime < _FRESH.get(suite, _KEPT):
            return place
        report(f"Making a root file system of Debian {suite} with Docker and Podman ...")
        try:
            made = _made(suite)
        except CourseError as error:
            if not place.is_dir():
                raise
            report(f"{error.what} The one of {_date(place)} is used.")
            return place
        shutil.rmtree(place, ignore_errors=True)
        made.rename(place)
        os.utime(place)
        return place


def version(root: Path, package: str) -> str:
    """The version that a root file system has of a package: '28.5.2+dfsg4-5'."""
    asked = subprocess.run(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show",
                            "--showformat=${Version}", package], capture_output=True, text=True)
    if asked.returncode:
        raise CourseError(f"{root.name} has no package {package}.", why=asked.stderr.strip())
    return asked.stdout


def _date(place: Path) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(place.stat().st_mtime))


def _made(suite: str) -> Path:
    if os.geteuid() != 0:
        raise CourseError(f"A root file system of Debian {suite} cannot be made here.", why="That takes root.")
    if not shutil.which("mmdebstrap"):
        apt_install(["mmdebstrap"], lambda _: None)
    place = Path(tempfile.mkdtemp(prefix=f".{suite}-", dir=folder()))
    command = [
        "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
        f"--include={','.join((*PACKAGES, *_COMMANDS.get(suite, ())))}", '--aptopt=APT::Install-Recommends "false"',
        *(f"--aptopt={line}" for line in aptsources.options()),
        *(f"--dpkgopt=path-exclude={path}" for path in _UNUSED), suite, str(place), *_source(suite)]
    try:
        with tempfile.TemporaryFile("w+", errors="replace") as log, running(
                command, stdout=log, stderr=subprocess.STDOUT) as process:
            if process.wait():
                log.seek(0)
                said = log.read()
                raise CourseError(f"mmdebstrap could not make a root file system of Debian {suite}.",
                                  why=_reason(said), evidence=tail(said))
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return place


def _reason(said: str) -> str:
    """The line in which apt or mmdebstrap says why."""
    errors = [line for line in said.splitlines() if line.startswith(("E:", "Err:"))]
    return errors[0] if errors else ""


def _source(suite: str) -> list[str]:
    """This machine's mirror of Debian, asked for that suite; mmdebstrap knows another."""
    for known in (suite, "bookworm", "trixie", "forky"):
        for source in aptsources.machine(known):
            if known in source.suites:
                return [f"deb {source.uris[0]} {suite} main"]
    return []
