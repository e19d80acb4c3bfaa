"""Commands on Dockerfiles and images: build, graph, lint, report, inventory, compare."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .output import GOOD, NO, draw, emit, save_json, say


def build(options: argparse.Namespace) -> int:
    """Build an image; prints its id, or where its output is."""
    from ..builder import build
    from ..image import inspect
    from ..widgets.live import LiveBuild

    with LiveBuild(sys.stderr) as live:
        result = build(options.dir, tag=options.tag, no_cache=options.no_cache, **request_of(options),
                       output=options.output, cache_to=options.cache_to, cache_from=options.cache_from,
                       platform=options.platform, provenance=options.provenance, sbom=options.sbom,
                       watch=live.watch, report=live.say)
        live.finish(result)
    facts = result.facts()
    if options.json and result.image:
        facts["unpacked"] = inspect(result.image, result.engine).unpacked
    emit(options, facts, result.image or str(result.output))
    return GOOD


def request_of(options: argparse.Namespace) -> dict[str, Any]:
    """What `build` and `report` ask of a build alike."""
    from ..builder import CONTEXT_LIMIT

    return {"dockerfile": options.file, "target": options.target, "builder": options.builder,
            "args": dict(options.build_arg), "secrets": dict(options.secret), "ssh": dict(options.ssh),
            "lend": options.lend, "context_limit": None if options.any_context else CONTEXT_LIMIT}


def graph(options: argparse.Namespace) -> int:
    """Print what each stage takes from others, and warnings."""
    from .. import dockerfile

    parsed = dockerfile.parse(dockerfile.read_file(Path(options.dir, options.file)), dict(options.build_arg),
                              keep_unset=True)
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


def report(options: argparse.Namespace) -> int:
    """Build a project and print what to fix. Returns 1 if there is a finding of the level in --fail-on."""
    from ..report import fix, reaches, report, to_sarif, writable
    from ..views.report import fixed_text, report_text
    from ..widgets.live import LiveBuild

    if options.fix:
        writable(Path(options.dir, f"{options.file}.fixed"))
    with LiveBuild(sys.stderr) as live:
        found = report(options.dir, transfer=options.transfer, **request_of(options),
                       watch=live.watch, finished=live.finish, say=live.say)
    if options.png:
        from .. import charts

        draw(charts.findings(found), options.png)
    if options.sarif:
        path = os.path.relpath(Path(options.dir, options.file)).replace(os.sep, "/")
        save_json(to_sarif(found, path), options.sarif)
    facts, text = found.facts(), report_text(found)
    if options.fix:
        fixed = fix(found, options.dir, say=say, **request_of(options))
        facts["fix"] = fixed.facts()
        text = f"{text}\n{fixed_text(fixed)}"
    emit(options, facts, text)
    failed = options.fail_on and any(reaches(each, options.fail_on) for each in found.findings)
    return NO if failed else GOOD


def inventory(options: argparse.Namespace) -> int:
    """Print what is in an image."""
    from ..engine import connect
    from ..image import transfer
    from ..inventory import inventory, printable
    from ..units import size
    from ..views.contents import inventory_text

    engine = connect()
    found = inventory(options.image, engine)
    facts, text = found.facts(files=options.files), inventory_text(found)
    if options.transfer:
        facts["transfer"] = moved = transfer(found.image, engine)
        text += f"\nTransfer: {size(moved)}"
    if options.files:
        rows = (f"{size(count):>10}  {path}  {' '.join(layer.instruction.split())}"
                for path, count, layer in found.listing())
        text = "\n".join([text, "Files", *map(printable, rows)])
    emit(options, facts, text)
    return GOOD


def compare(options: argparse.Namespace) -> int:
    """Print images side by side."""
    from ..engine import connect
    from ..image import transfer, unique
    from ..inventory import compare, inventory
    from ..units import size
    from ..views.contents import comparison_text

    engine = connect()
    seen = compare([inventory(reference, engine) for reference in options.image])
    facts: dict[str, Any] = seen.facts()
    lines = [comparison_text(seen)]
    for each, entry in zip(seen.inventories, facts["images"], strict=True):
        entry["unique"] = unique(each.image, engine)
        entry["transfer"] = transfer(each.image, engine) if options.transfer else None
        moved = f", {size(entry['transfer'])} to transfer" if options.transfer else ""
        lines.append(f"{each.image.reference}: {size(entry['unique'])} that no other named image has{moved}")
    if options.png:
        from .. import charts

        draw(charts.sizes([each.image for each in seen.inventories]), options.png)
    emit(options, facts, "\n".join(lines))
    return GOOD


Answer = TypeVar("Answer")


def lint(options: argparse.Namespace) -> int:
    """Check a Dockerfile without building it. Returns 1 if there is a finding."""
    from .. import lint as hadolint
    from ..builder import linter

    if options.outline:
        return _outline(options)
    found, by = _of_the_builder(options, linter.supported, linter.lint, ("no checks of its own", "hadolint's are used"))
    if found is None:
        found, by = hadolint.lint(_text(options)), "hadolint"
    lines = [f"{each}{f' ({each.link})' if each.link else ''}" for each in found] or ["Nothing to object to."]
    emit(options, {"ok": not found, "linter": by, "findings": [each.facts() for each in found]}, "\n".join(lines))
    return NO if found else GOOD


def _outline(options: argparse.Namespace) -> int:
    """Print the targets of a Dockerfile, and what one of them takes."""
    from .. import dockerfile
    from ..builder import linter

    args = dict(options.build_arg)
    read = dockerfile.parse(_text(options), args, keep_unset=True)
    own = dockerfile.outline(read, options.target, args)    # an unknown target is an error in any case
    found, by = _of_the_builder(options, linter.has_outlines, linter.outline, ("no outlines", "the file is read here"))
    found, by = (own, "this course's reader") if found is None else (found, by)
    emit(options, {"ok": True, "reader": by, **found.facts()}, str(found))
    return GOOD


def _text(options: argparse.Namespace) -> str:
    from ..dockerfile import read_file

    return read_file(Path(options.dir, options.file))


def _of_the_builder(options: argparse.Namespace, supported: Callable[..., bool], ask: Callable[..., Answer],
                    without: tuple[str, str]) -> tuple[Answer | None, str]:
    """(what the engine's builder answers, its name); (None, "") where it does not, which is said: what it has not, and
    what is done instead."""
    from ..builder import BuildRequest
    from ..builder.control import CallFailed
    from ..engine import connect
    from ..errors import BaseUnavailable, EngineError

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
