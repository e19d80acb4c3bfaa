"""What an exercise takes of an engine, and what to say where the engine has not got it.

It follows from what check.toml asks. Not every engine can hold a program as the check has
to: a verdict that rests on what did not happen would be none.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..dockerfile import Dockerfile
from ..engine import Engine
from .exercise import Exercise, Run, Serve

_ELSEWHERE = "Use a machine with Docker, or open the repository in GitHub Codespaces."


def lacks(exercise: Exercise, read: Dockerfile, engine: Engine, builder: str | None = None) -> tuple[str, ...]:
    """Why this engine cannot carry the exercise, then what to do; () where it can."""
    who = f"{engine.name} {engine.version}" if engine.mounts(builder or engine.builders[0]) else "The legacy builder"
    found = [f"{each} {who} cannot do that."
             for each in _lacking(exercise, read, engine, builder or engine.builders[0])]
    if not found:
        return ()
    other = next((each for each in engine.builders if each != builder and engine.mounts(each)), None)
    return (*found, f"Use the builder {other}." if builder == "legacy" and other else _ELSEWHERE)


def _lacking(exercise: Exercise, read: Dockerfile, engine: Engine, builder: str) -> Iterator[str]:
    if not engine.mounts(builder):
        if exercise.build.secrets:
            yield "The exercise hands a secret to a command of the build."
        for line, _ in _mounts(read):
            yield f"Line {line} of the Dockerfile mounts something for a command."
            break
    if not engine.relative_mounts:
        for line, mount in _mounts(read):   # Buildah: "must be an absolute path"
            target = mount.get("target", mount.get("dst", mount.get("destination", "/")))
            if not target.startswith("/"):
                yield f"Line {line} of the Dockerfile mounts something at {target}, which does not begin with a slash."
                return
    if not engine.cache_sees_mounts and exercise.edits and read.mounting:   # helpers.builder does without the cache then
        yield (f"The exercise asks what the cache keeps, and line {read.mounting[0]} of the Dockerfile mounts a stage or "
               "the context, at which the cache does not look.")
    if not engine.read_only_root and any(each.read_only for each in _runs(exercise)):
        yield "The exercise runs the program on a file system that can only be read."
    if not engine.health_checks and any(isinstance(each, Serve) and each.healthy for each in _runs(exercise)):
        yield "The exercise asks the health check of the image."
    if not engine.has_users and any(isinstance(each, Serve) and each.users for each in _runs(exercise)):
        yield "The exercise asks the program as whom it runs, and here there is one user alone."


def unheld(exercise: Exercise, engine: Engine) -> list[str]:
    """What is judged here with less certainty, in sentences."""
    said = []
    if not engine.isolates_network:
        said.append("This engine cannot cut a command off from the network: that nothing was fetched was not judged.")
    if not engine.has_users and exercise.image.user:
        said.append("On this engine all run as one user: as whom the program runs was judged by what the image says.")
    return said


def _mounts(read: Dockerfile) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, options) of each --mount."""
    for stage in read.stages:
        for each in stage.instructions:
            yield from ((each.line, mount) for mount in each.mounts)


def _runs(exercise: Exercise) -> Iterator[Run | Serve]:
    for each in (exercise, *exercise.targets.values()):
        yield from each.run
        if each.serve:
            yield each.serve
