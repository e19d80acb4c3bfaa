"""How long until a container answers for the first time, measured repeatedly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..container import serve
from ..engine import Engine
from ..registry import Copy, Registry, Transfer
from ..units import counted


@dataclass(frozen=True)
class ColdStart:
    """A start on a machine that has no layer of the image: the pull, then the answer."""

    pull: Transfer
    answer: float  # seconds from asking the engine to start the container to its first answer

    @property
    def seconds(self) -> float:
        """Seconds of the pull and the start."""
        return self.pull.seconds + self.answer


def warm(images: Sequence[str], port: int, runs: int, engine: Engine,
         watch: Callable[[str], None] = lambda _: None) -> list[list[float]]:
    """Seconds to the first answer of each image, `runs` times, with all layers here. `port` is the container's.

    The images take turns, in reverse order every other round: what slows the machine for a
    while then affects all of them alike. Raises what `serve` does.
    """
    found: list[list[float]] = [[] for _ in images]
    for turn in range(runs):
        watch(f"{counted(turn, 'round')} of {runs}")
        for index in _order(len(images), turn):
            with serve(images[index], port=port, engine=engine) as server:
                found[index].append(server.first_answer)
    return found


def cold(registry: Registry, copies: Sequence[Copy], port: int, runs: int, engine: Engine,
         watch: Callable[[str], None] = lambda _: None) -> list[list[ColdStart]]:
    """Pull each copy, start it and remove it, `runs` times, in turns as in `warm`. Raises what
    `serve` and the registry do."""
    found: list[list[ColdStart]] = [[] for _ in copies]
    for turn in range(runs):
        for index in _order(len(copies), turn):
            name = f"round {turn + 1} of {runs}, {copies[index].name}"
            with registry.pulled(copies[index], watch=lambda far: watch(f"{name}: {far}")) as here:  # noqa: B023, SIM117
                with serve(here.reference, port=port, engine=engine) as server:
                    found[index].append(ColdStart(here.transfer, server.first_answer))
    return found


def _order(count: int, turn: int) -> range:
    return range(count) if turn % 2 == 0 else range(count - 1, -1, -1)
