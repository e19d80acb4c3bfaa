"""Faults of a build that are known before anything is sent or pulled.

    target       no stage of that name (both builders know stages by name only)
    references   an invalid image name, and a misspelt stage, which would be looked for in a registry
    heredocs     text that the builder would read as instructions

Lines that a builder refuses, or does not build as they read, are in `dockerfile.problems`.
"""

import contextlib
from collections.abc import Iterable

from .. import dockerfile as dockerfiles
from ..bases import references, status
from ..dockerfile import Dockerfile, Instruction, Problem
from ..engine import Engine
from ..errors import CourseError


def check(read: Dockerfile, engine: Engine, builder: str, target: str | None) -> tuple[Problem, ...]:
    """The problems that do not keep `builder` from building `target`. Raises DockerfileError for the others."""
    read.named(target)
    check_heredocs(read, engine, builder)
    met = dockerfiles.problems_met(read, builder, target)
    for reference in bases_needed(read, builder, target):
        _reference(read, reference, met, engine)
    return met


def bases_needed(read: Dockerfile, builder: str, target: str | None) -> tuple[str, ...]:
    """The images that the build takes, each once, in the order of the file. The legacy builder runs every stage up to
    the target, needed or not."""
    stage = read.named(target)
    if builder != "legacy":
        return read.bases_needed(stage.label if stage else None)
    last = stage.index if stage else len(read.stages) - 1
    wanted = {ref for each in read.stages[: last + 1] for ref in read.bases_needed(each.label)}
    return tuple(ref for ref in read.bases if ref in wanted)


def line_of(read: Dockerfile, reference: str) -> int:
    """The first line with this image."""
    return next(edge.line for edge in read.edges if edge.external and edge.source == reference)


def _reference(read: Dockerfile, reference: str, met: Iterable[Problem], engine: Engine) -> None:
    try:
        references.parse(reference)
    except CourseError as error:
        line, remedy = line_of(read, reference), "Correct the name."
        with contextlib.suppress(CourseError):
            references.parse(reference.lower())
            remedy = f"Write {reference.lower()}."
        raise read.fault(f"Line {line}: {error.what}", line, why=error.why, remedy=remedy) from None
    meant = next((each for each in met if each.image == reference), None)
    if meant and not status(engine, [reference])[0].present:
        raise read.fault(meant.what, meant.line, why=f"{meant.why} This engine has no image {reference}.",
                         remedy=f"{meant.remedy} An image of that name on Docker Hub is docker.io/library/{reference}.")


def check_heredocs(read: Dockerfile, engine: Engine, builder: str) -> None:
    """Raises DockerfileError for a heredoc that the builder would not read. A frontend named by `# syntax=` may."""
    first = next((each for each in read.instructions if each.heredocs), None)
    if (first is None or engine.rejects_heredocs or builder in engine.heredocs
            or builder == "buildkit" and read.frontend):
        return
    legacy = builder == "legacy"
    raise read.fault(
        f"Line {first.line}: {engine.name} {engine.version} does not read heredocs"
        + (" with the legacy builder." if legacy else "."), first.line,
        why="It would read the lines that follow as instructions, or silently leave them out.",
        remedy=_instead(first) + (" Or use builder='buildkit'." if legacy and "buildkit" in engine.heredocs else ""))


def _instead(instruction: Instruction) -> str:
    if instruction.keyword == "RUN":
        return "Join the commands after RUN by &&, with \\ at the end of each line but the last."
    return "Put the file into the build context, and copy it from there."
