"""Output of commands: answers and errors, as JSON or text."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import CourseError, writing
from ..text import write, write_json

if TYPE_CHECKING:
    from ..charts.style import Chart

GOOD, NO, USAGE = 0, 1, 2


def emit(options: argparse.Namespace, facts: object, text: str) -> None:
    """Print a command's answer: `facts` as JSON with --json, otherwise `text`."""
    if options.json:
        write_json(facts)
    else:
        write(text)


def say(sentence: str) -> None:
    """Print a message for people on standard error."""
    write(sentence, sys.stderr)


def print_error(options: argparse.Namespace, error: CourseError) -> None:
    """Print an error on standard error, and with --json also on standard output, with the keys of the command's
    answer."""
    if options.json:
        failure = getattr(options, "failure", _failure)
        write_json(failure(options, error))
    say(f"{error.kind}: {error}")


def _failure(_: argparse.Namespace, error: CourseError) -> dict[str, object]:
    return {"ok": False, "error": error_facts(error)}


def error_facts(error: CourseError) -> dict[str, object]:
    """An error as JSON."""
    return {"kind": error.kind, "message": error.what, "why": error.why, "remedy": error.remedy,
            "stage": getattr(error, "stage", None), "line": getattr(error, "line", None)}


def no_build(options: argparse.Namespace, error: CourseError) -> dict[str, object]:
    """The JSON of a failed build, with the keys of a successful one."""
    progress = getattr(error, "progress", None)   # None: the build was never sent
    return {"ok": False, "image": None, "tag": getattr(options, "tag", ""),
            "builder": progress.builder if progress else options.builder, "seconds": None, "unpacked": None,
            "stages": [stage.facts() for stage in progress.stages()] if progress else [],
            "steps": [step.facts() for step in progress.steps()] if progress else [], "error": error_facts(error)}


def no_report(options: argparse.Namespace, error: CourseError) -> dict[str, object]:
    """The JSON of a report whose build failed."""
    return {**no_build(options, error), "findings": []}


def draw(chart: Chart, file: str) -> None:
    """Draw a chart to a file. Raises CourseError if it cannot be written."""
    with writing(file):
        chart.save(file)
    say(f"Written: {file}")


def save_json(value: object, file: str) -> None:
    """Write JSON to a file. Raises CourseError if it cannot be written."""
    with writing(file), open(file, "w", encoding="utf-8") as out:
        write_json(value, out)
    say(f"Written: {file}")
