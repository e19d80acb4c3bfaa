"""A container in an open build, and its processes.

BuildKit ends a container with the first process that was started in it: one container a command.
"""

from __future__ import annotations

import contextlib
import secrets as random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .connection import CallFailed
from .messages import PROTO

if TYPE_CHECKING:
    from .gateway import Gateway, Process


@dataclass(frozen=True)
class Finished:
    """A process that has ended."""

    exit_code: int   # its own, or 1 where its program could not be started
    written: bytes   # bytes of both of its outputs, as they came
    error: str = ""  # the engine's words, '' if it ended well

    @property
    def output(self) -> str:
        """What it wrote as text; bytes that are no UTF-8 are replaced."""
        return self.written.decode("utf-8", "replace")


class Container:
    """Use it in a `with` block, or `release` it."""

    def __init__(self, gateway: Gateway, name: str):
        self._gateway, self.name = gateway, name

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """End it and all that runs in it."""
        with contextlib.suppress(CallFailed):
            self._gateway.call("ReleaseContainer", PROTO.ReleaseContainerRequest(ContainerID=self.name))

    def start(self, process: Process) -> Running:
        """Start a process. Raises CallFailed if its program is not there."""
        meta = PROTO.Meta(args=process.args, env=process.env, cwd=process.cwd, user=process.user)
        name = random.token_hex(8)
        call = self._gateway.open("ExecProcess", PROTO.ExecMessage(ProcessID=name, Init=PROTO.InitMessage(
            ContainerID=self.name, Meta=meta, Fds=[0, 1, 2], Tty=process.terminal)))
        return Running(call, name)

    def run(self, process: Process, stdin: bytes = b"") -> Finished:
        """Run a process to its end; both of its outputs, as they came."""
        running = self.start(process)
        if stdin:
            running.write(stdin)
        running.end_input()
        written = b"".join(piece for _, piece in running.output())
        return Finished(running.exit_code or 0, written, running.error)


class Running:
    """A process under way. `exit_code` is None until `output` has ended."""

    def __init__(self, call: Any, name: str):
        self._call, self._name = call, name
        self.exit_code: int | None = None
        self.error = ""

    def output(self) -> Iterator[tuple[int, bytes]]:
        """(1 or 2, what was written) as it comes; with a terminal all of it is 1. Raises CallFailed."""
        for message in self._call:
            event = PROTO.ExecMessage.FromString(message)
            if event.HasField("File") and event.File.Data:
                yield event.File.Fd, event.File.Data
            if event.HasField("Exit"):
                self.exit_code, self.error = event.Exit.Code, event.Exit.Error.message
                self.end_input()    # with a terminal, Done comes only after that
            if event.HasField("Done"):
                break
        self._call.cancel()

    def write(self, data: bytes) -> None:
        """Send bytes to its standard input."""
        self._send(File=PROTO.FdMessage(Fd=0, Data=data))

    def end_input(self) -> None:
        """Close its standard input."""
        self._send(File=PROTO.FdMessage(Fd=0, EOF=True))

    def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal how large it is, in characters."""
        self._send(Resize=PROTO.ResizeMessage(Rows=rows, Cols=columns))

    def end(self) -> None:
        """End it, whatever it does."""
        self._call.cancel()

    def _send(self, **event: Any) -> None:
        self._call.send(PROTO.ExecMessage(ProcessID=self._name, **event).SerializeToString())

