"""A build by BuildKit's control API, for what POST /build has no parameters: outputs and caches above all.

An output that is no image comes as an archive, by the service moby.filesync.v1.FileSend (moby/buildkit,
session/filesync/filesync.proto), and is kept as a file or unpacked into a folder.
"""

import contextlib
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..bases import references
from ..errors import CourseError
from ..extraction import extract
from . import content_store
from .buildkit import followed
from .control import CallFailed, Control, Solve, SolveOptions
from .events import Failed, ImageCreated
from .exchange import Watch
from .exports import Export, Exports
from .messages import Messages
from .prepared import Prepared
from .progress import Progress
from .request import full, image_attributes
from .services import Metadata, Method, Stream
from .session import Session

Write = Callable[[bytes], object]
_FILE_SEND = "/moby.filesync.v1.FileSend/DiffCopy"
_PROTO = Messages("moby.filesync.v1.send", "message BytesMessage { bytes data = 1; }")


def solve(prepared: Prepared, progress: Progress, watch: Watch) -> None:
    """Build and export, and add the events to `progress`, calling `watch` after each.

    Raises CourseError if an output cannot be written or a cache does not exist, ContextError, and EngineGone. The
    message of a failed build is in `progress.failure`.
    """
    exports, request = prepared.exports, prepared.request
    methods = content_store.methods(each.path for each in (*exports.cache_to, *exports.cache_from) if each.path)
    attributes = image_attributes(request, prepared.context, prepared.read, prepared.mark) | _attributes(exports)
    try:
        with contextlib.ExitStack() as ends:
            if exports.file:    # a failed build ends its receiver, which then keeps nothing
                receive = archive if exports.output and exports.output.kind == "tar" else folder
                methods[_FILE_SEND] = file_send(ends.enter_context(receive(exports.file)))
            session = ends.enter_context(
                Session(prepared.engine, prepared.context, request.secrets, request.ssh, methods))
            control = ends.enter_context(Control(prepared.engine))
            solving = control.solve(attributes, session.id, _options(prepared))
            answer = _follow(solving, session, prepared, progress, watch)
            for each in exports.cache_to:
                if each.path:
                    content_store.finish(each.path, answer["cache.manifest"].decode())
            if image := answer.get("containerimage.digest"):
                progress.add(ImageCreated(image.decode()))
    except CallFailed as error:
        progress.add(Failed(error.message))


def _follow(solving: Solve, session: Session, prepared: Prepared, progress: Progress,
            watch: Watch) -> dict[str, bytes]:
    """The exporter's answer. Raises CallFailed, or its reason on this side."""
    bounds = prepared.request.bounds
    with bounds.watched(solving.cancel) if bounds else contextlib.nullcontext():
        with contextlib.suppress(CallFailed):    # wait() raises the reason
            for event in followed(solving.status()):
                progress.add(event)
                progress.sent = session.sent
                watch(progress)
        try:
            return solving.wait()
        except CallFailed as error:
            raise session.cause(error.message) or error from error


def _options(prepared: Prepared) -> SolveOptions:
    exports, tag = prepared.exports, full(prepared.request.tag)
    fields = dict(exports.output.fields) if exports.output else {}
    fields.pop("dest", None)    # a place on this machine
    caches = [(each.kind, _cache(each)) for each in exports.cache_to]
    if exports.file:
        return SolveOptions("tar", fields, caches)
    if fields:
        names = (references.parse(each).full for each in fields.get("name", tag).split(",") if each)
        return SolveOptions("image", {**fields, "name": ",".join(names)}, caches)
    return SolveOptions("moby", {"name": tag} if tag else {}, caches)


def _attributes(exports: Exports) -> dict[str, str]:
    imports = [{"Type": each.kind, "Attrs": _cache(each) | (
        {"digest": content_store.latest(each.path)} if each.path and "digest" not in each.fields else {})}
        for each in exports.cache_from]
    found = {"attest:provenance": exports.provenance or None, "attest:sbom": exports.sbom,
             "cache-imports": json.dumps(imports) if imports else None}
    return {name: value for name, value in found.items() if value is not None}


def _cache(export: Export) -> dict[str, str]:
    """Its fields, with the absolute path that the engine names the store by."""
    return {name: str(export.path) if name in ("dest", "src") else value for name, value in export.fields.items()}


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
