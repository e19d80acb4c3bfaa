"""The builder's own checks of a Dockerfile, without a build: `docker build --check`, in Docker 27 and later
(moby/buildkit, frontend/subrequests/lint).
"""

import json
from collections.abc import Mapping

from ..engine import Engine
from ..errors import BaseUnavailable, DockerfileError, Unsupported
from ..lint import Finding
from .context import Context
from .control import Control, Gateway
from .request import BuildRequest, attributes
from .session import Session
from .tunnel import upgradable

# Rules with the same meaning as one of `dockerfile.problems`. Source: docs.docker.com, "Build checks".
SAME = {"DuplicateStageName": "duplicate-stage", "StageNameCasing": "stage-name-case", "UndefinedVar": "unset-argument",
        "UndefinedArgInFrom": "unset-argument"}
_SINCE = 27    # version of Docker Engine


def supported(engine: Engine, since: float = _SINCE) -> bool:
    """Whether the engine's builder has its checks, or what else it has since that version of Docker Engine (28.5)."""
    return upgradable(engine) and engine.has_buildkit(since)


def lint(request: BuildRequest, engine: Engine) -> tuple[Finding, ...]:
    """The findings of the builder's checks, by line; builds nothing and pulls nothing.

    Raises Unsupported if the engine's builder has no checks, DockerfileError for a file that it cannot read,
    BaseUnavailable for a missing base image that cannot be looked up; ContextError.
    """
    if not supported(engine):
        raise Unsupported("This engine's builder has no checks of its own.",
                          why=f"They came with Docker Engine {_SINCE}; this is {engine.describe()}.",
                          remedy="Use hadolint, or a newer engine.")
    return findings(ask(request, engine, "frontend.lint"))


def ask(request: BuildRequest, engine: Engine, what: str) -> Mapping:
    """The builder's answer to one of its subrequests about a Dockerfile. Raises ContextError and CallFailed."""
    context = Context.scan(request.folder, request.dockerfile, request.text)
    asked = {"requestid": what, "frontend.caps": "moby.buildkit.frontend.subrequests", "target": request.target or ""}
    with Session(engine, context) as session, Control(engine) as control, Gateway(control, session.id) as gateway:
        answer = gateway.solve(attributes(request, context) | asked).metadata
    return json.loads(answer["result.json"])


def findings(answer: Mapping) -> tuple[Finding, ...]:
    """The findings in BuildKit's answer. Raises DockerfileError if it could not read the file, and BaseUnavailable if
    it could not look up a base image."""
    if (error := answer.get("buildError")) and error.get("message"):
        said = error["message"].removeprefix("dockerfile parse error on ")
        if "failed to resolve" in said:
            raise BaseUnavailable("The builder could not look up a base image, which its checks need.", why=said,
                                  remedy="Pull that image, or connect to its registry.")
        raise DockerfileError(f"{said[0].upper()}{said[1:]}", remedy="Correct that line.")
    return tuple(sorted(
        Finding((where.get("start") or {}).get("line", 0), each["ruleName"], "warning",
                each.get("detail") or each["description"], each.get("url", ""))
        for each in answer.get("warnings") or ()
        for where in ((each.get("location") or {}).get("ranges") or [{}])[:1]))
