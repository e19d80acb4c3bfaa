"""The base images, handed from one engine to another: saved here, loaded there, kept nowhere."""

import contextlib
import gzip
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO
from unittest import mock

from helpers.builder import ensure_bases
from helpers.engine import Engine, connect
from helpers.engine.translate import engine_fault
from helpers.maintenance.clean import clean

_CHUNK = 1 << 20
_SECONDS = 900


def hand_on(source: Engine, target: Engine, refs: Iterable[str]) -> None:
    """Give `target` the base images `refs` of `source`, under the names of their Dockerfiles. `source` fetches or makes
    those that it has not. The layers that several of them share go once, and what `target` has already does not go.
    Raises BaseUnavailable and the engines' errors."""
    names = [each.name for each in ensure_bases(source, tuple(refs)) if _layers(source, each.name) != _layers(target, each.name)]
    if not names:
        return
    api = source.client.api
    with source.translate_errors("save the base images"):
        saved = api.get(f"{api.base_url}/v{api.api_version}/images/get", params={"names": names},
                        stream=True, timeout=_SECONDS)
        _succeeded(saved, "save the base images")
    with saved, target.translate_errors("load the base images"):
        loading = target.client.api
        loaded = loading.post(f"{loading.base_url}/v{loading.api_version}/images/load", params={"quiet": "1"},
                              data=in_gzip(saved.raw), headers={"Content-Type": "application/x-tar"},
                              timeout=_SECONDS)
        _succeeded(loaded, "load the base images")


def in_gzip(saved: IO[bytes]) -> Iterator[bytes]:
    """A saved archive with its layers in gzip, as they come from a registry: containerd's store keeps a layer as it was
    loaded, and pushes it so. Those of an OCI layout stay as they are, since its manifests name their digests."""
    with tarfile.open(fileobj=saved, mode="r|", bufsize=_CHUNK) as whole:
        for member in whole:
            with tempfile.TemporaryFile() as content:
                if member.isreg():
                    file = whole.extractfile(member)
                    assert file
                    with gzip.open(content, "wb", 6) if member.name.endswith("/layer.tar") else contextlib.nullcontext(content) as out:
                        shutil.copyfileobj(file, out, _CHUNK)
                    member.size = content.tell()
                    member.pax_headers.pop("size", None)
                    content.seek(0)
                yield member.tobuf()
                yield from iter(lambda content=content: content.read(_CHUNK), b"")
                yield bytes(-member.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _layers(engine: Engine, name: str) -> list[str] | None:
    """The digests of an image's layers, None where it is not."""
    found = engine.find_image(name)
    return (found["RootFS"].get("Layers") or []) if found else None


def tidy(engine: Engine) -> None:
    """Take away all but the base images: the tests of an engine that is put by begin as in a new one."""
    clean(engine)
    with engine.translate_errors("tidy up"):
        api = engine.client.api
        for container in api.containers(all=True):
            api.remove_container(container["Id"], force=True, v=True)
        if "buildkit" in engine.builders:
            api.prune_builds(all=True)


def _succeeded(response, doing: str) -> None:
    if response.status_code >= 400:
        raise engine_fault(doing, response.text.strip())


def at(host: str) -> Engine:
    """The engine at that address, found as one that the user names."""
    with mock.patch.dict(os.environ, DOCKER_HOST=host):
        return connect()


def called(engine: Engine, version: str) -> str:
    """'Docker Engine 28.5.2 (overlayfs (containerd)), Debian 28.5.2+dfsg4-5'."""
    return f"{engine.name} {engine.version.partition('+')[0]} ({engine.store}), Debian's {version}"
