"""A fixed Dockerfile beside the project's own. Each change is built, started and compared before it is kept."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..container import run, serve
from ..dockerfile import read_file
from ..dockerfile.reader import directives
from ..engine import Engine, connect
from ..errors import BuildFailed, CourseError, EngineError, NotEnded
from ..image import Start, start
from ..units import counted, size, some
from .context import ReportContext
from .files import cache
from .model import NAMES
from .result import Report
from .rewrites import Rewrite, copy_order, npm_ci, numeric_user, stage_names, without_caches
from .run import report
from .smaller_base import smaller_base, two_stages

_BASES = (two_stages, smaller_base)
_REWRITERS = (*_BASES, stage_names, without_caches, copy_order, npm_ci, numeric_user)
_MARK = "# Written by `python -m helpers report --fix`, which may write it again."
# What a RUN leaves besides what it installs.
_RECORDS = ("/var/log/", "/var/cache/", "/tmp/", "/root/")


@dataclass(frozen=True)
class Change:
    """A change that was tried."""

    rule: str    # of the finding that it fixes
    line: int    # in the Dockerfile before the change
    reason: str    # as in the comment above the line
    refused: str = ""    # why it was reverted, '' if it was kept
    # what lines of the Dockerfile added and the new image lacks, a sentence for each line
    left: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """The change in `report --fix --json`."""
        return {"rule": self.rule, "line": self.line, "reason": self.reason, "kept": not self.refused,
                "refused": self.refused or None, "left": list(self.left)}


@dataclass(frozen=True)
class Behaviour:
    """What a container did."""

    code: int | None = None    # the exit code, None if it was still running
    output: tuple[str, ...] = ()    # the lines that it printed
    # (status, body) of a server on the lowest exposed port, None for no server
    answer: tuple[int, bytes] | None = None
    error: str = ""    # why the engine could not start it, '' if it did
    seconds: float = 0.0    # until it ended or answered


@dataclass(frozen=True)
class Fixed:
    """The result of `fix`."""

    file: Path | None    # the fixed Dockerfile, None if nothing was changed
    changes: tuple[Change, ...]    # in the order in which they were tried
    reports: tuple[Report, Report] = field(repr=False)    # on the original and on the fixed one
    behaviour: tuple[Behaviour, Behaviour] = field(repr=False)    # of a container of each

    def facts(self) -> dict[str, object]:
        """`fix` in `report --fix --json`."""
        sides = [{"unpacked": made.image.unpacked, "tools": len(made.inventory.tools),
                  "packages": len(made.inventory.packages), "build_seconds": round(made.result.seconds, 3),
                  "start_seconds": round(done.seconds, 3)}
                 for made, done in zip(self.reports, self.behaviour, strict=True)]
        return {"file": str(self.file) if self.file else None, "changes": [each.facts() for each in self.changes],
                "before": sides[0], "after": sides[1]}


def fix(before: Report, folder: str | Path, *, engine: Engine | None = None,
        say: Callable[[str], None] = lambda _: None, **options: Any) -> Fixed:
    """Fix the findings of the report `before`, and write the Dockerfile beside the original, as NAME.fixed.

    Each change is built and started like the original. It is reverted if it does not build, loses a file that is no
    cache, or behaves differently. `options` are those of `report`.

    Raises CourseError for a NAME.fixed that `fix` did not write, and the errors of `report`.
    """
    engine = engine or connect()
    name = options.get("dockerfile", "Dockerfile")
    file = Path(folder, f"{name}.fixed")
    writable(file)
    seen = observe(before.result.image, _context(before).start, engine)
    again = observe(before.result.image, _context(before).start, engine)
    if seen.error or not is_steady(seen, again):
        say(f"The program cannot be started, so changes cannot be compared: {seen.error}" if seen.error else
            "The program behaves differently each time it starts, so changes cannot be compared.")
        return Fixed(None, (), (before, before), (seen, seen))
    trial = _Trial(before, (seen, again), engine, lambda text: report(folder, text=text, engine=engine, **options))
    for rewriter in _REWRITERS:
        trial.all_of(rewriter, say)
    if trial.text != before.result.dockerfile.text:
        file.write_text(_marked(trial.text, trial.changes), encoding="utf-8", errors="surrogateescape")
    return Fixed(file if trial.text != before.result.dockerfile.text else None, tuple(trial.changes),
                 (before, trial.best), (seen, trial.done))


def writable(file: Path) -> None:
    """Raises CourseError for a file that `fix` did not write."""
    if file.exists() and _MARK not in read_file(file):
        raise CourseError(f"{file} already exists.", why="It was not written by --fix, so it is not overwritten.",
                          remedy="Rename it, or move it elsewhere.")


class _Trial:
    """The best version so far, and what was tried."""

    def __init__(self, before: Report, seen: tuple[Behaviour, Behaviour], engine: Engine,
                 build: Callable[[str], Report]):
        self.before = self.best = before
        self.seen, self.engine, self.build = seen, engine, build
        self.text, self.done = before.result.dockerfile.text, seen[0]
        self.changes: list[Change] = []

    def all_of(self, rewriter: Callable[[ReportContext], Iterator[Rewrite]], say: Callable[[str], None]) -> None:
        """Try the changes of one kind, one at a time, each on the result of those before it."""
        refused: set[str] = set()
        while rewrite := next((each for each in rewriter(_context(self.best))
                               if each.text(self.text) not in refused), None):
            text = rewrite.text(self.text)
            say(f"Trying {rewrite.rule}, line {rewrite.line}: {rewrite.reason}")
            previous = self.best
            why = self._try(text, rewriter in _BASES)
            left = () if why else _left(previous, self.best)
            self.changes.append(Change(rewrite.rule, rewrite.line, rewrite.reason, why, left))
            for said in (f"Reverted: {why}.",) if why else left:
                say(said)
            refused.add(text)

    def _try(self, text: str, other_files: bool) -> str:
        """Keep a text if its image behaves the same; why it does not, or ''."""
        try:
            made = self.build(text)
        except EngineError:
            raise
        except BuildFailed as error:
            return f"the build fails in line {error.line}"
        except CourseError as error:
            return error.what.rstrip(".")
        done = observe(made.result.image, start(made.image, self.engine), self.engine)
        why = _lost(self.best, made, other_files) or difference(*self.seen, done)
        useless = made if why else self.best
        if not why:
            self.best, self.text, self.done = made, text, done
        if useless is not self.before:
            with self.engine.translate_errors(f"remove {useless.result.tag}"):
                self.engine.client.api.remove_image(useless.result.tag, force=True)
        return why


def _lost(before: Report, after: Report, other_files: bool) -> str:
    """A file, no cache, that is in one image only. If most files are meant to go (`other_files`), a library that one of
    the image's own programs has lost; those of the new base do not count."""
    if other_files:
        missing = (f"{node.path} needs {', '.join(lacks)}" for node, program in after.inventory.tree.under("programs")
                   if program.elf and node.layer >= after.image.base_layers
                   and (lacks := after.inventory.needs(node.path).missing)
                   and not (node.path in before.inventory.programs and before.inventory.needs(node.path).missing))
        return next(missing, "")
    one, two = ({path for path in each.inventory.tree if not cache(path) and not cache(f"{path}/x")
                 and not path.startswith(_RECORDS)} for each in (before, after))
    return f"{sorted(one ^ two)[0]} is in one image only" if one != two else ""


def _left(before: Report, after: Report) -> tuple[str, ...]:
    """Sentences on what the new image lacks: files that lines of the old Dockerfile added, caches apart, and variables
    of the base."""
    context, there = _context(before), set(after.inventory.tree)
    said = []
    for line, layers in context.own_lines():
        gone = {path: count for index in layers for path, count in context.visible(index).items()
                if path not in there and not cache(path) and not path.startswith(_RECORDS)}
        if gone:
            heaviest = sorted(gone, key=lambda path: (-gone[path], path))
            said.append(f"Left out, as the program starts without it: {some(heaviest, NAMES)}, "
                        f"added by line {line} ({size(sum(gone.values()))}).")
    unset = sorted(context.start.environment.keys() - _context(after).start.environment.keys())
    if unset:
        said.append(f"Left out, as the program starts without it: the base's variables {some(unset, NAMES)}.")
    return tuple(said)


def _context(made: Report) -> ReportContext:
    if made.context is None:
        raise ValueError("a report without a context")
    return made.context


def _marked(text: str, changes: Iterable[Change] = ()) -> str:
    """The text, with the mark and what was left out below its directives, which have to come first."""
    count = len(list(directives(text.splitlines())))
    lines = text.splitlines(keepends=True)
    left = [f"# {said}\n" for each in changes for said in each.left]
    return "".join([*lines[:count], f"{_MARK}\n", *left, *lines[count:]])


_SHOWN = 60     # characters of a line in a message
_SECONDS = 10   # for a program to end, or a server to answer


def observe(image: str, start: Start, engine: Engine) -> Behaviour:
    """Start an image, without a network, and as a server if it exposes a port. Raises the engine's errors."""
    if start.ports:
        try:
            with serve(image, port=min(start.ports), timeout=_SECONDS, engine=engine) as server:
                answer = server.get("/")
                return Behaviour(None, (), (answer.status, answer.body), seconds=server.first_answer)
        except EngineError:
            raise
        except CourseError:   # it is no server, or does not answer
            pass
    began = time.monotonic()
    try:
        ran = run(image, timeout=_SECONDS, engine=engine)
    except NotEnded as error:
        return Behaviour(None, tuple(error.evidence.splitlines()), seconds=time.monotonic() - began)
    except EngineError:
        raise
    except CourseError as error:
        return Behaviour(None, error=f"{error.what} {error.why}")
    return Behaviour(ran.exit_code, tuple(ran.output.splitlines()), seconds=ran.seconds)


def difference(before: Behaviour, again: Behaviour, after: Behaviour) -> str:
    """How `after` differs, '' if it does not. `before` and `again` are of the same image: what differs between them
    does not count."""
    if not is_steady(before, again):
        return "it behaves differently each time it starts"
    if after.error != before.error:
        return after.error or "it starts, but the original does not"
    if after.code != before.code:
        return f"it {described(after)}, but the original {described(before)}"
    if (after.answer is None) != (before.answer is None) or after.answer and before.answer and (
            after.answer[0] != before.answer[0] or before.answer == again.answer and after.answer != before.answer):
        return "it answers differently on its port"
    if len(after.output) != len(before.output):
        return f"it prints {counted(len(after.output), 'line')}, but the original {len(before.output)}"
    other = [(new, old) for new, old, second in zip(after.output, before.output, again.output, strict=True)
             if new != old == second]
    return f"it prints {other[0][0][:_SHOWN]!r}, but the original {other[0][1][:_SHOWN]!r}" if other else ""


def is_steady(before: Behaviour, again: Behaviour) -> bool:
    """Whether two runs of an image are similar enough to compare another image with it."""
    kinds = [(each.code, bool(each.error), each.answer and each.answer[0], len(each.output))
             for each in (before, again)]
    return kinds[0] == kinds[1]


def described(done: Behaviour) -> str:
    """What was observed, in words: 'ends with exit code 0'."""
    if done.answer:
        return f"answers with status {done.answer[0]}"
    return f"is still running after {_SECONDS} s" if done.code is None else f"ends with exit code {done.code}"
