"""Install distribution packages by apt, as root."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import CourseError
from ..subprocesses import tail
from .processes import Report

_POLICY = Path("/usr/sbin/policy-rc.d")
_FRESH_SECONDS = 24 * 3600


def apt_install(names: Sequence[str], report: Report) -> None:
    """Install packages without recommended ones and without starting daemons. Raises CourseError with the end of apt's
    output."""
    if not shutil.which("apt-get"):
        raise CourseError(f"The course cannot install {', '.join(names)}: there is no apt-get here.",
                          remedy="Install it with your system's package manager.")
    if not _lists_fresh():
        report("Reading the package lists ...")
        _apt("update")
    report(f"Installing {', '.join(names)} ...")
    with _no_services():
        _apt("install", "--yes", "--no-install-recommends", *names)


def _lists_fresh() -> bool:
    lists = Path("/var/lib/apt/lists")
    files = list(lists.glob("*Packages*"))
    return bool(files) and time.time() - max(each.stat().st_mtime for each in (lists, *files)) < _FRESH_SECONDS


def _apt(*arguments: str) -> None:
    done = subprocess.run(["apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode:
        raise CourseError(f"`apt-get {' '.join(arguments)}` failed with exit code {done.returncode}.",
                          remedy="Check the network and whether another apt is running, then run this again: it "
                                 "continues where it stopped.", evidence=tail(done.stdout))


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Keep packages from starting daemons (such as a second dockerd), by Debian's policy-rc.d."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
