"""The file systems of a build, at any stage and after any line: read from the build cache, without an image.

    >>> with Snapshots(prepared) as snapshots:
    ...     kitchen = snapshots.stage("builder")
    ...     print(kitchen.tree("/app"), kitchen.run("go version").output)

The Dockerfile is cut after a line and solved again: what has run before comes from the cache, in about a tenth of a
second.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..bases import substitutions
from ..dockerfile import Dockerfile, Stage
from ..dockerfile.reader import Instruction
from ..errors import Unsupported
from .control import (
    CallFailed,
    Control,
    Entry,
    FailedState,
    Finished,
    Gateway,
    Process,
    Running,
    State,
)
from .control.failed import SHELLS
from .session import Session

if TYPE_CHECKING:
    from .building import Prepared


class Snapshot:
    """A file system in the build cache.

    name       "stage builder", "after line 5", "line 6 when it failed"
    line       of the last instruction that is in it, None for the step that failed
    command    what the step ran that failed in it, or next to it; None for any other snapshot
    """

    def __init__(self, name: str, state: State, line: int | None = None, command: Sequence[str] | None = None):
        self.name, self.line, self.command = name, line, command
        self._state = state

    def __repr__(self) -> str:
        return f"{self.name}: {self.workdir}, {len(self.files(self.workdir))} entries"

    @property
    def config(self) -> dict[str, Any]:
        """The image's configuration so far, as `docker inspect` has it under Config."""
        return self._state.config

    @property
    def env(self) -> dict[str, str]:
        """The environment of a command that would run next."""
        return dict(each.partition("=")[::2] for each in self.config.get("Env") or ())

    @property
    def workdir(self) -> str:
        """The working directory of a command that would run next."""
        return self.config.get("WorkingDir") or "/"

    @property
    def user(self) -> str:
        """The user of a command that would run next; '' is root."""
        return self.config.get("User") or ""

    def files(self, path: str = "/") -> tuple[Entry, ...]:
        """What is in a folder, in order of names. Raises CallFailed if it is no folder."""
        return self._state.read_dir(path)

    def read(self, path: str, limit: int | None = None) -> bytes:
        """A file's content, or its first `limit` bytes. Raises CallFailed if it is not there."""
        return self._state.read(path, limit)

    def stat(self, path: str) -> Entry:
        """One path's facts. Raises CallFailed if it is not there."""
        return self._state.stat(path)

    def has(self, path: str) -> bool:
        """Whether something is at that path."""
        with contextlib.suppress(CallFailed):
            return bool(self.stat(path).mode)
        return False

    def tree(self, path: str = "/", depth: int = 2) -> str:
        """The folders and files below `path` as text, `depth` levels deep."""
        return "\n".join([path, *self._below(path.rstrip("/"), depth, "  ")])

    def _below(self, path: str, depth: int, indent: str) -> list[str]:
        lines: list[str] = []
        for entry in self.files(path or "/") if depth > 0 else ():
            target = f" -> {entry.target}" if entry.is_link else ""
            lines.append(f"{indent}{entry.name}{'/' if entry.is_dir else ''}{target}")
            if entry.is_dir:
                lines += self._below(f"{path}/{entry.name}", depth - 1, indent + "  ")
        return lines

    @property
    def shell(self) -> str:
        """The first shell that is there, '' if there is none."""
        if isinstance(self._state, FailedState):
            return self._state.shell
        return next(filter(self.has, SHELLS), "")

    def run(self, command: str | Sequence[str], stdin: bytes = b"") -> Finished:
        """Run a command in a container of it, with its environment, working directory and user. A text needs a shell.

        Nothing of the snapshot changes. Raises Unsupported for a text where there is no shell, and CallFailed.
        """
        process = self._process(command)
        with self._state.container() as container:
            return container.run(process, stdin)

    @contextlib.contextmanager
    def terminal(self, command: str | Sequence[str] | None = None) -> Any:
        """A process with a terminal, its own shell by default, while the block lasts."""
        process = self._process(command or [self.need_shell()], terminal=True)
        with self._state.container() as container:
            running: Running = container.start(process)
            try:
                yield running
            finally:
                running.end()

    def _process(self, command: str | Sequence[str], terminal: bool = False) -> Process:
        args = [self.need_shell(), "-c", command] if isinstance(command, str) else list(command)
        env = self.env | ({"TERM": "xterm"} if terminal else {})
        return Process(args, [f"{name}={value}" for name, value in env.items()], self.workdir, self.user, terminal)

    def need_shell(self) -> str:
        """Its shell. Raises Unsupported if there is none."""
        if found := self.shell:
            return found
        raise Unsupported(f"There is no shell in it: {self.name}.", why=f"None of {', '.join(SHELLS)} is there.",
                          remedy="Read its files instead, or run a program that is there by a list: run(['/app/server'])")  # noqa: E501


class Snapshots:
    """Opens snapshots of one build, and keeps them open until it is closed. BuildKit only."""

    def __init__(self, prepared: Prepared):
        self._prepared = prepared
        self._ends = contextlib.ExitStack()
        self._control: Control | None = None
        self._open: dict[int, Snapshot] = {}

    def __enter__(self) -> Snapshots:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every snapshot."""
        self._open.clear()
        self._control = None
        self._ends.close()

    def stage(self, name: str) -> Snapshot:
        """A stage as its last line leaves it. Raises DockerfileError naming the stages there are."""
        stage = self._read.stage(name)
        return self._after(stage, stage.instructions[-1], f"stage {stage.label}")

    def last(self) -> Snapshot:
        """The stage that is built: what is shipped."""
        target = self._prepared.request.target
        return self.stage(target or self._read.stages[-1].label)

    def image(self, reference: str) -> Snapshot:
        """An image that the Dockerfile names, or what stands in for it in this engine."""
        name = substitutions(self._prepared.bases).get(reference, reference)
        gateway = self._gateway(f"FROM {name}\n")
        return Snapshot(f"image {reference}", gateway.solve(self._attributes))

    def at(self, line: int) -> Snapshot:
        """As the instruction at that line of the Dockerfile leaves it. Raises DockerfileError where there is none."""
        stage, instruction = locate(self._read, line)
        return self._after(stage, instruction, f"after line {instruction.line}")

    def before(self, line: int) -> Snapshot:
        """As the instruction at that line finds it. Raises DockerfileError for a FROM: a stage begins with nothing."""
        stage, instruction = locate(self._read, line)
        number = stage.instructions.index(instruction)
        if number == 0:
            raise self._read.fault(f"Nothing comes before line {instruction.line}.", instruction.line,
                                   why="Each FROM begins an empty file system; nothing of the stages above is in it.",
                                   remedy=f"Look at what it begins with: at({instruction.line}).")
        return self._after(stage, stage.instructions[number - 1], f"before line {instruction.line}")

    def failed(self, line: int) -> Snapshot:
        """The step at that line when it failed, with what it had written. Where the engine keeps no failed step (Docker
        20.10), or it has no shell to read it by, the state before it."""
        _, instruction = locate(self._read, line)
        gateway = self._gateway(self._cut(instruction))
        try:
            gateway.solve(self._attributes, evaluate=True)
        except CallFailed as error:
            state = FailedState(gateway, error.step) if error.step else None
            if state and state.shell:
                return Snapshot(f"line {instruction.line} when it failed", state,
                                command=tuple(state.step.meta.get("args", ())))
        found = self.before(line)
        if instruction.keyword == "RUN" and not instruction.heredocs:
            found.command = _command(instruction, found)
        return found

    # -- solving -------------------------------------------------------------------------

    @property
    def _read(self) -> Dockerfile:
        return self._prepared.read

    @property
    def _attributes(self) -> Mapping[str, str]:
        request = self._prepared.request
        network = {"force-network-mode": request.network} if request.network else {}
        return {"filename": self._prepared.context.dockerfile, **network,
                **{f"build-arg:{name}": value for name, value in (request.args or {}).items()}}

    def _after(self, stage: Stage, instruction: Instruction, name: str) -> Snapshot:
        if instruction.line not in self._open:
            state = self._gateway(self._cut(instruction)).solve(self._attributes)
            self._open[instruction.line] = Snapshot(name, state, instruction.line)
        found = self._open[instruction.line]
        return Snapshot(name, found._state, instruction.line)

    def _cut(self, instruction: Instruction) -> str:
        return cut(self._prepared.context.dockerfile_text, instruction)

    def _gateway(self, text: str) -> Gateway:
        """An open build of a Dockerfile with that text."""
        prepared = self._prepared
        if prepared.request.builder != "buildkit":
            raise Unsupported("The file systems of this build cannot be looked into.",
                              why="Only BuildKit keeps them where a client can reach them.",
                              remedy="Build with builder='buildkit' on a Docker Engine.")
        if self._control is None:
            self._control = self._ends.enter_context(Control(prepared.engine))
        context = prepared.context.with_text(text)
        session = self._ends.enter_context(Session(prepared.engine, context, prepared.request.secrets or {},
                                                   prepared.request.ssh or {}))
        return self._ends.enter_context(Gateway(self._control, session.id))


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
    lines = [each.line for stage in read.stages for each in stage.instructions]
    nearest = min(lines, key=lambda each: abs(each - line))
    raise read.fault(f"No instruction of a stage stands at line {line}.", min(max(line, 1), lines[-1]),
                     why="It is empty, a comment, or above the first FROM.", remedy=f"The nearest is line {nearest}.")


def cut(text: str, instruction: Instruction) -> str:
    """A Dockerfile's text up to the end of an instruction."""
    return "\n".join(text.split("\n")[:instruction.end_line]) + "\n"
