"""What of a file no part of it accounts for."""

from __future__ import annotations

from collections.abc import Iterable


def gaps(data: bytes, covered: Iterable[tuple[int, int]]) -> list[bytes]:
    """The pieces of `data` that lie outside of all of these (begin, end), in order. Pieces of
    zeros are filling, and left out."""
    pieces, at = [], 0
    for begin, end in [*sorted(covered), (len(data), len(data))]:
        if begin > at:
            pieces.append(data[at:min(begin, len(data))])
        at = max(at, end)
    return [piece for piece in pieces if piece.strip(b"\0")]
