"""A Dockerfile's outline as its builder has it: `docker build --call=outline` and `--call=targets`.

What an older builder cannot say, `dockerfile.outline` reads from the text, in the same form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..dockerfile import Argument, Handed, Outline, Target
from ..engine import Engine
from ..errors import Unsupported
from .linter import answers, ask, line_of
from .request import BuildRequest

_SINCE = 24    # Docker Engine's version, the first with Dockerfile 1.5


def supported(engine: Engine) -> bool:
    """Whether the engine's builder has outlines."""
    return answers(engine, _SINCE)


def outline(request: BuildRequest, engine: Engine) -> Outline:
    """The outline of a build of `request`; nothing is built. The builder asks registries for bases that are not here.

    Raises Unsupported where the engine's builder has no outlines, CallFailed where it refuses the file or has no base
    of it, and ContextError.
    """
    if not supported(engine):
        raise Unsupported("This engine's builder has no outlines.",
                          why=f"They came with Docker Engine {_SINCE}; this is {engine.describe()}.",
                          remedy="Use helpers.dockerfile.outline, which reads the file itself.")
    return joined(ask(request, engine, "frontend.outline"), ask(request, engine, "frontend.targets"))


def joined(found: Mapping, targets: Mapping) -> Outline:
    """The outline in BuildKit's two answers."""
    return Outline(
        found.get("name", ""), found.get("description", ""),
        tuple(Target(each.get("name", ""), each.get("base", ""), each.get("description", ""),
                     each.get("default", False), each.get("platform", ""), line_of(each))
              for each in targets["targets"]),
        tuple(sorted((Argument(each["name"], each.get("value", ""), each.get("description", ""), line_of(each))
                      for each in found.get("args") or ()), key=_place)),
        _handed(found.get("secrets") or ()), _handed(found.get("ssh") or ()))


def _handed(found: Iterable[Mapping]) -> tuple[Handed, ...]:
    return tuple(sorted((Handed(each["name"], each.get("required", False), line_of(each))
                         for each in found), key=_place))


def _place(each: Argument | Handed) -> tuple[int, str]:
    return each.line, each.name
