"""The content of an npm package: downloaded once, by npm, and kept.

npm follows the settings of this machine (registry, proxy, certificates) and
checks what it gets against the registry's own checksum.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..engine.packages import apt_install
from ..errors import BaseUnavailable, CourseError
from . import downloads
from .subprocesses import running, tail
from .recipes import NpmFiles
from .tars import Entry, parents, plain, streamed

# npm's names for processors, by Docker's.
_CPUS = {"amd64": "x64", "arm64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}


def fetch(step: NpmFiles, architecture: str, report: Callable[[str], None]) -> Path:
    """The package's file in the cache of downloads, downloaded if need be.

    Raises BaseUnavailable where npm cannot be had or has nothing for this
    architecture, CourseError with the end of npm's output.
    """
    kept = cached(step, architecture)
    if kept:
        return kept
    _need_npm(report)
    name = _package(step, architecture)
    report(f"Downloading {step.what} {step.version} ({name}, an npm package) ...")
    with tempfile.TemporaryDirectory(dir=downloads.store()) as place:
        _download(f"{name}@{step.version}", place)
        return downloads.keep(Path(place, _file(name, step.version)), report)


def cached(step: NpmFiles, architecture: str) -> Path | None:
    """The package in the cache, if it is still what was downloaded."""
    kept = downloads.store() / _file(_package(step, architecture), step.version)
    return kept if downloads.sound(kept) else None


def layer(step: NpmFiles, package: Path) -> Iterator[bytes]:
    """A tar of the package's files, as the root folder takes it."""
    return streamed(_entries(step, package))


def _entries(step: NpmFiles, package: Path) -> Iterator[Entry]:
    seen: set[str] = set()
    with tarfile.open(package) as archive:
        for member in archive:
            # All lies in one folder, whose name is the packer's choice.
            path = plain(member).name.partition("/")[2]
            if not member.isreg() or path.startswith(step.left_out):
                continue
            info = plain(member)
            info.name = f"{step.target.lstrip('/')}/{path}"
            # Whoever packed it does not own it here, and everybody may read it.
            info.uid = info.gid = 0
            info.mode = 0o755 if member.mode & 0o100 else 0o644
            yield from parents(info.name, seen)
            yield info, archive.extractfile(member)


def _package(step: NpmFiles, architecture: str) -> str:
    if "{cpu}" in step.package and architecture not in _CPUS:
        raise BaseUnavailable(f"{step.what} cannot be had as an npm package here.",
                              why=f"There is none for {architecture}.",
                              remedy="Pull the image from a registry or a mirror.")
    return step.package.format(cpu=_CPUS.get(architecture))


def _file(name: str, version: str) -> str:
    """What npm calls the file: '@scope/name' loses its signs."""
    return f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"


def _need_npm(report: Callable[[str], None]) -> None:
    if shutil.which("npm"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BaseUnavailable(
            "npm packages cannot be fetched here.", why="npm is not installed.",
            remedy="Install Node with npm, or run this as root on Debian or Ubuntu.")
    apt_install(["npm"], report)


def _download(package: str, place: str) -> None:
    command = ["npm", "pack", package, "--pack-destination", place, "--ignore-scripts",
               "--loglevel", "error", "--no-update-notifier"]
    # In a folder of its own: a project's settings are not the machine's.
    with running(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                 text=True) as npm:
        output = npm.stdout.read()
        code = npm.wait()
    if code or not list(Path(place).glob("*.tgz")):
        raise CourseError(
            f"npm could not download {package}.", why=f"It ended with exit code {code}.",
            remedy=f"Does `npm pack {package}` work here (network, proxy, registry)? "
                   "Then run this again.",
            evidence=tail(output))
