"""The rules that a Dockerfile's text decides: nothing is built for them.

Each is a pure function of the exercise and of what was read, and yields a Fail for each
thing that is not as it should be. `judge` asks them all, in their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from .. import lint as linter
from ..dockerfile import SCRATCH, Dockerfile, Instruction, Stage, parse
from ..errors import DockerfileError, LinterUnavailable
from ..lint import Finding
from ..report.provenance import chain, operands, takes_context
from ..units import listed
from .exercise import Exercise
from .globs import matches
from .verdict import Fail, Findings

LONGEST = 200_000      # bytes of a Dockerfile
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S+)")
_REMOTE = re.compile(r"(?i)^(?:[a-z][a-z0-9+.-]*://|git@|[^/\s]+\.git(?:#|$))")
_DOCKER_HUB = re.compile(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?")


def judge(exercise: Exercise, text: str, source: Mapping[str, bytes], beside: tuple[str, ...],
          found: Findings) -> Dockerfile | None:
    """Judge a Dockerfile's text, into `found`. None if it cannot be read.

    source  {path: content} of what the build gets; beside: names beside the Dockerfile
    """
    try:
        if len(text) > LONGEST:
            raise DockerfileError(f"It has {len(text):,} characters; {LONGEST:,} are the most.")
        found.judge("frontend", frontend(text))
        read = parse(text, exercise.build.args)
    except DockerfileError as error:
        found.judge("syntax", [Fail("syntax", " ".join(filter(None, (error.what, error.why, error.remedy))), error.line)])
        return None
    found.holds.insert(0, "syntax")
    found.judge("bases", bases(exercise, read))
    found.judge("downloads", downloads(read))
    found.judge("rights", rights(read))
    if any(each.keyword == "ONBUILD" for each in _all(read)):
        found.judge("onbuild", onbuild(read))
    found.judge("context", context(exercise, read, tuple(source), beside))
    if exercise.stages.least > 1:
        found.judge("single-stage", single_stage(exercise, read))
    if exercise.stages.named:
        found.judge("stages", stages(exercise, read))
    for name, target in exercise.targets.items():
        if target.apart and any(name == stage.name for stage in read.stages):
            found.judge(f"{name}: apart", apart(name, read))
    if exercise.stages.final_bases and not found.failed("bases", "single-stage"):
        found.judge("final-base", final_base(exercise, read))
    if not found.fails:    # else it may be unused since its name or what takes from it is wrong
        found.judge("unused-stage", unused_stage(exercise, read))
    if not exercise.stages.numbers:
        found.judge("numbers", numbers(read))
    if exercise.build.secrets:
        found.judge("secret-mount", secret_mount(exercise, read))
    if exercise.build.no_lint:
        try:
            found.judge("lint", lint(exercise, linter.lint(text)))
        except LinterUnavailable as error:
            found.notes.append(f"The linter was not asked. {error.what}")
    return read


def frontend(text: str) -> Iterator[Fail]:
    """`# syntax=` names an image that reads the Dockerfile in place of the engine: it may
    make anything of it. Parser directives are the comments before all else."""
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        found = _DIRECTIVE.match(line.strip())
        if not found and not (number == 1 and line.startswith("#!")):
            return
        if found and found[1].lower() == "syntax":
            yield Fail("frontend", f"`# syntax={found[2]}` lets another program read this file. Leave the line out: "
                       "the engine's own reader knows all that is needed here.", number)


def bases(exercise: Exercise, read: Dockerfile) -> Iterator[Fail]:
    """FROM, COPY --from and mounts take images that are allowed and no others."""
    allowed = {_plain(each) for each in exercise.build.bases}
    for edge in read.edges:
        if edge.external and _plain(edge.source) not in allowed:
            verb = "FROM" if edge.via == "FROM" else f"{edge.via} takes from"
            yield Fail("bases", f"{verb} {edge.source}: this exercise is about {listed(list(exercise.build.bases))}. "
                       "What another image brings was not built here.", edge.line)


def _plain(reference: str) -> str:
    return SCRATCH if reference == SCRATCH else _DOCKER_HUB.sub("", reference).removesuffix(":latest")


def downloads(read: Dockerfile) -> Iterator[Fail]:
    """ADD fetches from the web by itself, whatever network a RUN has."""
    for instruction in _all(read):
        if instruction.keyword == "ADD" and "from" not in instruction.flags:
            for source in operands(instruction)[0]:
                if _REMOTE.match(source) or "$" in source:
                    yield Fail("downloads", f"ADD {source} brings what was not built here. Build it from the source "
                               "of the exercise.", instruction.line)


def rights(read: Dockerfile) -> Iterator[Fail]:
    """RUN --network and --security ask the builder for what a check does not give."""
    for instruction in _all(read):
        for flag in ("network", "security"):
            for value in instruction.flags.get(flag, ()):
                if value not in ("none", "sandbox"):
                    yield Fail("rights", f"RUN --{flag}={value} asks for more than a command gets here. Leave it out.",
                               instruction.line)


def onbuild(read: Dockerfile) -> Iterator[Fail]:
    """What ONBUILD writes down runs in the stages that begin with this one, where no rule sees it."""
    for instruction in _all(read):
        if instruction.keyword == "ONBUILD":
            yield Fail("onbuild", "ONBUILD keeps a command for whoever begins with this stage. "
                       "Write it into the stage in which it is to run.", instruction.line)


def context(exercise: Exercise, read: Dockerfile, files: Sequence[str], beside: Sequence[str] = ()) -> Iterator[Fail]:
    """COPY, ADD and bind mounts name files that the build gets. `beside`: names that lie
    beside the learner's Dockerfile, and do not count."""
    folders = {"/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)}
    there = {"", *files, *folders}
    for instruction, source in _taken(read):
        plain = _relative(source)
        if "$" in plain or _REMOTE.match(source) or any(matches(path, plain) for path in there):
            continue
        why = ("It lies in your folder, but a build gets the exercise's own files only: "
               if any(each == plain or each.startswith(f"{plain}/") for each in beside) else "It is none of the exercise's files: ")
        yield Fail("context", f"{instruction.keyword} takes {source}. {why}{listed(sorted(files)[:8])}.",
                   instruction.line)


def _relative(source: str) -> str:
    parts = [part for part in source.split("/") if part not in ("", ".")]
    return "/".join(parts)


def _taken(read: Dockerfile) -> Iterator[tuple[Instruction, str]]:
    """(instruction, path in the context) for each that is named."""
    for instruction in _all(read):
        if takes_context(instruction):
            yield from ((instruction, source) for source in operands(instruction)[0])
        for mount in instruction.mounts if instruction.keyword == "RUN" else ():
            if mount.get("type", "bind") == "bind" and "from" not in mount:
                yield instruction, mount.get("source", mount.get("src", "."))


def single_stage(exercise: Exercise, read: Dockerfile) -> Iterator[Fail]:
    least, there = exercise.stages.least, len(read.stages)
    if there < least:
        have = "There is one stage" if there == 1 else f"There are {there} stages"
        why = ("What the last stage holds is shipped, and a compiler that is deleted there is shipped all the same, or had "
               "to be there to be deleted. Build in one stage, and copy what was made into another."
               if there == 1 else "What is asked for by itself, or stands on another base, is a stage of its own.")
        yield Fail("single-stage", f"{have}, and this needs at least {least}. {why}", read.stages[-1].line)


def stages(exercise: Exercise, read: Dockerfile) -> Iterator[Fail]:
    there = {stage.name for stage in read.stages}
    for name in exercise.stages.named:
        if name not in there:
            yield Fail("stages", f"There is no stage {name}. Name one with FROM ... AS {name}.")


def apart(name: str, read: Dockerfile) -> Iterator[Fail]:
    """Rule `apart`: none of the stages that it stands on builds from the source."""
    for stage in chain(read, name):
        if makes(stage):
            said = (f"The target {name} is the stage in which the program is built" if stage.name == name else
                    f"The target {name} goes on from the stage {stage.label}, in which the program is built")
            yield Fail("apart", f"{said}: it holds all that building needs, whatever is deleted in it. Begin it on a base "
                       "of its own, and copy the program into it.", read.stage(name).line)
            return


def final_base(exercise: Exercise, read: Dockerfile) -> Iterator[Fail]:
    allowed = exercise.stages.final_bases
    stage = read.stages[-1]
    while stage.base_stage is not None:
        stage = read.stage(stage.base_stage)
    if allowed and _plain(stage.base) not in set(map(_plain, allowed)):
        yield Fail("final-base", f"The last stage stands on {stage.base}. It may stand on {listed(list(allowed))}.",
                   read.stages[-1].line)


def unused_stage(exercise: Exercise, read: Dockerfile) -> Iterator[Fail]:
    if exercise.stages.unused:
        return
    targets = [name for name in exercise.targets if any(name in (s.name, s.label) for s in read.stages)]
    used = read.needed().union(*map(read.needed, targets))
    for stage in read.stages:
        if stage.label not in used:
            yield Fail("unused-stage", f"Nothing takes anything from the stage {stage.label}, so that it is not even "
                       "built. Copy from it what it makes, or leave it out.", stage.line)


def numbers(read: Dockerfile) -> Iterator[Fail]:
    """A number means another stage as soon as one is put in front. A mount takes no number."""
    for instruction in _all(read):
        for number in filter(str.isdigit, instruction.flags.get("from", ())):
            yield Fail("numbers", f"{instruction.keyword} takes from stage number {number}, and a stage that is put in "
                       "front makes that another one. Name the stage with AS, and call it by its name.", instruction.line)


def secret_mount(exercise: Exercise, read: Dockerfile) -> Iterator[Fail]:
    mounted = {mount.get("id") or mount.get("target", mount.get("dst", "")).rpartition("/")[2]
               for instruction in _all(read) if instruction.keyword == "RUN"
               for mount in instruction.mounts if mount.get("type") == "secret"}
    for wanted in exercise.build.secrets:
        if wanted not in mounted:
            yield Fail("secret-mount", f"No RUN mounts the secret {wanted}. "
                       f"Write RUN --mount=type=secret,id={wanted} before the command that needs it.")


def lint(exercise: Exercise, findings: Sequence[Finding]) -> Iterator[Fail]:
    for each in findings:
        if each.rule in exercise.build.no_lint:
            yield Fail("lint", f"The linter objects ({each.rule}): {each.message}", each.line)


def compiles(read: Dockerfile, reference: str) -> bool:
    """Whether a stage, or one that it takes from, had the source and ran a command on it."""
    known = {name for stage in read.stages for name in (stage.name, stage.label, str(stage.index))}
    if reference.lower() not in known:
        return False
    needed = read.needed(reference.lower())
    return any(makes(*chain(read, stage.label)) for stage in read.stages if stage.label in needed)


def installs(read: Dockerfile, run: Instruction, source: str) -> bool:
    """Whether a RUN has what another stage compiled, mounted or copied before it, and has not got
    the file `source` to compile by itself."""
    stage = next(stage for stage in read.stages if run in stage.instructions)
    before = stage.instructions[:stage.instructions.index(run)]
    bridges = [name for each in before if each.keyword == "COPY" for name in each.flags.get("from", ())]
    bridges += [mount["from"] for mount in run.mounts if "from" in mount]
    taken = [_relative(path) for instruction, path in _taken(read) if instruction in before or instruction is run]
    folders = {"/".join(source.split("/")[:n]) for n in range(source.count("/") + 2)}
    has_source = source and any(matches(folder, path) for path in taken for folder in folders)
    return any(compiles(read, name) for name in bridges) and not has_source


def makes(*stages: Stage) -> bool:
    """Whether these stages, one on top of the other, get the source and run a command."""
    own = [each for stage in stages for each in stage.instructions]
    runs = [each for each in own if each.keyword == "RUN"]
    return bool(runs) and (any(map(takes_context, own)) or any(each.binds_context for each in runs))


def _all(read: Dockerfile) -> Iterator[Instruction]:
    for stage in read.stages:
        yield from stage.instructions
