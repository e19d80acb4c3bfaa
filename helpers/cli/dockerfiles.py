"""Commands for Dockerfiles that build nothing: graph, lint."""

import argparse
from pathlib import Path

from .. import dockerfile
from ..errors import BaseUnavailable, EngineError
from ..lint import Finding
from .output import GOOD, NO, emit, say


def graph(options: argparse.Namespace) -> int:
    """Print the edges between stages, and warnings. Returns the exit code."""
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

    if options.outline:
        return _outline(options)
    found, by = _of_the_builder(options)
    if found is None:
        found, by = hadolint.lint(dockerfile.read_file(Path(options.dir, options.file))), "hadolint"
    lines = [f"{each}{f' ({each.link})' if each.link else ''}" for each in found] or ["No findings."]
    emit(options, {"ok": not found, "linter": by, "findings": [each.facts() for each in found]}, "\n".join(lines))
    return NO if found else GOOD


def _outline(options: argparse.Namespace) -> int:
    """Print a Dockerfile's targets, and the inputs of one of them. Returns the exit code."""
    args = dict(options.build_arg)
    read = dockerfile.parse(dockerfile.read_file(Path(options.dir, options.file)), args, keep_unset=True)
    found = dockerfile.outline(read, options.target, args)
    emit(options, {"ok": True, "reader": "this course's reader", **found.facts()}, str(found))
    return GOOD


def _of_the_builder(options: argparse.Namespace) -> tuple[tuple[Finding, ...] | None, str]:
    """(findings of the engine's builder, its name); (None, "") with a message if it has no checks."""
    from ..builder import BuildRequest, linter
    from ..engine import connect

    instead = "Using hadolint instead."
    try:
        engine = connect(start=False)
        if linter.supported(engine):
            request = BuildRequest(options.dir, options.file, target=options.target, args=dict(options.build_arg))
            return linter.lint(request, engine), engine.describe()
        say(f"{engine.describe()} has no checks of its own. {instead}")
    except (EngineError, BaseUnavailable) as error:
        say(f"{error.what} {instead}")
    return None, ""
