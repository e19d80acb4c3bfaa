"""Numbers as a person reads them. Sizes are SI: 1 MB is 1,000,000 bytes."""

from collections.abc import Sequence

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(count: int | float) -> str:
    """`count` bytes with three significant digits: 958_300_000 -> '958 MB'.

    Rounding never shows four digits: 999_999 is '1.00 MB', not '1000 kB'.
    """
    sign, count = ("-", -count) if count < 0 else ("", count)
    if count < 999.5:
        return f"{sign}{count:.0f} B"
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{sign}{value:.{digits}f} {_UNITS[unit]}"


def seconds(count: float) -> str:
    """A duration: '45 ms', '3.2 s', '2 min 05 s'."""
    if count < 0.9995:
        return f"{count * 1000:.0f} ms"
    if count < 59.95:
        return f"{count:.1f} s"
    minutes, rest = divmod(round(count), 60)
    return f"{minutes} min {rest:02d} s"


def ratio(larger: float, smaller: float) -> str:
    """How many times `larger` is `smaller`: '33.6 times', '3 times'."""
    if smaller == 0:
        return "infinitely many times" if larger else "1 time"
    value = larger / smaller
    digits = f"{value:.0f}" if value >= 99.5 else f"{value:.3g}"
    return f"{digits} time" if digits == "1" else f"{digits} times"


def share(part: float, whole: float) -> str:
    """`part` of `whole` in percent, without decimals: '97 %'."""
    return f"{100 * part / whole:.0f} %" if whole else "0 %"


def counted(number: int, noun: str) -> str:
    """'1 layer', '2 layers', '0 layers'."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def some(words: Sequence[str], most: int, rest: str = "more") -> str:
    """The first `most` words, and how many are left out: 'a, b and 3 more'."""
    left = len(words) - most
    return ", ".join(words[:most]) + (f" and {left:,} {rest}" if left > 0 else "")


def listed(words: Sequence[str], last: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'; '' for none."""
    return f" {last} ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
