"""What an exercise needs from an engine, and what to say if the engine cannot do it.

Not every engine can restrict a program as a check has to, and without the restriction a pass would mean nothing.
"""

from collections.abc import Iterator
from dataclasses import replace

from ..dockerfile import Dockerfile
from ..engine import Engine
from ..units import listed
from .exercise import Exercise

_STORE = ("Use Docker 26 or later with the containerd image store: its daemon.json has "
          '"features": {"containerd-snapshotter": true}.')
_ELSEWHERE = "Use a machine with Docker, or open the repository in GitHub Codespaces."


def lacks(exercise: Exercise, read: Dockerfile, engine: Engine, builder: str | None = None) -> tuple[str, ...]:
    """Sentences on why this engine cannot judge a Dockerfile, and a last one on what to do; () if it can.

    builder  None for the engine's default
    """
    builder = builder or engine.builders[0]
    who = f"{engine.name} {engine.version}" if engine.mounts(builder) else "The legacy builder"
    found = [f"{each} {who} cannot do that." for each in _lacking(exercise, read, engine, builder)]
    other = next((each for each in engine.builders if each != builder and engine.mounts(each)), None)
    remedy = _STORE if exercise.ci and "caches" not in engine.exports else (
        f"Use the builder {other}." if builder == "legacy" and other else _ELSEWHERE)
    return (*found, remedy) if found else ()


def _lacking(exercise: Exercise, read: Dockerfile, engine: Engine, builder: str) -> Iterator[str]:
    mounts = [(each.line, mount) for each in read.instructions for mount in each.mounts]
    servers = [part.serve for part in exercise.parts if part.serve]
    programs = [run for part in exercise.parts for run in part.run]
    if not engine.mounts(builder):
        if exercise.build.secrets:
            yield "The exercise passes a secret to a command of the build."
        if mounts:
            yield f"Line {mounts[0][0]} of the Dockerfile mounts something for a command."
    if not engine.relative_mounts:
        for line, mount in mounts:   # Buildah: "must be an absolute path"
            target = mount.get("target", "/")
            if not target.startswith("/"):
                yield f"Line {line} of the Dockerfile mounts something at {target}, which does not begin with a slash."
                return
    if not engine.cache_sees_mounts and exercise.edits and read.mounting:  # helpers.builder then uses no cache
        yield (f"The exercise asks what the cache keeps, but line {read.mounting[0]} of the Dockerfile mounts a stage "
               "or the context, which the engine's cache ignores.")
    if exercise.ci and not (builder == "buildkit" and "caches" in engine.exports):
        yield "The exercise exports a build's cache to a registry."
    if not engine.read_only_root and any([each.read_only for each in programs] + [each.read_only for each in servers]):
        yield "The exercise runs the program on a read-only file system."
    if not engine.health_checks and any(each.healthy for each in servers):
        yield "The exercise runs the health check of the image."
    if not engine.has_users and any(each.users for each in servers):
        yield "The exercise asks as which user the program runs, but this engine has only one user."


def judged(exercise: Exercise, engine: Engine, builder: str | None = None) -> Exercise:
    """The exercise without what this engine's builder leaves out, as a note of `less_certain` says."""
    return exercise if (builder or engine.builders[0]) == "buildkit" else replace(exercise, platforms=())


def less_certain(exercise: Exercise, engine: Engine, builder: str | None = None) -> list[str]:
    """Sentences on what is judged with less certainty on this engine, or not at all."""
    notes = []
    if judged(exercise, engine, builder) != exercise:
        notes.append(f"Only BuildKit can build for {listed(exercise.platforms)} here, so that was not judged.")
    if not engine.isolates_network:
        notes.append("This engine cannot take the network from a command, so downloads were not judged.")
    if not engine.has_users and exercise.image.user:
        notes.append("This engine runs everything as one user, so the user was judged by the image's configuration.")
    return notes
