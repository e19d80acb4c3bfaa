"""A file system of a build, read and entered from the build cache; where it has no shell, by busybox of another image,
mounted beside it."""

from __future__ import annotations

import codecs
import contextlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..bases import references, status
from ..engine import Engine
from ..errors import CourseError, Unsupported
from ..formats import elf
from ..text import printable
from .control import CallFailed, Container, Entry, FailedState, Finished, Mount, Process, Running, State
from .control.failed import SHELLS
from .request import BuildRequest

IMAGES = ("busybox:latest", "alpine:latest", "nginx:alpine")    # each has a busybox; the first that is here is taken
_PLACE, _BUSYBOX = "/.multistage", "/bin/busybox"
_FOLDERS = ("bin", "sbin", "usr/bin", "usr/sbin")
_LIBRARIES = ("lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu")
_COLUMNS, _SECONDS = 100, 2
# What moves a terminal's cursor or sets its colours.
_CONTROL = re.compile(r"\r|\x07|\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)")


class Snapshot:
    """A file system in the build cache.

    name       "stage builder", "after line 5", "line 6 when it failed"
    line       of the last instruction that is in it, None for the step that failed
    command    what the step ran that failed in it, or next to it; None for any other snapshot
    borrowed   the shell that commands get, where it is mounted from another image
    request    the build that it is of; of a stage, the one that makes it. None for an image, and for a stage that no
               build can be asked for
    ran        called with a snapshot, the command that `run` has run in it, and how that ended
    """

    ran: ClassVar[Callable[[Snapshot, str | Sequence[str], Finished], None]] = staticmethod(lambda *_: None)

    def __init__(self, name: str, state: State, line: int | None = None, command: Sequence[str] | None = None,
                 borrowed: BorrowedShell | None = None, request: BuildRequest | None = None):
        self.name, self.line, self.command, self.borrowed, self.request = name, line, command, borrowed, request
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

    @property
    def summary(self) -> str:
        """A sentence: what it is, and how commands run in it."""
        own = f" Its shell is {self.borrowed}." if self.borrowed else ""
        name = f"{self.name[0].upper()}{self.name[1:]}"
        return f"{name}: working directory {self.workdir}, user {self.user or 'root'}.{own}"

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
            target = f" -> {printable(entry.target)}" if entry.is_link else ""
            lines.append(f"{indent}{printable(entry.name)}{'/' if entry.is_dir else ''}{target}")
            if entry.is_dir:
                lines += self._below(f"{path}/{entry.name}", depth - 1, indent + "  ")
        return lines

    @property
    def shell(self) -> str:
        """The first shell that is there, '' if there is none."""
        if self.borrowed:
            return self.borrowed.path
        if isinstance(self._state, FailedState):
            return self._state.shell
        return next(filter(self.has, SHELLS), "")

    def with_shell(self, image: str = "") -> Snapshot:
        """The same with busybox as its shell, mounted at /.multistage: from `image`, or the first that the engine has
        of busybox, alpine and nginx:alpine. Raises Unsupported where there is none."""
        return Snapshot(self.name, self._state, self.line, self.command, borrow(self._state, image),
                        self.request)

    def entered(self, image: str = "") -> Snapshot:
        """Itself where it has a shell, else `with_shell`, as always where an image is named."""
        return self if self.shell and not image else self.with_shell(image)

    def open_shell(self, image: str = "") -> Shell:
        """A shell that takes command after command, shown in a notebook. Errors as of `with_shell`."""
        return Shell(self.entered(image))

    def run(self, command: str | Sequence[str], stdin: bytes = b"", shell_from: str = "") -> Finished:
        """Run a command in a container of it, with its environment, working directory and user. A text needs a shell:
        its own, or busybox of the image `shell_from` (see `with_shell`).

        Nothing of the snapshot changes. Raises Unsupported for a text where there is no shell, and CallFailed.
        """
        if shell_from:
            return self.with_shell(shell_from).run(command, stdin)
        process = self._process(command)
        with self._container() as container:
            done = container.run(process, stdin)
        Snapshot.ran(self, command, done)
        return done

    @contextlib.contextmanager
    def terminal(self, command: str | Sequence[str] | None = None) -> Any:
        """A process with a terminal, its own shell by default, while the block lasts."""
        process = self._process(command or [self.need_shell()], terminal=True)
        with self._container() as container:
            running: Running = container.start(process)
            try:
                yield running
            finally:
                running.end()

    def _container(self) -> Container:
        return self._state.container(more=self.borrowed.mounts if self.borrowed else ())

    def _process(self, command: str | Sequence[str], terminal: bool = False) -> Process:
        args = [self.need_shell(), "-c", command] if isinstance(command, str) else list(command)
        env = self.borrowed.env(self.env) if self.borrowed else self.env
        env |= {"TERM": "xterm"} if terminal else {}
        return Process(args, [f"{name}={value}" for name, value in env.items()], self.workdir, self.user, terminal)

    def need_shell(self) -> str:
        """Its shell. Raises Unsupported if there is none."""
        if found := self.shell:
            return found
        raise Unsupported(f"There is no shell in it: {self.name}.", why=f"None of {', '.join(SHELLS)} is there.",
                          remedy="Read its files, run a program of its own by a list, run(['/app/server']), or mount "
                                 "another image's shell: run(..., shell_from='busybox').")


class Shell:
    """A shell in a snapshot, with a terminal: folder and variables stay from one command to the next.

    wrote    called with each piece of text that it writes, prompt and echo too, in a thread of its own
    """

    def __init__(self, snapshot: Snapshot):
        self.snapshot = snapshot
        self.wrote: Callable[[str], None] = print
        self._running: Running | None = None

    def send(self, command: str) -> None:
        """Run a command; the first one starts the shell, and so does one after its end. Raises CallFailed."""
        if self._running is None:
            started = contextlib.ExitStack()
            self._running = started.enter_context(self.snapshot.terminal())
            self._running.resize(24, _COLUMNS)
            prompted = threading.Event()     # what is typed before that is echoed twice
            threading.Thread(target=self._follow, args=(self._running, started, prompted), daemon=True).start()
            prompted.wait(_SECONDS)
        if self._running:
            self._running.write(f"{command}\n".encode())

    def interrupt(self) -> None:
        """Stop the command that it runs, as Ctrl-C does."""
        if self._running:
            self._running.write(b"\x03")

    def _follow(self, running: Running, started: contextlib.ExitStack, prompted: threading.Event) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with contextlib.suppress(CourseError), started:      # when the build's connection is closed
            for _, piece in running.output():
                self.wrote(_CONTROL.sub("", decoder.decode(piece)))
                prompted.set()
            self.wrote(f"[The shell ended with exit code {running.exit_code or 0}.]\n")
        self._running = None


@dataclass(frozen=True)
class BorrowedShell:
    """What a container gets for it. `image` is whose busybox it is, `libraries` where that finds what it needs."""

    image: str
    mounts: tuple[Mount, ...] = field(repr=False)
    libraries: tuple[str, ...] = ()
    path: str = f"{_PLACE}/bin/sh"

    def __str__(self) -> str:
        return f"busybox of {self.image}, mounted at {_PLACE}"

    def env(self, own: Mapping[str, str]) -> dict[str, str]:
        """The environment `own`, in which busybox's commands are found after those that are there."""
        path = [*filter(None, [own.get("PATH")]), *(f"{_PLACE}/{each}" for each in _FOLDERS)]
        libraries = {"LD_LIBRARY_PATH": ":".join(self.libraries)} if self.libraries else {}
        return {**own, "PATH": ":".join(path), **libraries}


def borrow(state: State, image: str = "") -> BorrowedShell:
    """The shell of `image`, or of the first of IMAGES that the engine has, for a container of `state`.

    Nothing is pulled. Raises Unsupported where there is no such image, or no busybox in it, and CallFailed.
    """
    ref, name = _lender(state.gateway.control.engine, image)
    lender = state.gateway.image(references.parse(name).full)
    try:
        program = elf(data := lender.read(_BUSYBOX), len(data))
    except CallFailed:
        raise Unsupported(f"{ref} has no {_BUSYBOX}.", why="Another shell would need the libraries around it.",
                          remedy=f"Take one that has it: {', '.join(IMAGES)}.") from None
    mounts = [Mount(lender.ref, _PLACE, True), _file(lender, _BUSYBOX)]     # its commands are links to that path
    loader = program.interpreter if program else ""
    if not loader or Snapshot("", state).has(loader):
        return BorrowedShell(ref, tuple(mounts))
    return BorrowedShell(ref, (*mounts, _file(lender, loader)), tuple(f"{_PLACE}/{each}" for each in _LIBRARIES))


def _lender(engine: Engine, image: str) -> tuple[str, str]:
    """(the image's name, its name in this engine)."""
    for found in status(engine, [image] if image else IMAGES):
        if found.present:
            return found.ref, found.name
    raise Unsupported(f"The engine does not have {image}." if image else "There is no shell in it, and none to mount.",
                      why="" if image else f"The engine has none of {', '.join(IMAGES)}.",
                      remedy=f"Fetch it first: docker pull {image or IMAGES[0]}.")


def _file(lender: State, path: str) -> Mount:
    return Mount(lender.ref, path, True, {"selector": path})
