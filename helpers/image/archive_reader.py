"""Read a saved image as it streams out of the engine, in both layouts of `docker save`: `ID/layer.tar` (Docker up to
24) and OCI's (`blobs/sha256/...`), whose layers may be compressed. The index that says what a member is comes last, so
its first bytes have to tell. A layer is identified by the digest of the bytes that were read."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any

from docker import APIClient

from ..engine.timeouts import patient
from ..errors import ImageUnreadable
from .archive import Archive, Member
from .byte_stream import ByteStream, Damaged
from .decompress import unpacked
from .entries import Entries
from .scan import scan

# Bytes hashed at once, and batches that may wait. A thread waits 5 ms for the interpreter (sys.getswitchinterval), ten
# times what hashing a short piece takes.
_BATCH, _BATCHES = 4 << 20, 4
_CONFIG_LIMIT = 4 << 20    # bytes; larger JSON is not an image configuration
_SAVE_SECONDS = 1800       # Docker up to 24 writes all layers to its disk before it sends the first byte


@dataclass
class Measured:
    """The sizes of a layer in bytes; `transfer`, compressed, is None if not measured, `entries` None if not loaded."""

    unpacked: int = 0
    files: int = 0
    transfer: int | None = None
    entries: Entries | None = field(default=None, repr=False)

    @classmethod
    def of(cls, entries: Entries, transfer: int | None = None) -> Measured:
        """The sizes of a layer with these entries."""
        return cls(sum(entries.sizes), entries.kinds.count(b"f"), transfer, entries)


def save(api: APIClient, image_id: str) -> Iterator[bytes]:
    """The archive that `docker save` would write, as it arrives. Raises what the SDK does."""
    return patient(api, _SAVE_SECONDS).get_image(image_id)


def read(chunks: Iterable[bytes], configs: dict[str, dict] | None = None, *,
         transfer: bool = False) -> dict[str, Measured]:
    """{layer digest: Measured} of a saved image, with `transfer` compressed too. Adds the image's configurations to
    `configs`, by digest. Raises ImageUnreadable."""
    return {digest: Measured.of(entries, moved) for digest, entries, moved in _layers(chunks, scan, configs, transfer)}


def read_layer(chunks: Iterable[bytes], digest: str) -> Measured | None:
    """Measure one layer from its archive; None if it has another digest. Raises OSError and ValueError."""
    observed = _Observed(chunks, transfer=False)
    stream = ByteStream(observed)
    entries = scan(stream)
    stream.drain()
    return Measured.of(entries) if observed.finish()[0] == digest else None


def collect(chunks: Iterable[bytes], look: Callable[[Member, Archive], Any],
            configs: dict[str, dict] | None = None) -> dict[str, list]:
    """Call `look` for every member of every layer in a saved image: {layer digest: its results, without None}. It may
    read the member's content. Adds the image's configurations to `configs`, by digest. Raises ImageUnreadable."""
    return {digest: seen for digest, seen, _ in _layers(chunks, lambda stream: seen_by(look, stream), configs)}


def seen_by(look: Callable[[Member, Archive], Any], layer: ByteStream) -> list:
    """What `look` returned for each member of a layer's archive, without None."""
    archive = Archive(layer)
    return [seen for member in archive if (seen := look(member, archive)) is not None]


def _layers(chunks: Iterable[bytes], walk: Callable[[ByteStream], Any], configs: dict[str, dict] | None,
            transfer: bool = False) -> Iterator[tuple[str, Any, int | None]]:
    """(digest, result of `walk`, compressed bytes) of each layer."""
    try:
        archive = Archive(ByteStream(chunks))
        members = 0
        for member in archive:
            members += 1
            if member.kind != "f" or not member.size:
                continue
            start = archive.head(512)
            is_tar = start[257:262] == b"ustar" or not any(start)   # zeros: a layer without files
            whole = chain([start], archive.content())
            layer = unpacked(start, whole, member.size)
            if layer is None and not is_tar and start[:1] in (b"{", b"["):
                if configs is not None and member.size <= _CONFIG_LIMIT:
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
        if not archive.closed:   # not every connection reports that the engine died
            raise Damaged("it has no end")
    except Damaged as error:
        raise ImageUnreadable("The saved image cannot be read.", why=str(error),
                              remedy="Run it again; if it fails again, the engine's store is damaged: remove the image "
                                     "and build or pull it again.") from error


def _keep_config(text: bytes, configs: dict[str, dict]) -> None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(content, dict) and "rootfs" in content:
        configs[f"sha256:{hashlib.sha256(text).hexdigest()}"] = content


class _Observed:
    """Bytes that are hashed, and compressed if asked, as they pass. The hash takes as long as everything else, so it
    runs in a thread."""

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
        self._under_way.append(_hashing().submit(lambda batch: self._hash.update(b"".join(batch)), self._batch))
        self._batch, self._waiting = [], 0

    def finish(self) -> tuple[str, int | None]:
        """Digest and compressed size of all that passed."""
        self._send()
        for batch in self._under_way:
            batch.result()
        if self._compress:
            self._compressed += len(self._compress.flush())
        return f"sha256:{self._hash.hexdigest()}", self._compressed if self._compress else None


@cache
def _hashing() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="layer-hash")
