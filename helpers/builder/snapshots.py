"""The file systems of a build, at any stage and after any line: read from the build cache, without an image.

    >>> with Snapshots(prepared) as snapshots:
    ...     kitchen = snapshots.stage("builder")
    ...     print(kitchen.tree("/app"), kitchen.run("go version").output)

The Dockerfile is cut after a line and solved again: what has run before comes from the cache, in about a tenth of a
second.
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
from .parameters import attributes
from .prepared import Prepared
from .session import Session
from .snapshot import Snapshot


class Snapshots:
    """Opens snapshots of one build, and keeps them open until it is closed. BuildKit only."""

    def __init__(self, prepared: Prepared):
        self._prepared = prepared
        self.dockerfile: Dockerfile = prepared.read
        self._ends = contextlib.ExitStack()
        self._texts: dict[str, str] = {}
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
        """Names in the engine of the base images."""
        return tuple(base.name for base in self._prepared.bases)

    def arguments(self, line: int) -> dict[str, str]:
        """The build arguments in scope after the instruction at a line, '' for one without a value."""
        return arguments(self.dockerfile, line, self._prepared.request.args or {})

    def stage(self, name: str) -> Snapshot:
        """A stage as its last line leaves it. Raises DockerfileError naming the stages there are."""
        stage = self.dockerfile.stage(name)
        found = self._after(stage.instructions[-1], f"stage {stage.label}")
        asked = stage.name or stage is self.dockerfile.stages[-1]    # a number is no target
        found.request = replace(self._prepared.request, target=stage.name) if asked else None
        return found

    def last(self) -> Snapshot:
        """The stage that is built: what is shipped."""
        return self.stage(self.target)

    def image(self, reference: str) -> Snapshot:
        """An image that the Dockerfile names, or what stands in for it in this engine."""
        name = substitutions(self._prepared.bases).get(reference, reference)
        return Snapshot(f"image {reference}", self._solved(f"FROM {name}\n"))

    def at(self, line: int) -> Snapshot:
        """The state that the instruction at that line leaves. Raises DockerfileError where there is none."""
        _, instruction = locate(self.dockerfile, line)
        return self._after(instruction, f"after line {instruction.line}")

    def before(self, line: int) -> Snapshot:
        """The state that the instruction at that line finds. Raises DockerfileError for a FROM, which finds none."""
        stage, instruction = locate(self.dockerfile, line)
        number = stage.instructions.index(instruction)
        if number == 0:
            raise self.dockerfile.fault(f"Nothing comes before line {instruction.line}.", instruction.line,
                                   why="Each FROM begins an empty file system; nothing of the stages above is in it.",
                                   remedy=f"Look at what it begins with: at({instruction.line}).")
        return self._after(stage.instructions[number - 1], f"before line {instruction.line}")

    def failed(self, line: int) -> Snapshot:
        """The step at that line when it failed, with what it had written. Where the engine keeps no failed step (Docker
        20.10), or it has no shell to read it by, the state before it."""
        _, instruction = locate(self.dockerfile, line)
        state = self._failed_state(instruction) if self._prepared.engine.keeps_failed_steps else None
        if state and state.shell:
            return Snapshot(f"line {instruction.line} when it failed", state,
                            command=tuple(state.step.meta.get("args", ())), request=self._prepared.request)
        found = self.before(line)
        if instruction.keyword == "RUN" and not instruction.heredocs:
            found.command = _command(instruction, found)
        return found

    def _failed_state(self, instruction: Instruction) -> FailedState | None:
        """The step, run again up to its failure; None where it was no command."""
        gateway = self._opened()    # one in which it failed before gives the same failure, and runs nothing
        try:
            gateway.solve(self._attributes(self._cut(instruction)), evaluate=True)
        except CallFailed as error:
            return FailedState(gateway, error.step) if error.step else None
        return None

    def _after(self, instruction: Instruction, name: str) -> Snapshot:
        return Snapshot(name, self._solved(self._cut(instruction)), instruction.line, request=self._prepared.request)

    def _solved(self, text: str) -> State:
        """What a Dockerfile with that text makes. All are solved in one open build, so that one container can mount
        several."""
        if self._gateway is None:
            self._gateway = self._opened()
        if text not in self._open:
            self._open[text] = self._gateway.solve(self._attributes(text))
        return self._open[text]

    def _cut(self, instruction: Instruction) -> str:
        return cut(self._prepared.context.dockerfile_text, instruction)

    def _attributes(self, text: str) -> Mapping[str, str]:
        """Each text has a file name of its own: what an open build has read of a file, it does not read again."""
        name = f"Dockerfile.{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:20]}"
        self._texts[name] = text
        return {**attributes(self._prepared.request, self._prepared.context), "filename": name}

    def _opened(self) -> Gateway:
        """A new open build, over the one connection and session. Raises Unsupported where the builder has none."""
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
    """The stage and the instruction that stand at a line, from 1. Raises DockerfileError where none does."""
    for stage in read.stages:
        for instruction in stage.instructions:
            if instruction.line <= line <= instruction.end_line:
                return stage, instruction
    lines = [each.line for each in read.instructions]
    nearest = min(lines, key=lambda each: abs(each - line))
    raise read.fault(f"No instruction of a stage is at line {line}.", min(max(line, 1), lines[-1]),
                     why="It is empty, a comment, or above the first FROM.", remedy=f"The nearest is line {nearest}.")


def cut(text: str, instruction: Instruction) -> str:
    """A Dockerfile's text up to the end of an instruction."""
    return "\n".join(text.split("\n")[:instruction.end_line]) + "\n"
