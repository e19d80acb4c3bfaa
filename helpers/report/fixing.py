"""An improved Dockerfile beside a project's own: each change built, started and compared before it is kept."""

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
# Records of a run and not of what it installed.
_RECORDS = ("/var/log/", "/var/cache/", "/tmp/", "/root/")


@dataclass(frozen=True)
class Change:
    """A change that was tried."""

    rule: str    # of the finding that it fixes
    line: int    # of the Dockerfile as it was before the change
    reason: str    # why, as the comment above the line says
    refused: str = ""    # why it was taken back, '' if it was kept
    # what lines of the Dockerfile brought and the new image does without, a sentence for each line
    left: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """Its part of `report --fix --json`."""
        return {"rule": self.rule, "line": self.line, "reason": self.reason, "kept": not self.refused,
                "refused": self.refused or None, "left": list(self.left)}


@dataclass(frozen=True)
class Behaviour:
    """What a container did."""

    code: int | None = None    # its exit code, None if it was still running
    output: tuple[str, ...] = ()    # the lines that it printed
    # (status, body) of a server on the lowest port that the image names, None if there was none
    answer: tuple[int, bytes] | None = None
    error: str = ""    # why the engine could not start it, '' if it did
    seconds: float = 0.0    # until it ended or answered


@dataclass(frozen=True)
class Fixed:
    """What became of a Dockerfile."""

    file: Path | None    # the improved one, None where nothing was improved
    changes: tuple[Change, ...]    # in the order in which they were tried
    reports: tuple[Report, Report] = field(repr=False)    # of the original and of the improved one
    behaviour: tuple[Behaviour, Behaviour] = field(repr=False)    # what a container of either did

    def facts(self) -> dict[str, object]:
        """`fix` in the JSON of the report."""
        sides = [{"unpacked": made.image.unpacked, "tools": len(made.inventory.tools),
                  "packages": len(made.inventory.packages), "build_seconds": round(made.result.seconds, 3),
                  "start_seconds": round(done.seconds, 3)}
                 for made, done in zip(self.reports, self.behaviour, strict=True)]
        return {"file": str(self.file) if self.file else None, "changes": [each.facts() for each in self.changes],
                "before": sides[0], "after": sides[1]}


def fix(before: Report, folder: str | Path, *, engine: Engine | None = None,
        say: Callable[[str], None] = lambda _: None, **options: Any) -> Fixed:
    """Improve the Dockerfile that `before` is about, and write the result beside it, as NAME.fixed.

    Each change is built and started like the original. One that fails to build, loses a file that is no cache, or
    behaves otherwise is taken back. `options` are those of `report`.

    Raises CourseError for a NAME.fixed that somebody else wrote, and the errors of `report`.
    """
    engine = engine or connect()
    name = options.get("dockerfile", "Dockerfile")
    file = Path(folder, f"{name}.fixed")
    writable(file)
    seen = observe(before.result.image, _context(before).start, engine)
    again = observe(before.result.image, _context(before).start, engine)
    if seen.error or not is_steady(seen, again):
        say(f"The program cannot be started, so no change can be compared: {seen.error}" if seen.error else
            "The program behaves differently each time it starts, so no change can be compared.")
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
        raise CourseError(f"{file} is there already.", why="It was not written by --fix, and is not overwritten.",
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
        """Try the changes of one kind, one at a time: each is found in the file that the last one left."""
        refused: set[str] = set()
        while rewrite := next((each for each in rewriter(_context(self.best))
                               if each.text(self.text) not in refused), None):
            text = rewrite.text(self.text)
            say(f"Trying {rewrite.rule}, line {rewrite.line}: {rewrite.reason}")
            previous = self.best
            why = self._try(text, rewriter in _BASES)
            left = () if why else _left(previous, self.best)
            self.changes.append(Change(rewrite.rule, rewrite.line, rewrite.reason, why, left))
            for said in (f"Taken back: {why}.",) if why else left:
                say(said)
            refused.add(text)

    def _try(self, text: str, other_files: bool) -> str:
        """Keep a text if its image does the same; else why not."""
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
    """What an image lacks or has besides, that is no cache; where most files are to go (`other_files`), only the
    libraries of its own programs that had them: what the new base lacks for its own is no matter of the change."""
    if other_files:
        missing = [f"{node.path} needs {', '.join(lacks)}" for node, program in after.inventory.tree.under("programs")
                   if program.elf and node.layer >= after.image.base_layers
                   and (lacks := after.inventory.needs(node.path).missing)
                   and not (node.path in before.inventory.programs and before.inventory.needs(node.path).missing)]
        return missing[0] if missing else ""
    one, two = ({path for path in each.inventory.tree if not cache(path) and not cache(f"{path}/x")
                 and not path.startswith(_RECORDS)} for each in (before, after))
    return f"{sorted(one ^ two)[0]} is in one image only" if one != two else ""


def _left(before: Report, after: Report) -> tuple[str, ...]:
    """Files that are no cache, which lines of the one Dockerfile brought and the image of the other does not have; and
    variables, which come with the base."""
    context, there = _context(before), set(after.inventory.tree)
    said = []
    for line, layers in context.own_lines():
        gone = {path: count for index in layers for path, count in context.visible(index).items()
                if path not in there and not cache(path) and not path.startswith(_RECORDS)}
        if gone:
            heaviest = sorted(gone, key=lambda path: (-gone[path], path))
            said.append(f"Left out, since it started without: {some(heaviest, NAMES)}, "
                        f"which line {line} brought ({size(sum(gone.values()))}).")
    unset = sorted(context.start.environment.keys() - _context(after).start.environment.keys())
    if unset:
        said.append(f"Left out, since it started without: the base's variables {some(unset, NAMES)}.")
    return tuple(said)


def _context(made: Report) -> ReportContext:
    if made.context is None:
        raise ValueError("a report that was not made by report()")
    return made.context


def _marked(text: str, changes: Iterable[Change] = ()) -> str:
    """The text with the mark, and what was left out, below its directives, which must stand first."""
    count = len(list(directives(text.splitlines())))
    lines = text.splitlines(keepends=True)
    left = [f"# {said}\n" for each in changes for said in each.left]
    return "".join([*lines[:count], f"{_MARK}\n", *left, *lines[count:]])


_SHOWN = 60     # characters of a line
_SECONDS = 10   # in which a program ends, or a server answers


def observe(image: str, start: Start, engine: Engine) -> Behaviour:
    """Start an image as it is, without a network, and as a server where it names a port. Raises the engine's errors."""
    if start.ports:
        try:
            with serve(image, port=min(start.ports), timeout=_SECONDS, engine=engine) as server:
                answer = server.get("/")
                return Behaviour(None, (), (answer.status, answer.body), seconds=server.first_answer)
        except EngineError:
            raise
        except CourseError:   # no server, or none that answers here
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
    """What another image does otherwise, '' for nothing. `before` and `again` are of the same image: what differs
    between them says nothing."""
    if not is_steady(before, again):
        return "it behaves differently each time it starts"
    if after.error != before.error:
        return after.error or "it starts, and did not before"
    if after.code != before.code:
        return f"{_ending(after)}, and {_ending(before)} before"
    if (after.answer is None) != (before.answer is None) or after.answer and before.answer and (
            after.answer[0] != before.answer[0] or before.answer == again.answer and after.answer != before.answer):
        return "it answers otherwise on its port"
    if len(after.output) != len(before.output):
        return f"it prints {counted(len(after.output), 'line')}, and {len(before.output)} before"
    other = [(new, old) for new, old, second in zip(after.output, before.output, again.output, strict=True)
             if new != old == second]
    return f"it prints {other[0][0][:_SHOWN]!r}, and {other[0][1][:_SHOWN]!r} before" if other else ""


def is_steady(before: Behaviour, again: Behaviour) -> bool:
    """Whether an image does so much the same twice that another one can be compared with it."""
    kinds = [(each.code, bool(each.error), each.answer and each.answer[0], len(each.output))
             for each in (before, again)]
    return kinds[0] == kinds[1]


def described(done: Behaviour) -> str:
    """What was compared, as text: 'ends with exit code 0'."""
    if done.answer:
        return f"answers with status {done.answer[0]}"
    return f"is still running after {_SECONDS} s" if done.code is None else f"ends with exit code {done.code}"


def _ending(done: Behaviour) -> str:
    return "it is still running" if done.code is None else f"it ends with exit code {done.code}"
