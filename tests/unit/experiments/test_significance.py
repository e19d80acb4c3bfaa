"""Is one faster, or was it luck?"""

import random
from itertools import combinations

import pytest

from helpers.experiments.significance import CHANCE, NOTICEABLE, compare


@pytest.mark.parametrize("first, second, chance", [
    ([1, 2, 3], [4, 5, 6], 1 / 20), ([4, 5, 6], [1, 2, 3], 1), ([1, 2], [3, 4], 1 / 6),
    ([1, 2, 3], [4, 5, 6000], 1 / 20),      # only the order counts, not one that took for ever
    ([1, 3], [2, 4], 2 / 6),                # by ranks: {1, 2} and {1, 3} of six heaps
    ([2, 2], [1, 3], 4 / 6),                # ranks 1, 2.5, 2.5 and 4: the heap {1, 4} looks as good as {2.5, 2.5}
    ([2] * 20, [2] * 20, 1)])
def test_the_chance_is_the_share_of_all_ways_to_deal_the_runs(first, second, chance):
    assert compare(first, second).chance == chance


def test_against_counting_by_hand():
    first, second = [0.31, 0.25, 0.40], [0.33, 0.52, 0.28, 0.61]
    pooled = sorted(first + second)
    seen = sum(pooled.index(run) for run in first)
    as_good = [heap for heap in combinations(range(7), 3) if sum(heap) <= seen]
    assert compare(first, second).chance == len(as_good) / 35


@pytest.mark.parametrize("first, second, won", [([1, 2, 3], [4, 5, 6], 1), ([1, 5], [2, 6], 0.75), ([2, 2], [2, 2], 0.5)])
def test_pairs_that_were_won(first, second, won):
    assert compare(first, second).won == won


@pytest.mark.parametrize("first, second, faster", [
    ([1.0, 1.1, 1.2], [17, 18, 19], True),
    ([17, 18, 19], [1.0, 1.1, 1.2], False),
    ([1.0, 1.1], [17, 18], False),                                   # too few to tell from luck
    ([0.300, 0.301, 0.302] * 5, [0.305, 0.306, 0.307] * 5, False),   # no luck, and nobody would notice
    ([0.300, 0.301, 0.302] * 5, [0.345, 0.346, 0.347] * 5, True),
    ([0.1, 0.5] * 8, [0.3] * 16, False), ([2] * 20, [2] * 20, False),
])
def test_faster_is_beyond_luck_and_enough_to_be_noticed(first, second, faster):
    assert compare(first, second).faster is faster


def test_the_rule_has_the_limits_that_are_used():
    compared = compare([1], [2])
    assert f"{100 * CHANCE:.0f} %" in compared.rule and f"{100 * NOTICEABLE:.0f} %" in compared.rule


def test_many_runs_are_dealt_at_random_and_give_the_same_each_time():
    dealer = random.Random(7)
    one, other = ([dealer.gauss(0.2, 0.02) for _ in range(15)] for _ in range(2))
    assert compare(one, other) == compare(one, other)
    assert 0 < compare(one, other).chance < 1


def test_chance_of_random_deals_is_near_the_exact_one(monkeypatch):
    from helpers.experiments import significance
    first, second = [1, 4, 6, 7, 9], [2, 3, 5, 8, 10, 11]
    exact = compare(first, second).chance
    monkeypatch.setattr(significance, "comb", lambda n, k: 10 ** 9)   # as if there were too many ways
    assert compare(first, second).chance == pytest.approx(exact, abs=0.02)


def test_without_luck_the_chance_is_small_but_never_nothing():
    assert 0 < compare([1.0 + n / 100 for n in range(15)], [5.0 + n for n in range(15)]).chance < 0.001


def test_luck_alone_is_seldom_called_faster():
    dealer = random.Random(3)
    found = sum(compare([dealer.random() for _ in range(4)], [dealer.random() for _ in range(4)]).chance <= CHANCE
                for _ in range(400))
    assert found <= 400 * CHANCE * 1.5


@pytest.mark.parametrize("first, second", [([], [1]), ([1], []), ([], [])])
def test_nothing_cannot_be_compared(first, second):
    with pytest.raises(ValueError, match="at least one run"):
        compare(first, second)


def test_in_words():
    assert compare([1, 2, 3], [10, 11, 12]).summary("a", "b") == (
        "In 100 % of the pairs, a was faster than b (medians: 2.0 s and 11.0 s). "
        "With the runs shuffled, chance alone does as well 5.0 % of the time.")
    assert "less than 0.1 %" in compare(range(1, 16), range(101, 116)).summary("a", "b")
