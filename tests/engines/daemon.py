"""An engine of another version: started in namespaces of its own, used, ended. It has its own root file system,
network, process ids and data, and shares nothing with this machine's engine: no bridge, no firewall rule, no image. See
`enter.sh` for how nothing of it is left behind."""

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
_START_SECONDS = 180   # a busy machine takes its time
_STOP_SECONDS = 40
_ROOM = 20_000_000_000   # bytes that stay free beside what is put by: about 5 GB an engine

_STORAGE = '[storage]\ndriver = "overlay"\ngraphroot = "{data}"\nrunroot = "/run/containers/storage"\n'
# runc, since crun refuses a machine that has control groups of both versions.
_CONTAINERS = '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n' \
              '[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
_REGISTRIES = 'unqualified-search-registries = ["docker.io"]\n[[registry]]\nprefix = "127.0.0.1"\n' \
              'location = "127.0.0.1"\ninsecure = true\n'


@dataclass(frozen=True)
class Daemon:
    """An engine that runs."""

    kind: Kind
    host: str     # its address, as DOCKER_HOST would have it
    version: str  # of the Debian package that it is from
    pid: int      # its process on this machine
    state: Path   # its folder

    def beside(self, *command: str) -> list[str]:
        """`command` as it has to be run to share the engine's network: ports that it
        publishes are there, and what listens on loopback is on its loopback too."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net",
                "unshare", "--mount", "--propagation=private", "sh", "-c",
                'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(self.state / "resolv.conf"), *command]


@contextlib.contextmanager
def running(kind: Kind, report: rootfs.Report, keep: bool = False) -> Iterator[Daemon]:
    """An engine of that kind, empty. However the block is left, it ends and its data go.

    keep  begin with the data of the last such run, and put them by again if the block comes to its end: then the base
          images need not be handed on anew

    Raises CourseError where it cannot be had or does not start."""
    root = rootfs.make(kind.suite, report)
    version = rootfs.version(root, kind.package)
    state = rootfs.folder() / kind.key
    with contextlib.ExitStack() as ends:
        # The engine's own processes hold the lock too: until the last of them has gone,
        # whatever became of the one that started them, nobody else takes the folder.
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
        whole += [keep] * keep   # not after an error: who knows what is in it


def store_of(kind: Kind, version: str) -> Path:
    """Where data of that engine are put by. Another version begins anew."""
    return rootfs.folder() / f"{kind.key}-store" / version


def take(store: Path, data: Path) -> None:
    """Move what was put by to `data`, if there is any; what other versions left goes."""
    if store.is_dir():
        store.rename(data)
    shutil.rmtree(store.parent, ignore_errors=True)


def put_by(data: Path, store: Path, report: rootfs.Report) -> None:
    """Move `data` to `store` where that leaves room on the disk; else they go with the rest."""
    if shutil.disk_usage(data).free > _ROOM:
        store.parent.mkdir(parents=True, exist_ok=True)
        data.rename(store)
        report(f"Kept for the next run: {size(held(store))} in {store}; `make purge` removes it.")


def purge(report: rootfs.Report) -> bool:
    """Delete what is kept between runs, the engines' data and their root file systems, and report the
    sizes. False if an engine is in use: its data and the root file systems stay."""
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
    """The open lock file of a kind, held until it is closed here and in whatever inherited it.
    Raises BlockingIOError where `how` is LOCK_NB and it is taken."""
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
    """What is run inside, its settings written."""
    if kind.podman:
        settings = {"storage.conf": _STORAGE.format(data=state / "data"),
                    "containers.conf": _CONTAINERS.format(files=_hard(resource.RLIMIT_NOFILE),
                                                          processes=_hard(resource.RLIMIT_NPROC)),
                    "registries.conf": _REGISTRIES}
        for name, text in settings.items():
            (state / name).write_text(text)
        (state / "tmp").mkdir()   # a loaded archive lies there whole; its own /tmp is memory
        return ["env", f"TMPDIR={state / 'tmp'}", *(f"CONTAINERS_{variable}={state / name}" for variable, name in (
                    ("STORAGE_CONF", "storage.conf"), ("CONF", "containers.conf"),
                    ("REGISTRIES_CONF", "registries.conf"))), "podman", "system", "service", "--time=0", _host(state)]
    features = {"features": {"containerd-snapshotter": True}} if kind.store == "containerd" else {}
    (state / "daemon.json").write_text(json.dumps(features))
    (state / "t").mkdir()    # the socket of a build's SSH mount lies below, and data/tmp makes its path too long
    return ["env", f"DOCKER_TMPDIR={state / 't'}", "dockerd", "--config-file", str(state / "daemon.json"), "--host", _host(state),
            "--data-root", str(state / "data"), "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid",
            "--cgroup-parent", f"/{_CGROUP}/{kind.key}", "--log-level", "warn"]


def _hard(limit: int) -> int:
    """This machine's own limit: root may not raise it everywhere, and Podman would ask for more."""
    most = resource.getrlimit(limit)[1]
    return 1048576 if most == resource.RLIM_INFINITY else most


def _await(kind: Kind, process: subprocess.Popen, state: Path) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if answers(_host(state), 5):
            return _peer(state / "docker.sock")
        time.sleep(0.1)
    raise CourseError(f"The engine {kind.key} did not start.",
                      why="It ended by itself." if process.poll() is not None else "It did not answer in time.",
                      evidence=tail("\n".join(log.read_text(errors="replace") for log in sorted(state.glob("*log")))))


def _peer(place: Path) -> int:
    """The process that listens on a socket, by the number that it has on this machine (unix(7))."""
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(place))
        credentials = one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[0]


def _end(process: subprocess.Popen) -> None:
    process.stdin.close()   # `enter.sh` ends the daemon when it sees that
    try:
        process.wait(_STOP_SECONDS)
    except BaseException:   # in no hurry once; a second Ctrl-C does not wait
        process.kill()
        process.wait()


def _sweep_cgroups(kind: Kind) -> None:
    """The groups that containers of a killed engine were in. An empty folder of
    that file system goes by rmdir; one with processes in it does not."""
    groups = Path("/sys/fs/cgroup")   # one tree, or one a controller
    for top in [*groups.glob(f"{_CGROUP}/{kind.key}"), *groups.glob(f"*/{_CGROUP}/{kind.key}")]:
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        with contextlib.suppress(OSError):
            os.rmdir(top.parent)
