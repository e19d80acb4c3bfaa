"""A session as a Binder or JupyterHub pod gives it, on this machine's engine.

    with sandbox(engine, "a") as pod:
        print(pod.run(["id"]).output)

No privileges, no capabilities, uid 1000, 2 GB of memory, one processor, no socket of
an engine. What differs is what the kernel lets a session do:

    a  no seccomp profile: it may make user namespaces, and mount in them; but its home lies on the
       container's own layers, over which the kernel overlays nothing
    b  Docker's default seccomp profile: it may make no namespace
    c  it may make namespaces, and every mount is refused (as AppArmor does)
    hub  as a, and its home lies on the machine's disk (as a JupyterHub's volume does)
    ids  as hub, and newuidmap has its privileges: subordinate ids can be had
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
COURSE = f"{HOME}/course"    # where the working tree lies in a sandbox
MEMORY = 2_000_000_000
# AppArmor answers 'permission denied', and so does this.
_REFUSED = ("mount", "umount2", "move_mount", "fsopen", "fsmount", "fspick", "open_tree",
            "mount_setattr", "pivot_root")
_NO_MOUNT = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": list(_REFUSED), "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}
PROFILES = {"a": ["seccomp=unconfined"], "hub": ["seccomp=unconfined"],
            "ids": ["seccomp=unconfined", "apparmor=unconfined"], "b": [], "c": [f"seccomp={json.dumps(_NO_MOUNT)}"]}


@dataclass(frozen=True)
class Sandbox:
    """A sandbox that runs; `kind` is a, b, c, hub or ids, `name` that of its container."""

    engine: Engine
    kind: str
    name: str

    def run(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None,
            folder: str = COURSE) -> Ran:
        """Run a command in it, in the course's folder, to its end: both streams in one."""
        api = self.engine.client.api
        began = time.perf_counter()
        made = api.exec_create(self.name, list(command), workdir=folder,
                               environment=dict(environment or {}))["Id"]
        # Not through a call that returns: one may be silent for longer than the client waits.
        pieces = list(api.exec_start(made, stream=True))
        output = b"".join(pieces).decode("utf-8", "replace")
        return Ran(output, api.exec_inspect(made)["ExitCode"], time.perf_counter() - began)

    def put(self, place: Path, name: str) -> None:
        """Copy a file of this machine into the session's home, under that name; the session's user owns it."""
        with tempfile.TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                archive.add(place, name, filter=_theirs)
            packed.seek(0)
            patient(self.engine.client.api, 1800).put_archive(self.name, HOME, packed)


@contextlib.contextmanager
def sandbox(engine: Engine, kind: str, *, memory: int = MEMORY, needed: Sequence[str] = NEEDED) -> Iterator[Sandbox]:
    """A sandbox with the working tree and the bases `needed` in it; removed when the block ends."""
    api = engine.client.api
    name = f"course-sandbox-{kind}-{secrets.token_hex(4)}"
    try:
        api.create_container(
            image(engine, needed=needed), ["sleep", "infinity"], name=name, user="1000:1000",
            labels=labels.marked(labels.RUN), volumes=[HOME] if kind in ("hub", "ids") else [], environment={"PYTHONPATH": COURSE},
            host_config=api.create_host_config(
                mem_limit=memory, memswap_limit=memory, nano_cpus=10**9,
                # newuidmap is root's with the set-user-id bit, and needs this to map for others.
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
    """The working tree as a tar: what git knows or would add, owned by the session's user."""
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
