"""Extract archives into a folder, never writing outside it, wherever names and links lead."""

import contextlib
import errno
import os
import posixpath
import shutil
import tarfile
from collections.abc import MutableMapping

from .paths import remove

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
Owner = tuple[int, int]
_LINKS = 40   # in a row; Linux gives up there too


def inside(root: str, path: str, *, follow: bool = True) -> str:
    """The place on this machine of `path` in the file system at `root`, whether it exists or not. Links are resolved
    inside root, the last part only if `follow`, and `..` stops there. Raises OSError (ELOOP) for a loop of links."""
    done: list[str] = []
    waiting, links = [part for part in reversed(path.split("/")) if part not in ("", ".")], 0
    while waiting:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done[-1:] = []
            continue
        place = os.path.join(root, *done, part)
        if os.path.islink(place) and (waiting or follow):
            links += 1
            if links > _LINKS:
                raise OSError(errno.ELOOP, "Too many levels of symbolic links", path)
            target = os.readlink(place)
            if target.startswith("/"):
                done = []
            waiting += reversed(target.split("/"))
        else:
            done.append(part)
    return os.path.join(root, *done)


def clean(path: str) -> str:
    """A normalized path without slashes at its ends: './a/' -> 'a', '/' -> ''."""
    return posixpath.normpath("/" + path).strip("/")


def extract(archive: tarfile.TarFile, root: str, owners: MutableMapping[str, Owner] | None = None, *,
            whiteouts: bool = False, modes: int = 0o7777, keep_folders: bool = False) -> None:
    """Extract an archive over the files at `root`, as this user's files and without device nodes, which need
    privileges.

    owners        {path: (uid, gid)}, updated with the owners other than root
    whiteouts     whether it is a layer, in which `.wh.x` deletes x
    modes         mask for the modes of files
    keep_folders  whether a file that would replace a folder is an error

    Raises OSError and tarfile.TarError."""
    owners = {} if owners is None else owners
    folders: list[tuple[str, tarfile.TarInfo]] = []
    known, above = None, ""   # the previous entry's folder: most have the same
    for entry in archive:
        path = clean(entry.name)
        if not path:
            continue
        folder, _, name = path.rpartition("/")
        if folder != known:
            above = inside(root, folder)
            os.makedirs(above, exist_ok=True)
            known = folder
        if whiteouts and name.startswith(WHITEOUT):
            gone = os.listdir(above) if name == OPAQUE else [name.removeprefix(WHITEOUT)]
            for child in {*gone} - {"", ".", ".."}:   # which only a hostile layer has
                remove(os.path.join(above, child))
            known = None
            continue
        place = os.path.join(above, name)
        if keep_folders and not entry.isdir() and os.path.isdir(place) and not os.path.islink(place):
            raise IsADirectoryError(errno.EISDIR, "a file would replace a folder", place)
        entry.mode &= modes
        if _made(archive, entry, place, root):
            owners.pop(path, None)
            if (entry.uid, entry.gid) != (0, 0):
                owners[path] = (entry.uid, entry.gid)
        if not entry.isreg():
            known = None   # a new link may change where the folder is
        if entry.isdir():
            folders.append((place, entry))
    for place, entry in reversed(folders):   # last: its owner may have no access to a directory
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.chmod(place, entry.mode & 0o7777)
            os.utime(place, (entry.mtime, entry.mtime))


def _made(archive: tarfile.TarFile, entry: tarfile.TarInfo, place: str, root: str) -> bool:
    if entry.isdir():
        if os.path.islink(place) or not os.path.isdir(place):
            remove(place)
            os.mkdir(place)
        os.chmod(place, (entry.mode | 0o700) & 0o7777)
        return True
    remove(place)
    if entry.issym():
        os.symlink(entry.linkname, place)
        os.utime(place, (entry.mtime, entry.mtime), follow_symlinks=False)
    elif entry.islnk():
        os.link(inside(root, clean(entry.linkname), follow=False), place, follow_symlinks=False)
    elif entry.isfifo():
        os.mkfifo(place)
        os.chmod(place, entry.mode & 0o7777)
    elif entry.isreg():
        with open(place, "xb") as file:
            content = archive.extractfile(entry)
            assert content
            shutil.copyfileobj(content, file, 1 << 20)
        os.chmod(place, entry.mode & 0o7777)
        os.utime(place, (entry.mtime, entry.mtime))
    else:
        return False
    return True
