"""A request in Docker's own words: the `docker build` that asks the engine for the same image.

    >>> command_line(BuildRequest("notebooks/apps/go-hello", target="builder", tag="go-hello:builder"))
    'docker build --target builder -t go-hello:builder notebooks/apps/go-hello'

Left out is what makes no layer: the course's labels, limits, and settings of this machine that it lends.
Source of the options: docker/buildx, docs/reference/buildx_build.md.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from .request import BuildRequest


def command_line(request: BuildRequest, folder: str | Path | None = None) -> str:
    """The command, to be run where relative paths begin. `folder` stands for that of the request.

    A Dockerfile that is given as text follows on standard input. A secret is read from the variable that
    `variable` names for its id.
    """
    place = str(folder or request.context)
    words = [*_program(request), *_options(request), *_file(request, place), place]
    line = " ".join(map(shlex.quote, words))
    line = f"DOCKER_BUILDKIT=0 {line}" if request.builder == "legacy" else line
    return line if request.text is None else heredoc(line, request.text)


def variable(secret: str) -> str:
    """The environment variable that a command takes the secret of this id from: 'npm-token' is in NPM_TOKEN."""
    return re.sub(r"\W", "_", secret).upper()


def heredoc(line: str, text: str) -> str:
    """A shell command with `text` on its standard input, unchanged but for a line end at its end."""
    end = "END"
    while end in text.splitlines():
        end += "_"
    return f"{line} <<'{end}'\n{text.removesuffix(chr(10))}\n{end}"


def _program(request: BuildRequest) -> Sequence[str]:
    """`docker build` is BuildKit's since Docker 23, and has these options there only."""
    newer = request.output is not None or request.cache_to or request.provenance or request.sbom
    return ("docker", "buildx", "build") if newer else ("docker", "build")


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


def _file(request: BuildRequest, place: str) -> Sequence[str]:
    """-f is relative to where the command runs; ours is relative to the context."""
    if request.text is not None:
        return "-f", "-"
    return ("-f", os.path.join(place, request.dockerfile)) if request.dockerfile != "Dockerfile" else ()
