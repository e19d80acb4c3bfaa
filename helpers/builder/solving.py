"""A build by BuildKit's control API: what POST /build has no parameters for, outputs and caches above all."""

import contextlib
import json
from collections.abc import Iterator

from ..bases import references
from . import content_store, receiving
from .buildkit import followed
from .content_store import ContentStore
from .control import CallFailed, Control, Solve, SolveOptions
from .events import Failed, ImageCreated
from .exchange import Watch
from .exports import Export, Exports
from .parameters import full, image_attributes
from .prepared import Prepared
from .progress import Progress
from .session import Session


def solve(prepared: Prepared, progress: Progress, watch: Watch) -> None:
    """Build and export, and take the story into `progress`, `watch` called at each piece of news.

    Raises CourseError where an output cannot be written or a cache is not there, ContextError, and EngineGone. A build
    that fails leaves its reason in `progress.failure`.
    """
    exports, request = prepared.exports, prepared.request
    folders = [each.path for each in (*exports.cache_to, *exports.cache_from) if each.path]
    methods = content_store.methods(folders)
    attributes = image_attributes(request, prepared.context, prepared.read, prepared.mark) | _attributes(exports)
    with _failure_noted(progress), contextlib.ExitStack() as ends:
        if exports.file:
            receive = receiving.archive if exports.output and exports.output.kind == "tar" else receiving.folder
            methods[receiving.METHOD] = receiving.file_send(ends.enter_context(receive(exports.file)))
        session = ends.enter_context(Session(prepared.engine, prepared.context, request.secrets, request.ssh, methods))
        control = ends.enter_context(Control(prepared.engine))
        solving = control.solve(attributes, session.id, _options(prepared))
        answer = _follow(solving, session, prepared, progress, watch)
        for each in exports.cache_to:
            if each.path:
                ContentStore(each.path).finish(answer["cache.manifest"].decode())
        if image := answer.get("containerimage.digest"):
            progress.add(ImageCreated(image.decode()))


@contextlib.contextmanager
def _failure_noted(progress: Progress) -> Iterator[None]:
    """The receivers of an output see a build fail by its error, and keep nothing."""
    try:
        yield
    except CallFailed as error:
        progress.add(Failed(error.message))


def _follow(solving: Solve, session: Session, prepared: Prepared, progress: Progress,
            watch: Watch) -> dict[str, bytes]:
    """What the exporter answers. Raises CallFailed, or what lies behind it on this side."""
    bounds = prepared.request.bounds
    with bounds.watched(solving.cancel) if bounds else contextlib.nullcontext():
        with contextlib.suppress(CallFailed):    # the solve itself says what went wrong
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
    found = {"attest:provenance": exports.provenance} if exports.provenance else {}
    found |= {} if exports.sbom is None else {"attest:sbom": exports.sbom}
    imports = [{"Type": each.kind, "Attrs": _cache(each) | _digest(each)} for each in exports.cache_from]
    return found | ({"cache-imports": json.dumps(imports)} if imports else {})


def _cache(export: Export) -> dict[str, str]:
    """Its fields, a folder in full: the engine names the store that it asks for by it."""
    return {name: str(export.path) if name in ("dest", "src") else value for name, value in export.fields.items()}


def _digest(export: Export) -> dict[str, str]:
    return {"digest": ContentStore(export.path).latest()} if export.path and "digest" not in export.fields else {}
