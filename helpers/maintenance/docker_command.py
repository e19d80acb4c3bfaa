"""Which builder this machine's own `docker build` uses. Source: docker/cli, cmd/docker/builder.go (since version 23)
and cli/command/cli.go (before)."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence

from ..builder import TITLES
from ..engine import Engine

_SECONDS = 10
_SINCE = "Since Docker 23, docker build uses BuildKit through the plugin buildx, and without it the legacy builder; " \
         "before, the legacy builder or, with DOCKER_BUILDKIT=1, BuildKit."


def docker_build_uses(engine: Engine) -> str:
    """Sentences on the builders of this machine's docker command and of the engine. Builds nothing."""
    version = _output("--version")
    names = [TITLES.get(each, each) for each in engine.builders]
    offered = f"The engine here offers {' and '.join(names)}; the lessons use {names[0]}."
    if not version:
        return f"There is no docker command here. {_SINCE} {offered}"
    if not version.startswith("Docker"):
        return f"The docker command here is {version}, so its builds use Buildah. {offered}"
    buildx = bool(_output("buildx", "version"))
    major = int((re.search(r"\d+", version) or ["0"])[0])
    builder = builder_of(major, buildx, os.environ.get("DOCKER_BUILDKIT", ""), _preferred(engine),
                         "legacy" if "buildkit" in engine.builders else names[0])
    return f"The docker command here is {version}{'' if buildx else ', without buildx'}. {builder} {_SINCE} {offered}"


def builder_of(major: int, buildx: bool, variable: str, preferred: str, other: str = "legacy") -> str:
    """A sentence on the builder that `docker build` uses.

    major      major version of the docker command
    buildx     whether it has the plugin buildx
    variable   DOCKER_BUILDKIT, '' if unset
    preferred  builder that the engine recommends: '2' for BuildKit, '1' or '' for another
    other      what builds where BuildKit is not asked for: 'legacy', or the builder of an engine without BuildKit
    """
    plain = f"Its builds use {TITLES.get(other, other)}"
    wanted = variable.lower() in ("1", "t", "true")
    if variable and not wanted:
        return f"{plain}: DOCKER_BUILDKIT is {variable}."
    if other != "legacy":
        asks = wanted or major >= 23 and buildx
        return f"Its builds fail: they ask for BuildKit, and this engine has {other}." if asks else f"{plain}."
    if major >= 23 and not buildx:
        return ("Its builds fail: DOCKER_BUILDKIT asks for BuildKit, and the plugin buildx is missing." if wanted else
                f"{plain}, until the plugin docker-buildx is installed.")
    if major >= 23 or wanted or preferred == "2":
        return "Its builds use BuildKit."
    return f"{plain}; with DOCKER_BUILDKIT=1 they use BuildKit."


def _preferred(engine: Engine) -> str:
    """The header Builder-Version in the engine's answer to a ping."""
    api = engine.client.api
    return api.get(f"{api.base_url}/_ping", timeout=_SECONDS).headers.get("Builder-Version", "")


def _output(*words: str) -> str:
    """The first line that a docker command prints; '' if it fails or there is no docker."""
    command: Sequence[str] = [shutil.which("docker") or "", *words]
    if not command[0]:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""
