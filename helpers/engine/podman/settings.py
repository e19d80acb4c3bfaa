"""Podman's configuration files and environment, separate from those of the user's own Podman."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ... import paths

# The path of Podman's run-time state may have at most 50 characters. The launcher mounts a file system there, which
# ends with the engine.
RUN = "/dev/shm"


def data(folder: Path, store: str, ids: str) -> Path:
    """The folder of Podman's images: one for each kind of store and ids, since none can read another's."""
    return folder / f"data-{store}-{ids}"


def storage(folder: Path, store: str, ids: str) -> list[str]:
    """Podman's options for its store and, read-only, the one that a class shares. (If it believes to be rootless, it
    ignores the folder in storage.conf.)"""
    driver = "vfs" if store == "vfs" else "overlay"
    options = ["--storage-driver", driver, "--root", str(data(folder, store, ids)), "--runroot", f"{RUN}/storage"]
    shared = paths.shared()
    if driver == "overlay" and shared and (other := data(shared / "state" / "podman", store, ids)).is_dir() \
            and other != data(folder, store, ids):
        options += ["--storage-opt", f"additionalimagestore={other}"]
    if store == "fuse-overlayfs":
        options += ["--storage-opt", f"overlay.mount_program={shutil.which(store)}"]
    return options


# A class may also share Go's compiled standard library, by wrappers of the compiler and crun (deploy/go-toolexec,
# deploy/go-crun). The launcher mounts them over a folder of /proc, which is in each container.
GO = "/proc/driver"

# Containers have a process namespace, so that ending one ends all its processes, and the session's /proc, since a
# masked one cannot be mounted again. There are no limits, since control groups cannot be made here.
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
# Short names mean Docker Hub, as in a Dockerfile.
_REGISTRIES = 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "permissive"\n'


def go() -> Path | None:
    """The folder with the Go standard library that a class shares, if there is one."""
    shared = paths.shared()
    return shared / "go" if shared and (shared / "go").is_dir() else None


def write(folder: Path) -> None:
    """Write the configuration below `folder`."""
    home = folder / "home" / ".config" / "containers"
    for place in (home, folder / "tmp"):
        place.mkdir(parents=True, exist_ok=True)
    (folder / "storage.conf").write_text('[storage]\ndriver = "overlay"\n')   # replaces the machine's
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
