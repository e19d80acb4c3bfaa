"""Podman, and how the course runs it without privileges, as two rungs: `podman` with subordinate ids, `podman-one-id`
with only this user's. Its data are in one folder that only this user can open. Stopping it ends all processes in its
namespaces, and with them its mounts."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ... import paths
from ...errors import EngineUnreachable
from .. import processes, tar_split
from ..backend import Backend
from ..capabilities import Capabilities
from . import launcher, namespaces, settings

_RUNGS = {"many": "podman", "one": "podman-one-id"}
_PROGRAMS = ("podman", "conmon", "crun")
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/libexec/podman:/usr/local/libexec/podman:/usr/lib/podman"
_PROBE_SECONDS = (20, 90)   # timeouts of the first and second attempt

_LIMITS = (
    "Builds use Buildah: stages run one after another, "
    "and there is no BuildKit trace to draw and no build cache to list or prune.",
    "An interrupt ends the command of a RUN only on this machine: Podman on another "
    "machine finishes the command before it stops the build.")
_NO_BASES = ("Base images cannot be made here, since Podman 4 does not cache steps that mount a secret: they "
             "come from a registry, a mirror or a kit.")
_OPEN = ("A server that a check runs can reach the network: Podman makes a closed network only "
         "when something runs in it.")
# Seen with 4.3.1, not with 5.8.6.
_EMPTY_FILES = ("The layer of a RUN may have three more, empty files: /etc/hostname, /etc/hosts, /etc/resolv.conf. "
                "Podman 4 leaves these mount points if the image had no such files.")
_OWNED = ("Its containers have the session's limits of memory and processes, and no others.",
          "A server in it listens on this session's own ports; networks cannot be made.")
_ONE_ID = ("There is one user id: every file in an image is root's and every process runs as root, "
           "whatever USER and chown say.")

_good: dict[Path, dict] = {}   # successful probes


class Podman(Backend):
    """Podman, whose builder is Buildah."""

    name, builders, process = "Podman Engine", ("buildah",), b"podman"
    title, home, socket, log = "Podman", "podman", "podman.sock", "podman.log"
    remedy = "`make stop` resets it. Else use a machine with Docker or open the repository in GitHub Codespaces."

    def capabilities(self, version: int, owned: bool, store: str = "") -> Capabilities:
        """Podman before 5 does not support heredocs (4.9.3) or cache steps that mount a secret. The course's own uses
        this machine's network, since making a bridge takes privileges."""
        new = version >= 5
        return Capabilities(mounting=("buildah",), heredocs=("buildah",) if new else (), relative_mounts=new,
                            cache_sees_mounts=new, makes_bases=new, matches_any_prefix=True, looks_into_registry=False,
                            has_users=not owned or self._ids() == "many", shares_network=owned,
                            keeps_ulimits=new or owned, fills_tmpfs=True, prints_exec_errors=True, process_columns=True)

    def limits(self, version: int, owned: bool) -> tuple[str, ...]:
        limits = [*_LIMITS, *((_OPEN,) if version >= 5 else (_NO_BASES, _OPEN, _EMPTY_FILES))]
        if owned:
            limits += [*_OWNED, *([_ONE_ID] if self._ids() == "one" else [])]
        return tuple(limits)

    def rung(self) -> str:
        return _RUNGS[self._ids()]

    def _ids(self) -> str:
        """'many' or 'one', from its last start."""
        return self._note().get("ids", "one")

    def obstacle(self) -> str:
        if sys.platform != "linux":
            return "Podman without privileges requires Linux."
        missing = [name for name in _PROGRAMS if not shutil.which(name, path=_PATH)]
        if missing:
            return (f"Podman is not installed (missing: {', '.join(missing)}): on Debian and Ubuntu "
                    "`apt-get install podman crun`, elsewhere `conda install -c conda-forge podman`.")
        found = self._probed()
        return "" if found["ok"] else f"Podman does not work here: {found['why']}."

    def _probed(self) -> dict:
        """{ok, ids, store} or {ok, why}, trying subordinate ids first. Raises EngineUnreachable if a probe times
        out."""
        place = self.folder()
        if place in _good:
            return _good[place]
        try:
            self._make_folder()
        except OSError as error:
            return {"ok": False, "why": f"{place} cannot be made ({error.strerror})"}
        found: dict = {}
        for ids in launcher.IDS:
            found = _launched(["probe", ids, str(place)], _PROBE_SECONDS) | {"ids": ids}
            if found["ok"]:
                _good[place] = found
                break
        return found

    def layer(self, digests: Sequence[str]) -> Iterator[bytes] | None:
        """Source: containers/storage, docs/containers-storage-layers.md and layers.go."""
        note = self._note()
        if note.get("store") not in ("overlay", "fuse-overlayfs"):
            return None
        store = settings.data(self.folder(), note["store"], note["ids"])
        listed = json.loads((store / "overlay-layers/layers.json").read_bytes())
        layer = next((each["id"] for each in listed if each.get("diff-digest") == digests[-1]), None)
        if layer is None:
            return None
        return tar_split.assembled(store / f"overlay-layers/{layer}.tar-split.gz", store / f"overlay/{layer}/diff")

    def _launch(self) -> subprocess.Popen:
        place, found = self.folder(), self._probed()
        settings.write(place)
        command = _launch_command(["run", found["ids"], "podman", "--log-level", "warn",
                                   *settings.storage(place, found["store"], found["ids"]),
                                   "system", "service", "--time=0", self.host()])
        environment = settings.environment(place, processes.environment()) | {namespaces.MARK: str(place)}
        process = self._spawn(command, environment, cwd=str(place))
        paths.write_whole(place / "service.json", json.dumps(found | {"pid": process.pid}).encode())
        return process

    def _note(self) -> dict:
        """{ids, store, pid} of its last start; {} if there was none."""
        try:
            note = json.loads((self.folder() / "service.json").read_bytes())
            return note if isinstance(note, dict) else {}
        except (OSError, ValueError):
            return {}

    def _pid(self) -> int | None:
        pid = self._note().get("pid")
        return pid if namespaces.is_marked(pid, self.folder()) else None

    def _processes(self) -> list[int]:
        pid = self._pid()
        return [] if pid is None else [pid, *namespaces.inside({namespaces.namespace(pid)}, self.folder(), pid)]

    def _clear(self) -> None:
        own = namespaces.marked(self.folder())
        processes.end(lambda: namespaces.inside(own, self.folder()), self.stop_seconds, 5)
        (self.folder() / self.socket).unlink(missing_ok=True)

    def _delete(self) -> None:
        place, ids = self.folder(), self._note().get("ids")
        if ids:
            # Only root in the namespace can delete files of subordinate ids and folders without permissions.
            subprocess.run(_launch_command(["run", ids, "rm", "-rf", "--", str(place)]),
                           capture_output=True, env=processes.environment(), stdin=subprocess.DEVNULL)
        shutil.rmtree(place, ignore_errors=True)
        _good.pop(place, None)


def _launched(words: list[str], timeouts: Iterable[float]) -> dict:
    """The result of a probe. Raises EngineUnreachable if it times out: a busy session must not fall back to a slower
    engine."""
    for timeout in timeouts:
        try:
            done = subprocess.run(_launch_command(words), capture_output=True, text=True, timeout=timeout,
                                  stdin=subprocess.DEVNULL, env=processes.environment())
            return json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            continue
        except ValueError:
            return {"ok": False, "why": (done.stderr.strip().splitlines() or ["the probe printed nothing"])[-1]}
    raise EngineUnreachable("The course could not find out whether Podman works here.",
                            why=f"The test did not finish in {timeout:g} seconds: this machine is very busy.",
                            remedy="Run this again when it is less busy.")


def _launch_command(words: list[str]) -> list[str]:
    return processes.module("helpers.engine.podman.launcher", *words)
