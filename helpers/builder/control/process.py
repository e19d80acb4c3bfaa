"""A process in a container of an open build: what it is started with, under way, and ended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .messages import PROTO


@dataclass(frozen=True)
class Process:
    """What a process is started with."""

    args: Sequence[str]
    env: Sequence[str] = ()
    cwd: str = "/"
    user: str = ""
    terminal: bool = False


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

