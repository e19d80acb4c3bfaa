"""Which line of the Dockerfile each step of a build belongs to.

The legacy builder and Buildah number the instructions one by one. BuildKit does not: a WORKDIR that leads to / makes no
step, triggers of an ONBUILD base are numbered like instructions of the file, and where a relative WORKDIR leads depends
on the base. So the steps of its trace are laid beside the file's instructions, by keyword and text.

Source: moby/buildkit, dockerfile2llb/convert.go (prefixCommand, dispatchWorkdir, dispatchOnBuildTriggers).
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..dockerfile import LAYERED, SCRATCH, Dockerfile, Instruction, Stage
from .events import StepSeen

# '[builder 2/4] WORKDIR /app', '[2/4] ...' in a file of one unnamed stage,
# '[linux/amd64 builder 2/4] ...' where platforms differ.
# From ten steps on the numbers are padded: '[builder  2/10] ...', '[ 2/10] ...'.
_NUMBERED = re.compile(r"\[(?:(?P<words>\S[^\]]*?) +| *)(?P<number>\d+)/(?P<total>\d+)\] (?P<text>.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{[^}]*\}|\w+)")
_EQUAL, _MISFIT, _USUAL = 2.0, -50.0, 0.1   # scores; the last only decides between equals

Ways = dict[int, tuple[float, tuple[tuple[int, int], ...]]]    # {next number: (score, ((number, line), ...))}


class Place(NamedTuple):
    """Stage label ('' for work around the stages), instruction as the builder prints it, and line, from 1, or None."""

    stage: str
    instruction: str
    line: int | None


def places(builder: str, seen: Iterable[StepSeen], dockerfile: Dockerfile, target: str | None) -> dict[str, Place]:
    """{key: place} of the steps that a builder has reported so far, in a build of `target`."""
    if builder == "legacy":
        return _legacy_places(seen, dockerfile, target)
    return (_buildah_places if builder == "buildah" else _buildkit_places)(seen, dockerfile)


def _legacy_places(seen: Iterable[StepSeen], dockerfile: Dockerfile, target: str | None) -> dict[str, Place]:
    """The legacy builder numbers all instructions up to the end of the target, ARGs before the first FROM too."""
    last = dockerfile.stage(target).index if target else len(dockerfile.stages) - 1
    flat = [("", arg) for arg in dockerfile.preamble] + [
        (stage.label, instruction) for stage in dockerfile.stages[:last + 1] for instruction in stage.instructions]
    return {each.key: _numbered_place(each, flat, int(each.key)) for each in seen}


def _buildah_places(seen: Iterable[StepSeen], dockerfile: Dockerfile) -> dict[str, Place]:
    """Each instruction of a stage is a step of Buildah's, FROM the first."""
    found = {}
    for each in seen:
        index, number = map(int, each.key.split("/"))
        stages = dockerfile.stages[index - 1:index]
        flat = [(stage.label, instruction) for stage in stages for instruction in stage.instructions]
        found[each.key] = _numbered_place(each, flat, number)
    return found


def _numbered_place(seen: StepSeen, flat: list[tuple[str, Instruction]], number: int) -> Place:
    if number > len(flat):   # what the build's own options add: LABEL
        return Place("", seen.name, None)
    stage, instruction = flat[number - 1]
    return Place(stage, seen.name, instruction.line)


def _buildkit_places(seen: Iterable[StepSeen], dockerfile: Dockerfile) -> dict[str, Place]:
    """The line is None for a step that stands in the base's ONBUILD, and for all that belongs to no stage."""
    names = {each.key: each.name for each in seen}
    matches = {key: match for key, name in names.items() if (match := _NUMBERED.match(name))}
    stages = {key: _stage(match["words"], match["text"], dockerfile) for key, match in matches.items()}
    placed = {}
    for stage in dockerfile.stages:
        own = {key: matches[key] for key, found in stages.items() if found is stage}
        texts: dict[int, str] = {int(match["number"]): match["text"] for match in own.values()}
        lines = step_lines(stage, texts, max((int(match["total"]) for match in own.values()), default=0))
        placed.update({key: Place(stage.label, match["text"], lines.get(int(match["number"])))
                       for key, match in own.items()})
    return {key: placed.get(key) or Place("", matches[key]["text"] if key in matches else name, None)
            for key, name in names.items()}


def _stage(words: str | None, text: str, dockerfile: Dockerfile) -> Stage | None:
    """The stage that the builder calls by that name. Several may have it: of two stages of one name, or one
    named like an unnamed one ("stage-1"), it is the one with such an instruction; else the last."""
    name = (words or _name(dockerfile.stages[0])).split()[-1].lower()
    named = [stage for stage in dockerfile.stages if _name(stage) == name]
    if len(named) < 2:
        return named[0] if named else None
    return max(named, key=lambda stage: (max(_agreement(each, text) for each in stage.instructions), stage.index))


def _name(stage: Stage) -> str:
    return (stage.name or f"stage-{stage.index}").lower()


def step_lines(stage: Stage, texts: Mapping[int, str], total: int) -> dict[int, int]:
    """{number: line} of a stage's steps in BuildKit's trace.

    texts  {number: what the step does}, of those seen so far
    total  the number after the slash: of the file's instructions, WORKDIRs that make no step
           too, and, but for BuildKit in Docker Engine 20.10, of the base's triggers

    Of all ways to number the instructions, the one that agrees best with the texts.
    """
    steps = [each for each in stage.instructions if each.keyword in ("FROM", *LAYERED)]
    if stage.base == SCRATCH or stage.base_stage is not None:   # then FROM takes no image
        steps = steps[1:]
    last = max(texts, default=0)
    triggers = 0 if stage.base == SCRATCH else max(total - len(steps), last - 1)   # of those some make no step
    head = steps[0].keyword == "FROM" if steps else False
    ways: Ways = {1 + head + count: (-_USUAL * count, ()) for count in range(max(0, triggers) + 1)}
    for instruction in steps[head:]:
        ways = _further(ways, instruction, texts)
    _, lines = max(((score + _MISFIT * max(0, last + 1 - number), lines) for number, (score, lines) in ways.items()),
                   key=lambda way: way[0])
    return ({1: steps[0].line} if head else {}) | dict(lines)


def _further(ways: Ways, instruction: Instruction, texts: Mapping[int, str]) -> Ways:
    """The ways, each longer by one instruction: numbered, or (a WORKDIR that may lead to /) not."""
    after: Ways = {}
    skippable = _may_lead_to_root(instruction)
    usual = _USUAL if instruction.arguments.strip("\"'") == "/" else 0.0   # it never makes a step
    for number, (score, lines) in ways.items():
        numbered = (score + _agreement(instruction, texts.get(number)), (*lines, (number, instruction.line)))
        found = {number + 1: numbered} | ({number: (score + usual - _USUAL / 2, lines)} if skippable else {})
        after |= {to: way for to, way in found.items() if to not in after or after[to][0] < way[0]}
    return after


def _may_lead_to_root(instruction: Instruction) -> bool:
    """Whether it is a WORKDIR after which the folder may be /: it then makes no step."""
    path = instruction.arguments.strip("\"'")
    if instruction.keyword != "WORKDIR":
        return False
    return "$" in path or set(posixpath.normpath(path).split("/")) <= {"", ".", ".."}


def _agreement(instruction: Instruction, text: str | None) -> float:
    if text is None:
        return 0.0
    if text.split(maxsplit=1)[:1] != [instruction.keyword]:
        return _MISFIT
    return _EQUAL if _fits(instruction, _without_blanks(text)) else 0.0


def _fits(instruction: Instruction, text: str) -> bool:
    """Whether `text` is the instruction with its variables replaced by something."""
    first, *rest = (_without_blanks(part) for part in _VARIABLE.split(f"{instruction.keyword} {instruction.value}"))
    if not rest or instruction.heredocs:   # what a heredoc holds is summed up behind it
        return text == first or bool(instruction.heredocs) and text.startswith(first)
    *middle, last = rest
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return text.startswith(first) and text.endswith(last) and len(text) - len(last) >= at


def _without_blanks(text: str) -> str:
    return "".join(text.split())
