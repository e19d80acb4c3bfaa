"""Enter namespaces of one's own, then become a program: `python -m helpers.engine.podman`.

    probe IDS FOLDER       what works here, as JSON on standard output
    run IDS COMMAND ...    become COMMAND in there

IDS is `many` (subordinate ids, by newuidmap) or `one` (this user's alone, as root; the seccomp filter hides that there
is no other). It is a process of its own, since one with threads cannot enter a user namespace; and left to itself
Podman fails where newuidmap is there and has no privileges."""

import contextlib
import ctypes
import json
import os
import platform
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import seccomp, settings

IDS = ("many", "one")
_NEWUSER, _NEWNS = 0x10000000, 0x00020000               # linux/sched.h
_PRIVATE, _RECURSIVE, _BIND = 1 << 18, 1 << 14, 1 << 12   # linux/mount.h
_DETACH = 2                                             # MNT_DETACH
_FUSE = Path("/dev/fuse")
_LARGE_FILES = "/var/tmp"    # where Podman 4 writes them, whatever TMPDIR says


class NamespaceRefused(Exception):
    """The machine does not let us; the text says what and why."""


def enter(ids: str) -> None:
    """Make a user and a mount namespace, be root in them. Raises NamespaceRefused."""
    outside = os.getuid(), os.getgid()
    if ids == "many":
        _enter_with_many(*outside)
    else:
        _unshare()
        # The kernel lets one map one's own id only after giving up setgroups.
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {outside[0]} 1"), ("gid_map", f"0 {outside[1]} 1")):
            try:
                Path(f"/proc/self/{name}").write_text(text)
            except OSError as error:
                raise NamespaceRefused(
                    f"this user's id cannot be mapped into a user namespace ({error.strerror})") from error
    os.setgid(0)
    os.setuid(0)
    _mount("none", "/", None, _PRIVATE | _RECURSIVE, None)
    # Podman keeps its locks there, and what it keeps of a run. Its own: neither too small nor another Podman's.
    _mount("tmpfs", settings.RUN, "tmpfs", 0, "mode=1777,size=64m")
    os.makedirs(f"{settings.RUN}/xdg", mode=0o700)
    if go := settings.go():
        _mount(str(go), settings.GO, None, _BIND, None)


def _enter_with_many(uid: int, gid: int) -> None:
    """newuidmap has to be called from outside: by a child that stays there."""
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
        raise NamespaceRefused("newuidmap may not map subordinate ids here (it has no privileges, or there are none)")


def _map(pid: int, uid: int, gid: int) -> int:
    for program, own, table in (("newuidmap", uid, "/etc/subuid"), ("newgidmap", gid, "/etc/subgid")):
        given = subordinate(Path(table).read_text(), uid)
        if not given or not shutil.which(program):
            return 1
        first, count = given
        if subprocess.run([program, str(pid), "0", str(own), "1", "1", str(first), str(count)],
                          capture_output=True).returncode:    # the probe as a whole has its time
            return 1
    return 0


def subordinate(table: str, uid: int) -> tuple[int, int] | None:
    """(first, count) of the longest range that /etc/subuid gives this user, by name or
    number; None below the 65536 that images take for granted."""
    import pwd  # not on Windows, which this module is imported on too

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
        raise NamespaceRefused(f"no user namespace may be made ({os.strerror(ctypes.get_errno())})")


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    """mount(2). Raises NamespaceRefused."""
    libc = ctypes.CDLL(None, use_errno=True)
    words = [None if each is None else os.fsencode(each) for each in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), None if options is None else os.fsencode(options)):
        raise NamespaceRefused(f"mounting is refused in a user namespace ({os.strerror(ctypes.get_errno())})")


def _unmount(target: Path | str) -> None:
    ctypes.CDLL(None).umount2(os.fsencode(target), _DETACH)


def store(folder: Path, ids: str) -> str:
    """How layers can be kept in `folder`, from inside the namespaces: 'overlay' in the kernel, 'fuse-overlayfs', a
    program, or 'vfs', copies. Raises NamespaceRefused where one id would have only copies: the engine over PRoot does
    better."""
    if _overlays(folder):
        return "overlay"
    if shutil.which("fuse-overlayfs") and _opens(_FUSE):
        return "fuse-overlayfs"
    if ids == "one":
        raise NamespaceRefused("the kernel overlays no files on this disk; MULTISTAGE_HOME names a folder on another")
    return "vfs"


def _overlays(folder: Path) -> bool:
    """Whether the kernel overlays files in `folder`: on another overlay, as the root of a container is, it does not.
    What a layer deletes has to stay deleted: that is tried, since without extended attributes it does not."""
    # A folder of its own: two may try at once, and one that swept away the other's would make it
    # start on another store, without the images of this one.
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
    """{ok, store} or {ok, why}. The process is inside from here on."""
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
        return {"ok": False, "why": f"what a user namespace needs was refused ({error.strerror})"}


def _fake(folder: Path) -> None:
    """Install the filter and see it work. Raises NamespaceRefused."""
    try:
        seccomp.install()
        os.chown(folder, 1, 1)   # to a user that does not exist: only a fake succeeds
    except OSError as error:
        raise NamespaceRefused(f"its seccomp filter was refused ({error.strerror})") from error


def main(words: Sequence[str]) -> None:
    """Enter the namespace and become the service, or `probe` and print what was found."""
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
    # What Podman's own launcher sets for its second self, so that it makes no namespace.
    os.environ.update(_CONTAINERS_USERNS_CONFIGURED="done", _CONTAINERS_ROOTLESS_UID=str(uid),
                      _CONTAINERS_ROOTLESS_GID=str(gid))
    os.execvp(words[0], words)
