"""The builder's own checks, without a build: what `docker build --check` prints.

The built-in reader of Docker 27 and later has them (moby/buildkit, frontend/subrequests/lint).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..engine import Engine
from ..errors import DockerfileError, Unsupported
from ..lint import Finding
from .context import Context
from .control import Control, Gateway
from .request import BuildRequest
from .session import Session

_SINCE = 27    # Docker Engine's version


def supported(engine: Engine) -> bool:
    """Whether the engine's builder has checks."""
    major = engine.version.partition(".")[0]
    return Control.supported(engine) and major.isdigit() and int(major) >= _SINCE


def lint(request: BuildRequest, engine: Engine) -> tuple[Finding, ...]:
    """What the builder objects to in a Dockerfile, in the order of its lines; nothing is built, no image is fetched.

    Raises Unsupported where the engine's builder has no checks, DockerfileError for a file that it cannot read, and
    ContextError.
    """
    if not supported(engine):
        raise Unsupported("This engine's builder has no checks of its own.",
                          why=f"They came with Docker Engine {_SINCE}; this is {engine.describe()}.",
                          remedy="Use hadolint, or a newer engine.")
    context = Context.scan(request.folder, request.dockerfile, request.text)
    attributes = {"filename": context.dockerfile, "requestid": "frontend.lint",
                  "frontend.caps": "moby.buildkit.frontend.subrequests",
                  **{f"build-arg:{name}": value for name, value in (request.args or {}).items()}}
    with Session(engine, context) as session, Control(engine) as control, Gateway(control, session.id) as gateway:
        answer = gateway.solve(attributes).metadata
    return findings(json.loads(answer["result.json"]))


def findings(answer: Mapping) -> tuple[Finding, ...]:
    """The findings in BuildKit's answer. Raises DockerfileError where it could not read the file."""
    if (error := answer.get("buildError")) and error.get("message"):
        said = error["message"].removeprefix("dockerfile parse error on ")
        raise DockerfileError(f"{said[0].upper()}{said[1:]}", remedy="Correct that line.")
    return tuple(sorted(
        Finding(_line(each), each["ruleName"], "warning", each.get("detail") or each["description"],
                each.get("url", ""))
        for each in answer.get("warnings") or ()))


def _line(found: Mapping) -> int:
    ranges = (found.get("location") or {}).get("ranges") or [{}]
    return (ranges[0].get("start") or {}).get("line", 0)
