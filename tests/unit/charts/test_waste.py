"""The chart of what a layer holds that no container sees, of what was added to a base alone."""

import dataclasses

import pytest

from helpers import charts
from tests.unit.charts.figures import legend, rows, texts
from tests.unit.layers import inventory, layer

SIZES = (500, 300, 0, 300)   # unpacked bytes of the layers; the first is the base's


def repaired(*layers):
    """A base with a file, a COPY of another, an rm in the base, and a chown of the copy."""
    made = layers or (layer(("base", b"b" * 500)), layer(("app", b"a" * 300)), layer((".wh.base", b"")),
                      layer(("app", b"a" * 300)))
    found = inventory(*made, base="debian", base_layers=1)
    sized = tuple(dataclasses.replace(each, unpacked=size) for each, size in zip(found.image.layers, SIZES))
    return dataclasses.replace(found, image=dataclasses.replace(found.image, layers=sized))


def said(chart) -> dict[str, str]:
    return dict(zip(rows(chart), texts(chart), strict=True))


def test_without_the_base_the_empty_layers_count_too():
    chart = charts.waste(repaired(), "it", own=True)
    assert said(chart) == {"RUN 1": "300 B, ✘ all unseen", "RUN 2": "0 B", "RUN 3": "300 B"}
    assert chart.title == "300 B of 600 B that it adds is shipped and never seen"
    assert "base: debian" not in legend(chart) and "RUN 0" not in chart.alt
    assert "RUN 2: 0 B, 0 B unseen" in chart.alt


def test_a_part_that_is_unseen_is_told_in_bytes():
    found = repaired(layer(("base", b"b" * 500)), layer(("app", b"a" * 200), ("b", b"b" * 100)), layer((".wh.b", b"")),
                     layer(("c", b"c" * 300)))
    assert said(charts.waste(found, own=True))["RUN 1"] == "300 B, ✘ 100 B unseen"


@pytest.mark.parametrize("own, title", [(False, "Every byte of it is seen"), (True, "Every byte that it adds is seen")])
def test_nothing_hidden_is_said(own, title):
    found = repaired(*(layer((f"f{n}", b"x" * size)) for n, size in enumerate(SIZES)))
    assert charts.waste(found, "it", own=own).title == title
