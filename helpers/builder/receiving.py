"""The result of a build that the engine sends as an archive: kept as a file or unpacked into a folder.

The service is moby.filesync.v1.FileSend (moby/buildkit, session/filesync/filesync.proto).
"""

import contextlib
import os
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import CourseError
from ..extraction import extract
from .messages import Messages
from .services import Metadata, Method, Stream

Write = Callable[[bytes], object]
_PROTO = Messages("moby.filesync.v1.send", "message BytesMessage { bytes data = 1; }")
METHOD = "/moby.filesync.v1.FileSend/DiffCopy"


def file_send(write: Write) -> Method:
    """The method that calls `write` with each piece of the archive."""
    def method(_: Metadata, messages: Stream) -> Stream:
        for message in messages:
            write(_PROTO.BytesMessage.FromString(message).data)
        yield from ()

    return method


@contextlib.contextmanager
def archive(path: Path) -> Iterator[Write]:
    """Write the archive to `path`, kept if the block succeeds. Raises CourseError."""
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
    """Unpack the archive into `path` as it comes; other files there stay. Raises CourseError."""
    with _explained(path), ThreadPoolExecutor(1) as thread:
        path.mkdir(parents=True, exist_ok=True)
        taken, given = os.pipe()
        unpacked = thread.submit(_unpack, taken, Path(os.path.realpath(path)))
        with contextlib.suppress(BrokenPipeError), open(given, "wb") as pipe:    # then `unpacked` raises the reason
            yield pipe.write
        unpacked.result()


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, tarfile.TarError) as error:
        raise CourseError(f"The output could not be written to {path}.", why=str(error),
                          remedy="Make room there, or choose a new folder.") from error


def _unpack(pipe: int, root: Path) -> None:
    """The files belong to this user, without setuid, setgid and sticky bits."""
    with open(pipe, "rb") as file:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            extract(tar, str(root), modes=0o777, keep_folders=True)
        while file.read(1 << 16):    # the zeros at the end
            pass
