"""Distribution packages that the course asks apt for, as root."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import CourseError
from .processes import Report

_POLICY = Path("/usr/sbin/policy-rc.d")
_FRESH_SECONDS = 24 * 3600


def apt_install(names: Sequence[str], report: Report) -> None:
    """Install `names` without recommendations and without starting daemons. Raises CourseError with the end of apt's
    output."""
    if not shutil.which("apt-get"):
        raise CourseError(f"{', '.join(names)} cannot be installed: there is no apt-get here.",
                          remedy="Install it with your system's own package manager.")
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
                          remedy="Is the network there, and another apt at work? Run this again: it takes up "
                                 "where it left off.", evidence="\n".join(done.stdout.splitlines()[-15:]))


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Debian's own switch: packages ask policy-rc.d before they start a daemon, a second dockerd for example."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
