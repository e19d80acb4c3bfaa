"""A reduction and its two parts."""

import pytest

from helpers.experiments.size_attribution import Parts, split

GO = split(836, 300, 770, 27)


def test_each_order_gives_the_first_change_its_whole_effect():
    assert GO.base_first == Parts(base=836 - 300, stages=300 - 27)
    assert GO.stages_first == Parts(base=770 - 27, stages=836 - 770)


def test_the_mean_lies_between_the_orders():
    assert GO.mean == Parts(base=(536 + 743) / 2, stages=(273 + 66) / 2)


@pytest.mark.parametrize("sizes", [(836, 300, 770, 27), (5, 5, 5, 5), (10, 12, 9, 3), (1, 2, 3, 4), (0, 0, 0, 0)])
def test_the_parts_add_up_in_either_order(sizes):
    saved = split(*sizes)
    assert saved.base_first.total == saved.stages_first.total == saved.mean.total == saved.total
    assert saved.total == sizes[0] - sizes[3]


def test_changes_that_do_not_meddle_give_the_same_in_both_orders():
    saved = split(100, 70, 60, 30)   # the base is worth 30, the stages 40, whatever came before
    assert saved.base_first == saved.stages_first == saved.mean == Parts(30, 40)
    assert saved.together == 0


@pytest.mark.parametrize("sizes, together", [
    ((100, 100, 100, 20), 80),    # neither does anything without the other
    ((100, 20, 20, 20), -80),     # either would do
])
def test_what_goes_only_together_or_with_either(sizes, together):
    assert split(*sizes).together == together


def test_a_change_that_costs_is_negative():
    assert split(100, 120, 80, 70).base_first == Parts(base=-20, stages=50)


def test_a_base_that_needs_the_tools_copied_in_saves_nothing_alone():
    saved = split(428, 602, 428, 330)   # Java: JDK and JRE
    assert saved.base_first == Parts(base=-174, stages=272) and saved.stages_first == Parts(base=98, stages=0)
    assert saved.mean == Parts(base=-38, stages=136) and saved.together == 272


def test_in_words():
    assert str(GO.base_first) == "536 B (66 %) by the smaller base, 273 B (34 %) by the second stage"
    assert str(split(3, 2, 2, 1)) == (
        "2 B less. Base first: 1 B (50 %) by the smaller base, 1 B (50 %) by the second stage. "
        "Stages first: 1 B (50 %) by the smaller base, 1 B (50 %) by the second stage. "
        "Mean of both orders: 1 B (50 %) by the smaller base, 1 B (50 %) by the second stage.")
