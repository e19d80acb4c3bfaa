"""Numbers as a person reads them: exact strings, above all at the borders."""

import pytest

from helpers.units import counted, ratio, seconds, share, size


@pytest.mark.parametrize("count, text", [
    (0, "0 B"), (0.4, "0 B"), (1, "1 B"), (999, "999 B"), (999.4, "999 B"), (999.5, "1.00 kB"), (1000, "1.00 kB"),
    (1005, "1.00 kB"), (1234, "1.23 kB"), (9_994, "9.99 kB"), (9_995, "10.0 kB"), (99_949, "99.9 kB"),
    (99_950, "100 kB"), (999_499, "999 kB"), (999_500, "1.00 MB"), (1e6 - 1, "1.00 MB"), (1e6, "1.00 MB"),
    (28_483_072, "28.5 MB"), (958_300_000, "958 MB"), (1_030_000_000, "1.03 GB"), (999_499_999, "999 MB"),
    (999_500_000, "1.00 GB"), (2.5e12, "2.50 TB"), (3e15, "3.00 PB"), (1e18, "1000 PB"), (4e18, "4000 PB"),
    (-1, "-1 B"), (-999.5, "-1.00 kB"), (-1_500_000, "-1.50 MB")])
def test_size(count, text):
    assert size(count) == text


def test_a_size_never_shows_more_than_three_digits():
    shown = [size(lead * 10 ** (exponent - 2)) for exponent in range(18) for lead in (1, 9.99, 9.995, 9.999, 99.9, 99.95, 99.99)]
    assert [each for each in shown if len(each.split()[0].replace(".", "")) > 3] == []


@pytest.mark.parametrize("count, text", [
    (0, "0 ms"), (0.0004, "0 ms"), (0.045, "45 ms"), (0.9994, "999 ms"), (0.9995, "1.0 s"),
    (1, "1.0 s"), (3.24, "3.2 s"), (59.94, "59.9 s"), (59.95, "1 min 00 s"), (60, "1 min 00 s"),
    (119.4, "1 min 59 s"), (119.6, "2 min 00 s"), (125, "2 min 05 s"), (3600, "60 min 00 s")])
def test_seconds(count, text):
    assert seconds(count) == text


@pytest.mark.parametrize("larger, smaller, text", [
    (958_300_000, 28_500_000, "33.6 times"), (3, 1, "3 times"), (5, 2, "2.5 times"),
    (99.4, 1, "99.4 times"), (99.5, 1, "100 times"), (12345, 10, "1234 times"),
    (5, 5, "1 time"), (1.005, 1, "1 time"), (0, 5, "0 times"), (5, 0, "infinitely many times"), (0, 0, "1 time")])
def test_ratio(larger, smaller, text):
    assert ratio(larger, smaller) == text


@pytest.mark.parametrize("part, whole, text", [
    (97, 100, "97 %"), (0, 5, "0 %"), (5, 5, "100 %"), (1, 3, "33 %"), (2, 3, "67 %"),
    (0.004, 1, "0 %"), (3, 2, "150 %"), (0, 0, "0 %"), (7, 0, "0 %")])
def test_share(part, whole, text):
    assert share(part, whole) == text


@pytest.mark.parametrize(("number", "said"), [(0, "0 layers"), (1, "1 layer"), (2, "2 layers"), (12345, "12,345 layers")])
def test_counted(number, said):
    assert counted(number, "layer") == said
