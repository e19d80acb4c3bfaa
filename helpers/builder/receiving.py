"""What the engine sends of a build's result: an archive, kept as a file or unpacked into a folder.

The service is moby.filesync.v1.FileSend (moby/buildkit, session/filesync/filesync.proto), whose messages have the
archive's bytes in field 1.
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
        with contextlib.suppress(BrokenPipeError), open(given, "wb") as pipe:    # unpacking has failed, and says why
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
    """The files belong to this user, with no more rights for that."""
    with open(pipe, "rb") as file:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            extract(tar, str(root), modes=0o777, keep_folders=True)
        while file.read(1 << 16):    # the zeros at its end
            pass
