"""What a command says: JSON or text, and errors in both."""

from __future__ import annotations

import argparse
import json
import sys

from ..errors import CourseError

GOOD, NO, USAGE = 0, 1, 2


def emit(options: argparse.Namespace, facts: object, text: str) -> None:
    print(json.dumps(facts, indent=2) if options.json else text)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def print_error(options: argparse.Namespace, error: CourseError) -> None:
    if options.json:
        print(json.dumps({"ok": False, "error": error_facts(error)}, indent=2))
    print(f"{error.kind}: {error}", file=sys.stderr)


def error_facts(error: CourseError) -> dict[str, object]:
    """An error's part of the JSON."""
    return {"kind": error.kind, "message": error.what, "why": error.why, "remedy": error.remedy,
            "stage": getattr(error, "stage", None), "line": getattr(error, "line", None)}


def no_build(options: argparse.Namespace, error: CourseError) -> dict[str, object]:
    from ..builder.result import stage_facts, step_facts

    progress = getattr(error, "progress", None)   # None: nothing was sent
    return {"ok": False, "image": None, "tag": options.tag,
            "builder": progress.builder if progress else options.builder,
            "seconds": None, "unpacked": None,
            "stages": [stage_facts(stage) for stage in progress.stages()] if progress else [],
            "steps": [step_facts(step) for step in progress.steps()] if progress else [],
            "error": error_facts(error)}
