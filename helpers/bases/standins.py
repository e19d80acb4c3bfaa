"""Make a base image from packages, step by step.

Each finished step is an image with a name made of its hash, so that a making
that was interrupted goes on with the first step that is missing, and equal
steps of two base images are made once. The base image gets its own name when
everything is done: nothing half-made ever has it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from docker.errors import ImageNotFound as SDKImageNotFound

from .. import labels, paths, units
from ..engine import Engine
from ..errors import BaseUnavailable, CourseError, EngineFault
from . import aptsources, archive, containers, npm, rootfs, pip_files
from .catalogue import Base
from .recipes import (
    AptInstall, Configure, DebianFiles, DebianRoot, Links, NpmFiles, Run, Step, TextFile,
    WheelFiles, identities,
)
from .references import step_name
from .tars import chunks, link, regular, streamed

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386",
                  "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64"}
_SCRATCH = "multistage-making-"
_CARRIED_ON = ("bash",)    # the command of images between two steps; nobody runs them

Report = Callable[[str], None]


def make(engine: Engine, base: Base, name: str, *, offline: bool, report: Report) -> None:
    """Make `base` and give it `name`. Does nothing if `name` is there by then.

    `offline` makes it only from finished steps and kept downloads.

    Raises BaseUnavailable where it cannot be made here, CourseError with the
    end of a log where a step fails, and what `engine.translate_errors` raises.
    """
    if not engine.makes_bases:
        raise BaseUnavailable(f"{base.ref} cannot be made in this engine.",
                              why=f"{engine.name} {engine.version} commits a container without new settings.",
                              remedy="Use a registry or a mirror that has it, a kit, or a newer engine.")
    architecture = _architecture(engine, base)
    with _local_trouble(base), _alone(report):
        containers.sweep(engine, f"{labels.COURSE}={labels.STEP}")
        _sweep_scratch()
        if _there(engine, name):   # another process made it while this one waited
            return
        started = time.monotonic()
        _Making(engine, base, architecture, offline, report).run(name)
        report(f"Made {base.ref} in {units.seconds(time.monotonic() - started)}.")


@dataclass(frozen=True)
class _Making:
    engine: Engine
    base: Base
    architecture: str
    offline: bool
    report: Report

    def run(self, name: str) -> None:
        steps = self.base.recipe
        # The last step carries labels that name the base.
        digests = identities(steps[:-1], self.architecture)
        last = identities(steps, self.architecture, self.base.ref)[-1]
        images = [step_name(digest) for digest in (*digests, last)]
        first = self._first_missing(images)
        self._refuse_if_offline(steps[first:])
        for index in range(first, len(steps)):
            self.report(f"{self.base.ref}, step {index + 1} of {len(steps)}: "
                        f"{steps[index].instruction}")
            parent = images[index - 1] if index else None
            self._step(steps[index], parent, images[index])
        self._give_name(images[-1], name)

    def _first_missing(self, images: list[str]) -> int:
        for index in range(len(images), 0, -1):
            if _there(self.engine, images[index - 1]):
                return index
        return 0

    def _refuse_if_offline(self, steps: tuple[Step, ...]) -> None:
        for step in steps if self.offline else ():
            if isinstance(step, DebianRoot | DebianFiles | AptInstall):
                sources = aptsources.machine(step.suite)
                possible = bool(sources) and all(source.local for source in sources)
            elif isinstance(step, NpmFiles):
                possible = npm.cached(step, self.architecture) is not None
            else:
                possible = not isinstance(step, WheelFiles) or pip_files.cached(step) is not None
            if not possible:
                raise BaseUnavailable(
                    f"{self.base.ref} cannot be made offline.",
                    why=f"The step `{step.instruction}` needs packages that are not kept here.",
                    remedy="Run this once with a network; what it makes is kept.")

    def _step(self, step: Step, parent: str | None, image: str) -> None:
        """Make the image of one step on top of `parent`."""
        digest = image.rpartition(":")[2]
        mark = labels.marked(labels.STEP)
        if isinstance(step, DebianRoot | DebianFiles) and parent is None:
            self._root(step, image, mark)
        elif isinstance(step, AptInstall):
            with containers.installing(self.engine, step, parent, digest) as made:
                made.run(self.report)
                made.commit(image, labels=mark, cmd=_CARRIED_ON)
        elif isinstance(step, Run):
            with containers.container(self.engine, parent, digest, step.instruction,
                                      script=step.command) as made:
                made.run(self.report)
                made.commit(image, labels=mark, cmd=_CARRIED_ON)
        elif isinstance(step, Configure):
            self._configure(step, parent, image)
        else:
            with (self._brought(step) as (folder, data),
                  containers.container(self.engine, parent, digest, step.instruction) as made):
                made.put(folder, data)
                made.commit(image, labels=mark, cmd=_CARRIED_ON)

    @contextlib.contextmanager
    def _brought(self, step: Step) -> Iterator[tuple[str, Iterable[bytes]]]:
        """A folder, and a tar of the files that `step` brings there."""
        if isinstance(step, WheelFiles):
            yield str(Path(step.target).parent), pip_files.layer(step, pip_files.fetch(step, self.report))
        elif isinstance(step, NpmFiles):
            yield "/", npm.layer(step, npm.fetch(step, self.architecture, self.report))
        elif isinstance(step, TextFile):
            yield "/", streamed([regular(step.path.lstrip("/"), step.text.encode(), step.mode)])
        elif isinstance(step, Links):
            yield "/", streamed(link(path.lstrip("/"), target.format(architecture=self.architecture))
                                for path, target in step.links)
        else:
            with _scratch() as folder:
                place = folder / "layer.tar"
                rootfs.layer(step, folder, place, self.report, first=False)
                yield "/", chunks(place)

    def _root(self, step: DebianRoot | DebianFiles, image: str, mark: dict[str, str]) -> None:
        with _scratch() as folder:
            place = folder / "layer.tar"
            digest = rootfs.layer(step, folder, place, self.report)
            archive.load(self.engine, image, place, digest, instruction=step.instruction,
                         labels=mark, architecture=self.architecture)

    def _configure(self, step: Configure, parent: str, image: str) -> None:
        digest = image.rpartition(":")[2]
        mark = labels.marked(labels.BASE, **{labels.STAND_IN: self.base.ref,
                                             labels.MADE_OF: self.base.made_of})
        with containers.container(self.engine, parent, digest, step.instruction,
                                  silent=not step.cmd) as made:
            made.commit(image, labels=mark, env=step.env, entrypoint=step.entrypoint,
                        cmd=step.cmd, workdir=step.workdir, user=step.user, ports=step.ports,
                        stop=step.stop)

    def _give_name(self, image: str, name: str) -> None:
        """Name the finished image, after a look at whether it is what was asked for."""
        api, step = self.engine.client.api, self.base.recipe[-1]
        with self.engine.translate_errors(f"name {name}"):
            config = api.inspect_image(image)["Config"]
            right = (tuple(config.get("Entrypoint") or ()) == step.entrypoint
                     and tuple(config.get("Cmd") or ()) == step.cmd
                     and set(step.env) <= set(config.get("Env") or ()))
            if right:
                repository, _, tag = name.rpartition(":")
                api.tag(image, repository, tag)
            api.remove_image(image, noprune=True)
        if not right:
            raise EngineFault(
                f"{self.engine.name} did not keep the settings of {self.base.ref}.",
                why="It does not commit a container with new settings as Docker does.",
                remedy="Use a Docker Engine, or a registry or mirror that has the image.")


# -- around it --------------------------------------------------------------------

def _there(engine: Engine, name: str) -> bool:
    with engine.translate_errors(f"look for {name}"):
        try:
            engine.client.api.inspect_image(name)
        except SDKImageNotFound:
            return False
    return True


def _architecture(engine: Engine, base: Base) -> str:
    """The engine's, if this machine can make it. Raises BaseUnavailable if not."""
    with engine.translate_errors("say what it is"):
        theirs = engine.client.version().get("Arch", "")
    ours = _ARCHITECTURES.get(platform.machine(), platform.machine())
    if theirs != ours:
        raise BaseUnavailable(
            f"{base.ref} cannot be made here.",
            why=f"The engine runs on {theirs or 'an unknown processor'}, this machine is {ours}.",
            remedy="Make it on a machine like the engine's, or pull it from a registry.")
    return theirs


@contextlib.contextmanager
def _alone(report: Report) -> Iterator[None]:
    """One making at a time on this machine; says so where it has to wait."""
    path = paths.state() / "bases.lock"
    if _held(path):
        report("Another process is making base images: waiting for it ...")
    with paths.locked(path):
        yield


def _held(path: Path) -> bool:
    try:
        with open(path, "rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def _local_trouble(base: Base) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"{base.ref} could not be made: this machine refused.", why=str(error),
            remedy="Make room on its disk (or see to the permissions), then run this again: "
                   "finished steps are kept.") from error


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-"))
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
    # rm, since it can be told to stay out of what may still be mounted there.
    subprocess.run(["rm", "-rf", "--one-file-system", "--", str(folder)],
                   stdin=subprocess.DEVNULL, capture_output=True)
