"""Build an image: read, check, fetch the bases, send, and say what every stage did.

    BuildRequest -> Prepared (nothing is sent yet) -> exchange (the engine builds) -> BuildResult
"""

import contextlib
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .. import dockerfile as dockerfiles
from ..bases import ResolvedBase, ensure, references, substitutions
from ..dockerfile import Dockerfile
from ..engine import Engine, connect
from ..engine.processes import Report, quiet
from ..errors import BaseUnavailable, BuildFailed, CourseError, EngineGone, Unsupported
from . import exports, legacy_images, preflight, secrets
from .cancel import interrupted, still_running
from .context import Context
from .exchange import PARSERS, Watch, exchange
from .failure import failed, stopped
from .prepared import Prepared
from .progress import Progress
from .recent import recent
from .request import BuildRequest, mark_of
from .result import BuildResult
from .secrets import HandedOver
from .snapshots import Snapshots
from .solving import solve


def build(context: Any = ".", *, engine: Engine | None = None, watch: Watch | None = None,
          report: Report | None = None, **options: Any) -> BuildResult:
    """Build the image of `context` and say what every stage and step did.

    context   folder of the build context, or a whole `BuildRequest`
    engine    found here if None
    watch     called with the `Progress` after each event
    report    called with a sentence: base images have to be fetched, something of this machine is passed to the build,
              a line is not built as it reads
    options   the other fields of `BuildRequest`: dockerfile, text, target, tag, builder, args, no_cache, network,
              secrets, lend, ssh, labels, context_limit, bounds, as_is, output, cache_to, cache_from, platform,
              provenance, sbom

    Raises DockerfileError, ContextError and BaseUnavailable before anything is sent; BuildFailed if a step fails
    (BuildStopped beyond a limit); Interrupted; and the engine's errors. No image is tagged unless the build succeeds.
    """
    request = context if isinstance(context, BuildRequest) else BuildRequest(context, **options)
    prepared = prepare(request, engine or connect(), report or quiet)
    stage = prepared.read.named(prepared.request.target)
    progress = Progress(prepared.read, stage.label if stage else None, prepared.request.builder or "",
                        prepared.engine.describe())
    began = time.perf_counter()
    try:
        _follow(prepared, progress, watch or (lambda _: None))
        recent.last = _result(prepared, progress, time.perf_counter() - began)
    except BuildFailed as error:
        recent.failure = recent.last = error
        recent.ended(request, prepared, error)
        raise
    recent.ended(request, prepared, None)
    return recent.last


def prepare(request: BuildRequest, engine: Engine, report: Report) -> Prepared:
    """Everything before the first byte is sent. Raises as `build`."""
    builder = choose_builder(engine, request.builder)
    request, asked = replace(request, builder=builder), exports.read(request)
    exports.check(asked, request, engine)
    context = Context.scan(request.folder, request.dockerfile, request.text)
    read = dockerfiles.parse(context.dockerfile_text, request.args or {})
    for problem in () if request.as_is else preflight.check(read, engine, builder, request.target):
        report(f"Warning: {problem}")
    values, handed_over = _secrets(request, read, engine, builder)
    context.check(request.context_limit)
    _ensure_reader(engine, read, builder, report)
    refs = preflight.bases_needed(read, builder, request.target)
    bases = tuple(_ensure_base(engine, read, ref, report) for ref in refs)
    if swapped := substitutions(bases):
        context = context.with_text(read.with_bases(swapped))
    if handed_over:
        report(f"Passed to the build: {', '.join(map(str, handed_over))}.")
    request = replace(request, secrets=values, no_cache=request.no_cache or _overlooks_mounts(engine, read))
    return Prepared(request, engine, context, read, bases, handed_over, asked, mark_of(read, request.bounds, builder))


def ensure_bases(engine: Engine, refs: Iterable[str] | None = None, *, offline: bool = False,
                 report: Report = quiet) -> tuple[ResolvedBase, ...]:
    """Find, pull or build the base images `refs` (None: those of the first lessons). For `offline`, `report` and the
    errors see `helpers.bases.ensure`."""
    return ensure(engine, refs, build, offline=offline, report=report)


def _ensure_base(engine: Engine, read: Dockerfile, ref: str, report: Report) -> ResolvedBase:
    try:
        return ensure_bases(engine, [ref], report=report)[0]
    except BaseUnavailable as error:
        error.line = preflight.line_of(read, ref)
        raise


def choose_builder(engine: Engine, wanted: str | None) -> str:
    """The builder `wanted`, or the engine's first. Raises Unsupported."""
    usable = [name for name in engine.builders if name in PARSERS]
    if found := [name for name in usable if wanted in (None, name)]:
        return found[0]
    raise Unsupported(f"The builder {wanted or 'of this engine'!r} cannot be used here.",
                      why=f"{engine.describe()} has {', '.join(engine.builders)}.",
                      remedy=f"Use builder={usable[0]!r}." if usable else "Use a Docker Engine.")


def _secrets(request: BuildRequest, read: Dockerfile, engine: Engine, builder: str) -> tuple[
        dict[str, bytes], tuple[HandedOver, ...]]:
    given, mounts = request.secrets or {}, engine.mounts(builder)
    if (given or request.ssh) and not mounts or request.ssh and builder != "buildkit":
        raise Unsupported("Secrets and ssh agents cannot be handed to this build.",
                          why=f"{'The legacy builder' if builder == 'legacy' else 'Buildah'} does not take them.",
                          remedy="It needs BuildKit: use builder='buildkit' on a Docker Engine.")
    lend = secrets.lent_by_default(request.folder, request.dockerfile) if request.lend is None else request.lend
    values, handed_over = secrets.collect(read, given, lend if mounts else ())
    return values, (*handed_over, *(HandedOver(f"ssh {name}", "an ssh agent of yours") for name in request.ssh or ()))


def _ensure_reader(engine: Engine, read: Dockerfile, builder: str, report: Report) -> None:
    """Fetch the frontend that `# syntax=` names through the mirror, which BuildKit does not know. Otherwise BuildKit
    asks for it, and the build's error says what to do."""
    if read.frontend and builder == "buildkit" and engine.owned and references.mirror():
        with contextlib.suppress(BaseUnavailable):
            ensure_bases(engine, [read.frontend], report=report)


def _overlooks_mounts(engine: Engine, read: Dockerfile) -> bool:
    """Whether the cache ignores what a RUN mounts. Podman 4 takes a RUN that mounts the context from its cache even
    if the files changed, and mounts only the base of a stage that came from its cache."""
    return bool(read.mounting) and not engine.cache_sees_mounts


def _follow(prepared: Prepared, progress: Progress, watch: Watch) -> None:
    """Run the build. Raises BuildStopped, BuildFailed, Interrupted, ContextError, EngineGone."""
    engine, bounds = prepared.engine, prepared.request.bounds
    try:
        with engine.translate_errors("build the image"):
            (solve if prepared.exports.any else exchange)(prepared, progress, watch)
    except CourseError:
        if not (bounds and bounds.exceeded):   # which ends the connection
            raise
    except KeyboardInterrupt:
        raise interrupted(progress, prepared.mark) from None
    finally:
        if progress.builder in ("legacy", "buildah"):
            legacy_images.note(engine, progress.made)
    if bounds and bounds.exceeded:   # even if the legacy builder has reported images of steps
        raise stopped(progress, bounds, still_running(progress, prepared.mark))
    if progress.failure:
        request = prepared.request
        given = {*(("secret", each) for each in request.secrets or ()), *(("ssh", each) for each in request.ssh or ())}
        with Snapshots(prepared) as looked_at:
            error = failed(progress, engine, given, looked_at if progress.builder == "buildkit" else None)
        if isinstance(error, BuildFailed) and progress.builder == "buildkit":
            error.snapshots = Snapshots(prepared)
        raise error
    if not (progress.images or prepared.exports.file):
        raise EngineGone("The engine ended the build without an image and without a reason.",
                         remedy="See its log: `journalctl -u docker`, or for an engine of the course the file that "
                                "`make engine` names.")


def _result(prepared: Prepared, progress: Progress, seconds: float) -> BuildResult:
    engine, request, image = prepared.engine, prepared.request, ""
    if progress.images:
        with engine.translate_errors("look up the image it built"):
            image = engine.client.api.inspect_image(progress.images[-1])["Id"]
    return BuildResult(image=image, output=prepared.exports.file, tag=request.tag, builder=progress.builder,
                       seconds=seconds, stages=tuple(progress.stages()), steps=tuple(progress.steps()),
                       bases=prepared.bases, target=request.target, dockerfile=prepared.read, engine=engine,
                       handed_over=prepared.handed_over, warnings=tuple(sorted(progress.warnings)),
                       snapshots=Snapshots(prepared) if progress.builder == "buildkit" else None)
