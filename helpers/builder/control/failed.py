"""The step that failed, with what it had written: Docker 23 and later keep it while the build is open.

BuildKit mounts it into a container but does not read it out itself, so it is read by the programs that are in it: a
shell, stat, cat and head, which busybox has too.
"""

import contextlib
import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from .connection import CallFailed, FailedStep
from .gateway import Entry, Gateway, Mount, Process, State
from .process import Finished

SHELLS = ("/bin/sh", "/bin/bash", "/busybox/sh", "/bin/ash")
_STAT = 'stat -c "%f %u %g %s %Y" -- "$f" && printf "%s\\0%s\\0" "$f" "$(readlink -- "$f")"'
_LIST = f'cd "$1" && for f in * .[!.]* ..?*; do if [ -e "$f" ] || [ -L "$f" ]; then {_STAT}; fi; done'


class FailedState(State):
    """The file system of a failed step. Without a shell in it nothing can be read: see `shell`."""

    def __init__(self, gateway: Gateway, step: FailedStep):
        at = next(number for number, mount in enumerate(step.mounts) if mount.get("dest", "/") == "/")
        super().__init__(gateway, step.results[at], {})
        self.step = step

    @cached_property
    def config(self) -> dict[str, Any]:
        """What its process was started with, in the words of an image's configuration."""
        meta = self.step.meta
        return {"Env": list(meta.get("env") or ()), "WorkingDir": meta.get("cwd") or "/",
                "User": meta.get("user") or ""}

    def mounts(self) -> tuple[Mount, ...]:
        """All that the step had mounted, caches included."""
        return tuple(Mount(result, mount.get("dest", "/"), bool(mount.get("readonly")), {
            "selector": mount.get("selector", ""), "mountType": mount.get("mountType", 0)})
            for mount, result in zip(self.step.mounts, self.step.results, strict=False) if result)

    @cached_property
    def shell(self) -> str:
        """The first shell that starts in it, '' if none does."""
        return next((each for each in SHELLS if self._runs(each)), "")

    def read_dir(self, path: str = "/") -> tuple[Entry, ...]:
        """What is in a folder, in order of names. Raises as `State.read_dir`."""
        return tuple(sorted(self._entries(_LIST, path), key=lambda entry: entry.name))

    def stat(self, path: str) -> Entry:
        """One path's facts. Raises as `State.stat`."""
        return next(self._entries(f'f=$1; {_STAT}', path))

    def read(self, path: str, limit: int | None = None) -> bytes:
        """A file's content, or its first `limit` bytes. Raises as `State.read`."""
        return self._ask('cat -- "$1"' if limit is None else f'head -c {limit} -- "$1"', path).written

    def _entries(self, script: str, path: str) -> Iterator[Entry]:
        lines = self._ask(script, path).written
        while lines:
            facts, _, rest = lines.partition(b"\n")
            name, target, lines = rest.split(b"\0", 2)
            mode, uid, gid, size, seconds = facts.split()
            yield Entry(os.fsdecode(name).rpartition("/")[2], int(mode, 16), int(uid), int(gid), int(size),
                        int(seconds) * 1_000_000_000, os.fsdecode(target))

    def _runs(self, shell: str) -> bool:
        with contextlib.suppress(CallFailed), self.container() as container:
            return container.run(Process([shell, "-c", "exit 0"])).exit_code == 0
        return False

    def _ask(self, script: str, path: str) -> Finished:
        """Run a script with its own shell. Raises CallFailed with what it wrote if it fails."""
        with self.container() as container:
            done = container.run(Process([self.shell, "-c", script, self.shell, path], self.config["Env"]))
        if done.exit_code:
            raise CallFailed(2, done.output.strip() or done.error)
        return done
