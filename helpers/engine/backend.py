"""The base class of engines: their capabilities, and how the course runs one. To add an engine, write a subclass of
`Backend` and list it in `backends`."""

import contextlib
import errno
import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import paths
from ..errors import DiskFull, EngineError, NoEngine
from . import processes
from .capabilities import Capabilities
from .processes import Report, quiet

_SOCKET_PATH = 104   # containerd's limit; the kernel's is 108


class Backend(ABC):
    """A kind of engine, and the course's own instance of it, whose data are in one folder."""

    name: str                   # as in its answer to /version
    builders: tuple[str, ...]   # its builders, the default one first
    process: bytes              # the name of its processes, or one of their arguments
    title: str                  # the course's own instance, in messages
    home: str                   # name of its folder below `paths.state()`
    socket: str                 # file name in the folder, like `log`
    log: str
    longest_socket = ""         # the longest path of a socket in the folder
    remedy: str                 # what to do if it cannot start
    shorter_home = "/tmp/multistage"
    # Time limits for starting, while busy (both as long as it makes no progress), for stopping, and for an answer.
    start_seconds, busy_seconds, stop_seconds, answer_seconds = 60, 60, 10, 5

    @abstractmethod
    def capabilities(self, version: int, owned: bool, store: str = "") -> Capabilities:
        """What an engine of that major version and store can do; `owned` if the course started it."""

    def limits(self, version: int, owned: bool) -> tuple[str, ...]:
        """What an engine of that major version cannot do, in sentences."""
        return ()

    def layer(self, digests: Sequence[str]) -> Iterator[bytes] | None:
        """The archive of the last of these layers (an image's, lowest first), read from the engine's disk; None if only
        the engine can read it. The call and the iterator raise OSError and ValueError."""
        return None

    def roots(self, words: Sequence[bytes]) -> Iterator[Path]:
        """The folder that is `/` for a build's process with that command line, unless its `/` is a mount."""
        return iter(())

    @abstractmethod
    def rung(self) -> str:
        """Its name in `Engine.rung`."""

    @abstractmethod
    def obstacle(self) -> str:
        """Why it cannot be started here, in one sentence; '' if it can. May take a second."""

    @abstractmethod
    def _pid(self) -> int | None:
        """Its main process, None if it is not running."""

    @abstractmethod
    def _launch(self) -> subprocess.Popen:
        """Start it. Raises OSError and EngineError."""

    def _processes(self) -> list[int]:
        """Its main process, then others that must run for it to answer; none if it is not running."""
        pid = self._pid()
        return [] if pid is None else [pid]

    def _clear(self) -> None:
        """End its processes and undo what it set up. Raises EngineError for a process that cannot be ended."""
        pid = self._pid()
        if not processes.end(lambda: filter(None, [self._pid()]), self.stop_seconds, 5):
            raise EngineError(
                f"{self._subject} neither responds nor can be ended.",
                why=f"Its process {pid} is frozen or blocked by a disk that does not respond.",
                remedy="Unfreeze the container of this session or repair the disk, then run this again. The engine's "
                       f"images are in {self.folder()}.")

    def _delete(self) -> None:
        if self.folder().exists():
            paths.remove(str(self.folder()))

    def install(self, report: Report) -> None:
        """Install what it needs. Raises NoEngine if the course cannot."""
        raise NoEngine(f"The course does not install {self.title}.", why=self.obstacle(), remedy=self.remedy)

    def folder(self) -> Path:
        """The folder of its data."""
        return paths.state() / self.home

    def host(self) -> str:
        """Address of its socket, in the form of DOCKER_HOST."""
        return f"unix://{self.folder() / self.socket}"

    def can_start(self) -> bool:
        """Whether it can be started here."""
        return not self.obstacle()

    def running(self) -> bool:
        """Whether its process is running and its socket answers."""
        return self._pid() is not None and self._answers()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of its log; '' without a log."""
        try:
            return "\n".join((self.folder() / self.log).read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def start(self, report: Report = quiet) -> None:
        """Start it unless it is running; several processes may call this at once. Raises NoEngine if it cannot run
        here, DiskFull, and EngineError, with the end of its log, if it does not come up."""
        if why := self.obstacle():
            raise NoEngine(f"The course cannot start {self.title} here.", why=why, remedy=self.remedy)
        self._check_socket_length()
        with self._lock():
            if self.running() or processes.wait_until_responsive(
                    self._processes, self._answers, report, self.busy_seconds):
                return
            self._clear()
            report(f"Starting {self.title} for the course ...")
            try:
                self._make_folder()
                self._await(self._launch())
            except OSError as error:
                self._clear()
                raise self._no_folder(error) from error
            report("The engine answers.")

    def stop(self, report: Report = quiet) -> bool:
        """Stop it and everything in it, and undo what it set up; its images stay. Returns whether it was running."""
        with self._lock():
            running = self._pid() is not None
            if running:
                report(f"Stopping {self.title} ...")
            if self.folder().exists():
                self._clear()
            return running

    def purge(self, report: Report = quiet) -> None:
        """Stop it and delete its folder, with all images and the build cache."""
        self.stop(report)
        with self._lock():
            self._delete()

    @property
    def _subject(self) -> str:
        return f"The course's {self.title.removeprefix('the ')}"

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        return paths.locked(paths.state() / f"{self.home}.lock")

    def _answers(self) -> bool:
        return (self.folder() / self.socket).exists() and processes.answers(self.host(), self.answer_seconds)

    def _check_socket_length(self) -> None:
        longest = self.folder() / (self.longest_socket or self.socket)
        if len(os.fsencode(longest)) > _SOCKET_PATH:
            raise EngineError(f"The path of {self.title}'s folder is too long.",
                              why=f"A socket's path has at most {_SOCKET_PATH} characters; {longest} has more.",
                              remedy=f"Set MULTISTAGE_HOME to a shorter path, for example {self.shorter_home}.")

    def _make_folder(self) -> None:
        """Make it, accessible only to this user. Raises PermissionError if it belongs to another one."""
        self.folder().mkdir(parents=True, exist_ok=True)
        if self.folder().stat().st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user")
        self.folder().chmod(0o700)

    def _spawn(self, command: list[str], environment: dict[str, str], cwd: str = "/") -> subprocess.Popen[bytes]:
        """Start a process that outlives this one and writes to the engine's log."""
        with open(self.folder() / self.log, "ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    start_new_session=True, cwd=cwd, env=environment)

    def _await(self, process: subprocess.Popen) -> None:
        worked, deadline = 0.0, time.monotonic() + self.start_seconds
        last = deadline + 9 * self.start_seconds
        while process.poll() is None and time.monotonic() < min(deadline, last):
            if self._answers():
                return
            if (spent := processes.cpu_seconds(process.pid)) > worked + self.start_seconds / 100:
                # It is working, on a busy machine or on much stored data.
                worked, deadline = spent, time.monotonic() + self.start_seconds
            time.sleep(0.05)
        why = "It did not answer in time." if process.poll() is None else "Its process ended."
        process.terminate()   # first, since it may have something to clean up
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        evidence = self.log_tail()
        self._clear()
        if "no space left on device" in evidence.lower():
            raise self._no_folder(OSError(errno.ENOSPC, "no space left on device"))
        raise EngineError(f"{self._subject} did not start.", why=why, evidence=evidence,
                          remedy=f"Its log is {self.folder() / self.log}. {self.remedy}")

    def _no_folder(self, error: OSError) -> EngineError:
        if error.errno == errno.ENOSPC:
            return DiskFull(f"{self._subject} cannot start: its disk is full.", why=str(error),
                            remedy=f"Free space on the disk of {self.folder()} or set MULTISTAGE_HOME to a folder on "
                                   "another one, then run this again. No images were lost.")
        return EngineError(f"{self._subject} cannot use its folder.", why=str(error),
                           remedy="Set MULTISTAGE_HOME to a folder that you can write to.")
