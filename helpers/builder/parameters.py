"""A request as the query of POST /build and as attributes of BuildKit's frontend, with the course's labels."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace

from .. import labels
from ..dockerfile import Dockerfile
from ..limits import MARKED, Bounds, marked, word
from .context import Context
from .request import BuildRequest


def parameters(request: BuildRequest, context: Context, read: Dockerfile, mark: str = "") -> dict[str, str]:
    """The query for a request whose builder is chosen; `mark` from `mark_of`.

    Source: Docker Engine API, "Build an image".
    """
    builder, args = request.builder or "", request.args or {}
    args = {**args, **_marking(mark, args, builder)}
    found = {
        "version": "1" if builder == "legacy" else "2", "dockerfile": context.dockerfile, "t": request.tag,
        "target": request.target, "networkmode": request.network, "nocache": "1" if request.no_cache else "",
        "labels": json.dumps(_labels(request, read)), "buildargs": json.dumps(args) if args else "",
        "rm": "1", "forcerm": "1"}    # else the legacy builder keeps the container of a failed step
    return {name: value for name, value in found.items() if value}


def attributes(request: BuildRequest, context: Context) -> dict[str, str]:
    """What a step depends on, as attributes of BuildKit's frontend; of several platforms, the first.

    Source: moby/buildkit, frontend/dockerui/config.go.
    """
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
