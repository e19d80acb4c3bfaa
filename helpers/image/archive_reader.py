"""Read a saved image as it streams out of the engine.

`docker save` has two layouts: the old one (`ID/layer.tar`, Docker up to 24) and
an OCI image layout (`blobs/sha256/...`, Docker 25 and later), whose layers may
be compressed with gzip or zstd. Both are read in one pass, member by member; what
a member is, is told by its first bytes, since the index that names them comes
last. A layer goes by the digest of what was really read.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ..errors import ImageUnreadable
from .archive import Archive, Damaged, Entry
from .entries import Entries
from .byte_stream import Pieces, Truncated
from .scan import scan

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 20
_SLICE = 1 << 14
# What is hashed at once, in bytes, and how many of these may wait. A thread that asks for
# the interpreter is let in after 5 ms (sys.getswitchinterval): a short piece each time
# would cost the hash ten times its own work. And where a walk over programs is slower
# than the hash, one over large data is faster, so one lends to the other.
_BATCH, _BATCHES = 4 << 20, 4
_SMALL = 4 << 20    # larger JSON is no image configuration
_WINDOW = 1 << 27   # bytes of memory that a zstd frame may ask for: what `zstd --long` allows

# A compressed layer that unpacks to more than BOMB_BYTES, and to more than BOMB_RATIO
# times its own length, was made to exhaust whoever unpacks it.
BOMB_BYTES = 20_000_000_000
BOMB_RATIO = 250


@dataclass
class Measured:
    """What one layer weighs, in bytes; `transfer` None where it was not asked for.

    entries  what is in it, None where only the weight is known
    """

    unpacked: int = 0
    files: int = 0
    transfer: int | None = None
    entries: Entries | None = field(default=None, repr=False)


@dataclass
class Saved:
    """What was read: {layer digest: Measured}, and {config digest: config}."""

    layers: dict[str, Measured] = field(default_factory=dict)
    configs: dict[str, dict] = field(default_factory=dict)


def read(chunks: Iterable[bytes], *, transfer: bool = False) -> Saved:
    """Measure every layer in a saved image. Raises ImageUnreadable."""
    saved = Saved()

    def layer(pieces: Iterable[bytes]) -> None:
        observed = _Observed(pieces, transfer)
        walked = Pieces(observed)
        entries = scan(walked)
        walked.drain()
        digest, moved = observed.finish()
        saved.layers[digest] = Measured(sum(entries.sizes), entries.kinds.count(b"f"), moved, entries)

    def config(text: bytes) -> None:
        content = _json(text)
        if isinstance(content, dict) and "rootfs" in content:
            saved.configs[f"sha256:{hashlib.sha256(text).hexdigest()}"] = content

    _walk(chunks, layer, config)
    return saved


def each_file(chunks: Iterable[bytes], look: Callable[[Entry, Archive], None],
              ended: Callable[[str], None]) -> None:
    """Show every entry of every layer to `look`, which may read its content; then say
    the layer's digest to `ended`. Raises ImageUnreadable."""
    def layer(pieces: Iterable[bytes]) -> None:
        observed = _Observed(pieces, False)
        walked = Pieces(observed)
        archive = Archive(walked)
        for entry in archive:
            look(entry, archive)
        walked.drain()
        ended(observed.finish()[0])

    _walk(chunks, layer, lambda text: None)


def unreadable(why: str) -> ImageUnreadable:
    return ImageUnreadable(
        "The saved image cannot be read.", why=why,
        remedy="Run it again; if it stays so, the engine's store is damaged: "
               "remove the image and build or pull it anew.")


def _walk(chunks: Iterable[bytes], layer: Callable[[Iterable[bytes]], None],
          config: Callable[[bytes], None]) -> None:
    """Hand each layer, unpacked, and each small piece of JSON to whom they are for."""
    try:
        archive = Archive(Pieces(chunks))
        members = 0
        for member in archive:
            members += 1
            if member.kind == "f" and member.size:
                _member(archive, member.size, layer, config)
        if not members:
            raise Damaged("there is nothing in it")
        if not archive.closed:   # as where the engine died: not every connection tells
            raise Truncated("it stops before its end")
    except (Damaged, Truncated, zlib.error) as error:
        raise unreadable(str(error)) from error


def _member(archive: Archive, size: int, layer: Callable, config: Callable) -> None:
    start = archive.head(512)
    if start[:2] == _GZIP:
        layer(_plausible(_gunzipped(_whole(start, archive)), size))
    elif start[:4] == _ZSTD:
        layer(_plausible(_unzstd(_whole(start, archive)), size))
    elif start[257:262] == b"ustar" or not any(start):   # zeros: a layer without files
        layer(_whole(start, archive))
    elif start[:1] in (b"{", b"["):
        if size <= _SMALL:
            config(start + archive.head(size))
    elif size >= 512:
        layer(_whole(start, archive))


def _whole(start: bytes, archive: Archive) -> Iterator[bytes]:
    yield start
    yield from archive.content()


def _json(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# -- compressed layers ---------------------------------------------------------------

def _gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """gzip's frames, one after another, unpacked a megabyte at a time."""
    frame = zlib.decompressobj(31)
    for piece in _sliced(pieces):
        while piece:
            if frame.eof:
                if not piece.strip(b"\0"):
                    break   # padding
                frame = zlib.decompressobj(31)
            yield frame.decompress(piece, _CHUNK)
            piece = frame.unused_data if frame.eof else frame.unconsumed_tail
    if not frame.eof:
        raise Truncated("a gzip frame is not complete")


def _sliced(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same in short pieces: each frame that ends copies what is left of its piece,
    and an archive can be made of frames with nothing in them."""
    for piece in pieces:
        for at in range(0, len(piece), _SLICE):
            yield piece[at:at + _SLICE]


class _File:
    """Pieces as a file that can be read, for who wants one."""

    def __init__(self, pieces: Iterable[bytes]):
        self.read = Pieces(pieces).take


def _unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same for zstd. A frame that is cut off ends early: the archive in it then does
    too, or its digest is none of the image's."""
    import zstandard   # only newer engines and registries use it: not worth its time elsewhere

    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        with unpacker.stream_reader(_File(pieces), read_across_frames=True) as reader:
            while piece := reader.read(_CHUNK):
                yield piece
    except zstandard.ZstdError as error:
        raise Damaged(f"zstd: {error}") from error


def _plausible(pieces: Iterable[bytes], packed: int) -> Iterator[bytes]:
    """The same pieces. Raises Damaged where there is no end to them."""
    most, total = max(BOMB_BYTES, BOMB_RATIO * packed), 0
    for piece in pieces:
        total += len(piece)
        if total > most:
            raise Damaged(f"a layer of {packed:,} bytes unpacks to more than {most:,}")
        yield piece


# -- what passes through -------------------------------------------------------------

class _Observed:
    """Bytes that are hashed, and if asked compressed, on their way. The hash runs in
    a thread of its own: it takes as long as all the rest."""

    def __init__(self, pieces: Iterable[bytes], transfer: bool):
        self._pieces = pieces
        self._hash = hashlib.sha256()
        self._batch: list[bytes] = []
        self._waiting = 0
        self._under_way: deque[Future] = deque()
        # 31: a gzip frame; level 6 is what gzip, Docker and BuildKit use.
        self._squeeze = zlib.compressobj(6, zlib.DEFLATED, 31) if transfer else None
        self._squeezed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._batch.append(piece)
            self._waiting += len(piece)
            if self._waiting >= _BATCH:
                self._send()
            if self._squeeze:
                self._squeezed += len(self._squeeze.compress(piece))
            yield piece

    def _send(self) -> None:
        while len(self._under_way) >= _BATCHES:
            self._under_way.popleft().result()
        self._under_way.append(_hashing().submit(_update, self._hash, self._batch))
        self._batch, self._waiting = [], 0

    def finish(self) -> tuple[str, int | None]:
        """Digest and compressed size of all that passed."""
        self._send()
        for batch in self._under_way:
            batch.result()
        if self._squeeze:
            self._squeezed += len(self._squeeze.flush())
        return f"sha256:{self._hash.hexdigest()}", self._squeezed if self._squeeze else None


_pool: ThreadPoolExecutor | None = None


def _hashing() -> ThreadPoolExecutor:
    global _pool
    _pool = _pool or ThreadPoolExecutor(1, thread_name_prefix="layer-hash")
    return _pool


def _update(hash_, batch: list[bytes]) -> None:
    hash_.update(b"".join(batch))
