"""The life of the course's Podman: probed, started, found again, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ... import paths
from ...errors import EngineError, NoEngine
from ...units import size
from .. import managed
from ..model import ONE_ID
from ..managed import Report
from . import launcher, settings, additional_store

SHARES_NETWORK = True   # nobody may make a bridge here
RUNGS = {"many": "podman", "one": ONE_ID}
_PROGRAMS = ("podman", "conmon", "crun")
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/libexec/podman:/usr/local/libexec/podman:/usr/lib/podman"
_ROOT = Path(__file__).resolve().parents[3]
_START_SECONDS, _PROBE_SECONDS, _STOP_SECONDS = 60, 20, 10
_BUSY_SECONDS = 60   # one that saves an image on a slow disk may be silent for some of it


def folder() -> Path:
    return paths.state() / "podman"


def host() -> str:
    """Address of its socket, as DOCKER_HOST would have it."""
    return f"unix://{folder() / 'podman.sock'}"


def rung() -> str:
    """Which of the two it is, as it was started: podman or podman-one-id."""
    return RUNGS[_note().get("ids", "one")]


def limits() -> tuple[str, ...]:
    """Sentences: what it cannot do, as it was started."""
    said = ["Its containers have no limit of memory and processes but the session's own.",
            "A server in it listens on this session's own ports; networks cannot be made."]
    if rung() == ONE_ID:
        said.append("There is one user id: every file in an image is root's and every process runs as root, "
                    "whatever USER and chown say.")
    if _note().get("store") == settings.MEMORY:
        said.append(f"This session's disk takes no layers, so what is built is kept in its memory, at most {size(settings.memory())} "
                    "of it, and is gone when the engine is stopped. `python -m helpers clean` makes room.")
    return tuple(said)


def obstacle() -> str:
    """Why it cannot be started here, in one sentence; '' if it can."""
    if sys.platform != "linux":
        return "Podman without privileges takes Linux."
    missing = [name for name in _PROGRAMS if not shutil.which(name, path=_PATH)]
    if missing:
        return (f"Podman is not installed ({', '.join(missing)} cannot be found): on Debian and Ubuntu "
                "`apt-get install podman crun`, elsewhere `conda install -c conda-forge podman`.")
    found = _probed()
    return "" if found["ok"] else f"Podman cannot work here: {found['why']}."


def can_start() -> bool:
    """Whether `start` can work here. Takes a second the first time."""
    return not obstacle()


_KEPT: dict[Path, dict] = {}   # what was probed, if it was good: it does not become worse


def _probed() -> dict:
    """{ok, ids, store, hides} or {ok, why}: subordinate ids first."""
    place = folder()
    if place in _KEPT:
        return _KEPT[place]
    try:
        _prepare(place)
    except OSError as error:
        return {"ok": False, "why": f"{place} cannot be made ({error.strerror})"}
    found = {}
    for ids in launcher.IDS:
        done = _launched(["probe", ids, str(place)], timeout=_PROBE_SECONDS)
        found = done | {"ids": ids}
        if found["ok"]:
            found["shelves"] = ids == "one" and found["store"] in ("overlay", settings.MEMORY)
            _KEPT[place] = found
            break
    return found


def _launched(words: list[str], timeout: float) -> dict:
    try:
        done = subprocess.run(_launch_command(words), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, env=_python_environment())
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"ok": False, "why": "the machine did not answer in time"}
    except ValueError:
        return {"ok": False, "why": (done.stderr.strip().splitlines() or ["the probe ended without a word"])[-1]}


def _launch_command(words: list[str]) -> list[str]:
    return [sys.executable, "-m", "helpers.engine.podman", *words]


def _python_environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}


def _prepare(place: Path) -> None:
    """Make the folder, for this user alone. Raises PermissionError if it is somebody else's."""
    place.mkdir(parents=True, exist_ok=True)
    if place.stat().st_uid != os.geteuid():
        raise PermissionError(1, "it belongs to another user")
    place.chmod(0o700)


# -- starting and stopping -----------------------------------------------------------

def start(report: Report = managed.quiet) -> None:
    """Start it unless it runs. Safe from several processes at once.

    Raises NoEngine where it cannot run, EngineError where it does not come up (the
    end of its log is the evidence).
    """
    why = obstacle()
    if why:
        raise NoEngine("The course cannot start Podman here.", why=why,
                       remedy="Use a machine with Docker, or open the repository in GitHub Codespaces.")
    place = folder()
    managed.check_room("Podman", place / "podman.sock", "/tmp/multistage")
    with managed.lock("podman"):
        if running() or managed.thawed(_processes, _answers, report, _BUSY_SECONDS):
            return
        _sweep(spared=_note().get("holder"))
        report("Starting Podman for the course ...")
        _await(_launch(_probed()))
        report("The engine answers.")


def running() -> bool:
    """Whether it lives and its socket answers."""
    return _alive() and _answers()


def stop(report: Report = managed.quiet) -> bool:
    """Stop it and its containers. False if it was not running."""
    with managed.lock("podman"):
        was = _alive()
        if was:
            report("Stopping the course's Podman ...")
        if folder().exists():
            _sweep()
        return was


def purge(report: Report = managed.quiet) -> None:
    """Stop it and delete its folder: images, build cache, everything."""
    place = folder()
    stop(report)
    with managed.lock("podman"):
        if _note().get("ids"):
            # What subordinate ids own, and folders without any permission, yield only to root in there.
            subprocess.run(_launch_command(["run", _note()["ids"], "vfs", str(place), "rm", "-rf", "--", str(place)]),
                           capture_output=True, env=_python_environment(), stdin=subprocess.DEVNULL)
        shutil.rmtree(place, ignore_errors=True)
        _KEPT.pop(place, None)


def log_tail(lines: int = 15) -> str:
    return managed.log_tail(folder() / "podman.log", lines)


def _launch(found: dict) -> subprocess.Popen:
    place = folder()
    _prepare(place)
    settings.write(place)
    ids, store = found["ids"], found["store"]
    held = _held(ids, store) if store == settings.MEMORY else None
    environment = settings.environment(place, _python_environment()) | _mark()
    entering = ["join", str(held), ids, str(place)] if held else ["run", ids, store, str(place)]
    command = _launch_command([*entering, "podman", "--log-level", "warn",
                               *settings.storage(place, store, ids, _shelves(found)), "system", "service", "--time=0", host()])
    with open(place / "podman.log", "ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True, cwd=place, env=environment)
    paths.write_whole(_note_path(), json.dumps(found | {"pid": process.pid, "holder": held}).encode())
    return process


def _mark() -> dict[str, str]:
    """Processes of the engine are told by this word in their environment."""
    return {"MULTISTAGE_ENGINE": str(folder())}


def _held(ids: str, store: str) -> int:
    """The process that holds a store in memory: the one of before if it lives. Raises EngineError."""
    holder = _note().get("holder")
    if _note().get("store") == store and _is_ours(holder) and _namespace(holder) not in (None, _namespace("self")):
        return holder
    with open(folder() / "podman.log", "ab") as log:
        process = subprocess.Popen(_launch_command(["hold", ids, store, str(folder())]), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=log, start_new_session=True, cwd="/",
                                   env=_python_environment() | _mark())
    with process.stdout as said:
        if said.readline() != b"ready\n":   # it has ended
            raise EngineError("The course's Podman did not start.", why="Its store in memory could not be made.",
                              remedy=f"Its whole log is {folder() / 'podman.log'}.", evidence=log_tail())
    return process.pid


# -- base images that need not be loaded ---------------------------------------------

def shelf_here() -> Path | None:
    """Where a base image can be put for the engine that runs now, instead of being loaded into
    it; None if that engine reads no shelf."""
    return folder() / "shelf" if _note().get("shelves") else None


def _shelves(found: dict) -> list[Path]:
    """The shelves that an engine reads, and marks what they hide. There owners are lost, so
    only an engine of one id has any; and vfs would copy what is on them."""
    own = folder() / "shelf"
    if not found.get("shelves"):
        return []
    additional_store.prepare(own)
    candidates = [own, *(kit / "shelf" for kit in paths.kits() if additional_store.names(kit / "shelf"))]
    return [each for each in candidates if additional_store.settle(each) and (found["hides"] or not additional_store.hides(each))]


def _await(process: subprocess.Popen) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _answers():
            return
        time.sleep(0.05)
    ended = process.poll() is not None
    evidence = log_tail()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait(10)
    _sweep(spared=_note().get("holder"))   # what is kept in memory is the next one's
    raise EngineError("The course's Podman did not start.",
                      why="It ended by itself." if ended else "It did not answer in time.",
                      remedy=f"Its whole log is {folder() / 'podman.log'}. `make stop` ends all of it.", evidence=evidence)


def _answers() -> bool:
    return (folder() / "podman.sock").exists() and managed.answers(host(), 5)


# -- what is noted of the one that runs ----------------------------------------------

def _note_path() -> Path:
    return folder() / "service.json"


def _note() -> dict:
    """{ids, store, hides, shelves, pid, holder} of the engine as it was started last; {} if never."""
    try:
        note = json.loads(_note_path().read_bytes())
        return note if isinstance(note, dict) else {}
    except (OSError, ValueError):
        return {}


def _namespace(pid: int | str) -> str | None:
    """'user:[4026532281]', the user namespace of a process; None if it may not be seen."""
    try:
        return os.readlink(f"/proc/{pid}/ns/user")
    except OSError:
        return None


def _alive() -> bool:
    """Whether the process that was noted lives and is ours."""
    return _is_ours(_note().get("pid"))


def _processes() -> list[int]:
    """The service, and all else that runs in its namespaces; none without it."""
    pid = _note().get("pid")
    return [pid, *_inside({_namespace(pid)} - {None}, pid)] if _alive() else []


def _is_ours(pid: object) -> bool:
    """Another process that was given the number of a dead one is not taken for it."""
    if not isinstance(pid, int):
        return False
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(f"MULTISTAGE_ENGINE={folder()}") in words


def _sweep(spared: int | None = None) -> None:
    """End every process of the engine but `spared`, and remove its socket.
    What is mounted in its namespace goes with the last process in it."""
    theirs = {namespace for _, namespace, marked in _seen() if marked} - {_namespace("self"), None}
    managed.end(lambda: _inside(theirs, spared), _STOP_SECONDS, 5)
    (folder() / "podman.sock").unlink(missing_ok=True)


def _inside(namespaces: set[str], spared: int | None = None) -> list[int]:
    """Processes in these user namespaces but `spared`: containers are known by nothing else, since
    their environment and command are the image's."""
    own = _namespace("self")   # looked at here again: a signal to all of one's own would be the end of a session
    return [pid for pid, namespace, _ in _seen()
            if pid != spared and namespace in namespaces and namespace is not None and own is not None and namespace != own]


def _seen() -> Iterator[tuple[int, str | None, bool]]:
    """(process, user namespace, whether it bears the engine's mark) of all but zombies:
    the mark of the service is in its environment, conmon's is the folder in its words. The
    command of a RUN has neither, and may be all that is left: its root is one of the engine's."""
    mark, below = os.fsencode(f"MULTISTAGE_ENGINE={folder()}"), os.fsencode(folder()) + b"/"
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            marked = (mark in (entry / "environ").read_bytes().split(b"\0")
                      or below in (entry / "cmdline").read_bytes()
                      or _rooted((entry / "mountinfo").read_bytes(), below))
            yield int(entry.name), _namespace(entry.name), marked


def _rooted(mountinfo: bytes, below: bytes) -> bool:
    """Whether what is mounted on a process's `/` lies below a folder, or is an overlay with
    layers there (proc(5): the fifth word of a line is where something is mounted)."""
    return any(line.split()[4] == b"/" and below.replace(b" ", b"\\040") in line for line in mountinfo.splitlines())
