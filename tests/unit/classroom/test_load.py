"""Load reports: their figures, and when learners arrive."""

from tests.load.__main__ import plans
from tests.load.figures import Load, at, measured, sizing, table
from tests.load.learners import BUILD, CHECK, HARM, LAB, RIGHT, WRONG, Record
from tests.load.picture import chart

PARTS = {"start": 3.0, "lesson 01": 20.0, "lesson 02": 9.0, "exercise 01": 10.0}


def attended(name, build, **changes):
    return Record(name, seconds={LAB: [8.0], BUILD: [build], CHECK: [12.0, 6.0]}, processor=dict(PARTS),
                  rung="podman-one-id overlay", **changes)


def load(*records):
    names = [each.name for each in records]
    return Load("2 processors, 24.0 GB of memory", 15, list(records), dict.fromkeys(names, 300_000_000),
                dict.fromkeys(names, 90), dict.fromkeys(names, 200_000_000), 450_000_000 * len(names), 1_000_000_000, 2)


def test_the_95th_percentile_is_one_of_the_values():
    assert at(0.95, [float(each) for each in range(1, 101)]) == 95
    assert at(0.95, [3.0, 1.0, 2.0]) == 3 and at(0.95, [1.0]) == 1


def test_the_table_shows_which_aims_were_reached():
    text = table(load(attended("ada", 4.0), attended("bob", 25.0)))
    assert "| first build | 14.5 s | 25.0 s | 20.0 s | not reached |" in text
    assert "| check | 9.0 s | 12.0 s | 30.0 s | reached |" in text
    assert "| processor seconds, lesson 01 and the exercise | 33.0 | 33.0 | 35.0 | reached |" in text
    assert "2 on podman-one-id overlay" in text and "0 failures" in text


def test_harmful_learners_are_counted_separately():
    harmful = Record("eve", harm="eats the memory", outcome="ended by signal 9", seconds={LAB: [99.0]})
    text = table(load(attended("ada", 4.0), harmful))
    assert "99" not in text.partition("- Who")[0]
    assert "- Who eats the memory: ended by signal 9; at most 90 processes and 300 MB of memory." in text


def test_a_failure_is_counted_and_named():
    text = table(load(attended("ada", 4.0), Record("bob", failure="lesson 01: LearnerFailed: A cell failed")))
    assert "1 failure." in text and "- Failed: bob, lesson 01: LearnerFailed" in text


def test_the_sizing_table():
    text = sizing(load(attended("ada", 4.0), attended("bob", 4.0)))
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")]
    facts = {int(row[0]): [each.strip() for each in row[1:]] for row in rows[1:]}
    assert facts[2] == ["2", "2.90 GB", "1.40 GB", "measured"]
    # 42 seconds each, in 15 minutes of which 70 % can be used; 450 MB each beside 2 GB; 200 MB each beside 1 GB
    assert facts[10] == ["1", "6.50 GB", "3.00 GB", "computed"]
    assert facts[30] == ["2", "15.5 GB", "7.00 GB", "computed"]
    assert facts[100] == ["7", "47.0 GB", "21.0 GB", "computed"]
    assert list(facts) == [2, 10, 30, 100]
    assert "42.0 processor seconds" in text and "450 MB a learner" in text


def test_the_capacity_of_a_machine():
    one = measured(load(attended("ada", 4.0)))
    assert one.learners_on(2, 24_000_000_000, 50_000_000_000) == (30, 48, 250)
    assert one.learners_on(2, 1_000_000_000, 0) == (30, 0, 0)
    assert [one.processors_for(count) for count in (30, 31)] == [2, 3]


def test_the_chart_has_its_figures_as_alternative_text():
    drawn = chart(load(attended("ada", 4.0), attended("bob", 25.0)))
    assert "first build: median 14.5 s, 95th percentile 25.0 s, aim 20.0 s" in drawn.alt
    assert drawn.png()[:4] == b"\x89PNG"


def test_learners_arrive_one_by_one_and_three_do_harm():
    found = plans(30, 3, 15, 180, 60)
    assert [found[each].arrives for each in (0, 1, 29)] == [0, 6, 174]
    assert sorted(each.harm for each in found if each.harm) == sorted(HARM)
    assert found[0].thinks == (900 - 180 - 150) / 60
    assert sum(bool(each.harm) for each in plans(2, 3, 15, 180, 60)) <= 2


def test_the_wrong_submission_differs_from_the_right_one():
    assert "COPY --from=builder /src /src" in WRONG and WRONG != RIGHT
