"""Instructions to stages: names, bases, and who takes what from whom."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping

from .expand import BadSubstitution, expand
from .model import Dockerfile, Stage, Use
from .reader import _SHELL_WORD, Instruction, Source, directives, read

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*\Z")
_STAGE_NUMBER = re.compile(r"[+-]?[0-9]+\Z")
# BuildKit reads `from` of a mount in any case and anywhere in the list.
_MOUNT_FROM = re.compile(r"(?i)(?:^--mount=|,)[\"']*from=([^,\"']*)")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386"}
_VARIANTS = {"armv7l": "v7", "armv6l": "v6"}


def parse(text: str, build_args: Mapping[str, str] | None = None) -> Dockerfile:
    """Reads a Dockerfile as BuildKit does.

    `build_args` replace the values of ARGs that stand before the first FROM,
    and of the platform arguments that BuildKit sets by itself (TARGETARCH and
    the like, which get this machine's platform). Others have no effect on
    FROM, as in Docker.

    Raises DockerfileError (with `line`) where every engine would refuse: no
    instruction at all, an unknown one, one before the first FROM, a FROM that
    lacks its image or has a bad or second name, an open heredoc, a number of a
    stage that does not exist, a variable where BuildKit allows none. All else
    is left to the engine.
    """
    source = Source(text)
    instructions, escape = read(source)
    first_from = _first_from(source, instructions)
    build_args = build_args or {}
    variables = {**_platform_args(), **_overrides(build_args, _platform_args())}
    global_args = _global_args(source, instructions[:first_from], variables, build_args, escape)
    stages: list[Stage] = []
    uses: list[Use] = []
    for group in _groups(instructions[first_from:]):
        stage, use = _stage(source, group, stages, variables, escape)
        stages.append(stage)
        uses.append(use)
    for stage in stages:
        for instruction in stage.instructions:
            uses += _taken(source, instruction, stage.index, stages)
    uses.sort(key=lambda use: use.instruction.line)
    return Dockerfile(text, tuple(stages), global_args, tuple(uses),
                      tuple(instructions[:first_from]), dict(directives(source.lines)).get("syntax", ""))


def _first_from(source: Source, instructions: list[Instruction]) -> int:
    if not instructions:
        raise source.fault(
            "The Dockerfile has no instructions.", None,
            why="It is empty, or has comments only.", remedy="Begin with a FROM, for example: FROM alpine",
        )
    for position, instruction in enumerate(instructions):
        if instruction.keyword == "FROM":
            return position
        if instruction.keyword != "ARG":
            raise source.fault(
                f"Line {instruction.line}: {instruction.keyword} stands before the first FROM.",
                instruction.line, why="Only ARG may stand there: no stage has begun yet.",
                remedy="Put a FROM line above it.",
            )
    raise source.fault(
        "The Dockerfile has no FROM.", instructions[-1].line,
        why="Without a FROM there is no stage to build.", remedy="Add a FROM line after the ARGs.",
    )


def _groups(instructions: list[Instruction]) -> list[list[Instruction]]:
    groups: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            groups.append([])
        groups[-1].append(instruction)
    return groups


# -- arguments ----------------------------------------------------------------

def _platform_args() -> dict[str, str]:
    """BuildKit's predefined arguments, for a build on and for this machine."""
    machine = platform.machine()
    architecture, variant = _ARCHITECTURES.get(machine, machine), _VARIANTS.get(machine, "")
    whole = "/".join(part for part in ("linux", architecture, variant) if part)
    values = {"PLATFORM": whole, "OS": "linux", "OSVERSION": "", "ARCH": architecture, "VARIANT": variant}
    named = {side + name: value for side in ("BUILD", "TARGET") for name, value in values.items()}
    return {**named, "TARGETSTAGE": "default"}


def _overrides(build_args: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in build_args.items() if name in known}


def _global_args(source, instructions, variables, build_args, escape) -> dict[str, str | None]:
    """The ARGs before the first FROM; their values also go into `variables`."""
    declared: dict[str, str | None] = {}
    for instruction in instructions:
        for word in _SHELL_WORD.findall(instruction.value):
            name, equals, default = word.partition("=")
            if name in build_args:
                variables[name] = build_args[name]
            elif equals:
                variables[name] = _expanded(source, default, instruction, variables, escape)
            declared[name] = variables.get(name)
    return declared


def _expanded(source, word, instruction, variables, escape) -> str:
    try:
        return expand(word, variables, escape)
    except BadSubstitution as error:
        raise source.fault(
            f"Line {instruction.line}: {word} cannot be expanded.", instruction.line,
            why=f"{str(error)[:1].upper()}{str(error)[1:]}.",
            remedy="Write it as $NAME, ${NAME} or ${NAME:-default}, and close every quote.",
        ) from None


# -- one stage ----------------------------------------------------------------

def _stage(source, group, earlier, variables, escape) -> tuple[Stage, Use]:
    head = group[0]
    words = head.words()
    name = _stage_name(source, head, [word for word, _, _ in words], earlier)
    written, start, end = words[0]
    base = _expanded(source, written, head, variables, escape)
    if not base:
        raise source.fault(
            f"Line {head.line}: the image of this FROM is empty.", head.line,
            why=f"{written} expands to nothing. FROM only sees ARGs that stand before the first FROM.",
            remedy="Give the ARG a default (ARG NAME=value) above the first FROM, or pass a build argument.",
        )
    on = next((stage for stage in earlier if stage.name == base.lower()), None)
    platforms = head.flags.get("platform")
    stage = Stage(
        index=len(earlier), name=name, base=base, base_written=written,
        base_stage=on.label if on else None,
        platform=_expanded(source, platforms[-1], head, variables, escape) if platforms else None,
        line=head.line, instructions=tuple(group),
    )
    return stage, Use(stage.index, "FROM", head, base, on.index if on else None, start, end)


def _stage_name(source, head, words, earlier) -> str | None:
    line = head.line
    if not words:
        raise source.fault(
            f"Line {line}: FROM names no image.", line,
            remedy="Write the image after FROM, or scratch for an empty start.",
        )
    if len(words) == 1:
        return None
    if len(words) != 3 or words[1].upper() != "AS":
        named = f", for example: FROM {words[0]} AS {words[-1]}" if words[-1].upper() != "AS" else ""
        raise source.fault(
            f"Line {line}: FROM takes an image, or an image AS a name.", line,
            remedy=f"Put AS and one name after the image, or nothing{named}.",
        )
    name = words[2].lower()
    if not _STAGE_NAME.match(name):
        raise source.fault(
            f"Line {line}: {words[2]} cannot be the name of a stage.", line,
            remedy="Begin with a letter and use letters, digits, dashes, underscores and dots only.",
        )
    other = next((stage for stage in earlier if stage.name == name), None)
    if other:
        raise source.fault(
            f"Line {line}: a second stage has the name {name}.", line,
            why=f"The first begins in line {other.line}. The legacy builder refuses this; BuildKit "
                "lets the later one win.",
            remedy="Give one of them another name.",
        )
    return name


# -- what a stage takes -------------------------------------------------------

def _taken(source, instruction, stage, stages) -> list[Use]:
    """The uses of other stages and images by one COPY or RUN.

    All stages of the file are looked at, also later ones: BuildKit resolves
    `--from` after it has read every FROM (convert.go: buildDispatchStates, then
    buildStageDependencyGraph). The legacy builder knows earlier stages only,
    and takes a later one's name for an image.
    """
    uses = []
    for flag in instruction._flag_spans:
        raw = instruction.value[flag.start:flag.end]
        if instruction.keyword == "COPY" and raw.startswith("--from="):
            reference, start = flag.value, flag.start + len("--from=")
            end, numbers = flag.end, True
        elif instruction.keyword == "RUN" and flag.name == "mount" and (match := _MOUNT_FROM.search(raw)):
            reference, start = match[1], flag.start + match.start(1)
            end, numbers = flag.start + match.end(1), False
        else:
            continue
        if reference:
            index = _stage_of(source, reference, numbers, instruction, stages)
            uses.append(Use(stage, instruction.keyword, instruction, reference, index, start, end))
    return uses


def _stage_of(source, reference, numbers, instruction, stages) -> int | None:
    """The index of the stage that `reference` means, or None for an image."""
    line = instruction.line
    if "$" in reference:
        raise source.fault(
            f"Line {line}: {reference} is not expanded here.", line,
            why="Docker replaces variables in FROM, but not in --from or in the from of a mount.",
            remedy=f"Add a stage, FROM {reference} AS source, and take from source instead.",
        )
    if _STAGE_NUMBER.match(reference):
        if not numbers:
            raise source.fault(
                f"Line {line}: a mount takes a stage by its name, not by the number {reference}.", line,
                remedy="Name the stage with FROM ... AS NAME, and write from=NAME.",
            )
        index = int(reference) if len(reference) < 10 else len(stages)
        if 0 <= index < len(stages):
            return index
        raise source.fault(
            f"Line {line}: there is no stage {reference}.", line,
            why=f"Stages are counted from 0, and this file has {len(stages)}: the last is {len(stages) - 1}.",
            remedy="Use the name of the stage: it stays right when stages are added.",
        )
    return next((stage.index for stage in stages if stage.name == reference.lower()), None)
