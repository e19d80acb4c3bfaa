"""Where a reduction came from: the smaller base, or the second stage.

A Dockerfile can be changed in two ways: the final stage uses a smaller base, and the build
moves into a stage of its own. Four images, each change made or not, show what each is worth.
What one saves depends on whether the other was made before. Neither order is the right one:
both are given, and their mean, which is the Shapley value of a game of two.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..units import share, size


@dataclass(frozen=True)
class Parts:
    """The two parts of a reduction, in bytes; negative where a change made it larger."""

    base: float
    stages: float

    @property
    def total(self) -> float:
        """Bytes of both parts."""
        return self.base + self.stages

    def __str__(self) -> str:
        return (f"{size(self.base)} ({share(self.base, self.total)}) by the smaller base, "
                f"{size(self.stages)} ({share(self.stages, self.total)}) by the second stage")


@dataclass(frozen=True)
class Reduction:
    """Four sizes in bytes: single or several stages, on the full or the slim base."""

    single_full: int
    single_slim: int
    multi_full: int
    multi_slim: int

    @property
    def total(self) -> int:
        """Bytes saved from one stage on the full base to several on the slim one."""
        return self.single_full - self.multi_slim

    @property
    def base_first(self) -> Parts:
        """The base is changed first, then the stages."""
        return Parts(self.single_full - self.single_slim, self.single_slim - self.multi_slim)

    @property
    def stages_first(self) -> Parts:
        """The stages are changed first, then the base."""
        return Parts(self.multi_full - self.multi_slim, self.single_full - self.multi_full)

    @property
    def mean(self) -> Parts:
        """The mean of both orders."""
        one, other = self.base_first, self.stages_first
        return Parts((one.base + other.base) / 2, (one.stages + other.stages) / 2)

    @property
    def together(self) -> int:
        """Bytes saved only if both changes are made; negative for bytes that either one saves."""
        return self.total - (self.single_full - self.single_slim) - (self.single_full - self.multi_full)

    def __str__(self) -> str:
        return (f"{size(self.total)} less. Base first: {self.base_first}. "
                f"Stages first: {self.stages_first}. Mean of both orders: {self.mean}.")


def split(single_full: int, single_slim: int, multi_full: int, multi_slim: int) -> Reduction:
    """Split a reduction into its parts. Sizes in bytes, all of the same kind.

    single  one stage, multi  several
    full    the base that people take first, slim  the smallest that the program runs on
    """
    return Reduction(single_full, single_slim, multi_full, multi_slim)
