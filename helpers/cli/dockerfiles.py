"""Commands on Dockerfiles, which build nothing: graph, lint."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .. import dockerfile
from ..errors import BaseUnavailable, EngineError
from .output import GOOD, NO, emit, say

Answer = TypeVar("Answer")


def graph(options: argparse.Namespace) -> int:
    """Print what each stage takes from others, and warnings."""
    text = dockerfile.read_file(Path(options.dir, options.file))
    parsed = dockerfile.parse(text, dict(options.build_arg), keep_unset=True)
    targets = dockerfile.outline(parsed).targets
    stages = [{"index": s.index, "name": s.label, "base": s.base, "description": target.description}
              for s, target in zip(parsed.stages, targets, strict=True)]
    edges = [{"from": e.source, "to": e.target, "via": e.via, "line": e.line, "kind": e.kind} for e in parsed.edges]
    rows = [f"{e['from']} --{e['via']}--> {e['to']}  (line {e['line']}, {e['kind']})" for e in edges]
    warnings = dockerfile.problems(parsed)
    emit(options, {"stages": stages, "edges": edges, "warnings": [each.facts() for each in warnings]}, "\n".join(rows))
    for each in warnings:
        say(f"Warning: {each}")
    return GOOD


def lint(options: argparse.Namespace) -> int:
    """Check a Dockerfile without building it. Returns 1 if there is a finding."""
    from .. import lint as hadolint
    from ..builder import linter

    if options.outline:
        return _outline(options)
    found, by = _of_the_builder(options, linter.supported, linter.lint, ("no checks of its own", "hadolint's are used"))
    if found is None:
        found, by = hadolint.lint(dockerfile.read_file(Path(options.dir, options.file))), "hadolint"
    lines = [f"{each}{f' ({each.link})' if each.link else ''}" for each in found] or ["Nothing to object to."]
    emit(options, {"ok": not found, "linter": by, "findings": [each.facts() for each in found]}, "\n".join(lines))
    return NO if found else GOOD


def _outline(options: argparse.Namespace) -> int:
    """Print the targets of a Dockerfile, and what one of them takes."""
    from ..builder import linter

    args = dict(options.build_arg)
    read = dockerfile.parse(dockerfile.read_file(Path(options.dir, options.file)), args, keep_unset=True)
    own = dockerfile.outline(read, options.target, args)    # an unknown target is an error in any case
    found, by = _of_the_builder(options, linter.has_outlines, linter.outline, ("no outlines", "the file is read here"))
    found, by = (own, "this course's reader") if found is None else (found, by)
    emit(options, {"ok": True, "reader": by, **found.facts()}, str(found))
    return GOOD


def _of_the_builder(options: argparse.Namespace, supported: Callable[..., bool], ask: Callable[..., Answer],
                    without: tuple[str, str]) -> tuple[Answer | None, str]:
    """(what the engine's builder answers, its name); (None, "") where it does not, which is said: what it has not, and
    what is done instead."""
    from ..builder import BuildRequest
    from ..builder.control import CallFailed
    from ..engine import connect

    try:
        engine = connect(start=False)
        if supported(engine):
            request = BuildRequest(options.dir, options.file, target=options.target, args=dict(options.build_arg))
            return ask(request, engine), engine.describe()
        say(f"{engine.describe()} has {without[0]}: {without[1]}.")
    except (EngineError, BaseUnavailable) as error:
        say(f"{error.what} So {without[1]}.")
    except CallFailed as error:
        if not options.outline:
            raise
        say(f"{error.what} So {without[1]}.")
    return None, ""
