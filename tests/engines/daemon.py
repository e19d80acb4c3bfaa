"""Run an engine of another version in namespaces: with its own root file system, network, process ids and data, so that
it shares no bridge, firewall rule or image with this machine's engine. `enter.sh` cleans up."""

import contextlib
import fcntl
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from helpers.engine.processes import answers
from helpers.errors import CourseError
from helpers.limits import held
from helpers.subprocesses import tail
from helpers.units import size

from . import rootfs
from .kinds import KINDS, Kind

_ENTER = Path(__file__).with_name("enter.sh")
_NAMESPACES = ("--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "--propagation=private")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CGROUP = "multistage-engines"
_START_SECONDS = 180   # on a busy machine
_STOP_SECONDS = 40
_ROOM = 20_000_000_000   # bytes to leave free; the data of an engine are about 5 GB

_STORAGE = '[storage]\ndriver = "overlay"\ngraphroot = "{data}"\nrunroot = "/run/containers/storage"\n'
# runc, since crun refuses machines with both versions of control groups.
_CONTAINERS = '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n' \
              '[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
_REGISTRIES = 'unqualified-search-registries = ["docker.io"]\n[[registry]]\nprefix = "127.0.0.1"\n' \
              'location = "127.0.0.1"\ninsecure = true\n'


@dataclass(frozen=True)
class Daemon:
    """A running engine."""

    kind: Kind
    host: str     # its address, in the form of DOCKER_HOST
    version: str  # of its Debian package
    pid: int      # its process on this machine
    state: Path   # its folder

    def beside(self, *command: str) -> list[str]:
        """`command` in the engine's network namespace, where its published ports are."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net",
                "unshare", "--mount", "--propagation=private", "sh", "-c",
                'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(self.state / "resolv.conf"), *command]


@contextlib.contextmanager
def running(kind: Kind, report: rootfs.Report, keep: bool = False) -> Iterator[Daemon]:
    """Run an empty engine of that kind. Afterwards it is stopped and its data are deleted.

    keep  reuse the data (with base images) of the last such run, and store them again unless the block fails

    Raises CourseError if it is not available or does not start."""
    root = rootfs.make(kind.suite, report)
    version = rootfs.version(root, kind.package)
    state = rootfs.folder() / kind.key
    with contextlib.ExitStack() as ends:
        # The engine's processes inherit the lock, so the folder stays locked until all have ended.
        lock = ends.enter_context(_locked(kind))
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir(parents=True)
        ends.callback(shutil.rmtree, state, ignore_errors=True)
        store, whole = store_of(kind, version), []
        if keep:
            take(store, state / "data")
        ends.callback(lambda: whole and put_by(state / "data", store, report))
        ends.callback(_sweep_cgroups, kind)
        with open(state / "log", "wb") as log:
            process = subprocess.Popen(
                ["unshare", *_NAMESPACES, "sh", str(_ENTER), "outside", str(root), str(state),
                 *_command(kind, state)], stdin=subprocess.PIPE, stdout=log, stderr=log,
                pass_fds=[lock.fileno()], start_new_session=True, cwd="/", env={"PATH": _PATH, "LC_ALL": "C.UTF-8"})
        ends.callback(_end, process)
        yield Daemon(kind, _host(state), version, _await(kind, process, state), state)
        whole += [keep] * keep   # not after an error, when the data may be damaged


def store_of(kind: Kind, version: str) -> Path:
    """The folder of an engine's stored data, one for each version."""
    return rootfs.folder() / f"{kind.key}-store" / version


def take(store: Path, data: Path) -> None:
    """Move stored data, if there are any, to `data`, and delete those of other versions."""
    if store.is_dir():
        store.rename(data)
    shutil.rmtree(store.parent, ignore_errors=True)


def put_by(data: Path, store: Path, report: rootfs.Report) -> None:
    """Move `data` to `store` if enough disk space is left; else they are deleted with the rest."""
    if shutil.disk_usage(data).free > _ROOM:
        store.parent.mkdir(parents=True, exist_ok=True)
        data.rename(store)
        report(f"Kept for the next run: {size(held(store))} in {store}; `make purge` removes it.")


def purge(report: rootfs.Report) -> bool:
    """Delete the engines' stored data and root file systems, and report their sizes. Returns False if an engine is in
    use: then its data and the root file systems stay."""
    in_use = False
    for kind in KINDS:
        kept = [place for place in (rootfs.folder() / f"{kind.key}-store", rootfs.folder() / kind.key) if place.exists()]
        try:
            with _locked(kind, fcntl.LOCK_NB) if kept else contextlib.nullcontext():
                _delete(kept, f"the engine {kind.key}", report)
        except BlockingIOError:
            report(f"The engine {kind.key} is in use and stays.")
            in_use = True
    if not in_use:
        for root in sorted(rootfs.folder().glob("*-root")):
            _delete([root], f"the root file system {root.name}", report)
    return not in_use


def _delete(places: list[Path], what: str, report: rootfs.Report) -> None:
    total = sum(map(held, places))
    for place in places:
        shutil.rmtree(place)
    if places:
        report(f"Removed {what}: {size(total)}.")


def _locked(kind: Kind, how: int = 0) -> IO[str]:
    """The open lock file of a kind, locked until all processes that inherited it have closed it. Raises BlockingIOError
    if `how` is LOCK_NB and it is locked."""
    lock = open(rootfs.folder() / f"{kind.key}.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | how)
    except BlockingIOError:
        lock.close()
        raise
    return lock


def _host(state: Path) -> str:
    return f"unix://{state / 'docker.sock'}"


def _command(kind: Kind, state: Path) -> list[str]:
    """Write the engine's settings. Returns its command line."""
    if kind.podman:
        settings = {"storage.conf": _STORAGE.format(data=state / "data"),
                    "containers.conf": _CONTAINERS.format(files=_hard(resource.RLIMIT_NOFILE),
                                                          processes=_hard(resource.RLIMIT_NPROC)),
                    "registries.conf": _REGISTRIES}
        for name, text in settings.items():
            (state / name).write_text(text)
        (state / "tmp").mkdir()   # for whole loaded archives; /tmp is in memory
        return ["env", f"TMPDIR={state / 'tmp'}", *(f"CONTAINERS_{variable}={state / name}" for variable, name in (
                    ("STORAGE_CONF", "storage.conf"), ("CONF", "containers.conf"),
                    ("REGISTRIES_CONF", "registries.conf"))), "podman", "system", "service", "--time=0", _host(state)]
    features = {"features": {"containerd-snapshotter": True}} if kind.store == "containerd" else {}
    (state / "daemon.json").write_text(json.dumps(features))
    (state / "t").mkdir()    # short, for the path of the socket of a build's SSH mount
    return ["env", f"DOCKER_TMPDIR={state / 't'}", "dockerd", "--config-file", str(state / "daemon.json"), "--host", _host(state),
            "--data-root", str(state / "data"), "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid",
            "--cgroup-parent", f"/{_CGROUP}/{kind.key}", "--log-level", "warn"]


def _hard(limit: int) -> int:
    """This machine's limit, which Podman would try to raise; even root may not be allowed to."""
    most = resource.getrlimit(limit)[1]
    return 1048576 if most == resource.RLIM_INFINITY else most


def _await(kind: Kind, process: subprocess.Popen, state: Path) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if answers(_host(state), 5):
            return _peer(state / "docker.sock")
        time.sleep(0.1)
    raise CourseError(f"The engine {kind.key} did not start.",
                      why="Its process ended." if process.poll() is not None else "It did not answer in time.",
                      evidence=tail("\n".join(log.read_text(errors="replace") for log in sorted(state.glob("*log")))))


def _peer(place: Path) -> int:
    """The id on this machine of the process that listens on a socket (unix(7))."""
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(place))
        credentials = one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[0]


def _end(process: subprocess.Popen) -> None:
    process.stdin.close()   # which makes `enter.sh` end the daemon
    try:
        process.wait(_STOP_SECONDS)
    except BaseException:   # also for a second Ctrl-C
        process.kill()
        process.wait()


def _sweep_cgroups(kind: Kind) -> None:
    """Remove the control groups of a killed engine's containers; rmdir removes those without processes."""
    groups = Path("/sys/fs/cgroup")   # one tree, or one for each controller
    for top in [*groups.glob(f"{_CGROUP}/{kind.key}"), *groups.glob(f"*/{_CGROUP}/{kind.key}")]:
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        with contextlib.suppress(OSError):
            os.rmdir(top.parent)
