"""Build a project and report on the image."""

import hashlib
import os
import re
from collections.abc import Callable
from itertools import chain as chained
from pathlib import Path
from typing import Any

from .. import image as images
from ..bases import find as catalogued
from ..bases import status
from ..builder import BuildRequest, BuildResult, build
from ..builder.context import Context
from ..engine import Engine, connect
from ..errors import ImageNotFound
from ..inventory import Inventory, inventory
from ..paths import applications
from . import base_advice, contents, entrypoint, layers, text
from .context import ReportContext, read_project
from .model import Finding, ordered
from .opinions import opinions
from .result import Report
from .secrets import secrets

RULES = (contents.will_not_start, contents.build_tools, contents.large_base, layers.caches, layers.hidden,
         layers.copied_folders, layers.dev_dependencies, secrets, text.stage_numbers, text.unused_tests, text.root_user,
         text.cache_order, text.moving_tags, text.without_digest, text.no_dockerignore, text.read_otherwise)
_LETTERS = 40    # of a project's name, and of a file's, in the name of the image


def report(context: str | Path = ".", *, transfer: bool = False, engine: Engine | None = None,
           watch: Callable | None = None, finished: Callable[[BuildResult], None] | None = None,
           say: Callable[[str], None] | None = None, **options: Any) -> Report:
    """Build the project in `context` and report on it.

    The project is not changed. Its image is called PROJECT:report..., and `clean` removes it.

    transfer  also measure the transfer size, which takes about a second for 25 MB
    watch     called with the build's `Progress` at each event
    finished  called with the build's result before the image is inspected
    say       called with a sentence when base images have to be downloaded
    options   the other fields of `helpers.builder.BuildRequest`: dockerfile, target, builder, args, secrets, lend, ...

    Raises the errors of `helpers.builder.build`.
    """
    engine = engine or connect()
    root, dockerfile, target = Path(context), options.get("dockerfile", "Dockerfile"), options.get("target")
    tag = name(root, dockerfile, target, options.get("text"))
    result = build(BuildRequest(root, tag=tag, **options), engine=engine, watch=watch, report=say)
    if finished:
        finished(result)
    found = inventory(result.tag, engine)
    built = context_of(result, found, Context.scan(root, dockerfile), engine)
    findings = findings_of(built)
    return Report(
        result, found, built.lines, built.main, findings, images.unique(found.image, engine),
        images.transfer(found.image, engine) if transfer else None,
        opinions(built.dockerfile, findings, result.warnings), built)


def findings_of(context: ReportContext) -> tuple[Finding, ...]:
    """What to fix in a built project, the most severe first. No engine is needed."""
    return ordered(chained.from_iterable(rule(context) for rule in RULES))


def name(root: Path, dockerfile: str, target: str | None, text: str | None = None) -> str:
    """The name of the project's image: another one for each Dockerfile, target, and text in place of the file."""
    project = root.resolve()
    file = _words(dockerfile.removeprefix("Dockerfile"))
    words = ["report", *([file] if file else []), *([_words(target)] if target else [])]
    if text or project.parent not in applications():    # two folders of a user may have the same name
        place = "\0".join((str(project), dockerfile, target or "", *([text] if text else [])))
        words.append(hashlib.sha256(os.fsencode(place)).hexdigest()[:8])
    return f"{_words(project.name) or 'project'}:{'-'.join(words)}"


def _words(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LETTERS].strip("-")


def context_of(result: BuildResult, found: Inventory, sent: Context, engine: Engine) -> ReportContext:
    """The input of the rules: a build, the inventory of its image, and the build context that was sent."""
    start = images.start(found.image, engine)
    main = entrypoint.find(found, start)
    chosen = None
    if main:
        offered = base_advice.candidates(main, found.os or _built_on(result, engine), found)
        chosen = base_advice.chosen(main, offered, lambda ref: _here(ref, engine), found)
    return ReportContext(result.dockerfile, found, start, read_project(sent), result.target, result.steps, main, chosen,
                         result.builder)


def _built_on(result: BuildResult, engine: Engine) -> str:
    """The operating system of a builder's base, for an image that does not name its own; '' if unknown."""
    found = (_here(ref, engine) for ref in result.dockerfile.bases_needed(result.target))
    return next((each.os for each in found if each and each.os), "")


def _here(ref: str, engine: Engine) -> Inventory | None:
    """The inventory of a base image, None if it is not in this engine."""
    if ref == "scratch":
        return None
    known = catalogued(ref)
    here = next((each.name for each in status(engine) if each.present and known and catalogued(each.ref) == known), ref)
    try:
        return inventory(here, engine)
    except ImageNotFound:
        return None
