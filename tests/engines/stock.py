"""The base images, handed from one engine to another: saved here, loaded there, kept nowhere."""

import os
from collections.abc import Iterable
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
                              data=saved.iter_content(_CHUNK), headers={"Content-Type": "application/x-tar"},
                              timeout=_SECONDS)
        _succeeded(loaded, "load the base images")


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
