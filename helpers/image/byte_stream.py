"""A stream of bytes, read once and never held in memory as a whole."""

from collections.abc import Iterable, Iterator


class Damaged(ValueError):
    """The bytes are truncated, or not valid in their format."""


class ByteStream:
    """A cursor over an iterator of bytes objects of any length. It has a file's `read`."""

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
        if len(data) == count:
            return data
        parts, missing = [data], count - len(data)    # joined at the end: each byte is copied once
        while missing > 0 and self._advance():
            parts.append(self._piece[:missing])
            self._at = len(parts[-1])
            missing -= self._at
        return b"".join(parts)

    read = take

    def peek(self, count: int) -> bytes:
        """As `take`, but the bytes stay next."""
        data = self._piece[self._at:self._at + count]
        if len(data) < count:
            rest = self._piece[self._at:]
            while len(rest) < count and self._advance():
                rest += self._piece
            self._piece, self._at = rest, 0
            data = rest[:count]
        return data

    def skip(self, count: int) -> None:
        """Skip `count` bytes. Raises Damaged if there are fewer."""
        left = len(self._piece) - self._at
        while count > left:
            count -= left
            if not self._advance():
                raise Damaged(f"{count:,} bytes are missing")
            left = len(self._piece)
        self._at += count

    def section(self, count: int) -> Iterator[bytes]:
        """The next `count` bytes, in pieces as they arrive. Raises Damaged if there are fewer."""
        while count > 0:
            if self._at == len(self._piece) and not self._advance():
                raise Damaged(f"{count:,} bytes are missing")
            at = self._at
            part = self._piece if not at and len(self._piece) <= count else self._piece[at:at + count]
            self._at = at + len(part)
            count -= len(part)
            yield part

    def drain(self) -> None:
        """Read to the end and discard it."""
        while self._advance():
            pass

    def _advance(self) -> bool:
        """Move to the next piece that is not empty; False at the end."""
        self._piece, self._at = next(filter(None, self._source), b""), 0
        return bool(self._piece)
