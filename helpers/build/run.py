"""Send a build to the engine and follow it to its end.

One POST to /build carries the context and brings back the builder's own story.
`version=2` asks for BuildKit, `version=1` for the legacy builder. The SDK's own
`images.build()` sends neither the version nor reads BuildKit's answer; it is
its session and its connection that are used here.
"""

from __future__ import annotations

import json
import posixpath
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from .. import labels
from .. import dockerfile as dockerfiles
from ..bases import Present, ensure
from ..dockerfile import Dockerfile
from ..engine import Engine, connect
from ..errors import CourseError, DockerfileError, EngineGone, Interrupted
from . import buildkit, leftovers, legacy
from .context import Context
from .progress import Progress
from .result import BuildResult, failed

CONTEXT_LIMIT = 1_000_000_000   # bytes; more than this is nearly always a mistake
_CONNECT_SECONDS = 10
_PARSERS = {"buildkit": buildkit.events, "legacy": legacy.events}
_VERSIONS = {"buildkit": "2", "legacy": "1"}

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
    context_limit: int | None = CONTEXT_LIMIT,
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
    builder        'buildkit' or 'legacy'; the engine's default if None
    args           build arguments
    context_limit  bytes of context that may be sent, None for any number
    watch          called with the `Progress` after each piece of news
    report         called with a sentence when base images have to be fetched

    Raises DockerfileError, ContextError and BaseUnavailable before anything is
    sent; BuildFailed when a step fails; Interrupted when the user stops it; and
    the engine's errors. Whatever it raises, no image has been named.
    """
    engine = engine or connect()
    builder = _builder(engine, builder)
    root = Path(context)
    scanned = Context.scan(root, dockerfile, text) if text is not None else Context.scan(root, dockerfile)
    parsed = dockerfiles.parse(scanned.dockerfile_text, args or {})
    stage = parsed.stage(target) if target is not None else None
    _stay_inside(parsed)
    scanned.check(context_limit)
    bases = ensure(engine, _bases_needed(parsed, stage, builder), report=report or _quiet)
    swapped = {base.ref: base.name for base in bases if base.substituted}
    if swapped:
        scanned = Context.scan(root, dockerfile, parsed.with_bases(swapped))
    progress = Progress(parsed, stage.label if stage else None, builder)
    progress.context_size = scanned.size
    began = time.perf_counter()
    _follow(engine, scanned, progress, watch or _unwatched, _parameters(
        builder, scanned, tag, target, args or {}, no_cache, network))
    return _result(engine, progress, bases, tag, target, time.perf_counter() - began)


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
    raise CourseError(
        f"The builder {wanted or 'of this engine'!r} cannot be used here.",
        why=f"{engine.describe()} has {', '.join(engine.builders)}.",
        remedy=f"Use builder={usable[0]!r}." if usable else "Use a Docker Engine.",
    )


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
            for word, *_ in instruction.words()[:-1]:
                source = word.strip("[]\"',")   # COPY ["from", "to"]
                if posixpath.normpath(source).split("/")[0] == "..":
                    raise DockerfileError(
                        f"Line {instruction.line}: {source} lies outside the build context.",
                        line=instruction.line,
                        why="The engine gets the folder of the context and what is below it, no more.",
                        remedy="Move the file below it, or build with the folder above as the context "
                               "(and the Dockerfile named with its path).",
                    )


def _parameters(builder: str, context: Context, tag: str, target: str | None,
                args: Mapping[str, str], no_cache: bool, network: str | None) -> dict[str, str]:
    parameters = {
        "version": _VERSIONS[builder],
        "dockerfile": context.dockerfile,
        "labels": json.dumps(labels.marked(labels.BUILD)),
        # The legacy builder keeps the container of a failed step unless told.
        "rm": "1", "forcerm": "1",
    }
    optional = {"t": tag, "target": target, "networkmode": network,
                "buildargs": json.dumps(dict(args)) if args else "",
                "nocache": "1" if no_cache else ""}
    return parameters | {name: value for name, value in optional.items() if value}


# -- the call ------------------------------------------------------------------------

def _follow(engine: Engine, context: Context, progress: Progress, watch: Watch,
            parameters: dict[str, str]) -> None:
    """Run the build. Raises BuildFailed, Interrupted, ContextError, EngineGone."""
    try:
        with engine.speaking("build the image"):
            _exchange(engine, context, progress, watch, parameters)
    except KeyboardInterrupt:
        raise Interrupted(
            "The build was stopped, in the engine too.",
            remedy="Run it again: finished steps are in the build cache.",
        ) from None
    finally:
        if progress.builder == "legacy":
            leftovers.note(engine, progress.images)
    if progress.failure:
        raise failed(progress)
    if not progress.images:
        raise EngineGone("The engine ended the build without an image and without a reason.",
                         remedy="Its own log says more: `journalctl -u docker`, or for an engine "
                                "of the course the file that `make engine` names.")


def _exchange(engine: Engine, context: Context, progress: Progress, watch: Watch,
              parameters: dict[str, str]) -> None:
    def sent(count: int) -> None:
        progress.sent = count
        watch(progress)

    api = engine.client.api
    response = api.post(
        f"{api.base_url}/v{api.api_version}/build",
        params=parameters, data=context.stream(progress=sent),
        headers={"Content-Type": "application/x-tar"},
        stream=True, timeout=(_CONNECT_SECONDS, None),   # a step may be silent for long
    )
    # Closing the response is what stops a build in the engine: it sees its
    # client go. So it is closed whichever way this block is left.
    with response:
        if response.status_code >= 400:
            progress.failure = _refusal(response)
            return
        for event in _PARSERS[progress.builder](_answers(response.iter_lines(chunk_size=None))):
            progress.add(event)
            watch(progress)


def _answers(lines: Iterable[bytes]) -> Iterator[dict]:
    for line in lines:
        if line.strip():
            yield json.loads(line)


def _refusal(response) -> str:
    try:
        return response.json()["message"]
    except (ValueError, KeyError):
        return f"HTTP {response.status_code} {response.reason}"


def _result(engine: Engine, progress: Progress, bases: tuple[Present, ...], tag: str,
            target: str | None, seconds: float) -> BuildResult:
    with engine.speaking("look up the image it built"):
        image = engine.client.api.inspect_image(progress.images[-1])["Id"]
    return BuildResult(
        image=image, tag=tag, builder=progress.builder, seconds=seconds,
        stages=tuple(progress.stages()), steps=tuple(progress.steps()), bases=bases,
        target=target, dockerfile=progress.dockerfile, engine=engine,
    )
