"""Commands for the exercises: check, hint, list, progress."""

import argparse
import sys
from dataclasses import replace

from .. import checks
from ..checks import Exercise, Verdict, find, hints, names, notebook, points
from ..checks import progress as kept
from ..checks.hints import next_hint
from ..checks.progress import Record
from ..classroom.live import client
from ..errors import ExerciseError
from ..text import write_json
from ..views.exercises import progress_text
from ..widgets.live import LiveBuild
from .output import GOOD, NO, USAGE, emit, say


def check(options: argparse.Namespace) -> int:
    """Check one exercise's Dockerfile, or all that were tried. Returns 1 if a rule is broken, 2 if something could not
    be checked. Raises ExerciseError."""
    if options.all and options.dockerfile:
        raise ExerciseError("--dockerfile needs a single exercise.", why="--all checks each exercise's own Dockerfile.",
                            remedy="Leave one of them out.")
    exercises = [find(name) for name in names()] if options.all else [find(options.exercise)]
    tried = [each for each in exercises if not options.all or each.work.is_file()]
    verdicts = [_check(each, options) for each in tried]
    if options.points:
        points.write(options.points, points.of(exercises, verdicts))
        say(f"Written: {options.points}")
    if options.all:
        heads = "\n".join(each.head for each in verdicts) or "You have not tried any exercise yet."
        emit(options, [each.facts() for each in verdicts], heads)
    if any(each.lacks for each in verdicts):
        return USAGE
    return GOOD if len(verdicts) == len(exercises) and all(each.passed for each in verdicts) else NO


def _check(exercise: Exercise, options: argparse.Namespace) -> Verdict:
    """Check one exercise and record the attempt; print the verdict unless --all."""
    with LiveBuild(sys.stderr) as live:
        verdict = checks.check(exercise, options.dockerfile, builder=options.builder,
                               listener=checks.Listener(live.say, live.watch))
    done = kept.attempted(verdict)
    client.check(verdict)
    taken = done.record(exercise.name).hints
    verdict = replace(verdict, hint="" if verdict.passed else next_hint(exercise, taken))
    if done.set_aside:
        say(f"Your progress could not be read. The file was moved to {done.set_aside}")
    if not options.all:
        emit(options, {**verdict.facts(), "hints": {"taken": taken, "of": len(hints(exercise))}}, str(verdict))
    return verdict


def hint(options: argparse.Namespace) -> int:
    """Print the next hint and count it. Returns the exit code."""
    exercise = find(options.exercise)
    there = hints(exercise)
    taken = kept.hinted(exercise.name, len(there)).record(exercise.name).hints
    text = there[taken - 1] if taken else ""
    emit(options, {"exercise": exercise.name, "hint": text or None, "taken": taken, "of": len(there)},
          f"Hint {taken} of {len(there)}: {text}" if text else "This exercise has no hints.")
    return GOOD


def exercises(options: argparse.Namespace) -> int:
    """List the exercises, regenerate notebooks, or print the schema of check.toml. Returns the exit code."""
    if options.schema:
        write_json(checks.json_schema())
        return GOOD
    if options.write:
        for name in options.write:
            say(f"Written: {notebook.write(find(name))}")
        return GOOD
    done = kept.load()
    listed = [(find(name), done.record(name)) for name in names()]
    emit(options, [{"exercise": e.name, "title": e.title, "minutes": e.minutes, "passed": r.passed} for e, r in listed],
         "\n".join(f"{e.name:<28} {e.minutes:>3} min  {_state(r)}".rstrip() for e, r in listed))
    return GOOD


def _state(record: Record) -> str:
    return "passed" if record.passed else "tried" if record.attempts else ""


def progress(options: argparse.Namespace) -> int:
    """Export or import progress if asked, then print it. Returns the exit code."""
    if options.export:
        kept.export_file(options.export)
        say(f"Written: {options.export}")
    if options.take:
        kept.merge_file(options.take)
    done = kept.load()
    emit(options, done.facts(), progress_text(done))
    return GOOD
