"""A copy of an image in a registry that no engine can have a layer of. An engine does not fetch a layer that it has
already. So each layer's archive gets a comment in front: an entry that whoever unpacks it passes over (POSIX pax, a
global header). The files stay the same, the digest is one that nobody has seen."""

import gzip
import hashlib
import itertools
import json
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from .. import labels
from ..errors import TransferFailed
from .client import Client, Manifest

_GZIP = 31       # zlib's word for a gzip frame
_AT_ONCE = 3     # layers, as an engine does


def comment(text: str) -> bytes:
    """A tar entry that holds a comment and no file."""
    return tarfile.TarInfo.create_pax_global_header({"comment": text})


class Commented:
    """A layer with a comment in front, as a stream of bytes; `packed`: compressed by gzip. Once it was read to its end:
    `digest` and `size` of what came out, and `diff_id`, the digest of the same uncompressed."""

    def __init__(self, layer: Iterable[bytes], text: str, packed: bool = True):
        self._layer, self._packed = layer, packed
        self._note = comment(text)
        self._out, self._in = hashlib.sha256(), hashlib.sha256(self._note)
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        if not self._packed:
            for chunk in itertools.chain([self._note], self._layer):
                yield self._counted(chunk)
            self._in = self._out
            return
        # A gzip file may have several members, one after the other (RFC 1952, 2.2).
        yield self._counted(gzip.compress(self._note, mtime=0))
        frame = zlib.decompressobj(_GZIP)
        for chunk in self._layer:
            yield self._counted(chunk)
            while chunk:
                self._in.update(frame.decompress(chunk))
                chunk = frame.unused_data
                if frame.eof:
                    frame = zlib.decompressobj(_GZIP)

    def _counted(self, chunk: bytes) -> bytes:
        self._out.update(chunk)
        self.size += len(chunk)
        return chunk

    @property
    def digest(self) -> str:
        """The digest of the compressed layer."""
        return f"sha256:{self._out.hexdigest()}"

    @property
    def diff_id(self) -> str:
        """The digest of its archive, as the configuration has it."""
        return f"sha256:{self._in.hexdigest()}"


def copy(client: Client, repository: str, image: Manifest, tag: str, name: str, text: str) -> Manifest:
    """Make the copy of `image`, under `tag` in the same repository.

    name  that an engine will give it, which marks it there as the course's
    text  of the comment: one that was never used before
    Raises TransferFailed for layers that are compressed otherwise than with gzip. The containerd store
    pushes a layer as it was loaded, and so perhaps not compressed at all.
    """
    blobs = image.content["layers"]
    for kind in (blob["mediaType"] for blob in blobs):
        if not kind.endswith(("gzip", ".tar")):
            raise TransferFailed("A layer of this image is neither a plain archive nor compressed with gzip.",
                                 why=kind, remedy="Use an engine with its classic store.")
    with ThreadPoolExecutor(_AT_ONCE) as several:
        layers = list(several.map(lambda blob: _layer(client, repository, blob, text), blobs))
    with client.blob(repository, image.content["config"]["digest"]) as chunks:
        config = json.loads(b"".join(chunks))
    config = renamed(config, [layer.diff_id for layer in layers], name)
    content = image.content | {
        "config": image.content["config"] | _store(client, repository, config),
        "layers": [blob | {"digest": layer.digest, "size": layer.size} for blob, layer in zip(blobs, layers)]}
    return client.put_manifest(repository, tag, image.kind, content)


def renamed(config: dict, diff_ids: list[str], name: str) -> dict:
    """An image's configuration with other layers, and marked as the course's own `name`."""
    settings = config.get("config") or {}
    marked = (settings.get("Labels") or {}) | labels.marked(labels.BUILD, **{labels.NAME: name})
    return config | {"rootfs": config["rootfs"] | {"diff_ids": diff_ids}, "config": settings | {"Labels": marked}}


def _layer(client: Client, repository: str, blob: dict, text: str) -> Commented:
    with client.blob(repository, blob["digest"]) as chunks:
        commented = Commented(chunks, text, "gzip" in blob["mediaType"])
        client.upload(repository, commented, lambda: commented.digest)
    return commented


def _store(client: Client, repository: str, config: dict) -> dict[str, object]:
    text = json.dumps(config).encode()
    digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
    client.upload(repository, iter([text]), lambda: digest)
    return {"digest": digest, "size": len(text)}
