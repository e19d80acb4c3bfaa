"""What a COPY or a RUN takes from another stage or image: `--from` and `--mount=from`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .expand import BadSubstitution, expand
from .model import Stage, Use
from .reader import Instruction, triggered
from .scope import settings
from .source import Source

_STAGE_NUMBER = re.compile(r"[+-]?[0-9]+\Z")
# BuildKit reads `from` of a mount in any case and anywhere in the list.
_MOUNT_FROM = re.compile(r"(?i)(?:^--mount=|,)[\"']*from=([^,\"']*)")


class _Reference(NamedTuple):
    """A reference as the file has it, and where it stands in the instruction's value."""

    text: str
    start: int
    end: int
    may_be_number: bool


def uses(source: Source, stages: Sequence[Stage], escape: str, arguments: Mapping[str, str | None]) -> Iterator[Use]:
    """What the stages take by COPY and RUN, each as a Use.

    All stages of the file are looked at, also later ones: BuildKit resolves `--from` after it has read every FROM
    (convert.go: toDispatchState, toCommand). Of two stages of one name, the last is meant.

    An ONBUILD is executed by the stages that are FROM the stage that has it (docs.docker.com,
    "ONBUILD": it is not inherited by grandchildren), so they take what its COPY names.

    arguments   {name: value} of the ARGs above the first FROM and of build arguments. Buildah replaces
                variables in COPY --from by the ARGs of the stage; `problems` says that others do not

    Raises DockerfileError for the number of a stage that is not there, and for a variable in a mount.
    """
    for stage in stages:
        base = next((each for each in stages if each.label == stage.base_stage), None)
        inherited = [triggered(each, escape) for each in base.instructions if each.keyword == "ONBUILD"] if base else []
        values: dict[str, str] = {}
        for instruction in (*inherited, *stage.instructions):
            if instruction.keyword == "ARG":
                values |= {name: arguments.get(name) or default for name, default in settings(instruction)}
            for each in _references(instruction):
                if each.may_be_number and "$" in each.text:
                    each = each._replace(text=_expanded(source, each.text, values, escape, instruction.line))
                index = _stage_of(source, each, instruction.line, stages)
                yield Use(stage.index, instruction.keyword, instruction, each.text, index, each.start, each.end)


def _expanded(source: Source, word: str, values: Mapping[str, str], escape: str, line: int) -> str:
    """The word with its variables replaced; as it is written if nothing is left."""
    try:
        return expand(word, values, escape) or word
    except BadSubstitution as error:
        raise source.fault(f"Line {line}: {word} cannot be expanded.", line, why=f"{error}.",
                           remedy="Name the stage or the image itself.") from None


def _references(instruction: Instruction) -> Iterator[_Reference]:
    for flag in instruction._flag_spans:
        raw = instruction.value[flag.start:flag.end]
        if instruction.keyword == "COPY" and raw.startswith("--from="):
            found = _Reference(flag.value, flag.start + len("--from="), flag.end, True)
        elif instruction.keyword == "RUN" and flag.name == "mount" and (match := _MOUNT_FROM.search(raw)):
            found = _Reference(match[1], flag.start + match.start(1), flag.start + match.end(1), False)
        else:
            continue
        if found.text:   # an empty one means the build context
            yield found


def _stage_of(source: Source, reference: _Reference, line: int, stages: Sequence[Stage]) -> int | None:
    """The index of the stage that is meant, or None for an image."""
    if "$" in reference.text and not reference.may_be_number:
        raise source.fault(f"Line {line}: {reference.text} is not expanded here.", line,
                           why="Variables are replaced in FROM, but not in the from of a mount.",
                           remedy=f"Add a stage, FROM {reference.text} AS source, and take from source instead.")
    if not _STAGE_NUMBER.match(reference.text):
        return next((stage.index for stage in reversed(stages) if stage.name == reference.text.lower()), None)
    if not reference.may_be_number:
        raise source.fault(f"Line {line}: a mount takes a stage by its name, not by the number {reference.text}.", line,
                           remedy="Name the stage with FROM ... AS NAME, and write from=NAME.")
    index = int(reference.text) if len(reference.text) < 10 else len(stages)
    if 0 <= index < len(stages):
        return index
    raise source.fault(
        f"Line {line}: there is no stage {reference.text}.", line,
        why=f"Stages are counted from 0, and this file has {len(stages)}: the last is {len(stages) - 1}.",
        remedy="Use the name of the stage: it stays right when stages are added.")
