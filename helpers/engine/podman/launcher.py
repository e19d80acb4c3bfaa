"""Enter new namespaces and become a program: `python -m helpers.engine.podman.launcher`.

    probe IDS FOLDER       print what works here, as JSON
    run IDS COMMAND ...    execute COMMAND in the namespaces

IDS is `many` (subordinate ids, by newuidmap) or `one` (only this user's, as root; the seccomp filter hides that there
are no others). It is a separate process, since one with threads cannot enter a user namespace. Podman's own launcher
fails if newuidmap is installed without privileges."""

import contextlib
import ctypes
import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import seccomp, settings

IDS = ("many", "one")
_NEWUSER, _NEWNS = 0x10000000, 0x00020000               # linux/sched.h
_PRIVATE, _RECURSIVE, _BIND = 1 << 18, 1 << 14, 1 << 12   # linux/mount.h
_DETACH = 2                                             # MNT_DETACH
_FUSE = Path("/dev/fuse")
_LARGE_FILES = "/var/tmp"    # where Podman 4 writes them, ignoring TMPDIR


class NamespaceRefused(Exception):
    """The machine refuses something; the message says what and why."""


def enter(ids: str) -> None:
    """Make a user and a mount namespace and become root in them. Raises NamespaceRefused."""
    outside = os.getuid(), os.getgid()
    if ids == "many":
        _enter_with_many(*outside)
    else:
        _unshare()
        # The kernel allows mapping one's own id only after setgroups is denied.
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {outside[0]} 1"), ("gid_map", f"0 {outside[1]} 1")):
            try:
                Path(f"/proc/self/{name}").write_text(text)
            except OSError as error:
                raise NamespaceRefused(
                    f"this user's id cannot be mapped into a user namespace ({error.strerror})") from error
    os.setgid(0)
    os.setuid(0)
    _mount("none", "/", None, _PRIVATE | _RECURSIVE, None)
    # For Podman's locks and run-time state: the machine's may be too small, or in use by another Podman.
    _mount("tmpfs", settings.RUN, "tmpfs", 0, "mode=1777,size=64m")
    os.makedirs(f"{settings.RUN}/xdg", mode=0o700)
    if go := settings.go():
        _mount(str(go), settings.GO, None, _BIND, None)


def _enter_with_many(uid: int, gid: int) -> None:
    """newuidmap must be called from outside: by a child that stays there."""
    ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ready[1])
        code = 1
        try:
            if os.read(ready[0], 1):
                code = _map(os.getppid(), uid, gid)
        finally:
            os._exit(code)
    try:
        _unshare()
        os.write(ready[1], b"1")
    finally:
        for end in ready:
            os.close(end)
        failed = os.waitpid(child, 0)[1]
    if failed:
        raise NamespaceRefused("newuidmap cannot map subordinate ids here (it lacks privileges, or there are no ids)")


def _map(pid: int, uid: int, gid: int) -> int:
    for program, own, table in (("newuidmap", uid, "/etc/subuid"), ("newgidmap", gid, "/etc/subgid")):
        given = subordinate(Path(table).read_text(), uid)
        if not given or not shutil.which(program):
            return 1
        first, count = given
        if subprocess.run([program, str(pid), "0", str(own), "1", "1", str(first), str(count)],
                          capture_output=True).returncode:    # no timeout: the whole probe has one
            return 1
    return 0


def subordinate(table: str, uid: int) -> tuple[int, int] | None:
    """(first, count) of this user's longest range in /etc/subuid, by name or number; None if it is shorter than the
    65536 ids that images expect."""
    import pwd  # Windows has no such module and imports this one

    names = {str(uid)}
    with contextlib.suppress(KeyError):   # a pod may run as an id without a name
        names.add(pwd.getpwuid(uid).pw_name)
    found = []
    for line in table.splitlines():
        owner, _, rest = line.strip().partition(":")
        first, _, count = rest.partition(":")
        if owner in names and first.isdigit() and count.isdigit() and int(count) >= 65536:
            found.append((int(first), int(count)))
    return max(found, key=lambda each: each[1], default=None)


def _unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEWUSER | _NEWNS):
        raise NamespaceRefused(f"user namespaces are refused ({os.strerror(ctypes.get_errno())})")


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    """mount(2). Raises NamespaceRefused."""
    libc = ctypes.CDLL(None, use_errno=True)
    words = [None if each is None else os.fsencode(each) for each in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), None if options is None else os.fsencode(options)):
        raise NamespaceRefused(f"mounting is refused in a user namespace ({os.strerror(ctypes.get_errno())})")


def _unmount(target: Path | str) -> None:
    ctypes.CDLL(None).umount2(os.fsencode(target), _DETACH)


def store(folder: Path, ids: str) -> str:
    """The best way to store layers in `folder`, inside the namespaces: 'overlay', 'fuse-overlayfs' or 'vfs' (copies).
    Raises NamespaceRefused for copies with one id, since the engine over PRoot is better."""
    if _overlays(folder):
        return "overlay"
    if shutil.which("fuse-overlayfs") and _opens(_FUSE):
        return "fuse-overlayfs"
    if ids == "one":
        raise NamespaceRefused("this disk does not support overlays; set MULTISTAGE_HOME to a folder on another one")
    return "vfs"


def _overlays(folder: Path) -> bool:
    """Whether the kernel supports overlays in `folder` (not on another overlay, such as a container's root) and keeps
    deletions in them (which takes extended attributes)."""
    # Concurrent probes need different folders: else one would fail and start on another store, without the images.
    own = folder / f".overlay-probe-{secrets.token_hex(4)}"
    try:
        for place in (own / "upper", own / "work", own / "merged", own / "lower/full"):
            place.mkdir(parents=True)
        (own / "lower/full/old").touch()
        _mount("overlay", str(own / "merged"), "overlay", 0,
               f"lowerdir={own}/lower,upperdir={own}/upper,workdir={own}/work,userxattr")
        try:
            seen = own / "merged"
            (seen / "written").touch()
            shutil.rmtree(seen / "full")
            (seen / "full").mkdir()
            return not os.listdir(seen / "full")
        finally:
            _unmount(own / "merged")
    except (NamespaceRefused, OSError):
        return False
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _opens(device: Path) -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open(device, os.O_RDWR))
        return True
    return False


def probe(ids: str, folder: Path) -> dict[str, object]:
    """{ok, store} or {ok, why}. The process stays in the namespaces."""
    try:
        if ids == "one" and not seccomp.known():
            raise NamespaceRefused(f"there is no seccomp filter for the processor {platform.machine()}")
        enter(ids)
        found = store(folder, ids)
        if ids == "one":
            _fake(folder)
        return {"ok": True, "store": found}
    except NamespaceRefused as error:
        return {"ok": False, "why": str(error)}
    except OSError as error:
        return {"ok": False, "why": f"setting up a user namespace was refused ({error.strerror})"}


def _fake(folder: Path) -> None:
    """Install and test the filter. Raises NamespaceRefused."""
    try:
        seccomp.install()
        os.chown(folder, 1, 1)   # without the filter this fails: there is no such user
    except OSError as error:
        raise NamespaceRefused(f"the seccomp filter was refused ({error.strerror})") from error


def main(words: Sequence[str]) -> None:
    """Run the command line: `probe` or `run`."""
    doing, ids, *words = words
    uid, gid = os.getuid(), os.getgid()
    if doing == "probe":
        print(json.dumps(probe(ids, Path(words[0]))))
        return
    enter(ids)
    if not os.access(_LARGE_FILES, os.W_OK):
        _mount(os.environ["TMPDIR"], _LARGE_FILES, None, _BIND, None)
    if ids == "one":
        seccomp.install()
    # As Podman's own launcher sets them, so that it makes no further namespace.
    os.environ.update(_CONTAINERS_USERNS_CONFIGURED="done", _CONTAINERS_ROOTLESS_UID=str(uid),
                      _CONTAINERS_ROOTLESS_GID=str(gid))
    os.execvp(words[0], words)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NamespaceRefused as error:
        sys.exit(str(error))
