"""What the engine sends of a build's result: an archive, kept as a file or unpacked into a folder.

The service is moby.filesync.v1.FileSend (moby/buildkit, session/filesync/filesync.proto), whose messages have the
archive's bytes in field 1.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import CourseError
from .messages import Messages
from .services import Metadata, Method, Stream

Write = Callable[[bytes], object]
_PROTO = Messages("moby.filesync.v1.send", "message BytesMessage { bytes data = 1; }")
METHOD = "/moby.filesync.v1.FileSend/DiffCopy"


def file_send(write: Write) -> Method:
    """The method that hands each piece of the archive to `write`."""
    def method(_: Metadata, messages: Stream) -> Stream:
        for message in messages:
            write(_PROTO.BytesMessage.FromString(message).data)
        yield from ()

    return method


@contextlib.contextmanager
def archive(path: Path) -> Iterator[Write]:
    """Keep the archive at `path`, once the block has come to its end. Raises CourseError."""
    part = path.with_name(f".{path.name}.part")
    with _explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "wb") as file:
                yield file.write
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def folder(path: Path) -> Iterator[Write]:
    """Unpack the archive into `path` as it comes. Files there before it that are not in it stay. Raises CourseError."""
    with _explained(path), ThreadPoolExecutor(1) as thread:
        path.mkdir(parents=True, exist_ok=True)
        taken, given = os.pipe()
        unpacked = thread.submit(_unpack, taken, Path(os.path.realpath(path)))
        try:
            with contextlib.suppress(BrokenPipeError):    # then unpacking has failed, and says why
                yield lambda data: _write(given, data)
        finally:
            os.close(given)
        unpacked.result()


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, tarfile.TarError) as error:
        raise CourseError(f"The output could not be written to {path}.", why=str(error),
                          remedy="Make room there, or choose a new folder.") from error


def _write(pipe: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(pipe, left):]


def _unpack(pipe: int, root: Path) -> None:
    folders: list[tuple[Path, tarfile.TarInfo]] = []
    with open(pipe, "rb") as file:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            for member in tar:
                path = place(root, member.name)
                if path.is_symlink() or path.is_file():
                    path.unlink()    # of a former output, perhaps read-only
                if member.isdir():
                    path.mkdir(exist_ok=True)
                    path.chmod(0o700)    # its own mode comes last: it may keep us from writing into it
                    folders.append((path, member))
                else:
                    _make(tar, member, path, root)
        while file.read(1 << 16):    # the zeros at its end
            pass
    for path, member in reversed(folders):
        _dated(path, member)


def _make(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, root: Path) -> None:
    """Write a file or link. It belongs to this user, with no more rights for that; a device needs root, and is left
    out."""
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        os.link(place(root, member.linkname), path, follow_symlinks=False)
    elif member.isreg() and (content := tar.extractfile(member)):
        with open(path, "xb") as file:
            shutil.copyfileobj(content, file)
        _dated(path, member)


def _dated(path: Path, member: tarfile.TarInfo) -> None:
    path.chmod(member.mode & 0o777)
    os.utime(path, (member.mtime, member.mtime))


def place(root: Path, name: str) -> Path:
    """Where a member of the archive goes. Raises OSError for one that would leave `root`, itself or by a link."""
    path = root / name.strip("/")
    above = path if path == root else path.parent
    if ".." in path.parts or not Path(os.path.realpath(above)).is_relative_to(root):
        raise OSError(f"{name} lies outside of {root}.")
    return path
