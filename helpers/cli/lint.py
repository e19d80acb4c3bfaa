"""`lint DIR`: the builder's own checks, or hadolint's where it has none; with --outline, what the file can be given."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .output import GOOD, NO, emit, say

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
