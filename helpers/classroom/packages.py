"""Gathers a kit's packages: those that the class installs, and those that builds in lessons and exercises install.

pip and npm fetch them with this machine's settings, as listed in the applications' requirements.txt, pyproject.toml,
package.json and package-lock.json.
"""

import contextlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from .. import paths
from ..bases import downloads
from ..dockerfile import architecture
from ..errors import CourseError
from .manifest import Report

ROOT = Path(__file__).resolve().parents[2]
PROXY = "proxy.tar"
_NPM_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error", "--no-update-notifier")


def gather(folder: Path, report: Report) -> None:
    """Fetch all packages into the kit in `folder`, replacing older ones. Raises CourseError with the end of pip's or
    npm's output, and OSError."""
    report("Fetching the Python packages of the class and of the builds ...")
    with _replaced(folder / "wheels") as new:
        _wheels(new)
    report("Fetching the npm packages of the builds ...")
    with _replaced(folder / "npm") as new:
        _npm(new)
    _proxy(folder / PROXY)


@contextlib.contextmanager
def _replaced(place: Path) -> Iterator[Path]:
    """A new folder that replaces `place` if the block succeeds."""
    with tempfile.TemporaryDirectory(prefix=".part-", dir=place.parent) as scratch:
        new = Path(scratch, place.name)
        new.mkdir()
        yield new
        shutil.rmtree(place, ignore_errors=True)
        new.rename(place)


def _files(name: str) -> list[Path]:
    """All files with this name in the course's applications and exercises."""
    return sorted(file for folder in paths.applications() for file in folder.rglob(name)
                  if not {"node_modules", "work"} & set(file.relative_to(folder).parts))


# -- Python ----------------------------------------------------------------------------

def _wheels(folder: Path) -> None:
    """Wheels of the class's own packages for this Python, and exactly what the builds' requirements.txt ask for."""
    pip = [sys.executable, "-m", "pip"]
    quiet = ["--no-input", "--progress-bar", "off", "--quiet"]
    downloads.run([*pip, "wheel", *quiet, "--wheel-dir", str(folder), *class_requirements(), *build_requirements()],
                  "the packages of the class", folder)
    for file in _files("requirements.txt"):
        downloads.run([*pip, "download", *quiet, "--no-deps", "--dest", str(folder), "--requirement", str(file)],
                      f"the packages of {file}", folder)


def class_requirements() -> list[str]:
    """Requirements that `make class` installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["class"]]


def build_requirements() -> list[str]:
    """Requirements for building wheels of the course and of its applications."""
    projects = [tomllib.loads(each.read_text()) for each in (ROOT / "pyproject.toml", *_files("pyproject.toml"))]
    return sorted({each for project in projects for each in project["build-system"]["requires"]})


# -- npm -------------------------------------------------------------------------------

def _npm(folder: Path) -> None:
    """The packages in every lock file, and those npm resolves today without one."""
    wanted: set[str] = set()
    for lock in _files("package-lock.json"):
        wanted |= locked(json.loads(lock.read_text())) | locked(_resolved(lock.parent))
    downloads.run(["npm", "pack", *sorted(wanted), "--pack-destination", str(folder), *_NPM_QUIET],
                  "the npm packages of the builds", folder)


def _resolved(project: Path) -> Mapping:
    """The lock file that npm would write for a project without one."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "project")
        shutil.copytree(project, copy, ignore=shutil.ignore_patterns("package-lock.json", "node_modules", "work"))
        downloads.run(["npm", "install", "--package-lock-only", *_NPM_QUIET], f"the packages of {project}", copy)
        return dict(json.loads((copy / "package-lock.json").read_text()))


def locked(lock: Mapping) -> set[str]:
    """'NAME@VERSION' of the packages that a lock file installs in a glibc image for this architecture."""
    image = {"os": "linux", "cpu": downloads.NPM_CPUS.get(architecture()), "libc": "glibc"}
    return {f"{path.rpartition('node_modules/')[2]}@{entry['version']}" for path, entry in lock["packages"].items()
            if "node_modules/" in path and not entry.get("link")
            and all(value in entry.get(key, [value]) for key, value in image.items())}


# -- the proxy -------------------------------------------------------------------------

def _proxy(place: Path) -> None:
    """Pack configurable-http-proxy as npm installed it here: plain JavaScript, so it runs anywhere."""
    modules = Path(sys.prefix, "proxy", "node_modules")
    if not modules.is_dir():
        raise CourseError("The proxy of the class is not installed.", why=f"There is no folder {modules}.",
                          remedy="Run `make kit`, which installs it first.")
    part = place.with_name(f".part-{place.name}")
    with tarfile.open(part, "w") as archive:
        archive.add(modules, modules.name)
    os.replace(part, place)
