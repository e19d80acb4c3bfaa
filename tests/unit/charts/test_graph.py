"""The stage graph: where boxes and wires lie, and that nothing lies upon anything."""

import itertools

import pytest
from matplotlib.patches import FancyArrowPatch

from helpers import charts, dockerfile
from helpers.charts.graph import _in_box
from helpers.charts.layout import WIDE, plan
from helpers.charts.style import SMALL, wide
from tests.unit.charts.figures import assert_apart, texts
from tests.unit.charts.test_charts import built

FILES = {
    "kitchens": "FROM golang:1.22 AS greet\nFROM golang:1.22 AS count\nFROM distroless\n"
                "COPY --from=greet /a /a\nCOPY --from=count /b /b\n",
    "five": "FROM node:20 AS deps\nFROM deps AS build\nFROM deps AS tests\nFROM golang AS api\nFROM nginx\n"
            "COPY --from=build /a /a\nCOPY --from=api /b /b\nCOPY --from=busybox:1.36 /bin/busybox /bin/\n",
    "an image for two": "FROM alpine AS one\nCOPY --from=xx / /\nFROM alpine AS two\nCOPY --from=xx / /\n"
                        "FROM scratch\nCOPY --from=one /a /a\nCOPY --from=two /b /b\n",
    "mounts": "FROM golang AS builder\nFROM debian AS tools\nFROM distroless\n"
              "RUN --mount=type=bind,from=builder,target=/b x\n"
              "RUN --mount=from=tools,target=/t --mount=from=busybox,target=/b x\nCOPY --from=builder /x /x\n",
    "long names": "FROM mcr.example.com/dotnet/sdk:8.0-bookworm-slim-amd64 AS dependencies-of-the-frontend\n"
                  "FROM dependencies-of-the-frontend AS production-build-of-the-frontend\n"
                  "FROM registry.example.com/team/platform/runtime/nginx-unprivileged:1.27.1-alpine3.20-slim\n"
                  "COPY --from=production-build-of-the-frontend /a /b\n",
    "a chain": "FROM a AS s0\n" + "".join(f"FROM scratch AS s{n}\nCOPY --from=s{n - 1} /a /a\n" for n in range(1, 6))
               + "FROM s0\nCOPY --from=s5 /a /a\nCOPY --from=s2 /a /b\n",
    "a fan": "FROM a AS base\nFROM base AS x\nFROM base AS y\nFROM base AS z\nFROM b\nCOPY --from=x / /\n"
             "COPY --from=y / /\nCOPY --from=z / /\nCOPY --from=base / /\n",
    "a later stage": "FROM a AS one\nCOPY --from=three / /\nFROM b AS two\nCOPY --from=three / /\nFROM c AS three\n"
                     "FROM d\nCOPY --from=one / /\nCOPY --from=two / /\n",
    "everything of all": "".join(
        f"FROM image{n % 2} AS s{n}\n" + "".join(f"COPY --from=s{m} / /\nRUN --mount=from=s{m},target=/m x\n"
                                                 for m in range(n)) for n in range(5)),
    "many images": "FROM a\n" + "".join(f"COPY --from=image{n} / /\n" for n in range(6)),
    "an image in two ways": "FROM a AS x\nFROM b AS y\nCOPY --from=a / /\nFROM a AS z\nCOPY --from=b / /\n",
    "twice": "FROM a AS b\nFROM c\nCOPY --from=b /a /a\nCOPY --from=b /b /b\nCOPY --from=b /c /c\n",
    "one": "FROM a\n",
}
each_file = pytest.mark.parametrize("text", FILES.values(), ids=FILES)


def segments(wire):
    return list(itertools.pairwise(wire.points))


def crosses(segment, box) -> bool:
    """Whether a level or upright segment has a point inside a box, its edge apart."""
    (x, y), (x_, y_) = segment
    thin = 0.01
    return (max(min(x, x_), box.x + thin) < min(max(x, x_), box.right - thin) or
            (x == x_ and box.x + thin < x < box.right - thin)) and (
        max(min(y, y_), box.y - box.high / 2 + thin) <= min(max(y, y_), box.y + box.high / 2 - thin))


@each_file
def test_no_wire_runs_through_a_box(text):
    drawn = plan(dockerfile.parse(text))
    for wire, box in itertools.product(drawn.wires, drawn.boxes.values()):
        assert not any(crosses(segment, box) for segment in segments(wire)), (wire, box)


def test_the_check_itself_sees_a_wire_in_a_box():
    box = next(iter(plan(dockerfile.parse("FROM a\n")).boxes.values()))
    middle = (box.x + box.right) / 2
    assert crosses(((box.x - 1, box.y), (box.right + 1, box.y)), box)
    assert crosses(((middle, box.y - 9), (middle, box.y + 9)), box)
    assert not crosses(((box.right, box.y), (box.right + 1, box.y)), box)
    assert not crosses(((box.right + 0.1, box.y - 9), (box.right + 0.1, box.y + 9)), box)


@each_file
def test_a_wire_leads_from_the_one_box_to_the_other_at_right_angles(text):
    parsed = dockerfile.parse(text)
    drawn = plan(parsed)
    ends = {(box.x, box.y): box for box in drawn.boxes.values()}
    assert sum(wire.count for wire in drawn.wires) == len(parsed.edges)
    for wire in drawn.wires:
        assert all(x == x_ or y == y_ for (x, y), (x_, y_) in segments(wire))
        (begin, y), (end, y_) = wire.points[0], wire.points[-1]
        assert any(box.right == begin and abs(box.y - y) < box.high / 2 for box in drawn.boxes.values())
        assert any(end in (box.x, box.right) and abs(box.y - y_) < box.high / 2 and not box.external
                   for box in drawn.boxes.values())
        assert all(0 <= x <= WIDE and 0 <= y <= drawn.high for x, y in wire.points)
    assert len(ends) == len(drawn.boxes)


@each_file
def test_wires_of_different_kinds_or_stages_lie_apart(text):
    """Only what one box gives in one way shares a line."""
    drawn = plan(dockerfile.parse(text))
    for one, two in itertools.combinations(drawn.wires, 2):
        if (one.via, one.points[0]) == (two.via, two.points[0]):
            continue
        for (a, b), (c, d) in itertools.product(segments(one), segments(two)):
            for axis in (0, 1):   # both upright, or both level, on one line
                if a[axis] == b[axis] == c[axis] == d[axis]:
                    other = 1 - axis
                    begin = max(min(a[other], b[other]), min(c[other], d[other]))
                    end = min(max(a[other], b[other]), max(c[other], d[other]))
                    assert begin >= end, (one, two)


@each_file
def test_stages_stand_in_the_order_of_the_file(text):
    parsed = dockerfile.parse(text)
    drawn = plan(parsed)
    tops = [drawn.boxes["stage", stage.label].y for stage in parsed.stages]
    assert tops == sorted(tops) and len(set(tops)) == len(tops)


@each_file
def test_wires_of_one_stage_do_not_cross_at_its_right(text):
    """Where a trunk has branches, others have to cross it."""
    drawn = plan(dockerfile.parse(text))
    trunks = [(wire.via, wire.points[0]) for wire in drawn.wires]
    wires = [wire for wire in drawn.wires if wire.words_left and trunks.count((wire.via, wire.points[0])) == 1]
    for box in (box for box in drawn.boxes.values() if not box.external):
        here = [wire for wire in wires if any(x == box.right and abs(y - box.y) < box.high / 2
                                              for x, y in (wire.points[0], wire.points[-1]))]
        for one, two in itertools.combinations(here, 2):
            for (a, b), (c, d) in itertools.product(segments(one), segments(two)):
                if (a[1] == b[1]) != (c[1] == d[1]):   # one level, one upright
                    (a, b), (c, d) = ((a, b), (c, d)) if a[1] == b[1] else ((c, d), (a, b))
                    assert not (min(a[0], b[0]) < c[0] < max(a[0], b[0]) and min(c[1], d[1]) < a[1] < max(c[1], d[1]))


def test_an_image_stands_beside_the_first_stage_on_it_and_takes_no_other_row():
    boxes_ = plan(dockerfile.parse(FILES["kitchens"])).boxes
    assert boxes_["image", "golang:1.22"].row == boxes_["stage", "greet"].row == 0
    assert boxes_["image", "distroless"].row == boxes_["stage", "stage-2"].row == 2


def test_scratch_is_shared_by_nobody_and_an_image_by_all():
    drawn = plan(dockerfile.parse("FROM scratch AS a\nFROM scratch AS b\nFROM x AS c\nFROM x\n"))
    assert [box.name for box in drawn.boxes.values() if box.external] == ["scratch", "scratch", "x"]


@each_file
def test_no_words_lie_upon_others_or_leave_the_picture(text):
    figure = charts.stages(built(text)).figure
    assert_apart(figure, figure.axes[0].texts)


@each_file
def test_the_words_of_a_wire_lie_on_its_last_stretch(text):
    """Clear of its box, and of the gutter in which wires run up and down."""
    drawn, words = plan(dockerfile.parse(text)), {"COPY": "COPY --from", "RUN": "RUN --mount", "FROM": "FROM"}
    upright = [max(a[0] for a in wire.points[1:-1]) for wire in drawn.wires if wire.words_left]
    for wire in drawn.wires:
        long = wide(words[wire.via] + (" ×9" if wire.count > 1 else ""), SMALL)
        (turn, _), (end, y) = wire.points[-2:]
        begin, stop = (wire.label[0], wire.label[0] + long) if wire.words_left else (
            wire.label[0] - long, wire.label[0])
        assert wire.label[1] == y and min(turn, end) < begin and stop < max(turn, end)
        assert abs(end - (begin if wire.words_left else stop)) > 0.15   # the arrow's head
        if wire.words_left:
            assert stop < min(upright)


@each_file
def test_a_name_stays_in_its_box(text):
    drawn = plan(dockerfile.parse(text))
    for box in drawn.boxes.values():
        name, size = _in_box(box.name, box.wide - 0.12)
        assert all(wide(line, size, bold=True) <= box.wide - 0.12 for line in name.split("\n"))
        assert name.count("\n") <= 1


@pytest.mark.parametrize("name, shown", [
    ("builder", "builder"), ("gcr.io/distroless/base-debian12", "gcr.io/distroless/\nbase-debian12"),
    ("production-build-of-the-frontend", "production-build-of-the\n-frontend"),
    ("registry.example.com/team/platform/runtime/nginx-unprivileged:1.27.1-alpine3.20-slim",
     "registry.example.com/tea…\nnginx-unprivileged:1.27.1-…"), ("m" * 40, "mmmmmmmmmmmmmm…")])
def test_a_long_name_is_broken_where_it_may_be_and_cut_where_it_must(name, shown):
    assert _in_box(name, 1.93)[0] == shown


def test_what_a_stage_takes_several_times_is_one_arrow_that_says_so():
    chart = charts.stages(built(FILES["twice"]))
    assert "COPY --from ×3" in texts(chart)
    assert sum(isinstance(p, FancyArrowPatch) for p in chart.figure.axes[0].patches) == 3
    assert chart.title == "Only stage-1 is shipped; 3 bridges connect it to b"
