"""The words with which a lesson ships: registries, starts, the same build twice, what a provenance says."""

from __future__ import annotations

import atexit
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from IPython.display import display

from ..builder import BuildRequest, BuildResult
from ..errors import RegistryUnavailable, Unsupported
from ..experiments import reproducibility as twices
from ..experiments import significance, size_attribution, startup_time
from ..experiments.startup_time import ColdStart
from ..image import Twins
from ..recorded import Recording
from ..registry import Copy, Registry, Transfer
from ..text import write
from ..views.lesson import say
from ..views.lists import Published
from ..views.provenance import Provenances
from ..widgets.live import Status
from . import commands
from .building import build, folder
from .commands import docker
from .session import engine, folder_of, reference
from .terminal import look, note, retold, start, tell

__all__ = ["build_twice", "cold_starts", "faster", "fresh", "open_registry", "provenance", "published", "push",
           "split", "warm_starts"]

split = size_attribution.split
faster = significance.compare
_IN_A_TERMINAL = "127.0.0.1:5000"    # a registry there
_registry: Registry | None = None


def open_registry(speed: float, *, needed: bool = False) -> Registry | None:
    """A registry behind a line of `speed` bytes a second, in place of one opened before.

    None, and a sentence that says why, where there is none to be had; raises Unsupported where it is `needed`.
    """
    global _registry
    if _registry:
        _registry.close()
        _registry = None
    try:
        _registry = Registry(speed, engine(), report=write)
    except RegistryUnavailable as error:
        if needed:
            raise Unsupported(error.what, why=error.why, remedy=error.remedy) from error
        display(say(f"{error}\nThe lesson goes on without it."))
    else:
        opened = docker("run", "-d", "--name", "registry", "-p", f"{_IN_A_TERMINAL}:5000", "registry:2")
        start(_registry.address, _IN_A_TERMINAL, opened, end=docker("rm", "-f", "registry"))
    return _registry


@atexit.register
def _closed() -> None:
    if _registry:
        _registry.close()


def push(to: Registry | None, *built: BuildResult | str, name: str = "") -> list[Transfer]:
    """Push images; nothing without a registry. `name` in the registry, for one image."""
    if to is None:
        return []
    with Status() as status:
        trips = [to.push(each, name, watch=lambda far: status(f"{each}: {far}"))  # noqa: B023
                 for each in map(reference, built)]
    for trip in trips:
        place = f"{to.address}/{trip.place}"
        tagged, pushed = docker("tag", trip.name, place), docker("push", place)
        if name:    # a FROM may be pinned to it
            pushed = f"DIGEST=$({pushed} | grep -o 'sha256:[0-9a-f]*')"
            tell(trip.digest, "$DIGEST")
        note(f"{tagged} && {pushed}")
    return trips


def fresh(registry: Registry | None, trips: Sequence[Transfer]) -> list[Copy]:
    """Copies in the registry of which no engine has a layer; none without a registry."""
    with Status() as status:
        copies: list[Copy] = []
        if registry is None:
            return copies
        for trip in trips:
            status(f"copying {trip.name}")
            copies.append(registry.fresh(trip))
    return copies


def published(registry: Registry, name: str) -> Published:
    """The manifests that `registry.place(name)` leads to. Raises TransferFailed."""
    look(docker("buildx", "imagetools", "inspect", registry.place(name)))
    return Published(registry.entries(name))


def warm_starts(*built: BuildResult | str, port: int, runs: int) -> list[list[float]]:
    """Seconds to the first answer, `runs` times each, the images being here."""
    note(*(commands.repeated(commands.timed_start(reference(each), port), runs) for each in built))
    with Status() as status:
        return startup_time.warm([reference(each) for each in built], port, runs, engine(), status)


def cold_starts(registry: Registry | None, copies: Sequence[Copy], port: int, runs: int) -> list[list[ColdStart]]:
    """Pull, start and remove again, `runs` times each; nothing without a registry."""
    if registry is None:
        return []
    for each in copies:
        image = f"{registry.address}/{each.pushed}"
        note(f"time {docker('pull', image)}    # on a machine that has none of its layers",
             commands.timed_start(image, port))
    with Status() as status:
        return startup_time.cold(registry, copies, port, runs, engine(), status)


def build_twice(app: str, dockerfile: str = "Dockerfile", first: Mapping[str, str] | None = None,
                second: Mapping[str, str] | None = None, *, rewrite: bool = False) -> Twins:
    """Build an application two times without the cache; what differs. `rewrite` has the builder set the times of the
    files, with `--output type=image,rewrite-timestamp=true`; Unsupported where it cannot."""
    names = iter(commands.TWICE)
    with Status() as status, retold(lambda request: _as_command(request, next(names))):
        found = twices.twice(folder_of(app), dockerfile, first=first, second=second, rewrite=rewrite,
                             engine=engine(), watch=status)
    look("\n".join(commands.twins(archives=rewrite)))
    return found


def _as_command(request: BuildRequest, name: str) -> BuildRequest:
    """One of two builds as a command asks for it: with a name to compare it by, and without the provenance that buildx
    adds, which has times in it. Docker's own driver unpacks each image that it makes, and BuildKit rewrites no times
    then: those are written into a file."""
    provenance = "false" if "provenance" in engine().exports else ""
    if request.output is None:
        return replace(request, tag=name, provenance=provenance)
    output = f"type=oci,dest={commands.archive(name)},name={name},rewrite-timestamp=true"
    return replace(request, output=output, provenance=provenance)


_MODES = ("min", "max")


def provenance(app: str, dockerfile: str, args: Mapping[str, str]) -> Provenances:
    """The provenance of a build in both modes, which BuildKit writes beside the files that it exports.

    Where the engine cannot (before Docker 24), the one that `python -m tests.engines.provenance` has recorded of
    the same Dockerfile. Raises Unsupported where none is recorded, and the errors of `build`.
    """
    try:
        return Provenances(args, {mode: _made(app, dockerfile, args, mode) for mode in _MODES})
    except Unsupported:
        kept = recorded_in(app, dockerfile)
        if not kept.is_file():
            raise
        found = json.loads(kept.read_text(encoding="utf-8"))
        return Provenances(found["args"], found["statements"], Recording("", found["engine"], found["date"], (), ()))


def recorded_in(app: str, dockerfile: str) -> Path:
    """The file that a provenance is recorded in: engine, date, args and statements."""
    return folder_of(app) / f"{dockerfile}.provenance.json"


def _made(app: str, dockerfile: str, args: Mapping[str, str], mode: str) -> dict:
    place = Path(folder({}), f"{folder_of(app).name}-provenance-{mode}")    # its name is the title of the build
    build(app, dockerfile, args=args, output=place, provenance=f"mode={mode}")
    made = json.loads(Path(place, "provenance.json").read_text(encoding="utf-8"))
    return {key: value for key, value in made.items() if key != "subject"}    # every file, with its checksum
