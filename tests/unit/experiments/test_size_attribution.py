"""What a smaller base and a second stage save."""

import pytest

from helpers.experiments.size_attribution import Reduction, split


def test_each_change_alone_and_both():
    assert split(836, 300, 770, 27) == Reduction(base=836 - 300, stages=836 - 770, total=836 - 27)


def test_a_change_that_makes_the_image_larger_is_negative():
    assert split(428, 602, 428, 330) == Reduction(base=-174, stages=0, total=98)


@pytest.mark.parametrize("sizes, together", [
    ((100, 70, 60, 30), 0),        # each saves its part whatever the other does
    ((836, 300, 770, 27), 207),    # part of it only goes with both
    ((100, 50, 50, 50), -50),      # either one saves the same bytes
])
def test_what_is_saved_only_together_or_by_either(sizes, together):
    assert split(*sizes).together == together
