"""A layer's tar as files that the kernel overlays: its names, and marks of what it hides.

A layer hides a file of a lower one by a device of number 0, and nobody may make one on an
overlay, as the root of a container is. An empty file with a mark does the same (Linux 6.7).
"""

from __future__ import annotations

import json
import mmap
import os
import stat
import tarfile
from pathlib import Path

from . import tar_split

MARKS = "marks.json"
HIDE, OPAQUE = "user.overlay.whiteout", "user.overlay.opaque"   # overlayfs.rst, with userxattr


class Unfit(Exception):
    """This image cannot be put on a shelf; the text says why. Any engine still loads it."""


def unpack(packed: Path, into: Path) -> None:
    """A layer's tar as its files in `into`/diff, what it hides in `into`/marks.json, and
    `into`/tar-split.gz: its bytes but those of the files, with a checksum of each file.

    Raises Unfit, OSError and tarfile.TarError.
    """
    diff, end = into / "diff", 0
    marks, folders, seen, links = dict[str, list[str]](), list[tarfile.TarInfo](), set[str](), set[str]()
    diff.mkdir(parents=True)
    with (open(packed, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
          tarfile.open(fileobj=file, mode="r:") as archive, tar_split.Writer(into / "tar-split.gz") as split):
        for member in archive:
            name = os.path.normpath(member.name)
            if member.issparse() or name in seen:
                raise Unfit(f"its layer has {name} twice, or with holes")
            seen.add(name)
            _stay_inside(member, links)
            split.segment(data[end:member.offset_data])
            size = member.size if member.isreg() else 0
            end = member.offset_data + size
            with memoryview(data)[member.offset_data:end] as content:
                split.file(member, content)
                _write(diff, member, content, marks)
            if member.issym():
                links.add(name)
            if member.isdir():
                folders.append(member)
        split.segment(data[end:])
    for member in reversed(folders):   # what may not be written to, once it has its files
        os.chmod(diff / member.name, stat.S_IMODE(member.mode))
        os.utime(diff / member.name, (member.mtime, member.mtime))
    (into / MARKS).write_text(json.dumps(marks))


def _stay_inside(member: tarfile.TarInfo, links: set[str]) -> None:
    for name in (member.name, member.linkname if member.islnk() else ""):
        parts = Path(name).parts
        if name.startswith("/") or ".." in parts or any("/".join(parts[:length]) in links
                                                        for length in range(1, len(parts))):
            raise Unfit(f"{name} in its layer leads out of it")


def _write(diff: Path, member: tarfile.TarInfo, content: memoryview, marks: dict[str, list[str]]) -> None:
    place = diff / member.name
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.name.startswith(".wh."):
        hidden = place.with_name(place.name.removeprefix(".wh."))
        within = str(place.parent.relative_to(diff))
        if place.name == ".wh..wh..opq":
            marks[within] = [OPAQUE, "y"]
        elif not hidden.name.startswith(".wh."):   # aufs's own notes
            hidden.touch()
            marks[str(hidden.relative_to(diff))] = [HIDE, "y"]
            marks.setdefault(within, [OPAQUE, "x"])   # x: there are hidden ones among its entries
        return
    if member.isdir():
        place.mkdir(exist_ok=True)
        return   # its mode comes last
    if member.issym():
        place.symlink_to(member.linkname)
        os.utime(place, (member.mtime, member.mtime), follow_symlinks=False)
        return
    if member.islnk():
        os.link(diff / member.linkname, place, follow_symlinks=False)
        return
    if member.isfifo():
        os.mkfifo(place)
    elif member.isreg():
        with open(place, "xb") as file:
            file.write(content)
    else:
        return   # a device: nobody may make one in a namespace either
    os.chmod(place, stat.S_IMODE(member.mode))
    os.utime(place, (member.mtime, member.mtime))
