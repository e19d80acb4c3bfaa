"""What ran when, and what at once: on hand-made steps and on recorded builds."""

from dataclasses import replace

import pytest

from helpers.builder import Step, covered, dependencies, overlap, spans, together, work
from helpers.errors import Unsupported
from tests.unit.builder.test_build import result


def ran(begin, end, cached=False, stage="s", key="", inputs=(), text="RUN a") -> Step:
    return Step(stage, text, 1, cached, begin, end, key=key, inputs=inputs)


@pytest.mark.parametrize("runs, merged", [
    ([], []), ([ran(1, 3)], [(1, 3)]), ([ran(5, 6), ran(1, 3)], [(1, 3), (5, 6)]),
    ([ran(1, 3), ran(2, 4)], [(1, 4)]), ([ran(1, 9), ran(2, 3)], [(1, 9)]),
    ([ran(1, 3), ran(3, 4)], [(1, 4)]),                      # end to end
    ([ran(1, 3, cached=True), ran(2, None), ran(None, None)], []),
    ([ran(3, 1), ran(2, 2)], []),                            # a clock set back; no time at all
])
def test_stretches_are_merged_and_in_order(runs, merged):
    assert spans(runs) == merged
    assert covered(runs) == sum(end - begin for begin, end in merged)


@pytest.mark.parametrize("one, two, shared", [
    ([ran(0, 4)], [ran(1, 3)], [(1, 3)]), ([ran(0, 4)], [ran(3, 9)], [(3, 4)]),
    ([ran(0, 4)], [ran(4, 9)], []), ([ran(0, 4)], [], []), ([], [], []),
    ([ran(0, 2), ran(5, 9)], [ran(1, 6)], [(1, 2), (5, 6)]),
    ([ran(0, 4)], [ran(1, 3, cached=True)], []),
    ([ran(0, 4), ran(1, 2)], [ran(0, 4), ran(3, 4)], [(0, 4)]),   # no time counts twice
])
def test_time_at_once(one, two, shared):
    assert together(one, two) == together(two, one) == shared
    assert overlap(one, two) == sum(end - begin for begin, end in shared)


def test_a_tie_leads_from_one_stage_to_another():
    base = ran(0, 0, stage="a", key="0", text="FROM x")
    one = ran(0, 1, stage="a", key="1", inputs=("0",))
    two = ran(1, 2, stage="b", key="2", inputs=("0", "1", "context"))
    three = ran(2, 3, stage="b", key="3", inputs=("2",))
    context = ran(0, 1, stage="", key="context")
    assert dependencies([base, one, two, three, context]) == [(one, two)]
    assert dependencies([three, two, one, base]) == [(one, two)]      # in whatever order they were told
    assert dependencies([]) == [] and work([base, one]) == [one]       # a FROM is no work


@pytest.mark.parametrize("name, tied", [
    ("buildkit-parallel", {("greet", "stage-2"), ("count", "stage-2")}),
    ("buildkit-chained", {("greet", "stage-2"), ("count", "stage-2"), ("greet", "count")}),
    ("buildkit-cold", {("builder", "stage-1")}), ("buildkit-cached", {("builder", "stage-1")}),
    ("buildkit-target", set()), ("buildkit-skipped", set()),
    ("buildkit-unused-fails", {("builder", "stage-2")}),
    ("legacy-parallel", set()), ("legacy-chained", set()),    # it tells nothing of what needs what
])
def test_the_ties_that_the_trace_tells(name, tied):
    assert result(name).dependencies == tied


def test_buildah_is_not_taken_for_one_that_tells():
    built = replace(result("buildkit-parallel"), builder="buildah")
    for ask in (lambda: built.dependencies, lambda: built.overlap("greet", "count")):
        with pytest.raises(Unsupported, match="does not report"):
            ask()


def test_independent_stages_overlap_with_buildkit():
    built = result("buildkit-parallel")
    shorter = min(built.stage("greet").seconds, built.stage("count").seconds)
    assert 0.9 * shorter < built.overlap("greet", "count") == built.overlap("COUNT", "0") <= shorter


@pytest.mark.parametrize("name, one, two", [
    ("buildkit-chained", "greet", "count"), ("legacy-parallel", "greet", "count"), ("legacy-chained", "greet", "count"),
    ("buildkit-cached", "builder", "stage-1"), ("buildkit-unused-fails", "unused", "builder")])
def test_stages_that_wait_are_skipped_or_are_built_one_by_one_do_not_overlap(name, one, two):
    assert result(name).overlap(one, two) == 0
