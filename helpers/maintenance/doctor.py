"""Checks the engine, what it can do, and what the lessons still need."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from .. import paths
from ..bases import ALL, FIRST, ResolvedBase, status
from ..engine import Engine, connect
from ..errors import CourseError
from ..units import size

_ROOM = 7_000_000_000   # bytes for base images, the lessons' images and their build cache
_MEMORY = 1_500_000_000


@dataclass(frozen=True)
class Problem:
    """Something is missing; `fatal` if lessons cannot run without it."""

    what: str
    remedy: str
    fatal: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """What `doctor` found. `engine` is None if there is none; `bases` are those of the first lessons and any others
    that are present."""

    engine: Engine | None
    bases: tuple[ResolvedBase, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether lessons can run."""
        return self.engine is not None and not any(problem.fatal for problem in self.problems)

    def facts(self) -> dict[str, object]:
        """The content of `doctor --json`."""
        return {
            "ok": self.ok,
            "engine": self.engine.facts() if self.engine else None,
            "builders": list(self.engine.builders) if self.engine else [],
            "bases": [base_facts(base) for base in self.bases],
            "problems": [{"what": p.what, "remedy": p.remedy} for p in self.problems]}

    def __str__(self) -> str:
        lines = [self.engine.describe() if self.engine else "No engine."]
        if self.engine:
            lines.append(f"Builders: {', '.join(self.engine.builders)}")
        lines += [f"  {base.ref:<40} {base.origin or 'not here yet'}" for base in self.bases]
        for problem in self.problems:
            lines += ["", problem.what, f"What to do: {problem.remedy}"]
        lines.append("Ready." if self.ok else "Not ready.")
        return "\n".join(lines)

    __repr__ = __str__   # for notebooks without HTML


def base_facts(base: ResolvedBase) -> dict[str, object]:
    """A base image's JSON in `doctor` and `bases`."""
    return {"ref": base.ref, "present": base.present, "origin": base.origin, "kit": base.kit}


def doctor(engine: Engine | None = None) -> Diagnosis:
    """Check everything the lessons need, without changing or starting anything."""
    try:
        engine = engine or connect(start=False)
    except CourseError as error:
        return Diagnosis(None, (), (Problem(f"{error.what} {error.why}".strip(), error.remedy, True),))
    try:
        # Other bases are fetched when a lesson needs them, so their absence is no problem.
        bases = tuple(b for b in status(engine, ALL) if b.present or b.ref in FIRST)
    except CourseError as error:
        return Diagnosis(engine, (), (Problem(error.what, error.remedy, True),))
    return Diagnosis(engine, bases, tuple(_problems(engine, bases)))


def _problems(engine: Engine, bases: tuple[ResolvedBase, ...]) -> Iterator[Problem]:
    for limit in engine.limits:
        yield Problem(limit, "The lessons say so where it matters, and go on.", fatal="Windows" in limit)
    absent = [base.ref for base in bases if not base.present]
    if absent:
        yield Problem(f"Base images are not here yet: {', '.join(absent)}.",
                      "Run `python -m helpers bases`, or let lessons fetch them when needed.")
    if 0 < engine.memory < _MEMORY:
        yield Problem(f"The engine has {size(engine.memory)} of memory.",
                      f"Give it at least {size(_MEMORY)}: with less, compilers get killed.")
    yield from _room(engine)


def _room(engine: Engine) -> Iterator[Problem]:
    if not engine.owned:
        return
    place = paths.state()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < _ROOM:
        yield Problem(f"The disk has {size(free)} left.",
                      f"The lessons need about {size(_ROOM)}. `python -m helpers clean` removes "
                      "what the course built.", fatal=free < _ROOM / 8)
