"""Instructions to stages: names, bases, the arguments that FROM sees, and what COPY and RUN take from elsewhere."""

import re
from collections.abc import Iterator, Mapping, Sequence

from .expand import BadSubstitution, expand
from .model import Dockerfile, Stage, Use
from .reader import Instruction, directives, read, triggered
from .scope import platform_args, settings
from .source import SHELL_WORD, Source

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*\Z")
_STAGE_NUMBER = re.compile(r"[+-]?[0-9]+\Z")
# `from` may be in any case, and anywhere in the list of options.
_MOUNT_FROM = re.compile(r"(?i)(?:^--mount=|,)[\"']*from=([^,\"']*)")

# Without a default.
_PLAIN_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def parse(text: str, build_args: Mapping[str, str] | None = None, *, keep_unset: bool = False) -> Dockerfile:
    """Read a Dockerfile as BuildKit does.

    build_args  values of the ARGs above the first FROM, and of BuildKit's platform arguments, which are this machine's
                by default (TARGETARCH and the like); as in Docker, others do not reach FROM
    keep_unset  leave the image of a FROM as written, which no builder does, if one of its variables has no value

    Raises DockerfileError (with `line`) for what every engine refuses: no instruction, an unknown one, one before the
    first FROM, a FROM without an image or with a bad name, an open heredoc, the number of a stage that is not there,
    and a variable where BuildKit allows none. `problems` has what only some builders refuse.
    """
    source = Source(text)
    instructions, escape = read(source)
    first_from = _first_from(source, instructions)
    build_args = build_args or {}
    predefined = platform_args()
    variables = {**predefined, **{name: value for name, value in build_args.items() if name in predefined}}
    global_args = _global_args(source, instructions[:first_from], variables, build_args, escape)
    groups = _groups(instructions[first_from:])
    names = [_stage_name(source, group[0]) for group in groups]
    stages: list[Stage] = []
    taken: list[Use] = []
    for group, name, label in zip(groups, names, _labels(names, [group[0].line for group in groups]), strict=True):
        stage, use = _stage(source, group, (name, label), stages, variables, escape, keep_unset)
        stages.append(stage)
        taken.append(use)
    taken += _uses(source, stages, escape, {**global_args, **build_args})
    taken.sort(key=lambda use: use.instruction.line)
    return Dockerfile(text, tuple(stages), global_args, tuple(taken), tuple(instructions[:first_from]),
                      dict(directives(source.lines)).get("syntax", ""), escape)


def _first_from(source: Source, instructions: list[Instruction]) -> int:
    if not instructions:
        raise source.fault("The Dockerfile has no instructions.", None, why="It is empty, or has only comments.",
                           remedy="Begin with a FROM, for example: FROM alpine")
    for position, instruction in enumerate(instructions):
        if instruction.keyword == "FROM":
            return position
        if instruction.keyword != "ARG":
            raise source.fault(f"Line {instruction.line}: {instruction.keyword} comes before the first FROM.",
                               instruction.line, why="Only ARG is allowed there: no stage has begun yet.",
                               remedy="Put a FROM line above it.")
    raise source.fault("The Dockerfile has no FROM.", instructions[-1].line,
                       why="Without a FROM there is no stage to build.", remedy="Add a FROM line after the ARGs.")


def _groups(instructions: list[Instruction]) -> list[list[Instruction]]:
    groups: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            groups.append([])
        groups[-1].append(instruction)
    return groups


def _global_args(source: Source, instructions: Sequence[Instruction], variables: dict[str, str],
                 build_args: Mapping[str, str], escape: str) -> dict[str, str | None]:
    """The ARGs before the first FROM. Adds their values to `variables`."""
    declared: dict[str, str | None] = {}
    for instruction in instructions:
        for word in SHELL_WORD.findall(instruction.value):
            name, equals, default = word.partition("=")
            if name in build_args:
                variables[name] = build_args[name]
            elif equals:
                variables[name] = _expanded(source, default, instruction.line, variables, escape)
            declared[name] = variables.get(name)
    return declared


def _expanded(source: Source, word: str, line: int, variables: Mapping[str, str], escape: str,
              remedy: str = "Write $NAME, ${NAME} or ${NAME:-default}, and close every quote.") -> str:
    try:
        return expand(word, variables, escape)
    except BadSubstitution as error:
        raise source.fault(f"Line {line}: {word} cannot be expanded.", line,
                           why=f"{str(error)[:1].upper()}{str(error)[1:]}.", remedy=remedy) from None


def _stage(source: Source, group: Sequence[Instruction], names: tuple[str | None, str], earlier: Sequence[Stage],
           variables: Mapping[str, str], escape: str, keep_unset: bool) -> tuple[Stage, Use]:
    head = group[0]
    written, start, end = head.words()[0]
    base = _expanded(source, written, head.line, variables, escape)
    if keep_unset and any(
        not variables.get(name) for names in _PLAIN_VARIABLE.findall(written) for name in names if name):
        base = written
    if not base:
        raise source.fault(
            f"Line {head.line}: the image of this FROM is empty.", head.line,
            why=f"{written} expands to nothing. FROM sees only the ARGs above the first FROM.",
            remedy="Give the ARG a default (ARG NAME=value) above the first FROM, or pass --build-arg NAME=value.")
    on = next((stage for stage in reversed(earlier) if stage.name == base.lower()), None)
    platforms = head.flags.get("platform")
    stage = Stage(index=len(earlier), name=names[0], label=names[1], base=base, base_written=written,
                  base_stage=on.label if on else None,
                  platform=_expanded(source, platforms[-1], head.line, variables, escape) if platforms else None,
                  line=head.line, instructions=tuple(group))
    return stage, Use(stage.index, "FROM", head, base, on.index if on else None, start, end)


def _labels(names: Sequence[str | None], lines: Sequence[int]) -> list[str]:
    """A unique label for each stage: its name, or "stage-N" as in BuildKit's trace. It has its line as well if the name
    means another stage: that of a later stage with the same name, or one that is named "stage-N"."""
    labels = []
    for index, (name, line) in enumerate(zip(names, lines, strict=True)):
        label = name or f"stage-{index}"
        taken = label in names[index + 1:] if name else label in names
        labels.append(f"{label} (line {line})" if taken else label)
    return labels


def _stage_name(source: Source, head: Instruction) -> str | None:
    line = head.line
    words = [word for word, _, _ in head.words()]
    if not words:
        raise source.fault(f"Line {line}: FROM names no image.", line,
                           remedy="Write the image after FROM, or scratch for an empty base.")
    if len(words) == 1:
        return None
    if len(words) != 3 or words[1].upper() != "AS":
        named = f", for example: FROM {words[0]} AS {words[-1]}" if words[-1].upper() != "AS" else ""
        raise source.fault(f"Line {line}: FROM takes an image, or an image AS a name.", line,
                           remedy=f"Put AS and one name after the image, or nothing{named}.")
    name = words[2].lower()
    if not _STAGE_NAME.match(name):
        raise source.fault(f"Line {line}: {words[2]} cannot be the name of a stage.", line,
                           remedy="Begin with a letter, and use only letters, digits, dashes, underscores and dots.")
    return name


def _uses(source: Source, stages: Sequence[Stage], escape: str, arguments: Mapping[str, str | None]) -> Iterator[Use]:
    """What the stages take through COPY and RUN.

    BuildKit resolves `--from` after every FROM, so that it can name a later stage, and the last of several with one
    name (convert.go: toDispatchState, toCommand). An ONBUILD runs in the stages that are FROM its own, but not in the
    stages that are FROM those (docs.docker.com, "ONBUILD").

    arguments   {name: value} of the ARGs above the first FROM and of build arguments. Only Buildah expands the ARGs of
                a stage in COPY --from, see `problems`

    Raises DockerfileError for the number of a stage that is not there, and for a variable in a mount.
    """
    for stage in stages:
        base = next((each for each in stages if each.label == stage.base_stage), None)
        inherited = [triggered(each, escape) for each in base.instructions if each.keyword == "ONBUILD"] if base else []
        values: dict[str, str] = {}
        for instruction in (*inherited, *stage.instructions):
            if instruction.keyword == "ARG":
                values |= {name: arguments.get(name) or default for name, default in settings(instruction)}
            for text, start, end in _references(instruction):
                if instruction.keyword == "COPY" and "$" in text:
                    text = _expanded(source, text, instruction.line, values, escape,
                                     "Name the stage or the image itself.") or text
                index = _stage_of(source, text, instruction, stages)
                yield Use(stage.index, instruction.keyword, instruction, text, index, start, end)


def _references(instruction: Instruction) -> Iterator[tuple[str, int, int]]:
    """(reference, start, end) of each --from and from=, offsets in the value. Without one, the build context is
    meant."""
    for flag in instruction._flag_spans:
        raw = instruction.value[flag.start:flag.end]
        if instruction.keyword == "COPY" and raw.startswith("--from=") and flag.value:
            yield flag.value, flag.start + len("--from="), flag.end
        elif instruction.keyword == "RUN" and flag.name == "mount" and (match := _MOUNT_FROM.search(raw)) and match[1]:
            yield match[1], flag.start + match.start(1), flag.start + match.end(1)


def _stage_of(source: Source, reference: str, taker: Instruction, stages: Sequence[Stage]) -> int | None:
    """The index of the stage with that name or number, or None for an image."""
    line, mount = taker.line, taker.keyword == "RUN"
    if "$" in reference and mount:
        raise source.fault(f"Line {line}: {reference} is not expanded here.", line,
                           why="Variables are expanded in FROM, but not in the from of a mount.",
                           remedy=f"Add a stage, FROM {reference} AS source, and write from=source.")
    if not _STAGE_NUMBER.match(reference):
        return next((stage.index for stage in reversed(stages) if stage.name == reference.lower()), None)
    if mount:
        raise source.fault(f"Line {line}: a mount needs the name of a stage, not the number {reference}.", line,
                           remedy="Name the stage with FROM ... AS NAME, and write from=NAME.")
    index = int(reference) if len(reference) < 10 else len(stages)
    if 0 <= index < len(stages):
        return index
    raise source.fault(
        f"Line {line}: there is no stage {reference}.", line,
        why=f"Stages count from 0, and the last of this file is stage {len(stages) - 1}.",
        remedy="Use the name of the stage, which stays right when stages are added.")
