"""What a smaller base and a second stage save: each alone, and both.

A Dockerfile can be changed in two ways: the final stage uses a smaller base, and the build
moves into its own stage. Four images, each change made or not, show what each is worth.
What one saves depends on whether the other was made, so no share of the whole belongs to either.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reduction:
    """Bytes that two changes save; negative where one makes the image larger."""

    base: int    # by the smaller base alone
    stages: int  # by the second stage alone
    total: int   # by both

    @property
    def together(self) -> int:
        """Bytes saved only if both changes are made; negative for bytes that either one saves."""
        return self.total - self.base - self.stages


def split(single_full: int, single_small: int, multi_full: int, multi_small: int) -> Reduction:
    """Split a reduction into its parts. Sizes in bytes, all of the same kind.

    single  one stage, multi  several
    full    the base that people take first, small  the smallest that the program runs on
    """
    return Reduction(single_full - single_small, single_full - multi_full, single_full - multi_small)
