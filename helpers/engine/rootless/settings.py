"""What Podman is told: its configuration files, and the environment that names them.

Nothing of the user's own Podman is read or written: its settings might contradict
these, and its store is not the course's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def storage(folder: Path, store: str, ids: str) -> str:
    """The text of storage.conf. Stores of different kinds and ids lie apart: what one
    wrote, another cannot read."""
    driver = "vfs" if store == "vfs" else "overlay"
    lines = ["[storage]", f'driver = "{driver}"', f'graphroot = {json.dumps(str(data(folder, store, ids)))}',
             f'runroot = {json.dumps(str(folder / "run" / "storage"))}', f"[storage.options.{driver}]"]
    if store == "fuse-overlayfs":
        lines.append('mount_program = "fuse-overlayfs"')
    if ids == "one":
        lines.append('ignore_chown_errors = "true"')
    return "\n".join(lines) + "\n"


def data(folder: Path, store: str, ids: str) -> Path:
    """Where the layers lie."""
    return folder / f"data-{store}-{ids}"


def containers() -> str:
    """The text of containers.conf.

    A container gets a process namespace of its own, so that ending it ends all of it,
    and this session's /proc, since a masked one may not be mounted anew. Nobody may
    make control groups here, so none are made and none limit it.
    """
    return """\
[containers]
cgroups = "disabled"
default_sysctls = []
ipcns = "host"
log_driver = "k8s-file"
netns = "host"
utsns = "host"
volumes = ["/proc:/proc"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
"""


def registries() -> str:
    """The text of registries.conf: a short name is Docker Hub's, as in a Dockerfile."""
    return 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "permissive"\n'


def write(folder: Path, store: str, ids: str) -> None:
    """Write all of it below `folder`."""
    home = folder / "home" / ".config" / "containers"
    for place in (home, folder / "run" / "xdg", folder / "tmp"):
        place.mkdir(parents=True, exist_ok=True)
    (folder / "run" / "xdg").chmod(0o700)
    (folder / "storage.conf").write_text(storage(folder, store, ids))
    (folder / "containers.conf").write_text(containers())
    (folder / "registries.conf").write_text(registries())
    (home / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}\n')


def environment(folder: Path, outer: Mapping[str, str]) -> dict[str, str]:
    """The environment of the service."""
    kept = {name: value for name, value in outer.items() if not name.startswith(("CONTAINER", "DOCKER", "PODMAN"))}
    return kept | {
        "BUILDAH_ISOLATION": "chroot", "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"), "HOME": str(folder / "home"),
        "PATH": f"{outer.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin",
        "TMPDIR": str(folder / "tmp"), "XDG_CONFIG_HOME": str(folder / "home" / ".config"),
        "XDG_DATA_HOME": str(folder / "home" / ".local"), "XDG_RUNTIME_DIR": str(folder / "run" / "xdg"),
    }
