"""A process in a container of an open build: to start, running, and finished."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .messages import PROTO


@dataclass(frozen=True)
class Process:
    """A process to start."""

    args: Sequence[str]
    env: Sequence[str] = ()
    cwd: str = "/"
    user: str = ""
    terminal: bool = False


@dataclass(frozen=True)
class Finished:
    """A finished process."""

    exit_code: int   # 1 if its program could not be started
    written: bytes   # to stdout and stderr, in order of arrival
    error: str = ""  # from the engine, '' if it succeeded

    @property
    def output(self) -> str:
        """`written` as text; bytes that are not UTF-8 are replaced."""
        return self.written.decode("utf-8", "replace")


class Running:
    """A running process. `exit_code` is None until `output` has ended."""

    def __init__(self, call: Any, name: str):
        self._call, self._name = call, name
        self.exit_code: int | None = None
        self.error = ""

    def output(self) -> Iterator[tuple[int, bytes]]:
        """(1 for stdout or 2 for stderr, bytes) as they arrive; a terminal has only 1. Raises CallFailed."""
        for message in self._call:
            event = PROTO.ExecMessage.FromString(message)
            if event.HasField("File") and event.File.Data:
                yield event.File.Fd, event.File.Data
            if event.HasField("Exit"):
                self.exit_code, self.error = event.Exit.Code, event.Exit.Error.message
                self.end_input()    # with a terminal, Done arrives only after that
            if event.HasField("Done"):
                break
        self._call.cancel()

    def write(self, data: bytes) -> None:
        """Write to its standard input."""
        self._send(File=PROTO.FdMessage(Fd=0, Data=data))

    def end_input(self) -> None:
        """Close its standard input."""
        self._send(File=PROTO.FdMessage(Fd=0, EOF=True))

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of its terminal, in characters."""
        self._send(Resize=PROTO.ResizeMessage(Rows=rows, Cols=columns))

    def end(self) -> None:
        """End it."""
        self._call.cancel()

    def _send(self, **event: Any) -> None:
        self._call.send(PROTO.ExecMessage(ProcessID=self._name, **event).SerializeToString())

