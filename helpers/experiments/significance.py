"""Two samples of a duration: is one faster, or was that chance?

The measure is the share of pairs, one run of each, in which the first is faster (Mann and Whitney's U, divided by the
number of pairs). A permutation test says what chance gives: all ways of splitting the runs into two samples of these
sizes, or ten thousand of them at random, and how often the share is as high as the one observed.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from statistics import median

from ..units import seconds, share

CHANCE = 0.05        # how often chance may explain a difference: at most one case in twenty
NOTICEABLE = 0.1     # medians that differ by less than this share are called equal
_SPLITS = 10_000     # random splits; fewer possible ones are all tried


@dataclass(frozen=True)
class SpeedComparison:
    """Runs of two things, in seconds; the question is whether `first` is faster."""

    first: tuple[float, ...]
    second: tuple[float, ...]
    chance: float  # share of all splits of the runs that look as good for `first`

    @property
    def won(self) -> float:
        """Share of pairs in which the first was faster; a tie counts half."""
        pairs = [(a < b) + (a == b) / 2 for a in self.first for b in self.second]
        return sum(pairs) / len(pairs)

    @property
    def medians(self) -> tuple[float, float]:
        """Median seconds of both."""
        return median(self.first), median(self.second)

    @property
    def faster(self) -> bool:
        """Whether the first is faster: not by chance, and by enough to be noticed."""
        return self.chance <= CHANCE and self.shorter

    @property
    def shorter(self) -> bool:
        """Whether the first one's median is lower by enough to be noticed, be it by chance."""
        return self.medians[1] - self.medians[0] >= NOTICEABLE * self.medians[1]

    @property
    def rule(self) -> str:
        """What is called faster, in a sentence."""
        return (f"We call it faster only if chance does as well at most {share(CHANCE, 1)} of the time, and its median "
                f"is lower by at least {share(NOTICEABLE, 1)}.")

    def summary(self, first: str, second: str) -> str:
        """What came out, in two sentences; both are named as in 'the small image'."""
        one, two = map(seconds, self.medians)
        percent = f"{100 * self.chance:.1f} %" if self.chance >= 0.0005 else "less than 0.1 %"
        return (f"In {share(self.won, 1)} of the pairs, {first} was faster than {second} (medians: {one} and {two}). "
                f"With the runs shuffled, chance alone does as well {percent} of the time.")


def compare(first: Sequence[float], second: Sequence[float]) -> SpeedComparison:
    """Is `first` faster than `second`? Seconds of each run, at least one of each.

    The answer is the same each time: random splits start from a fixed seed. Raises ValueError
    for a sample without runs.
    """
    if not first or not second:
        raise ValueError("Both need at least one run.")
    ranks = _ranks([*first, *second])
    seen = sum(ranks[: len(first)])
    # The sample with the smaller sum of ranks is the faster one.
    sums = list(_splits(ranks, len(first)))
    as_good = sum(each <= seen for each in sums)
    if len(sums) == comb(len(ranks), len(first)):  # noqa: SIM108
        chance = as_good / len(sums)
    else:
        chance = (as_good + 1) / (len(sums) + 1)   # what was observed is a split too
    return SpeedComparison(tuple(first), tuple(second), chance)


def _splits(ranks: Sequence[float], count: int) -> Iterable[float]:
    """Sum of ranks of the first sample, for each split."""
    if comb(len(ranks), count) <= _SPLITS:
        return (sum(sample) for sample in combinations(ranks, count))
    source = random.Random(0)
    return (sum(source.sample(ranks, count)) for _ in range(_SPLITS))


def _ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value from 1, equal values sharing the mean of theirs."""
    ordered = sorted(values)
    places: dict[float, list[int]] = {}
    for place, value in enumerate(ordered, 1):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in values]
