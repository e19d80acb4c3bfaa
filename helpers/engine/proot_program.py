"""Find and test PRoot, which intercepts system calls that name a path. Newer versions select them by a seccomp filter,
which in some containers silently selects none; versions before 5.4 miss `faccessat2`, by which Go looks for its tools.
Both are tested."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import paths

_PROBE_SECONDS = 20
_JAIL = str(Path(__file__).with_name("proot") / "jail.py")
_WORD = "multistage"
_ENVIRONMENTS: tuple[Mapping[str, str], ...] = ({}, {"PROOT_NO_SECCOMP": "1"})
FETCH = "`python -m helpers engine fetch-proot`"
# faccessat2 has the same number on every architecture.
_PROBE = ("import ctypes, sys; p = sys.argv[1]; sys.stdout.write(open(p).read()); sys.stdout.flush(); "
          "sys.exit(ctypes.CDLL(None).syscall(439, -100, p.encode(), 4, 0) and 3)")
# Paths of this machine that are in every container.
_BINDS = ("/proc", "/dev", "/sys", "/etc/resolv.conf", "/etc/hosts")


@dataclass(frozen=True)
class Program:
    """A PRoot that works here: its command and the environment that it needs."""

    words: tuple[str, ...]
    environment: Mapping[str, str]

    def command(self, root: str, words: Sequence[str], *, folder: str = "/", ids: tuple[int, int] = (0, 0),
                binds: Mapping[str, str] | None = None, ports: Mapping[int, int] | None = None) -> list[str]:
        """The command that runs `words` in the file system at `root`.

        binds  {path on this machine: path inside}
        ports  {port that the program names: actual port}"""
        command = [sys.executable, "-I", "-S", _JAIL, *self.words, "--kill-on-exit", "-r", root, "-w", folder]
        command += ["-0"] if ids == (0, 0) else ["-i", f"{ids[0]}:{ids[1]}"]
        for place in _BINDS:
            if os.path.exists(place):
                command += ["-b", place]
        for place, path in (binds or {}).items():
            command += ["-b", f"{place}:{path}"]
        for inner, outer in (ports or {}).items():
            command += ["-p", f"{inner}:{outer}"]
        return [*command, *words]


working: list[Program] = []   # the result of `find`


def bound() -> tuple[str, ...]:
    """Paths inside, without their first slash, that are this machine's."""
    return tuple(place.lstrip("/") for place in _BINDS)


def homes() -> tuple[Path, ...]:
    """Folders into which `fetching` may unpack PRoot: in the Python environment and in the course's cache."""
    return Path(sys.prefix, "share/multistage-course/proot"), paths.cache() / "proot"


def calls(place: Path) -> list[tuple[str, ...]]:
    """Commands to try for `place`: a program, or a folder with Debian's packages, where PRoot is best started by the
    loader of its own C library."""
    if os.path.isfile(place):
        return [(str(place),)]
    program = place / "usr/bin/proot"
    if not os.path.isfile(program):   # unlike Path.is_file, False without permission
        return []
    linkers = sorted(place.glob("usr/lib/*/ld-linux*.so.*"))
    found = [(str(linker), "--library-path", str(linker.parent), str(program)) for linker in linkers]
    return [*found, (str(program),)]


def candidates() -> list[tuple[str, ...]]:
    """Commands to try: for MULTISTAGE_PROOT, the `homes` and PATH."""
    named, on_path = os.environ.get("MULTISTAGE_PROOT"), shutil.which("proot")
    places = [*([Path(named)] if named else []), *homes(), *([Path(on_path)] if on_path else [])]
    return [words for place in places for words in calls(place)]


def find() -> tuple[Program | None, str]:
    """(the first PRoot that works here, ''), or (None, why there is none), which takes a second."""
    if working:
        return working[0], ""
    why = f"PRoot is not installed ({FETCH} fetches it)"
    for words in candidates():
        for environment in _ENVIRONMENTS:
            said = _tried(words, environment)
            if not said:
                working.append(Program(words, environment))
                return working[0], ""
            why = f"PRoot ({words[-1]}) {said}"
    return None, why


def tried(words: tuple[str, ...]) -> str:
    """'' if that PRoot works in either environment, else what is wrong."""
    said = [_tried(words, environment) for environment in _ENVIRONMENTS]
    return "" if "" in said else said[-1]


def _tried(words: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """'' if it translates paths, also for Go, else what is wrong."""
    with tempfile.TemporaryDirectory(prefix="multistage-proot-") as folder:
        file = Path(folder, "word")
        file.write_text(_WORD)
        inside = f"/tmp/multistage-{os.path.basename(folder)}"
        try:
            done = subprocess.run(
                [*words, "--kill-on-exit", "-b", f"{file}:{inside}", sys.executable, "-I", "-S", "-c", _PROBE, inside],
                capture_output=True, text=True, timeout=_PROBE_SECONDS, stdin=subprocess.DEVNULL,
                env={**os.environ, **environment, "PROOT_TMP_DIR": folder})
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"does not run here ({type(error).__name__})"
    if done.stdout != _WORD:
        return "translates no paths here"
    if done.returncode == 3:
        return f"is too old for Go ({FETCH} fetches 5.4)"
    return "" if done.returncode == 0 else f"ended with exit code {done.returncode}"
