"""A build as requested; as a `docker build`, as the query of POST /build, and as attributes of BuildKit's frontend.

    >>> command_line(BuildRequest("notebooks/apps/go-hello", target="builder", tag="go-hello:builder"))
    'docker build --target builder -t go-hello:builder notebooks/apps/go-hello'

The command leaves out what makes no layer: the course's labels, limits, and settings lent by this machine.
Source of the options: docker/buildx, docs/reference/buildx_build.md.
"""

import json
import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import labels
from ..dockerfile import Dockerfile
from ..limits import MARKED, Bounds, marked, word
from .context import Context

CONTEXT_LIMIT = 1_000_000_000   # bytes; more is nearly always a mistake


@dataclass(frozen=True)
class BuildRequest:
    """A build as requested, of any engine and builder.

    context        folder of the build context
    dockerfile     path of the Dockerfile, relative to the context
    text           text of a Dockerfile, instead of the file
    target         name of the stage to build, None for the last
    tag            name for the image, 'name' or 'name:tag'; none if ''
    builder        'buildkit', 'legacy' or 'buildah'; the engine's default if None
    args           build arguments
    no_cache       run every step
    network        of the commands, as for `docker build --network`
    secrets        {id: value} for RUN --mount=type=secret; not with the legacy builder
    lend           which of this machine's settings ('trust', 'npmrc', 'pip.conf') the Dockerfile may mount; None for
                   all in the course's own applications and none in any other folder. They never hold a password
                   (`helpers.builder.host_secrets`)
    ssh            {id: socket of an agent} for RUN --mount=type=ssh; with BuildKit only
    labels         of the image, in place of those that mark what a lesson has built
    context_limit  largest context in bytes, None for any
    bounds         limits beyond which the build is stopped
    as_is          skip the check for what the builder is known to refuse: let it answer itself

    As for `docker buildx build`, with BuildKit only (`helpers.builder.exports`):
    output         'FOLDER' or 'type=tar,dest=FILE' in place of an image; 'type=image,push=true', ...
    cache_to, cache_from   'type=inline', 'type=registry,ref=...,mode=max', 'type=local,dest=FOLDER', ...
    platform       'linux/amd64', or several with commas between them
    provenance     'mode=min' or 'mode=max'
    sbom           'true', or 'generator=IMAGE': a list of what is in the image
    """

    context: str | Path = "."
    dockerfile: str = "Dockerfile"
    text: str | None = field(default=None, repr=False)
    target: str | None = None
    tag: str = ""
    builder: str | None = None
    args: Mapping[str, str] | None = None
    no_cache: bool = False
    network: str | None = None
    secrets: Mapping[str, bytes] | None = field(default=None, repr=False)
    lend: Collection[str] | None = None
    ssh: Mapping[str, str] | None = None
    labels: Mapping[str, str] | None = None
    context_limit: int | None = CONTEXT_LIMIT
    bounds: Bounds | None = None
    as_is: bool = False
    output: str | Path | None = None
    cache_to: Collection[str] = ()
    cache_from: Collection[str] = ()
    platform: str | None = None
    provenance: str = ""
    sbom: str = ""

    @property
    def folder(self) -> Path:
        """The build context."""
        return Path(self.context)


def command_line(request: BuildRequest, folder: str | Path | None = None) -> str:
    """The command, for the folder that relative paths begin in; `folder` replaces the request's. The text of a
    Dockerfile is its standard input, and a secret is read from the environment variable `variable(id)`."""
    place = str(folder or request.context)
    # `docker build` is BuildKit's since Docker 23, and has these options only there.
    newer = request.output is not None or request.cache_to or request.provenance or request.sbom
    file = "-" if request.text is not None else os.path.join(place, request.dockerfile)    # from the current folder
    words = ["docker", *(["buildx"] if newer else []), "build", *_options(request),
             *(["-f", file] if file == "-" or request.dockerfile != "Dockerfile" else []), place]
    line = " ".join(map(shlex.quote, words))
    line = f"DOCKER_BUILDKIT=0 {line}" if request.builder == "legacy" else line
    return line if request.text is None else heredoc(line, request.text)


def variable(secret: str) -> str:
    """The environment variable that `command_line` reads a secret from: 'npm-token' -> 'NPM_TOKEN'."""
    return re.sub(r"\W", "_", secret).upper()


def heredoc(line: str, text: str) -> str:
    """A shell command with `text` and a final line end on its standard input."""
    end = "END"
    while end in text.splitlines():
        end += "_"
    return f"{line} <<'{end}'\n{text.removesuffix(chr(10))}\n{end}"


def _options(request: BuildRequest) -> Iterator[str]:
    yield from ("--no-cache",) if request.no_cache else ()
    single = {"--target": request.target, "--platform": request.platform, "--network": request.network,
              "--provenance": request.provenance, "--sbom": request.sbom, "--output": request.output}
    several = {"--build-arg": map("=".join, (request.args or {}).items()),
               "--secret": (f"id={name},env={variable(name)}" for name in request.secrets or ()),
               "--ssh": map("=".join, (request.ssh or {}).items()),
               "--label": map("=".join, (request.labels or {}).items()),
               "--cache-from": request.cache_from, "--cache-to": request.cache_to}
    for option, value in single.items():
        yield from (option, str(value)) if value else ()
    for option, values in several.items():
        for each in values:
            yield from (option, each)
    yield from ("-t", request.tag) if request.tag else ()


def parameters(request: BuildRequest, context: Context, read: Dockerfile, mark: str = "") -> dict[str, str]:
    """The query for a request whose builder is chosen; `mark` from `mark_of`. Source: Docker Engine API, "Build an
    image"."""
    builder, args = request.builder or "", request.args or {}
    args = {**args, **_marking(mark, args, builder)}
    found = {
        "version": "1" if builder == "legacy" else "2", "dockerfile": context.dockerfile, "t": request.tag,
        "target": request.target, "networkmode": request.network, "nocache": "1" if request.no_cache else "",
        "labels": json.dumps(_labels(request, read)), "buildargs": json.dumps(args) if args else "",
        "rm": "1", "forcerm": "1"}    # else the legacy builder keeps the container of a failed step
    return {name: value for name, value in found.items() if value}


def attributes(request: BuildRequest, context: Context) -> dict[str, str]:
    """What a step depends on, as attributes of BuildKit's frontend; of several platforms, the first. Source:
    moby/buildkit, frontend/dockerui/config.go."""
    found = {"filename": context.dockerfile, "force-network-mode": request.network,
             "platform": (request.platform or "").partition(",")[0].strip()}
    return {name: value for name, value in found.items() if value} | {
        f"build-arg:{name}": value for name, value in (request.args or {}).items()}


def image_attributes(request: BuildRequest, context: Context, read: Dockerfile, mark: str = "") -> dict[str, str]:
    """The attributes of a whole build."""
    args = request.args or {}
    found = attributes(replace(request, args={**args, **_marking(mark, args, "buildkit")}), context)
    found |= {f"label:{name}": value for name, value in _labels(request, read).items()}
    optional = {"target": request.target or None, "no-cache": "" if request.no_cache else None,
                "platform": (request.platform or "").replace(" ", "") or None}
    return found | {name: value for name, value in optional.items() if value is not None}


def _labels(request: BuildRequest, read: Dockerfile) -> dict[str, str]:
    return dict(request.labels) if request.labels else labels.marked(labels.BUILD, **{
        labels.NAME: full(request.tag), labels.STANDS_ON: stands_on(read, request.target)})


def stands_on(read: Dockerfile, target: str | None) -> str:
    """The image at the end of the target's chain of FROMs."""
    stage = read.named(target)
    return read.chain(stage.label if stage else None)[0].base.removesuffix(":latest")


def mark_of(read: Dockerfile, bounds: Bounds | None, builder: str) -> str:
    """The mark in the environment of the build's processes; '' where nothing uses it, and where the Dockerfile declares
    the argument that carries it, which would make it part of the cache key."""
    if any(each.keyword == "ARG" and MARKED in each.value.upper() for each in (*read.preamble, *read.instructions)):
        return ""
    return bounds.mark if bounds else word() if builder == "buildah" else ""


def _marking(mark: str, args: Mapping[str, str], builder: str) -> dict[str, str]:
    """The build argument that carries the mark. Podman passes its own environment to a RUN, whose list of hosts the
    argument would replace."""
    outer = (os.environ.get(name) for name in (MARKED, MARKED.lower()) if builder == "buildah")
    return marked(mark, args.get(MARKED), args.get(MARKED.lower()), *outer)


def full(tag: str) -> str:
    """A name with its tag: 'app' -> 'app:latest'."""
    return tag if not tag or ":" in tag.rsplit("/", 1)[-1] else f"{tag}:latest"
