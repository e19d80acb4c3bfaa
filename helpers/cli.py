"""The command line: `python -m helpers COMMAND`.

JSON goes to standard output and nothing else does; everything said to a person
goes to standard error when --json is given. Exit codes: 0 good, 1 the answer is
no (a failed build, not ready), 2 wrong usage or no engine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import (BaseUnavailable, BuildFailed, ContextError, CourseError, DockerfileError,
                     EngineError, ExerciseError, Interrupted)

GOOD, NO, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if getattr(options, "without_engine", False) and not options.save:
        parser.error("--without-engine fills a kit: name its folder with --save")
    try:
        return options.command(options)
    except Interrupted as error:
        print(error, file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return GOOD
    except CourseError as error:
        _print_error(options, error)
        return USAGE if isinstance(error, (EngineError, ExerciseError)) else NO


def _print_error(options: argparse.Namespace, error: CourseError) -> None:
    if options.json:
        print(json.dumps({"ok": False, "error": error_facts(error)}, indent=2))
    print(f"{error.kind}: {error}", file=sys.stderr)


def error_facts(error: CourseError) -> dict[str, object]:
    """An error's part of the JSON."""
    return {"kind": error.kind, "message": error.what, "why": error.why, "remedy": error.remedy,
            "stage": getattr(error, "stage", None), "line": getattr(error, "line", None)}


def _emit(options: argparse.Namespace, facts: object, text: str) -> None:
    print(json.dumps(facts, indent=2) if options.json else text)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


# -- commands ------------------------------------------------------------------------

def _doctor(options: argparse.Namespace) -> int:
    from .workshop.doctor import doctor

    report = doctor()
    _emit(options, report.facts(), str(report))
    return GOOD if report.ok else NO


def _bases(options: argparse.Namespace) -> int:
    from .bases import ALL, ensure
    from .engine import connect
    from .workshop.doctor import base_facts

    wanted = ALL if options.all else options.ref or None
    if options.shelve:
        return _shelve_bases(options)
    if options.without_engine:
        return _fetch_bases(options, wanted)
    engine = connect()
    found = ensure(engine, wanted, offline=options.offline, report=_say)
    rows = [f"{base.ref:<40} {base.origin}" + (", from the kit" if base.kit else "")
            + (f"  as {base.name}" if base.substituted else "") for base in found]
    if options.save:
        from .bases import save

        for base in found:
            save(engine, base, Path(options.save), _say)
    _emit(options, [base_facts(base) for base in found], "\n".join(rows))
    return GOOD


def _fetch_bases(options: argparse.Namespace, wanted: Sequence[str] | None) -> int:
    """Fill a kit from registries; what cannot be had is said, and the next one tried."""
    from .bases import FIRST, fill
    from .units import size

    kept, failed = fill(Path(options.save), wanted or FIRST, _say, budget=options.budget)
    for error in failed:
        _say(f"{error.kind}: {error}")
    _emit(options, {"bases": [each.facts() for each in kept],
                    "failed": [error_facts(error) for error in failed]},
          "\n".join(f"{each.ref:<40} {each.origin}  {size(each.size)}" for each in kept))
    return NO if failed else GOOD


def _shelve_bases(options: argparse.Namespace) -> int:
    """Unpack a kit for Podman with one id. It takes no engine."""
    from .bases import shelving

    names = shelving.fill(Path(options.shelve), _say)
    _emit(options, {"bases": names}, "\n".join(names))
    return GOOD if names else NO


def _build(options: argparse.Namespace) -> int:
    from .build import CONTEXT_LIMIT, build
    from .image import look
    from .widgets.live import LiveBuild

    try:
        with LiveBuild(sys.stderr) as live:
            result = build(
                options.dir, dockerfile=options.file, target=options.target, tag=options.tag,
                builder=options.builder, no_cache=options.no_cache, args=dict(options.build_arg),
                context_limit=None if options.any_context else CONTEXT_LIMIT,
                watch=live.watch, report=live.say)
            live.finish(result)
    except (BuildFailed, BaseUnavailable, ContextError, DockerfileError) as error:
        if options.json:
            print(json.dumps(_no_build(options, error), indent=2))
        print(f"{error.kind}: {error}", file=sys.stderr)
        return NO
    facts = result.facts()
    if options.json:
        facts["unpacked"] = look(result.image, result.engine).unpacked
    _emit(options, facts, result.image)
    return GOOD


def _no_build(options: argparse.Namespace, error: CourseError) -> dict[str, object]:
    from .build.result import stage_facts, step_facts

    progress = getattr(error, "progress", None)   # None: nothing was sent
    return {"ok": False, "image": None, "tag": options.tag,
            "builder": progress.builder if progress else options.builder,
            "seconds": None, "unpacked": None,
            "stages": [stage_facts(stage) for stage in progress.stages()] if progress else [],
            "steps": [step_facts(step) for step in progress.steps()] if progress else [],
            "error": error_facts(error)}


def _megabytes(text: str) -> int:
    return int(text) * 1_000_000


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"NAME=VALUE is wanted, not {text!r}")
    return name, value


def _graph(options: argparse.Namespace) -> int:
    from . import dockerfile

    path = Path(options.dir, options.file)
    try:
        parsed = dockerfile.parse(path.read_text(encoding="utf-8", errors="replace"), {})
    except OSError as error:
        raise DockerfileError(f"{path} cannot be read.", why=error.strerror or "",
                              remedy="Name the folder of a Dockerfile, or the file with -f.") from error
    stages = [{"index": s.index, "name": s.label, "base": s.base} for s in parsed.stages]
    edges = [{"from": e.source, "to": e.target, "via": e.via, "line": e.line} for e in parsed.edges]
    rows = [f"{e['from']} --{e['via']}--> {e['to']}  (line {e['line']})" for e in edges]
    _emit(options, {"stages": stages, "edges": edges}, "\n".join(rows))
    return GOOD


def _inventory(options: argparse.Namespace) -> int:
    from .engine import connect
    from .image import transfer
    from .inventory import inventory, printable
    from .units import size
    from .widgets.contents import inventory_text

    engine = connect()
    found = inventory(options.image, engine)
    facts, text = found.facts(files=options.files), inventory_text(found)
    if options.transfer:
        facts["transfer"] = transfer(found.image, engine)
        text += f"\nTransfer: {size(facts['transfer'])}"
    if options.files:
        text = "\n".join([text, "Files", *(printable(f"{size(count):>10}  {path}  {' '.join(layer.instruction.split())}")
                                          for path, count, layer in found.listing())])
    _emit(options, facts, text)
    return GOOD


def _compare(options: argparse.Namespace) -> int:
    from .engine import connect
    from .image import transfer, unique
    from .inventory import compare, inventory
    from .units import size
    from .widgets.contents import comparison_text

    engine = connect()
    seen = compare([inventory(reference, engine) for reference in options.image])
    facts, lines = seen.facts(), [comparison_text(seen)]
    for each, entry in zip(seen.inventories, facts["images"]):
        entry["unique"] = unique(each.image, engine)
        entry["transfer"] = transfer(each.image, engine) if options.transfer else None
        moved = f", {size(entry['transfer'])} to transfer" if options.transfer else ""
        lines.append(f"{each.image.reference}: {size(entry['unique'])} that no other named image has{moved}")
    if options.png:
        from . import charts

        try:
            charts.sizes([each.image for each in seen.inventories]).save(options.png)
        except OSError as error:
            raise CourseError(f"{options.png} cannot be written.", why=error.strerror or "",
                              remedy="Name a file in a folder that is there.") from error
        _say(f"Drawn to {options.png}")
    _emit(options, facts, "\n".join(lines))
    return GOOD


def _report(options: argparse.Namespace) -> int:
    from .build import CONTEXT_LIMIT
    from .report import report
    from .widgets.live import LiveBuild
    from .widgets.report import report_text

    try:
        with LiveBuild(sys.stderr) as live:
            told = report(
                options.dir, dockerfile=options.file, target=options.target, builder=options.builder,
                args=dict(options.build_arg), transfer=options.transfer,
                context_limit=None if options.any_context else CONTEXT_LIMIT,
                watch=live.watch, finished=live.finish, say=live.say)
    except (BuildFailed, BaseUnavailable, ContextError, DockerfileError) as error:
        options.tag = ""
        if options.json:
            print(json.dumps({**_no_build(options, error), "findings": []}, indent=2))
        print(f"{error.kind}: {error}", file=sys.stderr)
        return NO
    if options.png:
        from . import charts

        charts.findings(told).save(options.png)
        _say(f"Drawn to {options.png}")
    _emit(options, told.facts(), report_text(told))
    return GOOD


def _check(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from .checks import Watch, check, find, hints, progress
    from .checks.hints import how
    from .widgets.live import LiveBuild

    exercise = find(options.exercise)
    with LiveBuild(sys.stderr) as live:
        verdict = check(exercise, options.dockerfile, builder=options.builder,
                        watch=Watch(live.say, live.watch))
    kept = progress.attempted(verdict)
    taken = kept.record(exercise.name).hints
    verdict = replace(verdict, hint="" if verdict.passed else how(exercise, taken))
    if kept.set_aside:
        _say(f"Your progress could not be read. It was set aside: {kept.set_aside}")
    _emit(options, {**verdict.facts(), "hints": {"taken": taken, "of": len(hints(exercise))}}, str(verdict))
    return GOOD if verdict.passed else USAGE if verdict.lacks else NO


def _hint(options: argparse.Namespace) -> int:
    from .checks import find, hints, progress

    exercise = find(options.exercise)
    there = hints(exercise)
    taken = progress.hinted(exercise.name, len(there)).record(exercise.name).hints
    text = there[taken - 1] if taken else ""
    _emit(options, {"exercise": exercise.name, "hint": text or None, "taken": taken, "of": len(there)},
          f"Hint {taken} of {len(there)}: {text}" if text else "This exercise has no hints.")
    return GOOD


def _exercises(options: argparse.Namespace) -> int:
    from .checks import find, names, notebook, progress

    if options.write:
        for name in options.write:
            _say(f"Written: {notebook.write(find(name))}")
        return GOOD
    done = progress.load()
    listed = [(find(name), done.record(name)) for name in names()]
    _emit(options, [{"exercise": e.name, "title": e.title, "minutes": e.minutes, "passed": r.passed} for e, r in listed],
          "\n".join(f"{e.name:<28} {e.minutes:>3} min  {'passed' if r.passed else 'tried' if r.attempts else ''}".rstrip()
                    for e, r in listed))
    return GOOD


def _progress(options: argparse.Namespace) -> int:
    from .checks import progress
    from .widgets.exercises import progress_text

    if options.export:
        try:
            options.export.write_bytes(progress.export())
        except OSError as error:
            raise CourseError(f"{options.export} cannot be written.", why=error.strerror or "",
                              remedy="Name a file in a folder that is there.") from error
        _say(f"Written: {options.export}")
    if options.take:
        try:
            progress.merge(options.take.read_bytes())
        except OSError as error:
            raise CourseError(f"{options.take} cannot be read.", why=error.strerror or "",
                              remedy="Name a file that --export wrote.") from error
    done = progress.load()
    _emit(options, done.facts(), progress_text(done))
    return GOOD


def _clean(options: argparse.Namespace) -> int:
    from .engine import connect
    from .workshop.clean import clean

    removed = clean(connect(start=False), bases=options.bases)
    facts = removed.facts()
    words = ", ".join(f"{count} {kind}" for kind, count in facts["removed"].items())
    _emit(options, facts, f"Removed {words}.")
    return GOOD


def _engine(options: argparse.Namespace) -> int:
    from .engine import family

    if options.action == "fetch-proot":
        from .small.fetching import fetch

        place = str(fetch(_say))
        _emit(options, {"proot": place}, place)
        return GOOD
    if options.action in ("stop", "purge"):
        stopped = any([each.stop(_say) for each in family.ENGINES])
        for each in family.ENGINES if options.action == "purge" else ():
            each.purge(_say)
        _emit(options, {"stopped": stopped}, "Stopped." if stopped else
              "No engine of the course was running.")
        return GOOD
    from .workshop.first_run import have_engine

    engine = have_engine(_say)
    _emit(options, engine.facts(), f"{engine.describe()}\n{engine.host}")
    return GOOD


def _first(options: argparse.Namespace) -> int:
    from .workshop.first_run import first_run

    outcome = first_run(_say)
    _emit(options, outcome.facts(), str(outcome))
    return GOOD


# -- the words -----------------------------------------------------------------------

def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers", description="Multi-stage builds, measured.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], help: str):
        sub = commands.add_parser(name, help=help, description=help)
        sub.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")
        sub.set_defaults(command=run)
        return sub

    command("doctor", _doctor, "what engine, what it can do, what is missing")

    bases = command("bases", _bases, "fetch or make base images, say where they came from")
    chosen = bases.add_mutually_exclusive_group()
    chosen.add_argument("ref", nargs="*", default=[],
                        help="these (default: those of the first lessons)")
    chosen.add_argument("--all", action="store_true", help="all that the course knows")
    bases.add_argument("--offline", action="store_true", help="ask no registry beyond this machine")
    bases.add_argument("--save", metavar="FOLDER", help="keep them as files in this folder, a kit")
    bases.add_argument("--without-engine", action="store_true",
                       help="with --save: fetch them from registries with skopeo")
    bases.add_argument("--shelve", metavar="KIT",
                       help="unpack those of this kit beside it: Podman with one id then need not load them")
    bases.add_argument("--budget", type=_megabytes, metavar="MB",
                       help="with --without-engine: the kit may have so many megabytes")

    build = command("build", _build, "build an image and say what every stage did")
    build.add_argument("dir", metavar="DIR", help="folder of the build context")
    build.add_argument("-f", "--file", default="Dockerfile", help="Dockerfile, relative to DIR")
    build.add_argument("--target", metavar="STAGE", help="build up to this stage")
    build.add_argument("--builder", choices=("buildkit", "legacy", "buildah"))
    build.add_argument("-t", "--tag", default="", help="name for the image")
    build.add_argument("--no-cache", action="store_true", help="run every step")
    build.add_argument("--build-arg", action="append", default=[], type=_pair,
                       metavar="NAME=VALUE")
    build.add_argument("--any-context", action="store_true", help="send a context of any size")

    graph = command("graph", _graph, "the stages and what ties them")
    graph.add_argument("dir", metavar="DIR")
    graph.add_argument("-f", "--file", default="Dockerfile", help="Dockerfile, relative to DIR")

    inventory = command("inventory", _inventory, "what is in an image: tools, packages, sizes by layer")
    inventory.add_argument("image", metavar="IMAGE")
    inventory.add_argument("--files", action="store_true", help="list every file with its layer too")
    inventory.add_argument("--transfer", action="store_true",
                           help="measure the transfer size too (slow the first time)")

    compare = command("compare", _compare, "images side by side, and what only one of them has")
    compare.add_argument("image", nargs="+", metavar="IMAGE")
    compare.add_argument("--png", metavar="FILE", help="draw it to this file")
    compare.add_argument("--transfer", action="store_true",
                         help="measure the transfer size too (slow the first time)")

    report = command("report", _report, "build a project and say what to mend, line by line")
    report.add_argument("dir", metavar="DIR", help="folder of the build context")
    report.add_argument("-f", "--file", default="Dockerfile", help="Dockerfile, relative to DIR")
    report.add_argument("--target", metavar="STAGE", help="report on this stage")
    report.add_argument("--builder", choices=("buildkit", "legacy", "buildah"))
    report.add_argument("--build-arg", action="append", default=[], type=_pair, metavar="NAME=VALUE")
    report.add_argument("--any-context", action="store_true", help="send a context of any size")
    report.add_argument("--transfer", action="store_true",
                        help="measure the transfer size too (slow the first time)")
    report.add_argument("--png", metavar="FILE", help="draw it to this file")

    check = command("check", _check, "check a Dockerfile for an exercise: what holds, what does not")
    check.add_argument("exercise", metavar="EXERCISE", help="its name, the beginning of it, or its folder")
    check.add_argument("--dockerfile", type=Path, metavar="FILE",
                       help="judge this one (default: your own in EXERCISE/work, else the starter)")
    check.add_argument("--builder", choices=("buildkit", "legacy", "buildah"))

    hint = command("hint", _hint, "the next hint for an exercise; it costs nothing, and is counted")
    hint.add_argument("exercise", metavar="EXERCISE")

    exercises = command("exercises", _exercises, "the exercises, and which of them you have passed")
    exercises.add_argument("--write", nargs="+", metavar="EXERCISE", help="make the notebooks of these anew")

    progress = command("progress", _progress, "what you have passed; take it along with --export and --import")
    progress.add_argument("--export", type=Path, metavar="FILE", help="write it to this file")
    progress.add_argument("--import", type=Path, metavar="FILE", dest="take",
                          help="take in such a file; the best of both stays")

    clean = command("clean", _clean, "remove what the course made, and nothing else")
    clean.add_argument("--bases", action="store_true", help="the base images of the course too")

    engine = command("engine", _engine, "start, find or stop the engine of the course")
    engine.add_argument("action", nargs="?", default="start", choices=("start", "stop", "purge", "fetch-proot"),
                        help="fetch-proot: unpack what the smallest engine needs, from Debian's packages")

    command("first-run", _first, "build the Go application both ways and compare")
    return parser
