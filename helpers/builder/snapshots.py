"""The file systems of a build, at any stage and after any line, from the build cache, without an image.

    >>> with Snapshots(prepared) as snapshots:
    ...     kitchen = snapshots.stage("builder")
    ...     print(kitchen.tree("/app"), kitchen.run("go version").output)

The Dockerfile is cut after a line and solved again: steps that have already run come from the cache, in about 0.1 s.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from ..bases import substitutions
from ..dockerfile import Dockerfile, Stage
from ..dockerfile.reader import Instruction
from ..dockerfile.scope import arguments
from ..errors import Unsupported
from .control import CallFailed, Control, FailedState, Gateway, State
from .prepared import Prepared
from .request import attributes
from .session import Session
from .snapshot import Snapshot


class Snapshots:
    """Opens snapshots of one build, and keeps them open until it is closed. BuildKit only."""

    def __init__(self, prepared: Prepared):
        self._prepared = prepared
        self.dockerfile: Dockerfile = prepared.read
        self._ends = contextlib.ExitStack()
        self._texts: dict[str, str] = {}    # {file name: text} of the Dockerfiles that were solved
        self._session: tuple[Control, Session] | None = None
        self._gateway: Gateway | None = None
        self._open: dict[str, State] = {}

    def __enter__(self) -> Snapshots:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every snapshot."""
        self._open.clear()
        self._session = self._gateway = None
        self._ends.close()

    @property
    def target(self) -> str:
        """Label of the stage that is built."""
        return self.dockerfile.stage(self._prepared.request.target or self.dockerfile.stages[-1].label).label

    @property
    def bases(self) -> tuple[str, ...]:
        """Names of the base images in the engine."""
        return tuple(base.name for base in self._prepared.bases)

    def arguments(self, line: int) -> dict[str, str]:
        """The build arguments in scope after the instruction at a line, '' for one without a value."""
        return arguments(self.dockerfile, line, self._prepared.request.args or {})

    def stage(self, name: str) -> Snapshot:
        """A stage after its last line. Raises DockerfileError naming the stages there are."""
        stage = self.dockerfile.stage(name)
        found = self._after(stage.instructions[-1], f"stage {stage.label}")
        if stage.name or stage is self.dockerfile.stages[-1]:    # --target takes no number
            return replace(found, request=replace(self._prepared.request, target=stage.name))
        return found

    def last(self) -> Snapshot:
        """The stage that is built: what is shipped."""
        return self.stage(self.target)

    def image(self, reference: str) -> Snapshot:
        """An image that the Dockerfile names, or what stands in for it in this engine."""
        name = substitutions(self._prepared.bases).get(reference, reference)
        return Snapshot(f"image {reference}", self._solved(f"FROM {name}\n"))

    def at(self, line: int) -> Snapshot:
        """The state after the instruction at that line. Raises DockerfileError if there is none."""
        _, instruction = locate(self.dockerfile, line)
        return self._after(instruction, f"after line {instruction.line}")

    def before(self, line: int) -> Snapshot:
        """The state before the instruction at that line. Raises DockerfileError for a FROM, which has none."""
        stage, instruction = locate(self.dockerfile, line)
        number = stage.instructions.index(instruction)
        if number == 0:
            raise self.dockerfile.fault(f"Nothing comes before line {instruction.line}.", instruction.line,
                                   why="Each FROM begins an empty file system; nothing of the stages above is in it.",
                                   remedy=f"Look at what it begins with: at({instruction.line}).")
        return self._after(stage.instructions[number - 1], f"before line {instruction.line}")

    def failed(self, line: int) -> Snapshot:
        """The step at that line as it failed, with the files it wrote. The state before it where the engine keeps no
        failed steps (Docker 20.10) or there is no shell to read them with."""
        _, instruction = locate(self.dockerfile, line)
        state = self._failed_state(instruction) if self._prepared.engine.keeps_failed_steps else None
        if state and state.shell:
            return Snapshot(f"line {instruction.line} when it failed", state,
                            command=tuple(state.step.meta.get("args", ())), request=self._prepared.request)
        found = self.before(line)
        if instruction.keyword == "RUN" and not instruction.heredocs:
            return replace(found, command=_command(instruction, found))
        return found

    def _failed_state(self, instruction: Instruction) -> FailedState | None:
        """The step, run again up to its failure; None if it runs no command."""
        gateway = self._opened()    # one in which it failed before would return that failure, and run nothing
        try:
            gateway.solve(self._attributes(self._cut(instruction)), evaluate=True)
        except CallFailed as error:
            return FailedState(gateway, error.step) if error.step else None
        return None

    def _after(self, instruction: Instruction, name: str) -> Snapshot:
        return Snapshot(name, self._solved(self._cut(instruction)), instruction.line)

    def _solved(self, text: str) -> State:
        """The result of a Dockerfile with that text. All are solved in one open build: one container can then mount
        several."""
        if self._gateway is None:
            self._gateway = self._opened()
        if text not in self._open:
            self._open[text] = self._gateway.solve(self._attributes(text))
        return self._open[text]

    def _cut(self, instruction: Instruction) -> str:
        """The Dockerfile's text up to the end of an instruction."""
        return "\n".join(self._prepared.context.dockerfile_text.split("\n")[:instruction.end_line]) + "\n"

    def _attributes(self, text: str) -> Mapping[str, str]:
        """Each text gets its own file name: an open build reads a file only once."""
        name = f"Dockerfile.{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:20]}"
        self._texts[name] = text
        return {**attributes(self._prepared.request, self._prepared.context), "filename": name}

    def _opened(self) -> Gateway:
        """A new open build over the one connection and session. Raises Unsupported without BuildKit."""
        prepared, request = self._prepared, self._prepared.request
        if request.builder != "buildkit":
            raise Unsupported("The file systems of this build cannot be looked into.",
                              why="Only BuildKit keeps them where a client can reach them.",
                              remedy="Build with builder='buildkit' on a Docker Engine.")
        if self._session is None:
            context = replace(prepared.context, more_dockerfiles=self._texts)
            self._session = (
                self._ends.enter_context(Control(prepared.engine)),
                self._ends.enter_context(Session(prepared.engine, context, request.secrets, request.ssh)))
        control, session = self._session
        return self._ends.enter_context(Gateway(control, session.id))


def _command(instruction: Instruction, found: Snapshot) -> tuple[str, ...]:
    """What a RUN runs: its list, or a shell with its text."""
    with contextlib.suppress(ValueError):
        listed = json.loads(instruction.arguments)
        if isinstance(listed, list):
            return tuple(map(str, listed))
    return (*(found.config.get("Shell") or ("/bin/sh", "-c")), instruction.arguments)


def locate(read: Dockerfile, line: int) -> tuple[Stage, Instruction]:
    """The stage and the instruction at a line, from 1. Raises DockerfileError if there is none."""
    for stage in read.stages:
        for instruction in stage.instructions:
            if instruction.line <= line <= instruction.end_line:
                return stage, instruction
    lines = [each.line for each in read.instructions]
    nearest = min(lines, key=lambda each: abs(each - line))
    raise read.fault(f"No instruction of a stage is at line {line}.", min(max(line, 1), lines[-1]),
                     why="It is empty, a comment, or above the first FROM.", remedy=f"The nearest is line {nearest}.")
