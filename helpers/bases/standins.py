"""Build a stand-in for a base image: by the course's own builder, from a Dockerfile in `standins/`.

    Debian's packages -> mmdebstrap -> debian.tar -> debian:bookworm-slim -> all others

The builder's cache keeps what an interrupted build had done; the image gets its name when everything is done."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .. import dockerfile, labels, paths, units
from ..engine import Engine, mounts
from ..engine.processes import Report
from ..errors import BaseUnavailable, BuildFailed, CourseError
from . import aptsecrets, aptsources, catalogue, downloads, rootfs
from .catalogue import Base
from .references import course_name, parse

FOLDER = Path(__file__).with_name("standins")
ROOT_ARCHIVE = "debian.tar"     # what a Dockerfile that begins with Debian's root adds
NETWORK = "host"                # a mirror may be a server on this machine
_SCRATCH = "multistage-standin-"
_FLAG = re.compile(r"--[\w-]+=\S+\s+")
_SIGN_OF_LIFE_SECONDS = 30


class Build(Protocol):
    """`helpers.builder.build`, which is handed in: the builder itself needs base images."""

    def __call__(self, context: Path, *, engine: Engine, watch: Callable[[Any], None], **options: Any) -> object: ...


def make(engine: Engine, base: Base, name: str, build: Build, *, offline: bool, report: Report) -> None:
    """Build `base` and what it stands on, and give it `name`. Does nothing if `name` is there by then.

    offline   as for `resolve.ensure`

    Raises BaseUnavailable where it cannot be made here, BuildFailed with the end of the log where a step fails,
    CourseError where this machine refuses, and the errors of the engine."""
    if not engine.makes_bases:
        raise BaseUnavailable(f"{base.ref} cannot be made in this engine.",
                              why=f"{engine.name} {engine.version} keeps no finished step that mounts a secret.",
                              remedy="Use a registry or a mirror that has it, a kit, or a newer engine.")
    architecture = _architecture(engine, base)
    with _local_errors(base), _alone(report):
        if engine.find_image(name):   # another process made it while this one waited
            return
        started = time.monotonic()
        making = _Making(engine, build, architecture, offline, report)
        for part in parts(base):
            if not engine.find_image(part.ref) and not engine.find_image(course_name(parse(part.ref))):
                making.run(part, part.ref if engine.owned else course_name(parse(part.ref)))
        making.run(base, name)
        report(f"Made {base.ref} in {units.seconds(time.monotonic() - started)}.")


def parts(base: Base) -> tuple[Base, ...]:
    """What `base` is built on, the lowest first: the images in its FROM lines, and in theirs."""
    parsed = dockerfile.parse(text(base))
    found: dict[str, Base] = {}
    for ref in parsed.bases_needed(base.target or None):
        below = catalogue.part(ref)
        if below:
            found |= {each.ref: each for each in (*parts(below), below)}
    return tuple(found.values())


def text(base: Base) -> str:
    """The text of its Dockerfile."""
    return (FOLDER / f"{base.dockerfile}.Dockerfile").read_text()


def image_labels(base: Base) -> dict[str, str]:
    """What marks the image. A part of others is a step on the way, and no base image itself."""
    if base.role == "part":
        return labels.marked(labels.STEP)
    return labels.marked(labels.BASE, **{labels.STAND_IN: base.ref, labels.MADE_OF: base.made_of})


@contextlib.contextmanager
def context(base: Base, architecture: str, *, offline: bool, report: Report) -> Iterator[Path]:
    """The build context of `base` while the block lasts: the files beside its Dockerfile, and what has to be fetched
    for it. Raises BaseUnavailable and CourseError where something cannot be fetched."""
    with _scratch() as scratch:
        folder = scratch / "context"
        shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.Dockerfile"))
        shutil.copy(FOLDER / f"{base.dockerfile}.Dockerfile", folder / "Dockerfile")
        for each in base.downloads:
            if offline and not downloads.kept(each, architecture):
                raise _needs_network(base, f"It needs {each}, which is not kept here.")
            shutil.copy(downloads.fetch(each, architecture, report), folder / each.file)
        if re.search(rf"^ADD {ROOT_ARCHIVE} ", text(base), re.M):
            sources = aptsources.machine(catalogue.SUITE)
            if offline and not (sources and all(source.local for source in sources)):
                raise _needs_network(
                    base, "Its root file system is made from packages, and they are not on this machine.")
            report(f"Making the root file system of Debian {catalogue.SUITE} ...")
            work = scratch / "work"
            work.mkdir()
            rootfs.debian(catalogue.SUITE, folder / ROOT_ARCHIVE, work, report)
        yield folder


def _needs_network(base: Base, why: str) -> BaseUnavailable:
    return BaseUnavailable(f"{base.ref} cannot be made offline.", why=why,
                           remedy="Run this once with a network; what it makes is kept.")


@dataclass(frozen=True)
class _Making:
    engine: Engine
    build: Build
    architecture: str
    offline: bool
    report: Report

    def run(self, base: Base, name: str) -> None:
        written = text(base)
        secrets = aptsecrets.secrets(catalogue.SUITE, offline=self.offline)
        with context(base, self.architecture, offline=self.offline, report=self.report) as folder:
            try:
                self.build(folder, target=base.target or None, tag=name, network=NETWORK, lend=(),
                           args={name: value for name, value in base.build_args.items() if f"ARG {name}\n" in written},
                           secrets={name: value for name, value in secrets.items() if f"id={name}" in written},
                           labels=image_labels(base), context_limit=None, engine=self.engine,
                           watch=_steps_to(base.ref, self.report))
            except BuildFailed as error:
                if self.offline and "_packages" in f"{error.what} {error.why}":
                    raise _needs_network(base, "It needs packages that are not on this machine.") from error
                raise


def _steps_to(ref: str, report: Report) -> Callable[[Any], None]:
    """Reports each step of the Dockerfile as it begins to run, and that it still runs."""
    begun: dict[str, float] = {}
    reported: dict[str, float] = {}

    def watch(progress: Any) -> None:
        for step in progress.steps():
            if not step.line or step.cached or step.started is None or step.completed is not None:
                continue
            now = time.monotonic()
            if step.key not in begun:
                report(f"{ref}: {_FLAG.sub('', ' '.join(step.instruction.split()))}")
                begun[step.key] = reported[step.key] = now
            elif now - reported[step.key] > _SIGN_OF_LIFE_SECONDS:
                report(f"  still running after {units.seconds(now - begun[step.key])}")
                reported[step.key] = now

    return watch


def _architecture(engine: Engine, base: Base) -> str:
    """The engine's, if this machine can make it. Raises BaseUnavailable if not."""
    with engine.translate_errors("say what it is"):
        theirs = engine.client.version().get("Arch", "")
    if theirs != (ours := dockerfile.architecture()):
        raise BaseUnavailable(f"{base.ref} cannot be made here.",
                              why=f"The engine runs on {theirs or 'an unknown processor'}, this machine is {ours}.",
                              remedy="Make it on a machine like the engine's, or pull it from a registry.")
    return theirs


@contextlib.contextmanager
def _alone(report: Report) -> Iterator[None]:
    """One making at a time on this machine; says so where it has to wait."""
    with paths.locked(paths.state() / "bases.lock", waiting=lambda: report(
            "Another process is making base images: waiting for it ...")):
        _sweep_scratch()
        yield


@contextlib.contextmanager
def _local_errors(base: Base) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CourseError(f"{base.ref} could not be made: this machine refused.", why=str(error),
                          remedy="Make room on its disk (or see to the permissions), then run this again: "
                                 "finished steps are kept.") from error


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A folder of our own that other users get through to: mmdebstrap's apt drops its privileges."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        _delete(folder)


def _sweep_scratch() -> None:
    """Delete folders that a killed process left. Only for whoever holds the lock."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*-*"):
        pid = folder.name.removeprefix(_SCRATCH).partition("-")[0]
        if folder.stat().st_uid == os.geteuid() and not Path(f"/proc/{pid}").exists():
            _delete(folder)


def _delete(folder: Path) -> None:
    # mmdebstrap that was interrupted may leave what it mounted. rm, since it can be kept out of what is mounted still.
    mounts.unmount_below(folder)
    subprocess.run(["rm", "-rf", "--one-file-system", "--", str(folder)], stdin=subprocess.DEVNULL, capture_output=True)
