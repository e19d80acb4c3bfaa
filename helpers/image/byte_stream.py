"""A stream of bytes that is walked once, forward, and never held as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Truncated(ValueError):
    """The stream ended in the middle of something."""


class Pieces:
    """A cursor over an iterator of bytes objects of any length."""

    __slots__ = ("_source", "_piece", "_at")

    def __init__(self, source: Iterable[bytes]):
        self._source = iter(source)
        self._piece = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes; fewer where the stream ends."""
        at = self._at
        data = self._piece[at:at + count]
        self._at = at + len(data)
        return data if len(data) == count else self._joined(data, count - len(data))

    def _joined(self, data: bytes, count: int) -> bytes:
        """`data` and the `count` bytes after it, each copied once."""
        parts = [data]
        while count > 0 and self._advance():
            part = self._piece[:count]
            self._at = len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, which stay next; fewer where the stream ends."""
        data = self._piece[self._at:self._at + count]
        if len(data) < count:
            rest = self._piece[self._at:]
            while len(rest) < count and self._advance():
                rest += self._piece
            self._piece, self._at = rest, 0
            data = rest[:count]
        return data

    def skip(self, count: int) -> None:
        """Go `count` bytes on. Raises Truncated if there are not as many."""
        left = len(self._piece) - self._at
        while count > left:
            count -= left
            if not self._advance():
                raise Truncated(f"{count:,} bytes are missing")
            left = len(self._piece)
        self._at += count

    def section(self, count: int) -> Iterator[bytes]:
        """The next `count` bytes as they come. Raises Truncated if there are not as many."""
        while count > 0:
            if self._at == len(self._piece) and not self._advance():
                raise Truncated(f"{count:,} bytes are missing")
            at = self._at
            part = self._piece if not at and len(self._piece) <= count else self._piece[at:at + count]
            self._at = at + len(part)
            count -= len(part)
            yield part

    def drain(self) -> None:
        """Go to the end."""
        while self._advance():
            pass

    def _advance(self) -> bool:
        """The next piece that is not empty, or False at the end."""
        for piece in self._source:
            if piece:
                self._piece, self._at = piece, 0
                return True
        self._piece, self._at = b"", 0
        return False
