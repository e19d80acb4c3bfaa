"""The file system of a failed step, which Docker 23 and later keep while the build is open.

BuildKit can mount it into a container but not read it, so the programs in it do that: a shell, stat, cat and head.
BusyBox has them too."""

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
    """The file system of a failed step, readable only if `shell` finds one."""

    def __init__(self, gateway: Gateway, step: FailedStep):
        at = next(number for number, mount in enumerate(step.mounts) if mount.get("dest", "/") == "/")
        super().__init__(gateway, step.results[at], {})
        self.step = step

    @cached_property
    def config(self) -> dict[str, Any]:
        """How its process was started, as an image's configuration."""
        meta = self.step.meta
        return {"Env": list(meta.get("env") or ()), "WorkingDir": meta.get("cwd") or "/",
                "User": meta.get("user") or ""}

    def mounts(self) -> tuple[Mount, ...]:
        """All mounts of the step, caches included."""
        return tuple(Mount(result, mount.get("dest", "/"), bool(mount.get("readonly")), {
            "selector": mount.get("selector", ""), "mountType": mount.get("mountType", 0)})
            for mount, result in zip(self.step.mounts, self.step.results, strict=False) if result)

    @cached_property
    def shell(self) -> str:
        """The first shell that starts, '' if none does."""
        return next((each for each in SHELLS if self._runs(each)), "")

    def read_dir(self, path: str = "/") -> tuple[Entry, ...]:
        """As `State.read_dir`."""
        return tuple(sorted(self._entries(_LIST, path), key=lambda entry: entry.name))

    def stat(self, path: str) -> Entry:
        """As `State.stat`."""
        return next(self._entries(f'f=$1; {_STAT}', path))

    def read(self, path: str, limit: int | None = None) -> bytes:
        """As `State.read`."""
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
        """Run a script in its shell. Raises CallFailed with the output if it fails."""
        with self.container() as container:
            done = container.run(Process([self.shell, "-c", script, self.shell, path], self.config["Env"]))
        if done.exit_code:
            raise CallFailed(2, done.output.strip() or done.error)
        return done
