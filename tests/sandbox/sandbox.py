"""A session like that of a Binder or JupyterHub pod, on this machine's engine.

    with sandbox(engine, "a") as pod:
        print(pod.run(["id"]).output)

No privileges, no capabilities, uid 1000, 2 GB of memory, one processor, no engine's
socket. The kinds differ in what the kernel allows:

    a    no seccomp profile: user namespaces and mounts in them; the home is in the container's
         layers, where the kernel supports no overlays
    b    Docker's default seccomp profile: no namespaces
    c    namespaces without mounts (as under AppArmor)
    hub  as a, with the home on the machine's disk (as a JupyterHub's volume)
    ids  as hub, with a privileged newuidmap and so with subordinate ids
"""

import contextlib
import io
import json
import secrets
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docker.errors import NotFound

from helpers import labels
from helpers.container import Ran
from helpers.engine import Engine
from helpers.engine.timeouts import patient

from .image import NEEDED, ROOT, USER, image

HOME = f"/home/{USER}"
COURSE = f"{HOME}/course"    # the working tree in a sandbox
MEMORY = 2_000_000_000
# With AppArmor's error, 'permission denied'.
_REFUSED = ("mount", "umount2", "move_mount", "fsopen", "fsmount", "fspick", "open_tree",
            "mount_setattr", "pivot_root")
_NO_MOUNT = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": list(_REFUSED), "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}
PROFILES = {"a": ["seccomp=unconfined"], "hub": ["seccomp=unconfined"],
            "ids": ["seccomp=unconfined", "apparmor=unconfined"], "b": [], "c": [f"seccomp={json.dumps(_NO_MOUNT)}"]}


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox; `kind` is a, b, c, hub or ids, `name` its container's name."""

    engine: Engine
    kind: str
    name: str

    def run(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None,
            folder: str = COURSE) -> Ran:
        """Run a command in it, by default in the course's folder; the output has both streams."""
        api = self.engine.client.api
        began = time.perf_counter()
        made = api.exec_create(self.name, list(command), workdir=folder,
                               environment=dict(environment or {}))["Id"]
        # Streamed, since the command may be silent for longer than the client's timeout.
        pieces = list(api.exec_start(made, stream=True))
        output = b"".join(pieces).decode("utf-8", "replace")
        return Ran(output, api.exec_inspect(made)["ExitCode"], time.perf_counter() - began)

    def put(self, place: Path, name: str) -> None:
        """Copy a file of this machine into the session's home, owned by its user."""
        with tempfile.TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                archive.add(place, name, filter=_theirs)
            packed.seek(0)
            patient(self.engine.client.api, 1800).put_archive(self.name, HOME, packed)


@contextlib.contextmanager
def sandbox(engine: Engine, kind: str, *, memory: int = MEMORY, needed: Sequence[str] = NEEDED) -> Iterator[Sandbox]:
    """A sandbox with the working tree and the bases `needed`, removed after the block."""
    api = engine.client.api
    name = f"course-sandbox-{kind}-{secrets.token_hex(4)}"
    try:
        api.create_container(
            image(engine, needed=needed), ["sleep", "infinity"], name=name, user="1000:1000",
            labels=labels.marked(labels.RUN), volumes=[HOME] if kind in ("hub", "ids") else [], environment={"PYTHONPATH": COURSE},
            host_config=api.create_host_config(
                mem_limit=memory, memswap_limit=memory, nano_cpus=10**9,
                # newuidmap is setuid root and needs this to map ids of others.
                **({"cap_add": ["SYS_ADMIN"]} if kind == "ids" else {"cap_drop": ["ALL"]}),
                security_opt=[*PROFILES[kind], *([] if kind == "ids" else ["no-new-privileges"])]))
        api.start(name)
        pod = Sandbox(engine, kind, name)
        api.put_archive(name, HOME, _tree())
        yield pod
    finally:
        with contextlib.suppress(NotFound):
            # A session that loaded large bases may have a gigabyte to delete.
            patient(api, 600).remove_container(name, force=True, v=True)


def _tree() -> bytes:
    """A tar of the working tree, without ignored files, owned by the session's user."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
                            cwd=ROOT, capture_output=True, check=True).stdout.decode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        top = tarfile.TarInfo("course")
        top.type, top.mode, top.uid, top.gid = tarfile.DIRTYPE, 0o755, 1000, 1000
        archive.addfile(top)
        seen: set[str] = set()
        for path in sorted(filter(None, listed.split("\0"))):
            place = ROOT / path
            if place.is_symlink() and path == ".venv" or not (place.exists() or place.is_symlink()):
                continue
            for parent in [*reversed(place.relative_to(ROOT).parents)][1:]:
                if str(parent) not in seen:
                    seen.add(str(parent))
                    archive.add(ROOT / parent, f"course/{parent}", recursive=False, filter=_theirs)
            archive.add(place, f"course/{path}", recursive=False, filter=_theirs)
    return packed.getvalue()


def _theirs(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 1000
    info.uname = info.gname = USER
    return info
