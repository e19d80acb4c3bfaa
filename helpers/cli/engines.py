"""Commands for the engine: doctor, bases, clean, engine, first-run."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..bases import ALL, FIRST, fill, save
from ..builder import ensure_bases
from ..engine import backends, connect
from ..engine.proot import fetching
from ..maintenance import clean as cleaning
from ..maintenance import doctor as health
from ..maintenance.first_run import first_run, have_engine
from ..units import size
from .output import GOOD, NO, emit, error_facts, say


def doctor(options: argparse.Namespace) -> int:
    """Report on the engine and what the lessons lack. Returns 1 if they cannot run."""
    report = health.doctor()
    emit(options, report.facts(), str(report))
    return GOOD if report.ok else NO


def bases(options: argparse.Namespace) -> int:
    """Fetch or build base images. Returns 1 if one could not be saved in a kit."""
    wanted = ALL if options.all else options.ref or None
    if options.without_engine:
        return _fetch_bases(options, wanted)
    engine = connect()
    found = ensure_bases(engine, wanted, offline=options.offline, report=say)
    rows = [f"{base.ref:<40} {base.origin}" + (", from the kit" if base.kit else "")
            + (f"  as {base.name}" if base.substituted else "") for base in found]
    for base in found if options.save else ():
        save(engine, base, Path(options.save), say)
    emit(options, [health.base_facts(base) for base in found], "\n".join(rows))
    return GOOD


def _fetch_bases(options: argparse.Namespace, wanted: Sequence[str] | None) -> int:
    """Fill a kit from registries; report an unavailable image and go on with the next."""
    kept, failed = fill(Path(options.save), wanted or FIRST, say, budget=options.budget)
    for error in failed:
        say(f"{error.kind}: {error}")
    emit(options, {"bases": [each.facts() for each in kept], "failed": [error_facts(error) for error in failed]},
          "\n".join(f"{each.ref:<40} {each.origin}  {size(each.size)}" for each in kept))
    return NO if failed else GOOD


def clean(options: argparse.Namespace) -> int:
    """Remove what the course created. Returns the exit code."""
    facts = cleaning.clean(connect(start=False), bases=options.bases).facts()
    words = ", ".join(f"{count} {kind}" for kind, count in facts["removed"].items())
    emit(options, facts, f"Removed {words}.")
    return GOOD


def engine(options: argparse.Namespace) -> int:
    """Start, find, stop or purge the course's engine. Returns the exit code."""
    if options.action == "fetch-proot":
        place = str(fetching.fetch(say))
        emit(options, {"proot": place}, place)
    elif options.action in ("stop", "purge"):
        stopped = [each.stop(say) for each in backends.ENGINES]
        for each in backends.ENGINES if options.action == "purge" else ():
            each.purge(say)
        emit(options, {"stopped": any(stopped)}, "Stopped." if any(stopped) else "The course's engine was not running.")
    else:
        found = connect(start=False) if options.action == "status" else have_engine(say)
        emit(options, found.facts(), f"{found.describe()}\n{found.host}")
    return GOOD


def first(options: argparse.Namespace) -> int:
    """Build the Go application both ways and compare. Returns the exit code."""
    outcome = first_run(say)
    emit(options, outcome.facts(), str(outcome))
    return GOOD
