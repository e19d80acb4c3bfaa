"""What is asked of a build: one value, from the caller down to the call of the engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..limits import Bounds

CONTEXT_LIMIT = 1_000_000_000   # bytes; more than this is nearly always a mistake


@dataclass(frozen=True)
class BuildRequest:
    """A build as it is asked for; every engine and builder takes the same.

    context        folder of the build context
    dockerfile     path of the Dockerfile, relative to the context
    text           a Dockerfile's text, used instead of the file
    target         name of the stage to build, the last one if None
    tag            name for the image, 'name' or 'name:tag'; none if ''
    builder        'buildkit', 'legacy' or 'buildah'; the engine's default if None
    args           build arguments
    no_cache       run every step
    network        of the commands, as `docker build --network` has it
    secrets        {id: value} for RUN --mount=type=secret; not with the legacy builder
    lend           which of this machine's settings ('trust', 'npmrc', 'pip.conf') the Dockerfile
                   may mount; all of them in the course's own applications if None, and none in
                   any other folder. They never hold a password (`helpers.builder.host_secrets`)
    ssh            {id: socket of an agent} for RUN --mount=type=ssh; with BuildKit only
    labels         of the image, in place of those that mark what a lesson has built
    context_limit  bytes of context that may be sent, None for any number
    bounds         past which the build is stopped

    In the words of `docker buildx build`, with BuildKit only (`helpers.builder.exports`):
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
    output: str | Path | None = None
    cache_to: Collection[str] = ()
    cache_from: Collection[str] = ()
    platform: str | None = None
    provenance: str = ""
    sbom: str = ""

    @property
    def folder(self) -> Path:
        return Path(self.context)
