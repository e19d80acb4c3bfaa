"""Processes under PRoot, each in a jail (`jail.py`) that nothing outlives."""

import contextlib
import os
import selectors
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from ...paths import remove
from .. import proot_program as proot
from .programs import Command

Output = Callable[[int, bytes], None]   # stream (1 or 2), what was printed
_LOOK_SECONDS = 0.5
_END_SECONDS = 5


class Processes:
    """The processes of this engine."""

    def __init__(self, found: proot.Program, temporary: str):
        self._proot, self._temporary = found, temporary
        self._running: dict[subprocess.Popen[bytes], str] = {}   # with PRoot's temporary folder
        self._lock = threading.Lock()
        # A jail ends with the thread that started it (PR_SET_PDEATHSIG), which must live as long as the engine.
        self._parent = ThreadPoolExecutor(1)
        self.bound = proot.bound()

    def start(self, root: str, command: Command, *, binds: Mapping[str, str] | None = None,
              ports: Mapping[int, int] | None = None) -> subprocess.Popen[bytes]:
        """Start a command in the file system at `root`, with pipes for its output. See
        `proot_program.Program.command`."""
        temporary = tempfile.mkdtemp(dir=self._temporary)
        words = self._proot.command(
            root, command.words, folder=command.folder, ids=command.ids, binds=binds, ports=ports)
        process = self._parent.submit(
            subprocess.Popen, words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/",
            env={**command.variables, **self._proot.environment, "PROOT_TMP_DIR": temporary},
            start_new_session=True).result()
        with self._lock:
            self._running[process] = temporary
        return process

    def follow(
        self, process: subprocess.Popen[bytes], output: Output, stopped: Callable[[], bool] = lambda: False) -> int:
        """Pass what it prints to `output` until it ends, or is killed once `stopped` is true. Returns its exit code."""
        assert process.stdout and process.stderr
        with selectors.DefaultSelector() as ready:
            for number, pipe in ((1, process.stdout), (2, process.stderr)):
                ready.register(pipe, selectors.EVENT_READ, number)
            while ready.get_map():
                for key, _ in ready.select(_LOOK_SECONDS):
                    data = os.read(key.fd, 1 << 16)
                    if data:
                        output(key.data, data)
                    else:
                        ready.unregister(key.fileobj)
                if stopped():
                    self.kill(process)
        code = process.wait()
        for pipe in (process.stdout, process.stderr):
            pipe.close()
        with self._lock:
            temporary = self._running.pop(process)
        remove(temporary)
        return code if code >= 0 else 128 - code

    def run(self, root: str, command: Command, output: Output, *, stopped: Callable[[], bool] = lambda: False,
            binds: Mapping[str, str] | None = None, ports: Mapping[int, int] | None = None) -> int:
        """`start` a command and `follow` it. Returns its exit code."""
        return self.follow(self.start(root, command, binds=binds, ports=ports), output, stopped)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process and all its descendants, by its jail."""
        if process.poll() is None:
            process.terminate()

    def end(self) -> None:
        """End all processes, waiting a few seconds for each."""
        with self._lock:
            running = list(self._running)
        for process in running:
            self.kill(process)
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
