"""A file system of a build, read and entered from the build cache. Where it has no shell, another image's busybox is
mounted."""

from __future__ import annotations

import codecs
import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..bases import references, status
from ..engine import Engine
from ..errors import CourseError, Unsupported
from ..formats import elf
from ..text import printable
from .control import CallFailed, Container, Entry, FailedState, Finished, Mount, Process, Running, State
from .control.failed import SHELLS
from .recent import recent
from .request import BuildRequest

IMAGES = ("busybox:latest", "alpine:latest", "nginx:alpine")    # each has a busybox; the first one present is used
_PLACE, _BUSYBOX = "/.multistage", "/bin/busybox"
_FOLDERS = ("bin", "sbin", "usr/bin", "usr/sbin")
_LIBRARIES = ("lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu")
_COLUMNS, _SECONDS = 100, 2
_CONTROL = re.compile(r"\r|\x07|\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)")    # a terminal's cursor and colours


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """A file system in the build cache.

    name       "stage builder", "after line 5", "line 6 when it failed"
    line       of the last instruction in it, None for the step that failed
    command    that failed in it or is next to run, None for any other snapshot
    borrowed   the shell mounted from another image, if any
    request    the build that makes it, or that fails in it; None where no `docker build` does
    """

    name: str
    state: State
    line: int | None = None
    command: Sequence[str] | None = None
    borrowed: BorrowedShell | None = None
    request: BuildRequest | None = None

    def __repr__(self) -> str:
        return f"{self.name}: {self.workdir}, {len(self.files(self.workdir))} entries"

    @property
    def config(self) -> dict[str, Any]:
        """The image's configuration so far, as `docker inspect` has it under Config."""
        return self.state.config

    @property
    def env(self) -> dict[str, str]:
        """The environment of the next command."""
        return dict(each.partition("=")[::2] for each in self.config.get("Env") or ())

    @property
    def workdir(self) -> str:
        """The working directory of the next command."""
        return self.config.get("WorkingDir") or "/"

    @property
    def user(self) -> str:
        """The user of the next command; '' is root."""
        return self.config.get("User") or ""

    @property
    def summary(self) -> str:
        """A sentence: what it is, and how commands run in it."""
        own = f" Its shell is {self.borrowed}." if self.borrowed else ""
        name = f"{self.name[0].upper()}{self.name[1:]}"
        return f"{name}: working directory {self.workdir}, user {self.user or 'root'}.{own}"

    def files(self, path: str = "/") -> tuple[Entry, ...]:
        """A folder's entries by name. Raises CallFailed if it is no folder."""
        return self.state.read_dir(path)

    def read(self, path: str, limit: int | None = None) -> bytes:
        """A file's content, or its first `limit` bytes. Raises CallFailed if it does not exist."""
        return self.state.read(path, limit)

    def stat(self, path: str) -> Entry:
        """Mode, owner, size and time of a path. Raises CallFailed if it does not exist."""
        return self.state.stat(path)

    def has(self, path: str) -> bool:
        """Whether the path exists."""
        with contextlib.suppress(CallFailed):
            return bool(self.stat(path).mode)
        return False

    def tree(self, path: str = "/", depth: int = 2) -> str:
        """The folders and files below `path` as text, `depth` levels deep."""
        return "\n".join([path, *self._below(path.rstrip("/"), depth, "  ")])

    def _below(self, path: str, depth: int, indent: str) -> Iterator[str]:
        for entry in self.files(path or "/") if depth > 0 else ():
            target = f" -> {printable(entry.target)}" if entry.is_link else ""
            yield f"{indent}{printable(entry.name)}{'/' if entry.is_dir else ''}{target}"
            if entry.is_dir:
                yield from self._below(f"{path}/{entry.name}", depth - 1, indent + "  ")

    @property
    def shell(self) -> str:
        """Path of the first shell found, '' for none."""
        if self.borrowed:
            return self.borrowed.path
        if isinstance(self.state, FailedState):
            return self.state.shell
        return next(filter(self.has, SHELLS), "")

    def entered(self, image: str = "") -> Snapshot:
        """Itself, if it has a shell. Without one, or if an image is named: the same with busybox mounted at
        /.multistage, from `image` or the first that the engine has of busybox, alpine and nginx:alpine. Raises
        Unsupported if there is none."""
        return self if self.shell and not image else replace(self, borrowed=borrow(self.state, image))

    def open_shell(self, image: str = "") -> Shell:
        """A shell for one command after another, shown in a notebook. Raises as `entered`."""
        return Shell(self.entered(image))

    def run(self, command: str | Sequence[str], stdin: bytes = b"", shell_from: str = "") -> Finished:
        """Run a command in a container of it, with its environment, working directory and user; the snapshot itself
        never changes. A string needs a shell: its own, or busybox of the image `shell_from`.

        Raises Unsupported for a string without a shell, and CallFailed.
        """
        if shell_from:
            return self.entered(shell_from).run(command, stdin)
        process = self._process(command)
        with self._container() as container:
            done = container.run(process, stdin)
        recent.ran(self, command, done)
        return done

    @contextlib.contextmanager
    def terminal(self) -> Iterator[Running]:
        """Its shell in a terminal, for the duration of the block."""
        process = self._process([self.need_shell()], terminal=True)
        with self._container() as container:
            running = container.start(process)
            try:
                yield running
            finally:
                running.end()

    def _container(self) -> Container:
        return self.state.container(more=self.borrowed.mounts if self.borrowed else ())

    def _process(self, command: str | Sequence[str], terminal: bool = False) -> Process:
        args = [self.need_shell(), "-c", command] if isinstance(command, str) else list(command)
        env = self.borrowed.env(self.env) if self.borrowed else self.env
        env |= {"TERM": "xterm"} if terminal else {}
        return Process(args, [f"{name}={value}" for name, value in env.items()], self.workdir, self.user, terminal)

    def need_shell(self) -> str:
        """Its shell. Raises Unsupported if there is none."""
        if found := self.shell:
            return found
        raise Unsupported(f"There is no shell in it: {self.name}.", why=f"It has none of {', '.join(SHELLS)}.",
                          remedy="Read its files, run one of its programs with a list, run(['/app/server']), or mount "
                                 "another image's shell: run(..., shell_from='busybox').")


class Shell:
    """A shell with a terminal in a snapshot: folder and variables last from one command to the next.

    wrote    called from another thread with each piece of output, prompt and echo included
    """

    def __init__(self, snapshot: Snapshot):
        self.snapshot = snapshot
        self.wrote: Callable[[str], None] = print
        self._running: Running | None = None

    def send(self, command: str) -> None:
        """Run a command, in a new shell if none is running. Raises CallFailed."""
        if self._running is None:
            started = contextlib.ExitStack()
            self._running = started.enter_context(self.snapshot.terminal())
            self._running.resize(24, _COLUMNS)
            prompted = threading.Event()     # input before the prompt is echoed twice
            threading.Thread(target=self._follow, args=(self._running, started, prompted), daemon=True).start()
            prompted.wait(_SECONDS)
        if self._running:
            self._running.write(f"{command}\n".encode())

    def interrupt(self) -> None:
        """Stop the running command, as Ctrl-C does."""
        if self._running:
            self._running.write(b"\x03")

    def _follow(self, running: Running, started: contextlib.ExitStack, prompted: threading.Event) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with contextlib.suppress(CourseError), started:      # the build's connection may be closed
            for _, piece in running.output():
                self.wrote(_CONTROL.sub("", decoder.decode(piece)))
                prompted.set()
            self.wrote(f"[The shell ended with exit code {running.exit_code or 0}.]\n")
        self._running = None


@dataclass(frozen=True)
class BorrowedShell:
    """Busybox of `image` for a container: its mounts, and `libraries`, the folders of its shared libraries."""

    image: str
    mounts: tuple[Mount, ...] = field(repr=False)
    libraries: tuple[str, ...] = ()
    path: str = f"{_PLACE}/bin/sh"

    def __str__(self) -> str:
        return f"busybox of {self.image}, mounted at {_PLACE}"

    def env(self, own: Mapping[str, str]) -> dict[str, str]:
        """The environment `own` with busybox's commands at the end of PATH."""
        path = [*filter(None, [own.get("PATH")]), *(f"{_PLACE}/{each}" for each in _FOLDERS)]
        libraries = {"LD_LIBRARY_PATH": ":".join(self.libraries)} if self.libraries else {}
        return {**own, "PATH": ":".join(path), **libraries}


def borrow(state: State, image: str = "") -> BorrowedShell:
    """The shell of `image`, or of the first of IMAGES that the engine has, for a container of `state`. Pulls nothing.
    Raises Unsupported if there is no such image or no busybox in it, and CallFailed."""
    ref, name = _lender(state.gateway.control.engine, image)
    lender = state.gateway.image(references.parse(name).full)
    try:
        program = elf(data := lender.read(_BUSYBOX), len(data))
    except CallFailed:
        raise Unsupported(f"{ref} has no {_BUSYBOX}.", why="Any other shell would need its image's libraries.",
                          remedy=f"Use an image that has it: {', '.join(IMAGES)}.") from None
    loader = program.interpreter if program else ""
    libraries: tuple[str, ...] = ()
    files = [_BUSYBOX]     # its commands are links to that path
    if loader and not Snapshot("", state).has(loader):
        files, libraries = [_BUSYBOX, loader], tuple(f"{_PLACE}/{each}" for each in _LIBRARIES)
    mounts = (Mount(lender.ref, path, True, {"selector": path}) for path in files)
    return BorrowedShell(ref, (Mount(lender.ref, _PLACE, True), *mounts), libraries)


def _lender(engine: Engine, image: str) -> tuple[str, str]:
    """(the image's name, its name in this engine)."""
    for found in status(engine, [image] if image else IMAGES):
        if found.present:
            return found.ref, found.name
    raise Unsupported(f"The engine does not have {image}." if image else "It has no shell, and there is none to mount.",
                      why="" if image else f"The engine has none of {', '.join(IMAGES)}.",
                      remedy=f"Pull it first: docker pull {image or IMAGES[0]}.")
