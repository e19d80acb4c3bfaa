"""How long until a container answers for the first time, many times over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..container import serve
from ..engine import Engine
from ..registry import Copy, Registry, Trip
from ..units import counted

Watch = Callable[[str], None]


@dataclass(frozen=True)
class ColdStart:
    """A start on a machine that has no layer of the image: the pull, then the answer.

    answer  seconds from asking the engine to start the container to its first answer
    """

    pull: Trip
    answer: float

    @property
    def seconds(self) -> float:
        return self.pull.seconds + self.answer


def warm(images: Sequence[str], port: int, runs: int, engine: Engine,
         watch: Watch = lambda _: None) -> list[list[float]]:
    """Seconds to the first answer of each image, `runs` times, all layers being there.

    The images take turns, each round in the reverse order of the one before: what
    makes the machine slower for a while then meets all of them alike.
    """
    found: list[list[float]] = [[] for _ in images]
    for turn in range(runs):
        watch(f"{counted(turn, 'round')} of {runs}")
        for index in _order(len(images), turn):
            with serve(images[index], port=port, engine=engine) as server:
                found[index].append(server.first_answer)
    return found


def cold(registry: Registry, copies: Sequence[Copy], port: int, runs: int, engine: Engine,
         watch: Watch = lambda _: None) -> list[list[ColdStart]]:
    """Pull each copy, start it, remove it, `runs` times, in turns as `warm`."""
    found: list[list[ColdStart]] = [[] for _ in copies]
    for turn in range(runs):
        for index in _order(len(copies), turn):
            name = f"round {turn + 1} of {runs}, {copies[index].name}"
            with registry.pulled(copies[index], watch=lambda far: watch(f"{name}: {far}")) as here:
                with serve(here.reference, port=port, engine=engine) as server:
                    found[index].append(ColdStart(here.trip, server.first_answer))
    return found


def _order(count: int, turn: int) -> range:
    return range(count) if turn % 2 == 0 else range(count - 1, -1, -1)
