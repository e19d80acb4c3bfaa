"""A Dockerfile that was read: its stages, its edges, and the problems found in it."""

import difflib
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import DockerfileError
from ..text import shown
from .reader import Instruction
from .source import Source

SCRATCH = "scratch"
LAYERED = ("RUN", "COPY", "ADD", "WORKDIR")    # the instructions that make a layer


def produces_step(instruction: Instruction) -> bool:
    """Whether BuildKit makes a numbered step of it, as in `[builder 3/4]`.

    FROM, RUN, COPY, ADD and WORKDIR are steps, except `WORKDIR /`: there is no directory to make. The others only
    change the image's configuration. Source: moby/buildkit, frontend/dockerfile/dockerfile2llb/convert.go.
    """
    if instruction.keyword == "WORKDIR":
        path = instruction.arguments.strip("\"'")
        return not (path.startswith("/") and posixpath.normpath(path).strip("/") == "")
    return instruction.keyword in ("FROM", *LAYERED)


@dataclass(frozen=True)
class Stage:
    """One stage: a FROM and the instructions below it, up to the next FROM.

    index         from 0
    name          in lower case, as BuildKit shows it; None if FROM gives none
    label         unique in the file: the name, or "stage-N" without one; with its line if another
                  stage has the same name: "build (line 1)"
    base          the image, or the name of an earlier stage, with variables expanded
    base_written  the same as written in the file: "golang:${GO_VERSION}"
    base_stage    label of the earlier stage that it builds on, or None
    platform      of `--platform`, with variables expanded, or None
    line          of the FROM, from 1
    instructions  all of them, FROM first
    """

    index: int
    name: str | None
    label: str
    base: str
    base_written: str
    base_stage: str | None
    platform: str | None
    line: int
    instructions: tuple[Instruction, ...] = field(repr=False)


@dataclass(frozen=True)
class Edge:
    """What one stage takes from another stage or from an image.

    source    label of a stage, or an image reference ("scratch" counts as one)
    target    label of the stage that takes it
    via       "FROM", "COPY" or "RUN"
    line      of the instruction, from 1
    external  whether `source` is an image reference
    """

    source: str
    target: str
    via: str
    line: int
    external: bool

    @property
    def kind(self) -> str:
        """Whether `source` is a "stage" or an "image"."""
        return "image" if self.external else "stage"


@dataclass(frozen=True)
class Use:
    """An edge by stage indexes, with the place of the reference in the instruction's value."""

    stage: int
    via: str
    instruction: Instruction
    reference: str
    source: int | None  # index of the stage, or None for an image
    start: int          # offsets in the value
    end: int


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile that was read.

    text         of the file
    stages       in the order of the file, at least one
    global_args  {name: value} of each ARG before the first FROM; None if unset
    preamble     those ARG instructions themselves
    uses         the edges, with the place of each reference in its instruction
    frontend     the image that `# syntax=` names; '' for the engine's own parser
    escape       the escape character: a backslash, or that of `# escape=`
    """

    text: str = field(repr=False)
    stages: tuple[Stage, ...]
    global_args: Mapping[str, str | None] = field(hash=False)
    uses: tuple[Use, ...] = field(repr=False, compare=False)
    preamble: tuple[Instruction, ...] = field(default=(), repr=False)
    frontend: str = ""
    escape: str = "\\"

    def fault(self, what: str, line: int, *, why: str = "", remedy: str = "") -> DockerfileError:
        """The error for a line (from 1), with the lines around it as evidence."""
        return Source(self.text).fault(what, line, why=why, remedy=remedy)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """What stages take from each other and from images, in the order of the file."""
        return tuple(Edge(use.reference if use.source is None else self.stages[use.source].label,
                          self.stages[use.stage].label, use.via, use.instruction.line, use.source is None)
                     for use in self.uses)

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """The instructions of all stages, in the order of the file."""
        return tuple(each for stage in self.stages for each in stage.instructions)

    @property
    def mounting(self) -> tuple[int, ...]:
        """Lines of the RUNs that mount a stage of this file, or files from the build context."""
        return tuple(sorted({*(edge.line for edge in self.edges if edge.via == "RUN" and not edge.external),
                             *(each.line for each in self.instructions if each.binds_context)}))

    @property
    def bases(self) -> tuple[str, ...]:
        """The images in FROM, `COPY --from` and `RUN --mount=from`, each once, in order, without "scratch"."""
        return self._bases(range(len(self.stages)))

    def bases_needed(self, target: str | int | None = None) -> tuple[str, ...]:
        """The images that BuildKit needs for `target` (None: the last stage).

        Raises DockerfileError if there is no such stage.
        """
        return self._bases(stage.index for stage in self.needed_stages(target))

    def needed(self, target: str | int | None = None) -> frozenset[str]:
        """Labels of the stages that BuildKit runs for `target` (None: the last stage), including the target.

        Raises DockerfileError if there is no such stage.
        """
        return frozenset(stage.label for stage in self.needed_stages(target))

    def needed_stages(self, target: str | int | None = None) -> tuple[Stage, ...]:
        """The same stages as BuildKit visits them: the target, its base stages, then those that these take from."""
        found: list[int] = []
        waiting = [self.stage(target).index]
        while waiting:
            if (index := waiting.pop(0)) not in found:
                found.append(index)
                waiting[:0] = [use.source for use in sorted(self.uses, key=lambda use: use.via != "FROM")
                               if use.stage == index and use.source is not None]
        return tuple(self.stages[index] for index in found)

    def stage(self, name_or_index: str | int | None) -> Stage:
        """The stage with that name (in any case; the last of several), label or index (from 0); None: the last stage.

        Raises DockerfileError, which lists the stages.
        """
        if name_or_index is None:
            return self.stages[-1]
        wanted = str(name_or_index).lower()
        for known in (lambda s: s.name, lambda s: s.label, lambda s: str(s.index)):
            for stage in reversed(self.stages):
                if known(stage) == wanted:
                    return stage
        labels = [stage.label for stage in self.stages]
        close = difflib.get_close_matches(wanted, labels, n=1)
        raise self._no_stage(str(name_or_index), f"Its stages are: {', '.join(labels)}.",
                             f"Did you mean {close[0]}?" if close else "Use one of these names, or an index from 0.")

    def named(self, target: str | None) -> Stage | None:
        """The stage that a builder takes for `--target`, by its name in any case; None for no target.

        BuildKit and the legacy builder refuse a number and "stage-0". Raises DockerfileError, which lists the names.
        """
        if target is None:
            return None
        named = {stage.name: stage for stage in self.stages if stage.name}
        wanted = target.lower()
        if wanted in named:
            return named[wanted]
        meant = next((stage for stage in self.stages if wanted in (stage.label, str(stage.index))), None)
        close = [meant.name] if meant and meant.name else difflib.get_close_matches(wanted, named, n=1)
        if meant and not meant.name:
            free = next(name for name in ("builder", *(f"builder{n}" for n in range(2, 1000))) if name not in named)
            remedy = (f"Omit the target: {target} is the last stage." if meant is self.stages[-1] else
                      f"Name the stage in line {meant.line}, FROM {meant.base_written} AS {free}, and build {free}.")
        elif close:
            remedy = f"Did you mean {close[0]}?"
        else:
            remedy = "Use one of these names." if named else "Name a stage in its FROM line: FROM ... AS builder."
        why = f"Its named stages are: {', '.join(named)}." if named else "None of its stages has a name."
        raise self._no_stage(target, why, remedy)

    def chain(self, target: str | int | None = None) -> tuple[Stage, ...]:
        """The stages whose layers are in the image of `target` (None: the last stage), from the one on a base image up.

        Raises DockerfileError if there is no such stage.
        """
        found = [self.stage(target)]
        while found[0].base_stage is not None:
            found.insert(0, self.stage(found[0].base_stage))
        return tuple(found)

    def with_bases(self, mapping: Mapping[str, str]) -> str:
        """The text with the images of `mapping`, {reference: replacement}, replaced.

        Only references to images in FROM, `--from` and `--mount=from` change, and variables that expand to such a
        reference. All other bytes and all line numbers stay the same.
        """
        edits: set[tuple[int, int, str]] = set()   # an ONBUILD is used by several stages
        for use in self.uses:
            if use.source is None and use.reference in mapping:
                spans = use.instruction.source_spans(use.start, use.end)
                # If a continuation cuts the word, the text goes into the last part: an empty last line would no longer
                # end the instruction.
                parts = [*[""] * (len(spans) - 1), mapping[use.reference]]
                edits |= {(start, end, part) for (start, end), part in zip(spans, parts, strict=True)}
        text = self.text
        for start, end, part in sorted(edits, reverse=True):
            text = text[:start] + part + text[end:]
        return text

    def _bases(self, stages: Iterable[int]) -> tuple[str, ...]:
        within = set(stages)
        found = (u.reference for u in self.uses if u.source is None and u.stage in within)
        return tuple(dict.fromkeys(reference for reference in found if reference != SCRATCH))

    def _no_stage(self, wanted: str, why: str, remedy: str) -> DockerfileError:
        lines = "\n".join(f"{stage.line} | {Source(self.text).lines[stage.line - 1]}" for stage in self.stages)
        return DockerfileError(f"This Dockerfile has no stage {wanted}.", why=why, remedy=remedy, evidence=lines)


@dataclass(frozen=True)
class Problem:
    """A line that is built differently from how it reads. `what`, `why` and `remedy` are sentences, as in an error."""

    rule: str    # its kind: 'later-stage', 'similar-name', ...
    line: int    # from 1
    stage: str    # label of the affected stage
    what: str
    why: str
    remedy: str
    refused_by: tuple[str, ...] = ()    # builders that do not build the stage: 'buildkit', 'legacy', 'buildah'
    variable: str = ""    # the argument, for 'unset-argument'
    image: str = ""    # the image that a builder looks for instead of a stage, for 'similar-name' and 'later-stage'
    only: tuple[str, ...] = ()    # the builders that it concerns, () for all

    def facts(self) -> dict[str, object]:
        """The problem in `graph --json` and `build --json`."""
        return {"rule": self.rule, "line": self.line, "stage": self.stage, "what": self.what, "why": self.why,
                "remedy": self.remedy, "refused_by": list(self.refused_by)}

    @property
    def fault(self) -> str:
        """`what` without the line number; a name at its beginning keeps its case."""
        what = self.what.removeprefix(f"Line {self.line}: ")
        return what[0].upper() + what[1:] if what.startswith(("a ", "the ")) else what

    def __str__(self) -> str:
        return shown(f"{self.what} {self.why} {self.remedy}")
