"""Send a build to the engine and follow it to its end.

One POST to /build asks for the build and brings back the builder's own story.
`version=2` asks for BuildKit, which fetches the files that it lacks through a
session beside it; `version=1` asks for the legacy builder, which gets the whole
context as a tar archive in the request's body. Podman answers either with Buildah, which
gets the whole context too. The SDK's own `images.build()`
sends no version and cannot read BuildKit's answer; it is the SDK's client and
connection that are used here.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import posixpath
import socket
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from .. import labels
from .. import dockerfile as dockerfiles
from ..bases import Present, ensure, substitutions
from ..limits import MARKED, Bounds, marked, word
from ..dockerfile import Dockerfile, Instruction
from ..engine import Engine, connect
from ..errors import CourseError, EngineFault, EngineGone, Unsupported
from . import buildah, buildkit, heredocs, legacy_images, legacy, secrets as build_secrets
from .cancel import goes_on, interrupted
from .podman_secrets import handed
from .context import Context
from .progress import Progress
from .result import BuildResult, failed, stopped
from .secrets import HandedOver, mounted
from .session import Session

CONTEXT_LIMIT = 1_000_000_000   # bytes; more than this is nearly always a mistake
_CONNECT_SECONDS = 10
_PARSERS = {"buildkit": buildkit.events, "legacy": legacy.events, "buildah": buildah.events}
_VERSIONS = {"buildkit": "2", "legacy": "1", "buildah": "2"}

Watch = Callable[[Progress], None]


def build(
    context: str | Path = ".",
    *,
    dockerfile: str = "Dockerfile",
    text: str | None = None,
    target: str | None = None,
    tag: str = "",
    builder: str | None = None,
    args: Mapping[str, str] | None = None,
    no_cache: bool = False,
    network: str | None = None,
    secrets: Mapping[str, bytes] | None = None,
    lend: Collection[str] | None = None,
    context_limit: int | None = CONTEXT_LIMIT,
    bounds: Bounds | None = None,
    engine: Engine | None = None,
    watch: Watch | None = None,
    report: Callable[[str], None] | None = None,
) -> BuildResult:
    """Build the image of `context` and say what every stage and step did.

    context        folder of the build context
    dockerfile     path of the Dockerfile, relative to the context
    text           a Dockerfile's text, used instead of the file
    target         stage to build, the last one if None
    tag            name for the image, 'name' or 'name:tag'; none if ''
    builder        'buildkit', 'legacy' or 'buildah'; the engine's default if None
    args           build arguments
    secrets        {id: value} for RUN --mount=type=secret; not with the legacy builder
    lend           which of this machine's settings ('trust', 'npmrc', 'pip.conf') the Dockerfile
                   may mount; all of them in the course's own applications if None, and none in
                   any other folder. They never hold a password (`helpers.builder.host_secrets`)
    context_limit  bytes of context that may be sent, None for any number
    bounds         past which the build is stopped
    watch          called with the `Progress` after each piece of news
    report         called with a sentence when base images have to be fetched, or when
                   something of this machine is handed over

    Raises DockerfileError, ContextError and BaseUnavailable before anything is
    sent; BuildFailed when a step fails (BuildStopped past a bound); Interrupted when the user stops it; and
    the engine's errors. Whatever it raises, no image has been named.
    """
    engine = engine or connect()
    builder = _builder(engine, builder)
    root = Path(context)
    scanned = Context.scan(root, dockerfile, text)
    parsed = dockerfiles.parse(scanned.dockerfile_text, args or {})
    stage = parsed.stage(target) if target is not None else None
    for problem in dockerfiles.problems_met(parsed, builder, target):
        (report or _quiet)(f"Warning: {problem}")
    heredocs.check(parsed, engine, builder)
    _stay_inside(parsed)
    scanned.check(context_limit)
    bases = ensure(engine, _bases_needed(parsed, stage, builder), report=report or _quiet)
    swapped = substitutions(bases)
    if swapped:
        scanned = Context.scan(root, dockerfile, parsed.with_bases(swapped))
    progress = Progress(parsed, stage.label if stage else None, builder)
    began = time.perf_counter()
    no_cache = no_cache or _overlooks_mounts(engine, parsed)
    if lend is None:
        lend = build_secrets.lent_by_default(root, dockerfile)
    if secrets and not engine.mounts(builder):
        raise _no_secrets(builder)
    values, handed_over = build_secrets.collect(parsed, secrets or {}, lend if engine.mounts(builder) else ())
    if handed_over and report:
        report(f"Handed to this build: {', '.join(map(str, handed_over))}.")
    mark = _mark(parsed, bounds, builder)
    _follow(engine, scanned, progress, watch or _unwatched, values, _parameters(
        builder, scanned, tag, target, _base(parsed, stage), {**(args or {}), **_marking(mark, args or {}, builder)}, no_cache, network),
        bounds, mark)
    return _result(engine, progress, bases, handed_over, tag, target, time.perf_counter() - began)


def _quiet(_: str) -> None:
    pass


def _unwatched(_: Progress) -> None:
    pass


def _builder(engine: Engine, wanted: str | None) -> str:
    usable = [name for name in engine.builders if name in _PARSERS]
    if wanted is None and usable:
        return usable[0]
    if wanted in usable:
        return wanted
    raise Unsupported(
        f"The builder {wanted or 'of this engine'!r} cannot be used here.",
        why=f"{engine.describe()} has {', '.join(engine.builders)}.",
        remedy=f"Use builder={usable[0]!r}." if usable else "Use a Docker Engine.",
    )


def _overlooks_mounts(engine: Engine, parsed: Dockerfile) -> bool:
    """Whether the cache would answer a RUN without regard to what it mounts. Podman 4 takes one
    that mounts the context from its cache whatever became of the files; and of a stage that it
    took from its cache it mounts the base, and not what the stage made of it."""
    return bool(parsed.mounting) and not engine.cache_sees_mounts


def _bases_needed(parsed: Dockerfile, stage: dockerfiles.Stage | None, builder: str) -> tuple[str, ...]:
    """The legacy builder runs every stage up to the target, needed or not."""
    if builder != "legacy":
        return parsed.bases_needed(stage.label if stage else None)
    last = stage.index if stage else len(parsed.stages) - 1
    wanted = {ref for s in parsed.stages[: last + 1] for ref in parsed.bases_needed(s.label)}
    return tuple(ref for ref in parsed.bases if ref in wanted)


def _stay_inside(parsed: Dockerfile) -> None:
    """Refuse a COPY from outside the context.

    The legacy builder says no by itself. BuildKit cuts the dots off and copies
    the file of that name in the context, if there is one: not what was meant.
    """
    for stage in parsed.stages:
        for instruction in stage.instructions:
            if instruction.keyword not in ("COPY", "ADD") or "from" in instruction.flags:
                continue
            for source in _operands(instruction)[:-1]:
                if posixpath.normpath(source).split("/")[0] == "..":
                    raise parsed.fault(
                        f"Line {instruction.line}: {source} lies outside the build context.", instruction.line,
                        why="The engine gets the folder of the context and what is below it, no more.",
                        remedy="Move the file below it, or build with the folder above as the context "
                               "(and the Dockerfile named with its path).",
                    )


def _operands(instruction: Instruction) -> list[str]:
    """The sources and the target of a COPY, in either form."""
    try:
        listed = json.loads(instruction.arguments)   # COPY ["from", "to"]
        return [each for each in listed if isinstance(each, str)]
    except (ValueError, TypeError):
        return [word for word, *_ in instruction.words()]


def _base(parsed: Dockerfile, stage: dockerfiles.Stage | None) -> str:
    """The image that the target stands on in the end, through stages: FROM a FROM."""
    stage = stage or parsed.stages[-1]
    while stage.base_stage is not None:
        stage = parsed.stage(stage.base_stage)
    return stage.base.removesuffix(":latest")


def _parameters(builder: str, context: Context, tag: str, target: str | None, base: str,
                args: Mapping[str, str], no_cache: bool, network: str | None) -> dict[str, str]:
    parameters = {
        "version": _VERSIONS[builder],
        "dockerfile": context.dockerfile,
        "labels": json.dumps(labels.marked(labels.BUILD, **{
            labels.NAME: _full(tag), labels.STANDS_ON: base})),
        # The legacy builder keeps the container of a failed step unless told.
        "rm": "1", "forcerm": "1",
    }
    optional = {"t": tag, "target": target, "networkmode": network,
                "buildargs": json.dumps(dict(args)) if args else "",
                "nocache": "1" if no_cache else ""}
    return parameters | {name: value for name, value in optional.items() if value}


def _mark(parsed: Dockerfile, bounds: Bounds | None, builder: str) -> str:
    """The word by which the build's processes are known; '' where it is of no use, and where the
    Dockerfile declares the argument that has it: then it would be part of the cache."""
    if any(each.keyword == "ARG" and MARKED in each.value.upper()
           for each in (*parsed.preamble, *(each for stage in parsed.stages for each in stage.instructions))):
        return ""
    return bounds.mark if bounds else word() if builder == "buildah" else ""


def _marking(mark: str, args: Mapping[str, str], builder: str) -> dict[str, str]:
    """The build argument that carries the mark. Podman hands its own environment on to a RUN, and
    an argument would take the place of the list of hosts in it."""
    outer = (os.environ.get(name) for name in (MARKED, MARKED.lower()) if builder == "buildah")
    return marked(mark, args.get(MARKED), args.get(MARKED.lower()), *outer)


def _full(tag: str) -> str:
    """The name as an engine lists it: 'app' -> 'app:latest'."""
    return tag if not tag or ":" in tag.rsplit("/", 1)[-1] else f"{tag}:latest"


# -- the call ------------------------------------------------------------------------

def _follow(engine: Engine, context: Context, progress: Progress, watch: Watch,
            secrets: Mapping[str, bytes], parameters: dict[str, str], bounds: Bounds | None, mark: str) -> None:
    """Run the build. Raises BuildStopped, BuildFailed, Interrupted, ContextError, EngineGone."""
    try:
        with contextlib.ExitStack() as ends, engine.speaking("build the image"):
            session = _session(engine, context, progress, secrets, ends)
            _exchange(engine, context, session, progress, watch, parameters, bounds,
                      {} if session else secrets)
    except CourseError:
        if not (bounds and bounds.exceeded):   # else it only saw the end of its line
            raise
    except KeyboardInterrupt:
        raise interrupted(progress, mark) from None
    finally:
        if progress.builder in ("legacy", "buildah"):
            legacy_images.note(engine, progress.made)
    if bounds and bounds.exceeded:   # the legacy builder has told images of steps by then
        raise stopped(progress, bounds, goes_on(progress, mark))
    if progress.failure:
        raise failed(progress, secrets)
    if not progress.images:
        raise EngineGone("The engine ended the build without an image and without a reason.",
                         remedy="Its own log says more: `journalctl -u docker`, or for an engine "
                                "of the course the file that `make engine` names.")


def _session(engine: Engine, context: Context, progress: Progress, secrets: Mapping[str, bytes],
             ends: contextlib.ExitStack) -> Session | None:
    """The session that serves the build, entered; None where the context has to go
    as an archive: to the legacy builder, or past something that opens no session."""
    builder = progress.builder
    if builder == "buildkit" and Session.supported(engine):
        try:
            return ends.enter_context(Session(engine, context, secrets))
        except EngineFault:   # a proxy in front of the engine that lets no upgrade through
            pass
    # Even an optional one: without a session BuildKit cannot ask whether it is there.
    if builder == "buildkit" and (secrets or mounted(progress.dockerfile)):
        raise _no_secrets(builder)
    return None


def _no_secrets(builder: str) -> Unsupported:
    return Unsupported(
        "Secrets cannot be handed to this build.",
        why="The legacy builder has no build secrets." if builder == "legacy" else
            "This connection to the engine opens no build session.",
        remedy="Use builder='buildkit' on a local engine.")


def _exchange(engine: Engine, context: Context, session: Session | None, progress: Progress,
              watch: Watch, parameters: dict[str, str], bounds: Bounds | None = None,
              secrets: Mapping[str, bytes] = MappingProxyType({})) -> None:
    def sent(count: int) -> None:
        progress.sent = count
        watch(progress)

    # The SDK keeps a pool of connections for each full address, query and all:
    # unless told to close, each build would leave an idle one behind.
    headers = {"Connection": "close"}
    if session is None:
        headers["Content-Type"] = "application/x-tar"
    files, named = handed(secrets)
    api = engine.client.api
    response = api.post(
        f"{api.base_url}/v{api.api_version}/build",
        params=parameters | named | (session.parameters if session else {}),
        data=None if session else itertools.chain(filter(None, [files]), context.stream(progress=sent)),
        headers=headers, stream=True,
        timeout=(_CONNECT_SECONDS, None),   # a step may be silent for long
    )
    # Closing the response is what stops a build in the engine: it sees its
    # client go. So it is closed whichever way this block is left.
    with response, bounds.watched(lambda: _cut(response)) if bounds else contextlib.nullcontext():
        if response.status_code >= 400:
            progress.failure = _refusal(response)
            return
        for event in _PARSERS[progress.builder](_answers(response.iter_lines(chunk_size=None))):
            progress.add(event)
            if session:
                progress.sent = session.sent
            watch(progress)
    cause = session.cause(progress.failure) if session and progress.failure else None
    if cause:
        raise cause   # of what the builder only saw the end of


def _cut(response) -> None:
    """End the answer from another thread: whoever reads it sees its end, the engine its
    client go. To close it would wait for the reader."""
    with contextlib.suppress(OSError, AttributeError):
        fp = response.raw._fp.fp      # http.client's; the SDK takes the same way to a socket
        getattr(fp, "raw", fp)._sock.shutdown(socket.SHUT_RDWR)


def _answers(lines: Iterable[bytes]) -> Iterator[dict]:
    for line in lines:
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            raise EngineGone(
                "The engine's answer broke off in the middle of the build.",
                why=f"A line of it is not JSON: {line[:80]!r}",
                remedy="Build again. If it stays so, something between here and the engine "
                       "changes its answers: a proxy, an ssh tunnel.") from error


def _refusal(response) -> str:
    try:
        return response.json()["message"]
    except (ValueError, KeyError):
        return f"HTTP {response.status_code} {response.reason}"


def _result(engine: Engine, progress: Progress, bases: tuple[Present, ...], handed_over: tuple[HandedOver, ...],
            tag: str, target: str | None, seconds: float) -> BuildResult:
    with engine.speaking("look up the image it built"):
        image = engine.client.api.inspect_image(progress.images[-1])["Id"]
    return BuildResult(
        image=image, tag=tag, builder=progress.builder, seconds=seconds,
        stages=tuple(progress.stages()), steps=tuple(progress.steps()), bases=bases,
        handed_over=handed_over,
        target=target, dockerfile=progress.dockerfile, engine=engine,
    )
