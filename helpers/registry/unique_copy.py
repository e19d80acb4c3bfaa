"""A copy of an image in a registry whose layers no engine has, since an engine does not fetch layers that it has. A
comment in front of each layer's archive (a global header of POSIX pax, which is ignored) changes its digest but not its
files."""

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

_GZIP = 31       # zlib's wbits for a gzip frame
_AT_ONCE = 3     # layers, as in an engine


def comment(text: str) -> bytes:
    """A tar entry with a comment and no file."""
    return tarfile.TarInfo.create_pax_global_header({"comment": text})


class Commented:
    """A layer with a comment in front, as a stream of bytes, compressed by gzip if `packed`. At the end, it has the
    `digest` and `size` of these bytes, and the `diff_id`, the digest of the uncompressed archive."""

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
        # A gzip file may have several members (RFC 1952, 2.2).
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
    """Copy `image` to `tag` in the same repository.

    name  of the copy in an engine, for its label
    text  of the comment, unique to this copy

    Raises TransferFailed for layers that are neither uncompressed, as some that the containerd store pushes, nor
    compressed by gzip."""
    blobs = image.content["layers"]
    for blob in blobs:
        if not blob["mediaType"].endswith(("gzip", ".tar")):
            raise TransferFailed("A layer of this image is neither a plain archive nor compressed with gzip.",
                                 why=blob["mediaType"], remedy="Use an engine with its classic store.")
    with ThreadPoolExecutor(_AT_ONCE) as several:
        layers = list(several.map(lambda blob: _layer(client, repository, blob, text), blobs))
    config = client.json(repository, image.content["config"]["digest"])
    config = renamed(config, [layer.diff_id for layer in layers], name)
    content = image.content | {
        "config": image.content["config"] | _store(client, repository, config),
        "layers": [blob | {"digest": layer.digest, "size": layer.size} for blob, layer in zip(blobs, layers)]}
    return client.put_manifest(repository, tag, image.kind, content)


def renamed(config: dict, diff_ids: list[str], name: str) -> dict:
    """An image's configuration with other layers, and labelled as the course's image `name`."""
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
