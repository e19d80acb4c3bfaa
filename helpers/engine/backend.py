"""What the course knows of one kind of engine: what it can do, and how to run one of its own. To add an engine, write a
subclass of `Backend` and list it in `backends`."""

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
    """One kind of engine, and the one of it that the course runs, all of whose data lie in one folder."""

    name: str                   # as it calls itself in its answer to /version
    builders: tuple[str, ...]   # the builders that it has, the default one first
    process: bytes              # a word by which its processes are known: their name, or an argument
    title: str                  # what the course's own is called in messages
    home: str                   # its folder's name below `paths.state()`
    socket: str                 # the name of a file in the folder, as `log`
    log: str
    longest_socket = ""         # the longest path of a socket in the folder
    remedy: str                 # what to do where it cannot start
    shorter_home = "/tmp/multistage"
    # How long it may be silent and idle when it starts, is busy or stops, and how long it may take to answer.
    start_seconds, busy_seconds, stop_seconds, answer_seconds = 60, 60, 10, 5

    @abstractmethod
    def capabilities(self, version: int, owned: bool, store: str = "") -> Capabilities:
        """What an engine of that major version and store can do; `owned` if the course started it."""

    def limits(self, version: int, owned: bool) -> tuple[str, ...]:
        """What an engine of that major version cannot do, in sentences."""
        return ()

    def layer(self, digests: Sequence[str]) -> Iterator[bytes] | None:
        """The archive of the last of an image's lowest layers, read from its own disk; None where only the engine can
        read it. The call and iterating raise OSError and ValueError."""
        return None

    def roots(self, words: Sequence[bytes]) -> Iterator[Path]:
        """The folder that a build's process of that command line has as `/`, if it is one on this machine; an overlay
        says by itself where its files are."""
        return iter(())

    @abstractmethod
    def rung(self) -> str:
        """How `Engine.rung` calls it."""

    @abstractmethod
    def obstacle(self) -> str:
        """Why it cannot be started here, in one sentence; '' if it can. May take a second."""

    @abstractmethod
    def _pid(self) -> int | None:
        """Its main process if that runs, else None."""

    @abstractmethod
    def _launch(self) -> subprocess.Popen:
        """Start it. Raises OSError and EngineError."""

    def _processes(self) -> list[int]:
        """Its main process and those that it cannot do without; none if it does not run."""
        pid = self._pid()
        return [] if pid is None else [pid]

    def _clear(self) -> None:
        """End what runs of it, and take back what it set up. Raises EngineError for a process that cannot be ended."""
        pid = self._pid()
        if not processes.end(lambda: filter(None, [self._pid()]), self.stop_seconds, 5):
            raise EngineError(
                f"{self._subject} neither answers nor ends.",
                why=f"Its process {pid} is frozen, or waits for a disk that does not answer.",
                remedy="Thaw what this session runs in, or see to the disk; then run this again. Its images "
                       f"are in {self.folder()}.")

    def _delete(self) -> None:
        if self.folder().exists():
            paths.remove(str(self.folder()))

    def install(self, report: Report) -> None:
        """Install what it needs. Raises NoEngine where the course cannot do that."""
        raise NoEngine(f"The course does not install {self.title}.", why=self.obstacle(), remedy=self.remedy)

    def folder(self) -> Path:
        """All that it has on the disk."""
        return paths.state() / self.home

    def host(self) -> str:
        """Address of its socket, as DOCKER_HOST would have it."""
        return f"unix://{self.folder() / self.socket}"

    def can_start(self) -> bool:
        """Whether `start` can work here; nothing is started."""
        return not self.obstacle()

    def running(self) -> bool:
        """Whether its process lives and its socket answers."""
        return self._pid() is not None and self._answers()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of its log; '' where there is none."""
        try:
            return "\n".join((self.folder() / self.log).read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def start(self, report: Report = quiet) -> None:
        """Start it unless it runs. Safe from several processes at once. Raises NoEngine where it cannot run, DiskFull,
        and EngineError where it does not come up (the end of its log is the evidence)."""
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
        """Stop it and all that runs in it, and take back what it set up; its images stay.
        False if it was not running."""
        with self._lock():
            running = self._pid() is not None
            if running:
                report(f"Stopping {self.title} ...")
            if self.folder().exists():
                self._clear()
            return running

    def purge(self, report: Report = quiet) -> None:
        """Stop it and delete its folder: images, build cache, everything."""
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
            raise EngineError(f"{self._subject} cannot have its sockets in its folder.",
                              why=f"{longest} is too long: a socket's path has at most {_SOCKET_PATH} characters.",
                              remedy=f"Set MULTISTAGE_HOME to a shorter folder, for example {self.shorter_home}.")

    def _make_folder(self) -> None:
        """For this user alone. Raises PermissionError if it is somebody else's."""
        self.folder().mkdir(parents=True, exist_ok=True)
        if self.folder().stat().st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user")
        self.folder().chmod(0o700)

    def _spawn(self, command: list[str], environment: dict[str, str], cwd: str = "/") -> subprocess.Popen[bytes]:
        """Start a process of the engine's, which outlives this one and writes into its log."""
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
                # It is at work: on a busy machine, or reading what it has kept.
                worked, deadline = spent, time.monotonic() + self.start_seconds
            time.sleep(0.05)
        why = "It did not answer in time." if process.poll() is None else "It ended by itself."
        process.terminate()   # gently: it may have set something up already
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
                            remedy=f"Make room where {self.folder()} lies, then run this again: its images are kept. "
                                   "MULTISTAGE_HOME names another folder.")
        return EngineError(f"{self._subject} cannot have its folder.", why=str(error),
                           remedy="Set MULTISTAGE_HOME to a folder that you may write to.")
