"""Which line of the Dockerfile each step of a build belongs to.

The legacy builder and Buildah number the instructions. BuildKit almost does: a WORKDIR that leads to / makes no step,
triggers of an ONBUILD base are numbered like instructions of the file, and where a relative WORKDIR leads depends on
the base. So its steps are matched with the file's instructions by keyword and text.

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
    """Stage label ('' for work around the stages), instruction as the builder prints it, and line from 1 or None."""

    stage: str
    instruction: str
    line: int | None


def places(builder: str, seen: Iterable[StepSeen], dockerfile: Dockerfile, target: str | None) -> dict[str, Place]:
    """{key: place} of the steps reported so far in a build of `target`."""
    if builder == "buildkit":
        return _buildkit_places(seen, dockerfile)
    if builder == "legacy":    # numbers all instructions up to the end of the target, ARGs before the first FROM too
        last = dockerfile.stage(target).index + 1 if target else None
        flat = [("", each.line) for each in dockerfile.preamble] + [
            (stage.label, each.line) for stage in dockerfile.stages[:last] for each in stage.instructions]
        lines = {str(number): place for number, place in enumerate(flat, 1)}
    else:    # Buildah numbers those of each stage
        lines = {f"{stage.index + 1}/{number}": (stage.label, each.line) for stage in dockerfile.stages
                 for number, each in enumerate(stage.instructions, 1)}
    unknown = "", None    # a LABEL by the build's own options
    return {each.key: Place(label, each.name, line) for each in seen
            for label, line in [lines.get(each.key, unknown)]}


def _buildkit_places(seen: Iterable[StepSeen], dockerfile: Dockerfile) -> dict[str, Place]:
    """The line is None for a step of the base's ONBUILD, and for one of no stage."""
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
    """The stage with the builder's name for it. Of several (one may be named like an unnamed one, "stage-1"), the one
    with such an instruction; else the last."""
    name = (words or _name(dockerfile.stages[0])).split()[-1].lower()
    named = [stage for stage in dockerfile.stages if _name(stage) == name]
    if len(named) < 2:
        return named[0] if named else None
    return max(named, key=lambda stage: (max(_agreement(each, text) for each in stage.instructions), stage.index))


def _name(stage: Stage) -> str:
    return (stage.name or f"stage-{stage.index}").lower()


def step_lines(stage: Stage, texts: Mapping[int, str], total: int) -> dict[int, int]:
    """{number: line} of a stage's steps in BuildKit's trace.

    texts  {number: instruction as printed}, of the steps so far
    total  the number after the slash: the file's instructions, including WORKDIRs that make no step, and, except on
           Docker Engine 20.10, the base's triggers

    Of all ways to number the instructions, this is the one that agrees best with the texts.
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
    """The ways with one more instruction: numbered, or (a WORKDIR that may lead to /) not."""
    after: Ways = {}
    skippable = _may_lead_to_root(instruction)
    usual = _USUAL if instruction.arguments.strip("\"'") == "/" else 0.0   # it never makes a step
    for number, (score, lines) in ways.items():
        numbered = (score + _agreement(instruction, texts.get(number)), (*lines, (number, instruction.line)))
        found = {number + 1: numbered} | ({number: (score + usual - _USUAL / 2, lines)} if skippable else {})
        after |= {to: way for to, way in found.items() if to not in after or after[to][0] < way[0]}
    return after


def _may_lead_to_root(instruction: Instruction) -> bool:
    """Whether it is a WORKDIR that may lead to /, and so makes no step."""
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
    """Whether `text` is the instruction with values for its variables, and a summary after a heredoc."""
    first, *rest = (re.escape(_without_blanks(part))
                    for part in _VARIABLE.split(f"{instruction.keyword} {instruction.value}"))
    if instruction.heredocs:
        return re.match(first, text) is not None
    *middle, last = rest or [""]
    values = "".join(f"(?>.*?{part})" for part in middle) + f".*{last}" * bool(rest)    # atomic: in linear time
    return re.fullmatch(first + values, text, re.DOTALL) is not None


def _without_blanks(text: str) -> str:
    return "".join(text.split())
