"""`lint DIR`: the builder's own checks, or hadolint's where it has none."""

from __future__ import annotations

import argparse
from pathlib import Path

from .output import GOOD, NO, emit, say


def lint(options: argparse.Namespace) -> int:
    """Check a Dockerfile without building it. Returns 1 if there is a finding."""
    from .. import lint as hadolint
    from ..builder import BuildRequest, linter
    from ..dockerfile import read_file
    from ..engine import connect
    from ..errors import EngineError

    found, by = None, "hadolint"
    try:
        engine = connect(start=False)
        if linter.supported(engine):
            found = linter.lint(BuildRequest(options.dir, options.file, args=dict(options.build_arg)), engine)
            by = engine.describe()
        else:
            say(f"{engine.describe()} has no checks of its own: hadolint's are used.")
    except EngineError as error:
        say(f"{error.what} hadolint's checks are used.")
    if found is None:
        found = hadolint.lint(read_file(Path(options.dir, options.file)))
    lines = [f"{each}{f' ({each.link})' if each.link else ''}" for each in found] or ["Nothing to object to."]
    emit(options, {"ok": not found, "linter": by, "findings": [each.facts() for each in found]}, "\n".join(lines))
    return NO if found else GOOD
