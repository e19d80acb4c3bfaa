"""Build a stand-in for a base image from a Dockerfile in `standins/`, by the course's builder.

    Debian's packages -> mmdebstrap -> debian.tar -> debian:bookworm-slim -> all others

An interrupted build continues from the builder's cache; the image is named when it is complete."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
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
ROOT_ARCHIVE = "debian.tar"     # Debian's root file system, in the build context
NETWORK = "host"                # for a mirror on this machine
_SCRATCH = "multistage-standin-"
_FLAG = re.compile(r"--[\w-]+=\S+\s+")
_SIGN_OF_LIFE_SECONDS = 30


class Build(Protocol):
    """`helpers.builder.build`, passed as an argument since the builder imports this package."""

    def __call__(self, context: Path, *, engine: Engine, watch: Callable[[Any], None], **options: Any) -> object: ...


def make(engine: Engine, base: Base, name: str, build: Build, *, offline: bool, report: Report) -> None:
    """Build `base` and its parts, and name it `name`, unless there is such an image. One process at a time.

    offline   as in `resolve.ensure`

    Raises BaseUnavailable if it cannot be made here, BuildFailed for a step that fails, CourseError for errors of this
    machine, and the errors of the engine."""
    if not engine.makes_bases:
        raise BaseUnavailable(f"{base.ref} cannot be made in this engine.",
                              why=f"{engine.name} {engine.version} does not cache steps that mount a secret.",
                              remedy="Use a registry, mirror or kit that has it, or a newer engine.")
    make_one = partial(_make, engine, build, _architecture(engine, base), offline, report)
    try:
        with paths.locked(paths.state() / "bases.lock", waiting=lambda: report(
                "Another process is making base images: waiting for it ...")):
            _sweep_scratch()
            if engine.find_image(name):   # made by another process meanwhile
                return
            started = time.monotonic()
            for part in parts(base):
                own_name = course_name(parse(part.ref))
                if not engine.find_image(part.ref) and not engine.find_image(own_name):
                    make_one(part, part.ref if engine.owned else own_name)
            make_one(base, name)
            report(f"Made {base.ref} in {units.seconds(time.monotonic() - started)}.")
    except OSError as error:
        raise CourseError(f"{base.ref} could not be made: an error of this machine.", why=str(error),
                          remedy="Free disk space or correct the permissions, then run this again: "
                                 "finished steps are kept.") from error


def parts(base: Base) -> tuple[Base, ...]:
    """The images in its FROM lines, and recursively in theirs, lowest first."""
    parsed = dockerfile.parse(text(base))
    found: dict[str, Base] = {}
    for ref in parsed.bases_needed(base.target or None):
        below = catalogue.find(ref, parts=True)
        if below:
            found |= {each.ref: each for each in (*parts(below), below)}
    return tuple(found.values())


def text(base: Base) -> str:
    """Its Dockerfile."""
    return (FOLDER / f"{base.dockerfile}.Dockerfile").read_text()


def image_labels(base: Base) -> dict[str, str]:
    """The labels of its image. A part is labelled as a step, not as a base image."""
    if base.role == "part":
        return labels.marked(labels.STEP)
    return labels.marked(labels.BASE, **{labels.STAND_IN: base.ref, labels.MADE_OF: base.made_of})


@contextlib.contextmanager
def context(base: Base, architecture: str, *, offline: bool, report: Report) -> Iterator[Path]:
    """A folder with the build context of `base`, deleted after the block: the files beside its Dockerfile, downloads
    and Debian's root. Raises BaseUnavailable and CourseError if something cannot be fetched."""
    with _scratch() as scratch:
        folder = scratch / "context"
        shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.Dockerfile"))
        shutil.copy(FOLDER / f"{base.dockerfile}.Dockerfile", folder / "Dockerfile")
        for each in base.downloads:
            if offline and not downloads.kept(each, architecture):
                raise _needs_network(base, f"It needs {each}, which has not been downloaded.")
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
                           remedy="Run this once with a network; the image is kept.")


def _make(engine: Engine, build: Build, architecture: str, offline: bool, report: Report,
          base: Base, name: str) -> None:
    written = text(base)
    secrets = aptsecrets.secrets(catalogue.SUITE, offline=offline)
    with context(base, architecture, offline=offline, report=report) as folder:
        try:
            build(folder, target=base.target or None, tag=name, network=NETWORK, lend=(),
                  args={name: value for name, value in base.build_args.items() if f"ARG {name}\n" in written},
                  secrets={name: value for name, value in secrets.items() if f"id={name}" in written},
                  labels=image_labels(base), context_limit=None, engine=engine, watch=_steps_to(base.ref, report))
        except BuildFailed as error:
            if offline and "_packages" in f"{error.what} {error.why}":
                raise _needs_network(base, "It needs packages that are not on this machine.") from error
            raise


def _steps_to(ref: str, report: Report) -> Callable[[Any], None]:
    """A `watch` that reports each step when it begins, and while it runs."""
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
    """The engine's architecture. Raises BaseUnavailable if it is not this machine's."""
    with engine.translate_errors("describe itself"):
        theirs = engine.client.version().get("Arch", "")
    if theirs != (ours := dockerfile.architecture()):
        raise BaseUnavailable(f"{base.ref} cannot be made here.",
                              why=f"The engine runs on {theirs or 'an unknown processor'}, this machine is {ours}.",
                              remedy="Make it on a machine like the engine's, or pull it from a registry.")
    return theirs


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A temporary folder that other users can enter, since mmdebstrap's apt drops its privileges."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        _delete(folder)


def _sweep_scratch() -> None:
    """Delete the folders of killed processes. Call it with the lock held."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*-*"):
        pid = folder.name.removeprefix(_SCRATCH).partition("-")[0]
        if folder.stat().st_uid == os.geteuid() and not Path(f"/proc/{pid}").exists():
            _delete(folder)


def _delete(folder: Path) -> None:
    # An interrupted mmdebstrap may leave mounts. Unlike shutil.rmtree, rm can skip those that cannot be unmounted.
    mounts.unmount_below(folder)
    subprocess.run(["rm", "-rf", "--one-file-system", "--", str(folder)], stdin=subprocess.DEVNULL, capture_output=True)
