"""The rules about the text of a Dockerfile, for which nothing is built.

Each is a pure function that takes a submission and yields its fails. `judge` runs them in the order of RULES.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .. import lint as linter
from ..builder.secrets import mounted
from ..dockerfile import SCRATCH, Dockerfile, Instruction, Stage, parse
from ..errors import DockerfileError, LinterUnavailable
from ..units import listed
from .exercise import Exercise
from .globs import matches
from .submission import LONGEST
from .verdict import Fail, Findings

_REMOTE = re.compile(r"(?i)^(?:[a-z][a-z0-9+.-]*://|git@|[^/\s]+\.git(?:#|$))")
# What to do about a rule that the linter does not explain.
_REMEDIES = {"DL3064": "Leave it out, or mount it for the one command that needs it."}
_DOCKER_HUB = re.compile(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?")


@dataclass(frozen=True)
class Submission:
    """A Dockerfile that could be read."""

    exercise: Exercise
    read: Dockerfile
    files: tuple[str, ...] = ()    # paths in the build context


Rule = Callable[[Submission], Iterator[Fail]]


def judge(exercise: Exercise, text: str, files: tuple[str, ...], found: Findings) -> Dockerfile | None:
    """Judge the text of a Dockerfile, into `found`. None if it cannot be parsed. `files` are paths in the build
    context."""
    try:
        if len(text) > LONGEST:
            raise DockerfileError(f"It has {len(text):,} characters; at most {LONGEST:,} are read.")
        given = Submission(exercise, parse(text), files)
    except DockerfileError as error:
        said = " ".join(filter(None, (error.what, error.why, error.remedy)))
        found.judge("syntax", [Fail("syntax", said, error.line)])
        return None
    found.judge("syntax", ())
    for name, (asked, rule) in RULES.items():
        # These two would only repeat another fail.
        if asked(exercise) and not (rule in (final_base, unused_stage) and found.fails):
            found.judge(name, rule(given))
    if exercise.build.no_lint:
        try:
            found.judge("lint", lint(exercise, text))
        except LinterUnavailable as error:
            found.notes.append(f"The linter was not run. {error.what}")
    return given.read


def bases(given: Submission) -> Iterator[Fail]:
    """FROM, COPY --from, mounts and `# syntax=` name only allowed images."""
    wanted = given.exercise.build.bases
    if given.read.frontend:
        line = next(number for number, each in enumerate(given.read.text.splitlines(), 1) if "syntax" in each.lower())
        yield Fail("bases", f"`# syntax={given.read.frontend}` lets another image parse this file. Remove the line: "
                   "the builder itself can parse all that the exercise needs.", line)
    for edge in given.read.edges:
        if edge.external and not _is_one_of(edge.source, wanted):
            verb = "FROM" if edge.via == "FROM" else f"{edge.via} takes from"
            yield Fail("bases", f"{verb} {edge.source}: this exercise allows only {listed(wanted)}. What comes from "
                       "another image was not built here.", edge.line)


def _is_one_of(reference: str, allowed: tuple[str, ...]) -> bool:
    return _plain(reference.partition("@")[0]) in map(_plain, allowed)


def _plain(reference: str) -> str:
    return SCRATCH if reference == SCRATCH else _DOCKER_HUB.sub("", reference).removesuffix(":latest")


def downloads(given: Submission) -> Iterator[Fail]:
    """ADD downloads nothing, which it can do even if RUN has no network. Source: Dockerfile reference, "Adding files
    from a URL"."""
    for instruction in given.read.instructions:
        for source in instruction.operands[0] if instruction.keyword == "ADD" and instruction.copies_context else ():
            if _REMOTE.match(source) or "$" in source:
                yield Fail("downloads", f"ADD {source} adds something that was not built here. Remove it, or build it "
                           "from the source of the exercise.", instruction.line)


def context(given: Submission) -> Iterator[Fail]:
    """COPY, ADD and bind mounts name files in the build context. Source: Dockerfile reference, "COPY"."""
    folders = {"/".join(path.split("/")[:n]) for path in given.files for n in range(path.count("/") + 1)}
    for instruction, source in _taken(given.read.instructions):
        plain = _relative(source)
        if "$" in plain or _REMOTE.match(source) or any(matches(path, plain) for path in {*given.files, *folders, ""}):
            continue
        yield Fail("context", f"{instruction.keyword} takes {source}, but the build context has only the files of the "
                   f"exercise: {listed(sorted(given.files)[:8])}.", instruction.line)


def _relative(source: str) -> str:
    return "/".join(part for part in source.split("/") if part not in ("", "."))


def _taken(instructions: Iterable[Instruction]) -> Iterator[tuple[Instruction, str]]:
    """(instruction, path in the build context) of each path that is named."""
    for instruction in instructions:
        if instruction.copies_context:
            yield from ((instruction, source) for source in instruction.operands[0])
        for mount in instruction.mounts:
            if mount.get("type", "bind") == "bind" and "from" not in mount:
                yield instruction, mount.get("source", ".")


def single_stage(given: Submission) -> Iterator[Fail]:
    """There are as many stages as the task needs."""
    least, there = given.exercise.stages.least, len(given.read.stages)
    if there < least:
        have = "There is one stage" if there == 1 else f"There are {there} stages"
        why = ("The last stage is what ships, and a compiler that is deleted there still ships. Build in one stage, "
               "and copy the result into another."
               if there == 1 else "Each --target, and each base, needs a stage of its own.")
        yield Fail("single-stage", f"{have}, but the exercise needs at least {least}. {why}",
                   given.read.stages[-1].line)


def stages(given: Submission) -> Iterator[Fail]:
    """There is a stage with each name in the task."""
    for name in given.exercise.stages.named:
        if all(stage.name != name for stage in given.read.stages):
            yield Fail("stages", f"There is no stage {name}. Name one with FROM ... AS {name}.")


def final_base(given: Submission) -> Iterator[Fail]:
    """The last stage is built on an allowed base."""
    base, allowed = given.read.chain()[0].base, given.exercise.stages.final_bases
    if not _is_one_of(base, allowed):
        yield Fail("final-base", f"The last stage is built on {base}. It may be built on {listed(allowed)}.",
                   given.read.stages[-1].line)


def unused_stage(given: Submission) -> Iterator[Fail]:
    """Every stage is needed for the last stage or a target."""
    there = {each for stage in given.read.stages for each in (stage.name, stage.label)}
    used = given.read.needed().union(*(given.read.needed(name) for name in given.exercise.targets if name in there))
    for stage in given.read.stages:
        if stage.label not in used:
            yield Fail("unused-stage", f"Nothing uses the stage {stage.label}, so it is not built. Copy its result "
                       "into another stage, or remove it.", stage.line)


def numbers(given: Submission) -> Iterator[Fail]:
    """No stage is called by its number. Source: docs.docker.com, "Multi-stage builds", "Name your build stages"."""
    for instruction in given.read.instructions:
        for number in filter(str.isdigit, instruction.flags.get("from", ())):
            yield Fail("numbers", f"{instruction.keyword} takes from stage number {number}. If a stage is added above "
                       "it, the number means another stage. Name it with AS, and use the name.", instruction.line)


def secret_mount(given: Submission) -> Iterator[Fail]:
    """A RUN mounts each secret. Source: docs.docker.com, "Build secrets"."""
    there = mounted(given.read)
    for wanted in given.exercise.build.secrets:
        if wanted not in there:
            yield Fail("secret-mount", f"No RUN mounts the secret {wanted}. "
                       f"Write RUN --mount=type=secret,id={wanted} before the command that needs it.")


def lint(exercise: Exercise, text: str) -> Iterator[Fail]:
    """hadolint finds nothing against the rules in `no_lint`. Raises LinterUnavailable."""
    for each in linter.lint(text):
        if each.rule in exercise.build.no_lint:
            remedy = _REMEDIES.get(each.rule) or (f"What to do: {each.link}" if each.link else "")
            said = f"The linter reports ({each.rule}): {each.message.rstrip('.')}. {remedy}"
            yield Fail("lint", said.rstrip(), each.line)


RULES: dict[str, tuple[Callable[[Exercise], object], Rule]] = {   # {rule: (whether an exercise asks for it, the rule)}
    "bases": (lambda asked: True, bases),
    "downloads": (lambda asked: True, downloads),
    "context": (lambda asked: True, context),
    "single-stage": (lambda asked: asked.stages.least > 1, single_stage),
    "stages": (lambda asked: asked.stages.named, stages),
    "final-base": (lambda asked: asked.stages.final_bases, final_base),
    "unused-stage": (lambda asked: True, unused_stage),
    "numbers": (lambda asked: not asked.stages.numbers, numbers),
    "secret-mount": (lambda asked: asked.build.secrets, secret_mount),
}


def compiles(read: Dockerfile, reference: str) -> bool:
    """Whether a stage, or one that it takes from, gets the source and runs a command.

    reference  the name or number in a --from; an image compiles nothing
    """
    known = {name for stage in read.stages for name in (stage.name, stage.label, str(stage.index))}
    needed = read.needed(reference.lower()) if reference.lower() in known else ()
    return any(makes(*read.chain(label)) for label in needed)


def installs(read: Dockerfile, run: Instruction, source: str) -> bool:
    """Whether a RUN gets what another stage compiled, through a mount or an earlier COPY, but not the file `source`,
    from which it could compile it itself."""
    stage = next(stage for stage in read.stages if run in stage.instructions)
    before = stage.instructions[:stage.instructions.index(run)]
    bridges = [name for each in before if each.keyword == "COPY" for name in each.flags.get("from", ())]
    bridges += [mount["from"] for mount in run.mounts if "from" in mount]
    folders = {"/".join(source.split("/")[:n]) for n in range(source.count("/") + 2)}
    has_source = source and any(matches(folder, _relative(path)) for _, path in _taken([*before, run])
                                for folder in folders)
    return any(compiles(read, name) for name in bridges) and not has_source


def makes(*stages: Stage) -> bool:
    """Whether a chain of stages gets the source and runs a command."""
    own = [each for stage in stages for each in stage.instructions]
    runs = [each for each in own if each.keyword == "RUN"]
    return bool(runs) and (any(each.copies_context for each in own) or any(each.binds_context for each in runs))
