"""The `build` command, and the build options it shares with `report` and `debug`."""

import argparse
import sys
from typing import Any

from .. import builder
from ..widgets.live import LiveBuild
from .output import GOOD, emit


def build(options: argparse.Namespace) -> int:
    """Build an image; print its id or the path of its output. Returns the exit code."""
    with LiveBuild(sys.stderr) as live:
        result = builder.build(
            options.dir, tag=options.tag, no_cache=options.no_cache, **request_of(options), output=options.output,
            cache_to=options.cache_to, cache_from=options.cache_from, platform=options.platform,
            provenance=options.provenance, sbom=options.sbom, watch=live.watch, report=live.say)
        live.finish(result)
    facts = result.facts()
    if options.json and result.image:
        from .. import image

        facts["unpacked"] = image.inspect(result.image, result.engine).unpacked
    emit(options, facts, result.image or str(result.output))
    return GOOD


def request_of(options: argparse.Namespace) -> dict[str, Any]:
    """The options of a build that all three commands have, as keyword arguments of `build`."""
    return {"dockerfile": options.file, "target": options.target, "builder": options.builder,
            "args": dict(options.build_arg), "secrets": dict(options.secret), "ssh": dict(options.ssh),
            "lend": options.lend, "context_limit": None if options.any_context else builder.CONTEXT_LIMIT}
