"""Read a saved image as it streams out of the engine, in both layouts of `docker save`: `ID/layer.tar` (Docker up to
24) and OCI's (`blobs/sha256/...`), whose layers may be compressed. The first bytes of a member say what it is, since
the index that names it comes last. A layer is known by the digest of the bytes that were really read."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from docker import APIClient

from ..engine.timeouts import patient
from ..errors import ImageUnreadable
from .archive import Archive, Damaged, Member
from .byte_stream import ByteStream, Truncated
from .decompress import unpacked
from .entries import Entries
from .scan import scan

# How many bytes are hashed at once, and how many batches may wait. A thread that asks for the interpreter gets it after
# 5 ms (sys.getswitchinterval): hashing short pieces would cost ten times the hash itself.
_BATCH, _BATCHES = 4 << 20, 4
_CONFIG_LIMIT = 4 << 20    # bytes; larger JSON is not an image configuration
_SAVE_SECONDS = 1800       # Docker up to 24 writes all layers to its disk before it sends the first byte


@dataclass
class Measured:
    """What one layer weighs, in bytes; `transfer` is None where it was not asked for."""

    unpacked: int = 0
    files: int = 0
    transfer: int | None = None
    entries: Entries | None = field(default=None, repr=False)  # what is in it, None where only the weight is known

    @classmethod
    def of(cls, entries: Entries, transfer: int | None = None) -> Measured:
        """The weight of a layer with these entries and `transfer` bytes compressed."""
        return cls(sum(entries.sizes), entries.kinds.count(b"f"), transfer, entries)


@dataclass
class Saved:
    """What was read: {layer digest: Measured}, and {config digest: config}."""

    layers: dict[str, Measured] = field(default_factory=dict)
    configs: dict[str, dict] = field(default_factory=dict)


def save(api: APIClient, image_id: str) -> Iterator[bytes]:
    """The archive that `docker save` would write, as it arrives. Raises what the SDK does."""
    return patient(api, _SAVE_SECONDS).get_image(image_id)


def read(chunks: Iterable[bytes], *, transfer: bool = False) -> Saved:
    """Measure every layer in a saved image, with `transfer` also how large it is compressed. Raises ImageUnreadable."""
    saved = Saved()
    for digest, entries, moved in _layers(chunks, scan, saved.configs, transfer):
        saved.layers[digest] = Measured.of(entries, moved)
    return saved


def read_layer(chunks: Iterable[bytes], digest: str) -> Measured | None:
    """Measure one layer from its archive; None where that is not the layer of this digest, or cannot be read."""
    observed = _Observed(chunks, transfer=False)
    stream = ByteStream(observed)
    try:
        entries = scan(stream)
        stream.drain()
    except (OSError, ValueError):
        return None
    if observed.finish()[0] != digest:
        return None
    return Measured.of(entries)


def collect(chunks: Iterable[bytes], look: Callable[[Member, Archive], Any],
            configs: dict[str, dict] | None = None) -> dict[str, list]:
    """Show every member of every layer in a saved image to `look`, which may read its content: {layer digest: what it
    returned, without None}. Puts the image's configurations into `configs`, by their digests. Raises
    ImageUnreadable."""
    def walk(stream: ByteStream) -> list:
        return seen_by(look, Archive(stream))

    return {digest: seen for digest, seen, _ in _layers(chunks, walk, {} if configs is None else configs)}


def seen_by(look: Callable[[Member, Archive], Any], layer: Archive) -> list:
    """What `look` returned of each member of a layer, without None."""
    return [seen for member in layer if (seen := look(member, layer)) is not None]


def _layers(chunks: Iterable[bytes], walk: Callable[[ByteStream], Any], configs: dict[str, dict],
            transfer: bool = False) -> Iterator[tuple[str, Any, int | None]]:
    """(digest, what `walk` returned of it, compressed bytes) of each layer."""
    try:
        archive = Archive(ByteStream(chunks))
        members = 0
        for member in archive:
            members += 1
            if member.kind != "f" or not member.size:
                continue
            start = archive.head(512)
            is_tar = start[257:262] == b"ustar" or not any(start)   # zeros: a layer without files
            whole = _whole(start, archive)
            layer = unpacked(start, whole, member.size)
            if layer is None and not is_tar and start[:1] in (b"{", b"["):
                if member.size <= _CONFIG_LIMIT:
                    _keep_config(b"".join(whole), configs)
            elif layer or is_tar or member.size >= 512:
                observed = _Observed(layer or whole, transfer)
                stream = ByteStream(observed)
                seen = walk(stream)
                stream.drain()
                digest, moved = observed.finish()
                yield digest, seen, moved
        if not members:
            raise Damaged("there is nothing in it")
        if not archive.closed:   # as where the engine died: not every connection reports it
            raise Truncated("it stops before its end")
    except (Damaged, Truncated, zlib.error) as error:
        raise ImageUnreadable("The saved image cannot be read.", why=str(error),
                              remedy="Run it again; if it fails again, the engine's store is damaged: remove the image "
                                     "and build or pull it again.") from error


def _whole(start: bytes, archive: Archive) -> Iterator[bytes]:
    yield start
    yield from archive.content()


def _keep_config(text: bytes, configs: dict[str, dict]) -> None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(content, dict) and "rootfs" in content:
        configs[f"sha256:{hashlib.sha256(text).hexdigest()}"] = content


class _Observed:
    """Bytes that are hashed, and compressed if asked, on their way. The hash runs in a thread
    of its own: it takes as long as everything else."""

    def __init__(self, pieces: Iterable[bytes], transfer: bool):
        self._pieces = pieces
        self._hash = hashlib.sha256()
        self._batch: list[bytes] = []
        self._waiting = 0
        self._under_way: deque[Future] = deque()
        # 31: a gzip frame; level 6 is what gzip, Docker and BuildKit use.
        self._compress = zlib.compressobj(6, zlib.DEFLATED, 31) if transfer else None
        self._compressed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._batch.append(piece)
            self._waiting += len(piece)
            if self._waiting >= _BATCH:
                self._send()
            if self._compress:
                self._compressed += len(self._compress.compress(piece))
            yield piece

    def _send(self) -> None:
        while len(self._under_way) >= _BATCHES:
            self._under_way.popleft().result()
        self._under_way.append(_hashing().submit(_update, self._hash, self._batch))
        self._batch, self._waiting = [], 0

    def finish(self) -> tuple[str, int | None]:
        """Digest and compressed size of everything that passed."""
        self._send()
        for batch in self._under_way:
            batch.result()
        if self._compress:
            self._compressed += len(self._compress.flush())
        return f"sha256:{self._hash.hexdigest()}", self._compressed if self._compress else None


@cache
def _hashing() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="layer-hash")


def _update(hash_: hashlib._Hash, batch: list[bytes]) -> None:
    hash_.update(b"".join(batch))
