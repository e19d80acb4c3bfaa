"""Podman's configuration files, and the environment that names them. The user's own Podman has others."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ... import paths

# Podman refuses a longer path than 50 characters for what it keeps of a run. The launcher
# puts a file system of the engine's own there; it goes when the engine does.
RUN = "/dev/shm"


def data(folder: Path, store: str, ids: str) -> Path:
    """Where Podman keeps images. Stores of different kinds and ids lie apart: what one wrote, another cannot read."""
    return folder / f"data-{store}-{ids}"


def storage(folder: Path, store: str, ids: str) -> list[str]:
    """Podman's options for its store, and for one beside it that is only read. (Where it takes itself for rootless,
    it does not believe a storage.conf's folder.)"""
    driver = "vfs" if store == "vfs" else "overlay"
    options = ["--storage-driver", driver, "--root", str(data(folder, store, ids)), "--runroot", f"{RUN}/storage"]
    shared = paths.shared()
    if driver == "overlay" and shared and (other := data(shared / "state" / "podman", store, ids)).is_dir() \
            and other != data(folder, store, ids):
        options += ["--storage-opt", f"additionalimagestore={other}"]
    if store == "fuse-overlayfs":
        options += ["--storage-opt", f"overlay.mount_program={shutil.which(store)}"]
    return options


# What Go's compiler made of the standard library may be shared too, by programs that stand before it and before
# crun (deploy/go-toolexec, deploy/go-crun). The launcher mounts them over a folder of /proc, which each container has.
GO = "/proc/driver"

# A container gets a process namespace of its own, so that ending it ends all of it, and this session's
# /proc, since a masked one may not be mounted again. Control groups cannot be made here, so none limit it.
_CONTAINERS = """\
[containers]
cgroups = "disabled"
default_sysctls = []
ipcns = "private"
log_driver = "k8s-file"
netns = "host"
utsns = "host"
volumes = ["/proc:/proc"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
"""
# A short name is Docker Hub's, as in a Dockerfile.
_REGISTRIES = 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "permissive"\n'


def go() -> Path | None:
    """The folder in which a class shares what Go's compiler made, if there is one."""
    shared = paths.shared()
    return shared / "go" if shared and (shared / "go").is_dir() else None


def write(folder: Path) -> None:
    """Write all of it below `folder`."""
    home = folder / "home" / ".config" / "containers"
    for place in (home, folder / "tmp"):
        place.mkdir(parents=True, exist_ok=True)
    (folder / "storage.conf").write_text('[storage]\ndriver = "overlay"\n')   # in place of the machine's
    runtimes = f'[engine.runtimes]\ncrun = ["{GO}/crun"]\n' if go() else ""
    (folder / "containers.conf").write_text(_CONTAINERS + runtimes)
    (folder / "registries.conf").write_text(_REGISTRIES)
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
        "XDG_DATA_HOME": str(folder / "home" / ".local"), "XDG_RUNTIME_DIR": f"{RUN}/xdg"}
